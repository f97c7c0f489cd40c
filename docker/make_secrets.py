"""Make every secret that compose.yaml names and docker/secrets does not hold yet: `python3 docker/make_secrets.py`.

All but `metrics_key`, which is a key of the service: only the ledger makes it (docs/operations.md).

What is there is never changed: a new password must be told to PostgreSQL first (docs/operations.md).
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "secrets"
PASSWORDS = (
    "postgres_password",
    "ledger_owner_password",
    "ledger_password",
    "prefect_password",
    "mlflow_password",
    "grafana_password",
)
AUTH_STRING = "prefect_auth_string"
"""Of the form NAME:PASSWORD, as Prefect wants it; its interface asks for it."""


def make_secrets(folder: Path) -> list[str]:
    """Write each secret that is missing, and return the names of those."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Compose mounts a file with the owner and mode that it has here, and each container has a user of its own: so the
    # files can be read by all who can reach them, and nobody else reaches them through the folder.
    folder.chmod(0o700)
    made = [name for name in (*PASSWORDS, AUTH_STRING) if not (folder / name).exists()]
    for name in made:
        secret = secrets.token_hex(32)  # hexadecimal: nothing in it needs quoting in a URL or in SQL
        _write(folder / name, f"admin:{secret}" if name == AUTH_STRING else secret)
    return made


def _write(path: Path, secret: str) -> None:
    """All of it or no file: an empty password would be taken for one."""
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(secret, encoding="utf-8")
    temporary.chmod(0o444)
    os.link(temporary, path)  # unlike a rename this never takes the place of a secret that came meanwhile
    temporary.unlink()


def main() -> None:
    """Make what is missing, and say what was made."""
    if len(sys.argv) > 2:
        sys.exit("usage: make_secrets.py [FOLDER]")
    folder = Path(sys.argv[1]) if sys.argv[1:] else FOLDER
    made = make_secrets(folder)
    print(f"{folder}: made {', '.join(made) if made else 'nothing, every secret is there'}.")


if __name__ == "__main__":
    main()
