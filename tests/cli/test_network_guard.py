"""The guard of the network hears what leads out, also of a child, and leaves what stays at home."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.network_guard import environment_of_guard, whither_it_led

CHILD = """
import socket, subprocess, sys
for family, place in ((socket.AF_INET, ("127.0.0.1", 9)), (socket.AF_INET, ("192.0.2.1", 9))):
    with socket.socket(family) as one:
        one.setblocking(False)
        one.connect_ex(place)
if len(sys.argv) == 1:
    subprocess.run([sys.executable, "-c", "import socket, contextlib\\nwith contextlib.suppress(OSError): "
                    "socket.getaddrinfo('name.invalid', 1)"])
"""


def test_what_leads_out_is_heard_of_children_too(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", CHILD], env=environment_of_guard(tmp_path), check=True)
    assert whither_it_led(tmp_path) == ["192.0.2.1", "name.invalid"]
