"""Links of the pages that leave docs/, for the site: files of the project are named there, and must be there."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]+)\]\((?P<to>\.\./[^)#\s]*)(?:#[^)]*)?\)")
"""A link of Markdown that goes up; pictures are no links."""
_SAID = logging.getLogger("mkdocs.plugins.site_links")


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """The page with links to files of the project, which the site does not hold, as their words alone.

    A file that is not there is a warning, so that a strict build fails; a link within docs/ stays what it is.
    """
    docs, source = Path(config.docs_dir).resolve(), Path(page.file.abs_src_path)

    def told(found: re.Match[str]) -> str:
        to = (source.parent / found["to"]).resolve()
        if not to.exists():
            _SAID.warning("%s: %s is not in the project.", page.file.src_path, found["to"])
        return found[0] if to.is_relative_to(docs) else found["text"]

    return _LINK.sub(told, markdown)
