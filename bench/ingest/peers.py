"""Makes an environment for dlt and one for ingestr under `bench/work/peers/`: python -m bench.ingest.peers"""

from __future__ import annotations

import subprocess
from pathlib import Path

from bench.peers import HOME, NotInstalled, call, fresh_venv

PACKAGES = {
    "dlt": ("dlt[duckdb,filesystem,parquet]", "sqlalchemy", "psycopg2-binary", "adbc-driver-manager", "adbc-driver-postgresql"),
    "ingestr": ("ingestr<0.15",),  # later ones on PyPI only download what they are
}


def main() -> None:
    """The command line."""
    for name, packages in PACKAGES.items():
        folder = HOME / "peers" / name
        if (folder / "bin" / "python").exists():
            continue
        try:
            call([fresh_venv(folder), "-m", "pip", "install", "--quiet", *packages])
        except NotInstalled as error:
            print(f"{name}: {error}")


def python_of(name: str) -> Path | None:
    """The Python of a peer; None if that is not installed."""
    python = HOME / "peers" / name / "bin" / "python"
    return python if python.exists() else None


def version(name: str) -> str:
    """What is installed of a peer; "" if it is not."""
    python = python_of(name)
    if python is None:
        return ""
    code = "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))"
    return subprocess.run([python, "-c", code, name], capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
