"""Run a command with secrets that it can only take from its environment: the entry point of every image.

For each NAME of `TAKEN` the variable NAME_FILE names a file; its text becomes NAME, and the command takes the place of
this process. So no secret stands in the compose file, in an image or on a command line. What decisionloop itself needs
it reads from files by its own settings.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

TAKEN = ("PGPASSWORD", "PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING")
WRONG = 4
"""Exit code, as everywhere in decisionloop: the configuration is not as it must be."""


def with_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with each NAME_FILE replaced by NAME.

    Raises ValueError, which never holds a secret, where a file is missing, unreadable or empty, or NAME is set as well.
    """
    found = dict(environment)
    for name in TAKEN:
        path = found.pop(f"{name}_FILE", "")
        if not path:
            continue
        if name in found:
            raise ValueError(f"both {name} and {name}_FILE are set. Unset one of them.")
        try:
            secret = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "is not text"
            raise ValueError(f"{name}_FILE: {path}: {reason}. docker/make_secrets.py makes it.") from None
        if not secret:
            raise ValueError(f"{name}_FILE: {path} is empty. Delete it and run docker/make_secrets.py.")
        found[name] = secret
    return found


def main(command: list[str]) -> None:
    """Become the command; exit with `WRONG` and what to do where that cannot be."""
    if not command:
        sys.exit("usage: with_secrets.py COMMAND [ARGUMENT ...]")
    try:
        environment = with_secrets(os.environ)
        os.execvpe(command[0], command, environment)
    except ValueError as error:
        sys.stderr.write(f"with_secrets: {error}\n")
    except OSError as error:
        sys.stderr.write(f"with_secrets: {command[0]} cannot be run: {error.strerror}.\n")
    sys.exit(WRONG)


if __name__ == "__main__":
    main(sys.argv[1:])
