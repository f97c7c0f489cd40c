"""Whom a process and all that it starts speak with: every connection, and every name that is looked up.

Loopback and sockets of files are at home; everything else leads out.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from pathlib import Path
from typing import Any

FILE = "TESTS_NETWORK_GUARD"
"""Names the file into which a process that was started with `environment_of_guard` writes what leads out."""


def leads_out(event: str, arguments: tuple[Any, ...]) -> str:
    """Whither a connection or a question for a name leads, "" where it stays at home."""
    if event == "socket.connect":
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else ""  # a path is no host
    elif event == "socket.getaddrinfo":
        host = arguments[0] or ""
    else:
        return ""
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name in ("", "localhost"):
        return ""
    try:
        return "" if ipaddress.ip_address(name.partition("%")[0]).is_loopback else name
    except ValueError:
        return name


def environment_of_guard(folder: Path) -> dict[str, str]:
    """What lets a process, and all that it starts, write into `folder`/outbound.txt what leads out."""
    site = folder / "site"
    site.mkdir(exist_ok=True)
    (site / "sitecustomize.py").write_text("import tests.network_guard as guard\n\nguard.write_what_leads_out()\n")
    root = Path(__file__).parents[1]
    return {**os.environ, FILE: str(folder / "outbound.txt"), "PYTHONPATH": f"{site}{os.pathsep}{root}"}


def whither_it_led(folder: Path) -> list[str]:
    """What led out since. Raises AssertionError where no process said that it listens."""
    told = (folder / "outbound.txt").read_text().splitlines()
    assert "begun" in told
    return [one for one in told if one != "begun"]


def write_what_leads_out() -> None:
    """Begin to, in a process that was started with `environment_of_guard`."""
    file = os.open(os.environ[FILE], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, b"begun\n")

    def tell(event: str, arguments: tuple[Any, ...]) -> None:
        if whither := leads_out(event, arguments):
            os.write(file, f"{whither}\n".encode())

    sys.addaudithook(tell)
