"""docs/architecture.md shows every room of the house, and none that is not there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.architecture.code import ROOT, modules, project_files
from tests.architecture.pages import Page

PAGE = Page(ROOT / "docs" / "architecture.md")
ROOMS = ("decisionloop", "tasks", "flows", "expectations")


def rooms_shown(text: str) -> set[str]:
    """The folders of the map: indented by the folder that they are in, each ending in a slash."""
    (block,) = re.findall(r"^```text\n(.*?)^```", text, re.M | re.S)
    shown, above = set[str](), list[tuple[int, str]]()
    for line in block.splitlines():
        found = re.match(r"( *)(\S+)/ ", line)
        assert found, f"no folder in the line {line!r}"
        depth, name = len(found[1]), found[2]
        above = [(indent, folder) for indent, folder in above if indent < depth]
        path = f"{above[-1][1]}/{name}" if above else name
        above.append((depth, path))
        shown.add(path)
    return shown


def test_every_room_is_on_the_map_and_every_room_on_the_map_is_there():
    there = {str(path.parent) for path in modules(*ROOMS)}
    there -= {room for room in there if room.startswith("decisionloop/ledger/migrations/")}
    shown = rooms_shown(PAGE.text)
    assert there <= shown, f"not on the map: {sorted(there - shown)}"
    folders = {str(parent) for path in project_files() for parent in path.parents}
    assert not {room for room in shown if "<" not in room} - folders


def test_a_missing_room_would_be_noticed():
    assert rooms_shown("```text\na/    one\n  b/    two\n    c/  three\nd/ four\n```\n") == {"a", "a/b", "a/b/c", "d"}


def test_every_question_has_an_answer_that_leads_to_a_file():
    rows = re.findall(r"^\| (.+\?) \| (.+) \|$", PAGE.text, re.M)
    assert len(rows) == 22
    for question, answer in rows:
        places = re.findall(r"\]\(([^)]+)\)", answer)
        assert places, f"{question} has no answer"
        assert all((PAGE.path.parent / Path(place)).exists() for place in places), question
