"""What a step found, printed as it happens: to whoever waits for a command, and to the log of a run."""

from __future__ import annotations


def say(step: str, found: str) -> None:
    """Print a line; where a flow takes prints as its log, it is a line of that."""
    print(f"{step:<10}{found}", flush=True)
