"""Pin the images that others make to their digests: `python3 docker/resolve_digests.py`, where Docker has a registry.

Every `name:tag` of the Dockerfile and of compose.yaml becomes `name:tag@sha256:…`, in place, to be looked at and
committed. Run again, it asks anew for each tag: so images are updated. Where one digest cannot be had, none is written.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
FILES = (HERE / "Dockerfile", HERE / "compose.yaml")
# Our own images are built from these files, and are named by a variable.
REFERENCE = re.compile(
    r"^(?P<before>ARG \w+_IMAGE=|\s+image: )(?P<tag>[a-z0-9][\w./-]*:[\w.-]+)(?:@sha256:[0-9a-f]{64})?$", re.M
)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def tags(text: str) -> list[str]:
    """Every image of others that a file names, without its digest."""
    return [found["tag"] for found in REFERENCE.finditer(text)]


def pinned(text: str, digest_of: Callable[[str], str]) -> str:
    """The text with the digest of each tag behind it."""
    return REFERENCE.sub(lambda found: f"{found['before']}{found['tag']}@{digest_of(found['tag'])}", text)


def asked(tag: str) -> str:
    """The digest of a tag as the registry says it now, for all platforms. Raises ValueError where it says none."""
    command = ["docker", "buildx", "imagetools", "inspect", tag, "--format", "{{json .Manifest}}"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise ValueError(f"docker cannot be run: {error.strerror}") from None
    try:
        digest = str(json.loads(told.stdout)["digest"])
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"no digest of {tag}: {told.stderr.strip() or told.stdout.strip() or 'no answer'}") from None
    if told.returncode or not DIGEST.fullmatch(digest):
        raise ValueError(f"no digest of {tag}: {told.stderr.strip() or digest}")
    return digest


def main() -> None:
    """Pin both files, or neither."""
    texts = {path: path.read_text(encoding="utf-8") for path in FILES}
    try:
        digests = {tag: asked(tag) for text in texts.values() for tag in tags(text)}
    except ValueError as error:
        sys.exit(f"resolve_digests: {error}. Nothing was written.")
    for path, text in texts.items():
        path.write_text(pinned(text, digests.__getitem__), encoding="utf-8")
    for tag, digest in digests.items():
        print(f"{tag}@{digest}")


if __name__ == "__main__":
    main()
