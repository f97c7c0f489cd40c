"""Every service of compose.yaml as a process of this machine: the same commands, environment, user rights and order.

What a container has for itself becomes a place of this machine: hosts and ports 127.0.0.1 and free ports, /app a copy
of what the image holds that only its owner may change, every volume, secret and /tmp a folder, PostgreSQL that of this
machine or of the wheel.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.architecture.code import ROOT
from tests.docker.images import command_of, environment_of, healthcheck_of, image_of, services
from tests.docker.postgres_binaries import postgres_binaries

HEALTHY_SECONDS = 300
STOP_SECONDS = 5
"""What is not done by then, nobody waits for: it is killed."""
OF_THE_MACHINE = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""What some processors need, in a container as outside of one."""
FREE = ("5432", "4200", "5000", "8080", "4280")


@dataclass
class Installation:
    """A running installation below ``folder``."""

    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ports = {port: _free_port() for port in FREE}
        self.app, self.secrets = self.folder / "app", self.folder / "secrets"
        self.user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self.binaries = postgres_binaries()

    def here(self, text: str, service: str) -> str:
        """What a container's text means on this machine."""
        for host in ("postgres:5432", "prefect:4200", "mlflow:5000", "127.0.0.1:5000", "localhost:5000"):
            port = host.partition(":")[2]
            text = text.replace(host, f"127.0.0.1:{self.ports[port]}")
        for port in ("4200", "8080", "4280"):
            # Another port may begin with these digits.
            text = re.sub(rf"127\.0\.0\.1:{port}\b", f"127.0.0.1:{self.ports[port]}", text)
        places = {
            "/var/lib/decisionloop": self.volume("home") if self._has_home(service) else self.folder / "nowhere",
            "/var/lib/mlflow": self.volume("mlflow"),
            "/run/secrets": self.secrets,
            "/venv/bin": Path(sys.executable).parent,
            "/tmp": self.volume(f"tmp-{service}"),
            "/app": self.app,
        }
        for place, folder in places.items():
            text = text.replace(place, f"\0{folder}".replace("/", "\1"))
        text = text.replace("\0", "").replace("\1", "/")
        return {"0.0.0.0": "127.0.0.1", **{port: str(free) for port, free in self.ports.items()}}.get(text, text)

    def volume(self, name: str) -> Path:
        """A folder of this name that the processes may write into."""
        folder = self.folder / name
        if not folder.exists():
            folder.mkdir(mode=0o700)
            os.chown(folder, self.user.pw_uid, self.user.pw_gid)
        return folder

    def url(self, service: str) -> str:
        """Where a server answers."""
        return f"http://127.0.0.1:{self.ports[{'prefect': '4200', 'mlflow': '5000', 'service': '4280'}[service]]}"

    def secret(self, name: str) -> str:
        """What a secret's file holds."""
        return (self.secrets / name).read_text(encoding="utf-8")

    def database_url(self, role: str, database: str) -> str:
        """A database of this installation as one of its roles sees it."""
        return (
            f"postgresql+psycopg://{role}:{self.secret(f'{role}_password')}@127.0.0.1:{self.ports['5432']}/{database}"
        )

    def log(self, service: str) -> str:
        """What a service has said."""
        path = self.folder / f"{service}.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def start(self, *names: str) -> None:
        """Start these services, each when what it waits for has happened."""
        for name in names:
            for other, condition in services()[name].get("depends_on", {}).items():
                self._await(other, condition["condition"])
            if name == "postgres":
                self._start_postgres()
            else:
                self.run(name, command_of(services()[name]))

    def start_by_name(self, name: str) -> None:
        """Start a service that `up` alone does not, and wait until it is healthy."""
        self.start(name)
        self._await(name, "service_healthy")

    def run(self, name: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a command as the service of that name runs it."""
        words = [self.here(word, name) for word in command]
        return self._spawn(name, words, self.environment(name))

    def execute(self, name: str, command: Sequence[str], given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command as `docker compose exec` does: in the environment of the service, not by its entry point."""
        words = [self.here(word, name) for word in command]
        environment = self.environment(name)
        if name == "postgres":
            server = {"PGHOST": str(self.volume("postgres")), "PGPORT": str(self.ports["5432"])}
            words[0], environment = str(self.binaries.folder / words[0]), {**environment, **server}
        command = [*self._as_user(), *words]
        # No terminal: what asks for a password reads what it is given.
        return subprocess.run(
            command,
            cwd=self.app,
            env=environment,
            input=given,
            capture_output=True,
            text=True,
            start_new_session=True,
            errors="replace",
        )

    def environment(self, name: str) -> dict[str, str]:
        """What the processes of a service find in their environment."""
        of_the_machine = {one: os.environ[one] for one in OF_THE_MACHINE if one in os.environ}
        own = {key: self.here(str(value), name) for key, value in environment_of(services()[name]).items()}
        return {**own, **self._instead(name), **of_the_machine}

    def stop(self) -> None:
        """End every process that still runs."""
        running = [one for one in self.processes.values() if one.poll() is None]
        for process in running:
            os.killpg(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for process in running:
            try:
                process.wait(max(0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _has_home(self, service: str) -> bool:
        return any(one.startswith("home:") for one in services()[service].get("volumes", ()))

    def _instead(self, name: str) -> dict[str, str]:
        """What cannot be had here: without pg_trgm Prefect's server cannot have its tables in PostgreSQL."""
        if name == "prefect" and not self.binaries.has_trigrams:
            file = self.volume("tmp-prefect") / "prefect.db"
            return {"PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{file}"}
        return {}

    def _start_postgres(self) -> None:
        """As the image does: an empty folder becomes a server, and init.sql is run in it once."""
        data, bin_ = self.volume("postgres"), self.binaries.folder
        service = services()["postgres"]
        asked = environment_of(service)["POSTGRES_INITDB_ARGS"].split()
        made = [str(bin_ / "initdb"), "--pgdata", str(data / "data"), "--username=postgres", "--encoding=UTF8"]
        made += [f"--pwfile={self.secrets / 'postgres_password'}", *asked]
        self._done("initdb", made)
        port = str(self.ports["5432"])
        command = [str(bin_ / service["command"][0]), *service["command"][1:], "-D", str(data / "data"), "-p", port]
        # The machine does not crash in these tests: what is written need not reach the disk.
        for setting in ("listen_addresses=127.0.0.1", f"unix_socket_directories={data}", "fsync=off"):
            command += ["-c", setting]
        self._spawn("postgres", command, dict(os.environ))
        self._await("postgres", "service_healthy")
        script = self.volume("tmp-postgres") / "init.sql"
        script.write_text(self.here((ROOT / "docker" / "init.sql").read_text(encoding="utf-8"), "postgres"))
        psql = [str(bin_ / "psql"), "--host", str(data), "--port", port, "--username=postgres", "--dbname=postgres"]
        self._done("init", [*psql, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={script}"])

    def _done(self, name: str, command: Sequence[str]) -> None:
        assert self._spawn(name, command, dict(os.environ)).wait(120) == 0, self.log(name)

    def _spawn(self, name: str, command: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [*self._as_user(), *command],
                cwd=self.app if environment.get("PREFECT_HOME") else self.volume("tmp-postgres"),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes[name] = process
        return process

    def _as_user(self) -> list[str]:
        """Without rights, like a container; here with the one to read, where this Python lies in root's own home."""
        if os.geteuid() != 0:
            return []
        groups = [f"--reuid={self.user.pw_uid}", f"--regid={self.user.pw_gid}", "--clear-groups", "--no-new-privs"]
        reading = "-all" if _is_public(Path(sys.executable).resolve()) and _is_public(ROOT) else "-all,+dac_read_search"
        kept = [f"--inh-caps={reading}", f"--ambient-caps={reading}", f"--bounding-set={reading}"]
        return ["setpriv", *groups, *kept, "--"]

    def _await(self, name: str, condition: str) -> None:
        deadline = time.monotonic() + HEALTHY_SECONDS
        while time.monotonic() < deadline:
            ended = self.processes[name].poll()
            if condition == "service_completed_successfully" and ended == 0:
                return
            if ended is None and condition == "service_healthy" and self.is_healthy(name):
                return
            assert not ended, f"{name} ended with {ended}:\n{self.log(name)}"
            time.sleep(1)
        raise AssertionError(f"{name} is not {condition} after {HEALTHY_SECONDS} s:\n{self.log(name)}")

    def is_healthy(self, name: str) -> bool:
        """What the health check of a service says."""
        command = [self.here(word, name) for word in healthcheck_of(services()[name])]
        if name == "postgres":
            command = [str(self.binaries.folder / command[0]), *command[1:], f"--port={self.ports['5432']}"]
        elif command[0] == "python":
            command[0] = sys.executable
        return subprocess.run(command, capture_output=True).returncode == 0


@contextmanager
def installed(folder: Path) -> Iterator[Installation]:
    """An installation whose files are laid out and whose secrets are made; nothing runs yet. Ended at the end."""
    folder.chmod(0o755)
    installation = Installation(folder)
    made = [sys.executable, str(ROOT / "docker" / "make_secrets.py"), str(installation.secrets)]
    subprocess.run(made, check=True, capture_output=True)
    # A container reaches each file by its mount, whoever the folder belongs to.
    installation.secrets.chmod(0o711)
    for name, service in services().items():
        if "build" in service:
            _copy_of_image(installation.app, name)
    try:
        yield installation
    finally:
        installation.stop()


def _copy_of_image(app: Path, name: str) -> None:
    for source, target in image_of(services()[name]).copied:
        place = app / target.removeprefix("/app").strip("/")
        if (ROOT / source).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / source, place, ignore=ignored, dirs_exist_ok=True)
        else:
            into = place / Path(source).name if target.endswith("/") else place
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, into)


def _is_public(path: Path) -> bool:
    """Whether everybody may come there."""
    return all(folder.stat().st_mode & 0o005 == 0o005 for folder in path.parents)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
