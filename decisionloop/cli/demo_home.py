"""Where a demo keeps what it makes, apart from everything else, and the commands that ask it."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

from decisionloop.settings import Settings

FINISHED = "demo-finished"
"""Empty file in the demo's home: this replay reached its end, the next one starts afresh."""
OWN_PLACES = ("ledger_url", "snapshots_url", "mlflow_tracking_uri")
"""Settings that a demo leaves to their defaults, which lie in its home."""


def home_of_demo(home: Path, use_case: str, scenario: str = "") -> Path:
    """The home of a demo below that of the installation; every scenario has its own."""
    return home / "demo" / "-".join(name for name in (use_case, scenario) if name)


def commands_on(installation: Settings, home: Path, use_case: str, entity: str = "") -> tuple[str, ...]:
    """What a person may type next to ask what the demo of that home has made, and to stop its model."""
    asked = _before(installation, home, use_case)
    who = f" --entity {shlex.quote(entity)}" if entity else ""
    told = f"explain {{}}{who}" if who else "actions {}"
    ends = ("status {}", told, f"history {{}}{who}", 'kill-switch {} on --reason "…" --by "…"')
    return tuple(f"{asked} {end.format(use_case)}" for end in ends)


def finished_demos(installation: Settings, use_case: str) -> tuple[str, ...]:
    """One line a finished demo of the use case in this installation: where it is, and the command that asks it."""
    begun = sorted((installation.home / "demo").glob(f"{use_case}*"))
    ours = (one for one in begun if one.name.partition("-")[0] == use_case and (one / FINISHED).exists())
    return tuple(f"a finished one is in {one}: {commands_on(installation, one, use_case)[0]}" for one in ours)


def _before(installation: Settings, home: Path, use_case: str) -> str:
    """The settings and the program, as a shell has them, of a command on that home."""
    settings = {"HOME": str(home)} | {name.upper(): "" for name in OWN_PLACES if getattr(installation, name)}
    if scenario := home.name.removeprefix(use_case).lstrip("-"):
        settings["SOURCE_OPTIONS"] = json.dumps({**installation.resolved_source_options(), "scenario": scenario})
    called = sys.argv[0] if Path(sys.argv[0]).name == "decisionloop" else "decisionloop"
    told = [f"DECISIONLOOP_{name}={shlex.quote(value) if value else ''}" for name, value in settings.items()]
    return " ".join([*told, shlex.quote(called)])
