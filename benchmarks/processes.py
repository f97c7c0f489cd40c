"""Work in a process of its own: what it took, and its peak memory with everything that it started."""

from __future__ import annotations

import importlib
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import psutil

from benchmarks.timing import Taken

ROOT = Path(__file__).parents[1]
SAMPLED_EVERY_SECONDS = 0.02
_ANSWER = "benchmark-answer:"


@dataclass(frozen=True)
class Apart:
    """What a call in a process of its own returned and used.

    ``taken`` is the call alone, without starting Python and importing its module; ``peak_bytes`` the sum of the peaks
    of all processes, start included; ``largest_peak_bytes`` the largest of them.
    """

    answer: Any
    taken: Taken
    peak_bytes: int
    largest_peak_bytes: int


def call_apart(function: Callable[..., object], *arguments: object) -> Apart:
    """Call a function of a module in a new Python process; arguments and answer travel as JSON.

    Raises RuntimeError with the last lines that the process wrote when it fails.
    """
    command = [sys.executable, "-m", "benchmarks.processes", function.__module__, function.__qualname__]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True)
    peaks = PeakMemory(process.pid)
    with process:
        lines = _read_while_sampling(process, json.dumps(arguments), peaks)
    answers = [line for line in lines if line.startswith(_ANSWER)]
    if process.returncode != 0 or not answers:
        raise RuntimeError(
            f"{function.__qualname__}{arguments} ended with {process.returncode}: {''.join(lines[-15:])}"
        )
    told = json.loads(answers[-1].removeprefix(_ANSWER))
    return Apart(told["answer"], Taken(told["wall"], told["cpu"]), peaks.total, peaks.largest)


def run_apart(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Taken:
    """Run a command to its end: wall time, and the CPU seconds of it and of every process that it started and awaited.

    Raises RuntimeError with the last lines that it wrote when it fails.
    """
    wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    told = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if told.returncode != 0:
        last = told.stdout.decode(errors="replace")[-3000:]
        raise RuntimeError(f"{' '.join(command)} ended with {told.returncode}: {last}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Taken(time.perf_counter() - wall, cpu)


def _read_while_sampling(process: subprocess.Popen[str], given: str, peaks: PeakMemory) -> list[str]:
    lines: list[str] = []
    assert process.stdin is not None
    assert process.stdout is not None
    reader = Thread(target=lines.extend, args=(process.stdout,))
    reader.start()
    process.stdin.write(given)
    process.stdin.close()
    while process.poll() is None:
        peaks.sample()
        time.sleep(SAMPLED_EVERY_SECONDS)
    reader.join()
    return lines


class PeakMemory:
    """The peak resident memory of a process and of all that it starts, seen by sampling.

    Where the kernel keeps the peak of each process (Linux), a short peak between two samples is seen as well.
    """

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._peaks: dict[int, int] = {}

    def sample(self) -> None:
        """Look now."""
        try:
            for process in [self._root, *self._root.children(recursive=True)]:
                self._peaks[process.pid] = max(self._peaks.get(process.pid, 0), _peak_bytes(process))
        except psutil.Error:
            return  # it has just ended

    @property
    def total(self) -> int:
        """Bytes: the sum of the peaks of all processes, an upper bound of their common peak."""
        return sum(self._peaks.values())

    @property
    def largest(self) -> int:
        """Bytes: the peak of the largest process."""
        return max(self._peaks.values(), default=0)


def _peak_bytes(process: psutil.Process) -> int:
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return int(process.memory_info().rss)


def main(module: str, name: str) -> None:
    """The other side of `call_apart`."""
    arguments = sys.stdin.read()
    function = importlib.import_module(module)
    for part in name.split("."):
        function = getattr(function, part)
    wall, cpu = time.perf_counter(), time.process_time()
    answer = function(*json.loads(arguments))  # type: ignore[operator]
    told = {"answer": answer, "wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    print(f"\n{_ANSWER}{json.dumps(told)}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
