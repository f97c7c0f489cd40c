"""A draft of a replay tries enough to tell something: nobody is harmed by what is tried in the past."""

from __future__ import annotations

import re
from pathlib import Path

from decisionloop.draft.amount_text import GUESS

_LINE = re.compile(r"^  exploration: \{kind: priced, budget_share: (?P<now>[\d.]+)\}.*$", re.M)


def may_try_more(folder: Path) -> bool:
    """Whether the drafted contract replays an experiment: what is tried there harms nobody."""
    return "  kind: randomised_log_replay" in (folder / "usecase.yaml").read_text(encoding="utf-8")


def try_enough(folder: Path, setting: str) -> str:
    """Write ``setting`` into the drafted contract as its exploration; what was done, in words, "" where nothing was.

    ``setting``: one of `policy.exploration`, as `usecase check` names it.
    """
    contract = folder / "usecase.yaml"
    text = contract.read_text(encoding="utf-8")
    found = _LINE.search(text)
    if not setting or found is None:
        return ""
    whole = setting if setting.startswith("{") else f"{{kind: priced, {setting}}}"
    line = f"  exploration: {whole}  {GUESS} so much must be tried to tell anything; live it costs what it says"
    contract.write_text(text[: found.start()] + line + text[found.end() :], encoding="utf-8")
    return f"guessed exploration: {whole}, because with {found['now']} too little would be tried to tell anything"
