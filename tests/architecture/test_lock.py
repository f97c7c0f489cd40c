"""requirements.lock is all that an installation needs: pinned, hashed, from no place in particular."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.metadata import packages_distributions, version

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.code import PACKAGES, ROOT, imported, modules, tree_of

LOCKS = ("requirements.lock", "requirements-run.lock", "requirements-uv.lock")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DECLARED = PROJECT["project"]["dependencies"]
EXTRAS = PROJECT["project"]["optional-dependencies"]
# What comes with a declared distribution and is part of how it is used.
PARTS = {
    "joblib": "scikit-learn",
    "markupsafe": "jinja2",
    "mlflow-skinny": "mlflow",
    "mlflow-tracing": "mlflow",
    # One namespace, in which the exporter's parts lie beside it.
    "opentelemetry-exporter-http-transport": "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-exporter-otlp-common": "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-exporter-otlp-proto-common": "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-proto": "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-semantic-conventions": "opentelemetry-sdk",
    "packaging": "pytest",
    "pydantic-core": "pydantic",
    "starlette": "fastapi",
    "threadpoolctl": "scikit-learn",
}
# What nobody imports by its name.
LOADED_BY_OTHERS = {
    "adbc-driver-manager",  # by its drivers
    "asyncpg",  # by Prefect's server on PostgreSQL
    "httptools",  # by uvicorn
    "psycopg",  # by SQLAlchemy
    "skops",  # by MLflow
    "uvloop",  # by uvicorn
}
EVERY = [*DECLARED, *(one for extra in EXTRAS.values() for one in extra), *PROJECT["build-system"]["requires"]]


@cache
def entries(name: str) -> tuple[str, ...]:
    """The requirements of a lock, each on one line with its hashes."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    return tuple(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))


def test_what_runs_is_what_is_tested():
    """The lock of the images is a part of the other one, pin by pin and hash by hash, and has none of the tools."""
    tested, running = set(entries("requirements.lock")), set(entries("requirements-run.lock"))
    assert running < tested, f"run `make lock`: {sorted(line[:60] for line in running - tested)}"
    names = {canonicalize_name(line.partition("=")[0]) for line in running}
    assert names >= _names([*DECLARED, *(one for extra in ("postgres", "fast", "dask", "s3") for one in EXTRAS[extra])])
    assert not names & (_names(EXTRAS["dev"]) - _names(DECLARED))


@cache
def locked() -> dict[str, tuple[Requirement, ...]]:
    """What requirements.lock pins, by canonical name; several where platforms differ."""
    found: dict[str, tuple[Requirement, ...]] = {}
    for entry in entries("requirements.lock"):
        one = Requirement(entry.partition("--hash")[0].strip())
        name = canonicalize_name(one.name)
        found[name] = (*found.get(name, ()), one)
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_pinned_and_hashed(name):
    assert entries(name)
    entry = re.compile(r"[\w.-]+(\[[\w,-]+\])?==\S+( ;.*?)?(\s+--hash=sha256:[0-9a-f]{64})+")
    assert not [line[:80] for line in entries(name) if not entry.fullmatch(line)]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_host(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert not [line for line in text.splitlines() if line.startswith("-")]


@pytest.mark.parametrize("declared", EVERY)
def test_the_lock_holds_what_the_project_asks_for(declared):
    asked = Requirement(declared)
    pins = locked().get(canonicalize_name(asked.name), ())
    assert pins, f"{asked.name} is not in requirements.lock: run `make lock`"
    for pin in pins:
        assert asked.specifier.contains(next(iter(pin.specifier)).version, prereleases=True), (
            f"{pin} is not {asked}: run `make lock`"
        )


def test_the_environment_is_the_locked_one():
    """What these tests ran with is what the lock says, so that they say something about it."""
    for name in (Requirement(one).name for one in DECLARED):
        pins = [pin for pin in locked()[canonicalize_name(name)] if pin.marker is None or pin.marker.evaluate()]
        assert [next(iter(pin.specifier)).version for pin in pins] == [version(name)]


def _imported_distributions(folders: tuple[str, ...]) -> dict[str, set[str]]:
    """What these folders import from elsewhere: distribution to the files that do."""
    by_module = packages_distributions()
    found: dict[str, set[str]] = {}
    for path in modules(*folders):
        for name in {one.partition(".")[0] for one in imported(tree_of(path))}:
            for distribution in by_module.get(name, ()) if name not in sys.stdlib_module_names else ():
                found.setdefault(canonicalize_name(distribution), set()).add(str(path))
    return found


@pytest.mark.parametrize(
    ("folders", "extras"),
    [(PACKAGES, ("postgres", "fast", "dask", "s3")), (("tests", "benchmarks"), ("postgres", "fast", "dask", "dev"))],
    ids=["code", "tests"],
)
def test_what_is_imported_is_declared(folders, extras):
    declared = _names([*DECLARED, *(one for extra in extras for one in EXTRAS[extra])]) | {"decisionloop"}
    undeclared = {
        name: sorted(files)[:3]
        for name, files in _imported_distributions(folders).items()
        if PARTS.get(name, name) not in declared
    }
    assert not undeclared, f"add to pyproject.toml and run `make lock`: {undeclared}"


def test_what_is_declared_is_used():
    """A dependency that nobody imports is a risk without a use."""
    used = set(_imported_distributions(PACKAGES)) | LOADED_BY_OTHERS
    assert _names([*DECLARED, *EXTRAS["postgres"]]) - used == set()


def _names(declared: Sequence[str]) -> set[str]:
    return {canonicalize_name(Requirement(one).name) for one in declared}
