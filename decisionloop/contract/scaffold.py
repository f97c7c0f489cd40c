"""``usecase new``: a working skeleton of a use case, to be edited piece by piece."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from string import Template

from decisionloop.contract.problem import NAME
from decisionloop.errors import UsageError

SKELETON = {
    "usecase.yaml": "usecase.yaml",
    "features.py": "features.py",
    "rules.py": "rules.py",
    "past_experiment.csv": "data/past_experiment.csv",
}


def new_use_case(parent: Path, name: str) -> Path:
    """Write the skeleton of a use case into ``parent / name`` and return that folder.

    It replays the log of a small made-up experiment and passes its own check. Raises UsageError as `empty_folder`, and
    where nothing can be written.
    """
    folder = empty_folder(parent, name)
    try:
        folder.mkdir(parents=True)
        with removed_on_failure(folder):
            for template, path in SKELETON.items():
                text = (files("decisionloop.contract") / "skeleton" / f"{template}.template").read_text("utf-8")
                file = folder / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(Template(text).substitute(name=name), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}. Name a folder of yours instead.") from error
    return folder


@contextmanager
def removed_on_failure(folder: Path) -> Iterator[None]:
    """Take a new use case's folder away again where anything fails, so that the next try finds none.

    That nobody reads on what is printed (`| head`) is no failure: what was said to be written stays.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def empty_folder(parent: Path, name: str) -> Path:
    """Where a new use case will be; nothing is made yet.

    Raises UsageError for a name that the contract would refuse and for a folder that exists.
    """
    if not re.fullmatch(NAME, name):
        raise UsageError(
            f"{name!r} cannot be the name of a use case. Use lower-case letters, digits and underscores, starting "
            "with a letter."
        )
    folder = parent / name
    if folder.exists():
        raise UsageError(f"{folder} exists already. Choose another name, or remove the folder first.")
    return folder
