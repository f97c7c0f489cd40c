"""MLflow's SQLite file, made whole or not at all: its migrations take seconds, and half of them is refused for ever."""

from __future__ import annotations

import fcntl
from pathlib import Path

from decisionloop.private_files import make_private


def make_store(file: Path) -> None:
    """Make MLflow's tables in a file of another name, which becomes ``file`` once they are there.

    One process makes it and others wait; what was left of one that was killed is thrown away. Does nothing where the
    file is there.
    """
    if file.exists():
        return
    make_private(file.parent)
    with file.with_name(f"{file.name}.making").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if file.exists():
            return
        unfinished = file.with_name(f"{file.name}.unfinished")
        for left in file.parent.glob(f"{unfinished.name}*"):
            left.unlink()
        _migrate(unfinished)
        unfinished.replace(file)


def _migrate(file: Path) -> None:
    """Let MLflow make its tables, as it does when a store is asked for the first time."""
    from mlflow.store.db.utils import _initialize_tables, create_sqlalchemy_engine

    engine = create_sqlalchemy_engine(f"sqlite:///{file}")
    try:
        _initialize_tables(engine)
    finally:
        engine.dispose()
