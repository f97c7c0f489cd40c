"""Running a user's code: whatever it raises, an exit included, becomes words with the file and line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from decisionloop.errors import Fault

T = TypeVar("T")


class UserCodeFailed(Exception):
    """A user's code raised: ``problem`` says what, ``where`` in which file and line; empty: in none of theirs.

    ``kind`` is the exception's alone: what it says may quote a person's data.
    """

    def __init__(self, problem: str, where: str, line: int | None, kind: str = "") -> None:
        self.problem, self.where, self.line, self.kind = problem, where, line, kind
        super().__init__(f"{problem} ({where})" if where else problem)


def call(function: Callable[..., T], *arguments: object, passing: tuple[type[BaseException], ...] = ()) -> T:
    """Call a function of a user's; raises UserCodeFailed for all but an interruption, a run's end and ``passing``."""
    code = getattr(function, "__code__", None) or getattr(getattr(function, "__func__", None), "__code__", None)
    return guarded(lambda: function(*arguments), Path(code.co_filename) if code else None, passing)


def guarded(run: Callable[[], T], file: Path | None, passing: tuple[type[BaseException], ...] = ()) -> T:
    """``run()``, the code of a user's ``file``; a ``sys.exit`` in it ends the call, never the program."""
    try:
        return run()
    except BaseException as error:
        if isinstance(error, (KeyboardInterrupt, *passing)) or _ends_the_run(error):
            raise
        where, line = _place(error, file)
        raise UserCodeFailed(_said(error), where, line, type(error).__name__) from error


def failed_fault(
    path: str,
    failed: UserCodeFailed,
    problem: str = "failed",
    remedy: str = "Correct it.",
    unquoted_remedy: str = "Correct it.",
) -> Fault:
    """The fault of a function at ``path`` that raised; unquoted it names the exception, and not what that said."""
    place = failed.where or "an exception"
    unquoted = Fault(path, place, f"{problem}: {failed.kind}", unquoted_remedy, failed.line)
    return Fault(path, place, f"{problem}: {failed.problem}", remedy, failed.line, unquoted)


def _ends_the_run(error: BaseException) -> bool:
    """Whether it is no word of theirs: on SIGTERM Prefect raises in whatever code the run happens to be in."""
    return not isinstance(error, Exception) and type(error).__module__.partition(".")[0] == "prefect"


def _said(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"asked the program to exit (SystemExit: {error.code})"
    return f"{type(error).__name__}: {error}"


def _place(error: BaseException, file: Path | None) -> tuple[str, int | None]:
    """The last line of the user's own that ran; their packages beside ``file`` are theirs too."""
    if file is None:
        return "", None
    if isinstance(error, SyntaxError) and error.lineno and error.filename:
        return f"{Path(error.filename).name}, line {error.lineno}", error.lineno
    found: tuple[Path, int] | None = None
    trace = error.__traceback__
    while trace is not None:
        ran = Path(trace.tb_frame.f_code.co_filename)
        if ran == file or file.parent in ran.parents:
            found = (ran, trace.tb_lineno)
        trace = trace.tb_next
    if found is None:
        return "", None
    ran, line = found
    return f"{ran.relative_to(file.parent)}, line {line}", line if ran == file else None
