"""Whether a known vulnerability is in what the lock pins; that nobody could be asked is no answer."""

from __future__ import annotations

import subprocess
import sys

from supply.locked import LOCK

CLEAN, VULNERABLE, NOT_ASKED = 0, 1, 3
_ARGUMENTS = ("--requirement", str(LOCK), "--no-deps", "--disable-pip", "--require-hashes", "--progress-spinner", "off")


def audit(timeout_seconds: float = 90) -> tuple[int, str]:
    """What pip-audit says: 0 nothing is known, 1 something is, 3 its data could not be read, and its words."""
    command = [sys.executable, "-m", "pip_audit", *_ARGUMENTS]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout_seconds)
    except subprocess.TimeoutExpired:
        return NOT_ASKED, f"no answer within {timeout_seconds:.0f} seconds"
    return verdict(done.returncode, done.stdout, done.stderr)


def verdict(code: int, out: str, errors: str) -> tuple[int, str]:
    """What an end of pip-audit means: it exits with 1 both for a vulnerability and where it reached nobody."""
    if code == 0 and "No known vulnerabilities found" in out + errors:
        return CLEAN, errors.strip() or out.strip()
    if "Found " in errors + out and "known vulnerabilit" in errors + out:
        return VULNERABLE, "\n".join(part.strip() for part in (errors, out) if part.strip())
    last = (errors.strip() or out.strip() or f"it ended with {code}").splitlines()[-1]
    return NOT_ASKED, last
