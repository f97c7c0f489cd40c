"""What a page answers where it cannot do what was asked: a status, and a sentence for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decisionloop.service.page.visitors import Visitor


class Refused(Exception):
    """A request that is answered by a page of this status, which says why. ``visitor``: who asked, if that is known."""

    def __init__(self, status: int, why: str, visitor: Visitor | None = None) -> None:
        super().__init__(why)
        self.status, self.why, self.visitor = status, why, visitor
