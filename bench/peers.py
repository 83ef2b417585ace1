"""Makes one virtual environment for each peer under `bench/work/peers/` and records what was really installed.

    python -m bench.peers            # install what is missing, write bench/work/peers.json
    python -m bench.peers --again    # from nothing

A peer that cannot be installed is recorded with the reason; `bench.measure` prints that reason in place of figures.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

HOME = Path(__file__).resolve().parent / "work"
RECORD = HOME / "peers.json"
ENGINE = "1.5.6"
"""The DuckDB of the peers: the newest that both of them can load, so that they run on the same engine."""

ADAPTERS = ("dbt-duckdb", "dbt-postgres")

STUB = "dbt-core-experimental-parser"
"""A dependency of dbt-core that is only a downloader of a binary; the commands measured here never call it."""

QUIET = {
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DBT_ENGINE_SEND_ANONYMOUS_USAGE_STATS": "false",
}
"""Environment of every peer: no telemetry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One tool to compare with: where it is and what it is, or why it is not there (`problem`)."""

    name: str
    executable: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


class NotInstalled(Exception):
    """A peer could not be installed; the message is the last thing the installer said."""


def call(command: Sequence[str | Path], folder: Path | None = None) -> str:
    """The standard output of a command. Raises NotInstalled when it fails."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=1200, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(str(error)) from error
    if done.returncode != 0:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise NotInstalled(lines[-1] if lines else f"{words[0]} ended with {done.returncode}")
    return done.stdout


def fresh_venv(folder: Path) -> Path:
    """A new virtual environment; gives its Python."""
    shutil.rmtree(folder, ignore_errors=True)
    call([sys.executable, "-m", "venv", folder])
    return folder / "bin" / "python"


def requirements(python: Path, package: str) -> list[str]:
    """What an installed package asks for, extras left out."""
    code = "import importlib.metadata as m, json, sys; print(json.dumps(m.requires(sys.argv[1]) or []))"
    found: list[str] = json.loads(call([python, "-c", code, package]))
    return [line for line in found if "extra ==" not in line]


def package_of(requirement: str) -> str:
    """The package name a requirement begins with."""
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower()


def versions_of(python: Path, packages: Sequence[str]) -> dict[str, str]:
    """The installed versions, by package."""
    code = "import importlib.metadata as m, json, sys; print(json.dumps({p: m.version(p) for p in sys.argv[1:]}))"
    found: dict[str, str] = json.loads(call([python, "-c", code, *packages]))
    return found


def install_dbt_core(folder: Path) -> Peer:
    """dbt-core 1.12 with its DuckDB and PostgreSQL adapters, without the stub: its other dependencies are named one by one."""
    python = fresh_venv(folder)
    pip: list[str | Path] = [python, "-m", "pip", "install", "--quiet"]
    call([*pip, "--no-deps", "dbt-core==1.12.*", *ADAPTERS])
    wanted = [line for package in ("dbt-core", *ADAPTERS) for line in requirements(python, package)]
    call([*pip, *(line for line in wanted if package_of(line) not in {STUB, "dbt-core"}), f"duckdb=={ENGINE}"])
    call([python, "-m", "compileall", "-q", folder / "lib"])
    versions = versions_of(python, ["dbt-core", *ADAPTERS, "dbt-adapters", "duckdb"])
    versions["python"] = platform.python_version()
    return Peer(name="dbt-core", executable=str(folder / "bin" / "dbt"), versions=versions, environment=QUIET)


def install_rust_dbt(folder: Path) -> Peer:
    """The newest Rust dbt that is published as a wheel (later releases are downloaders), with a local driver."""
    python = fresh_venv(folder)
    call([python, "-m", "pip", "install", "--quiet", "--no-deps", "--pre", "--only-binary", ":all:", "dbt>=2.0.0.dev0"])
    versions = versions_of(python, ["dbt"])
    executable = folder / "bin" / "dbt"
    said = call([executable, "--version"]).split()
    versions["says"] = said[-1] if said else "nothing"
    drivers = folder / "drivers"
    versions["duckdb"] = install_driver(drivers)
    environment = {**QUIET, "ADBC_DRIVER_PATH": str(drivers)}
    return Peer(name="rust-dbt", executable=str(executable), versions=versions, environment=environment)


def driver_package() -> str:
    """The npm package that carries DuckDB's shared library for this platform."""
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine().lower())
    return f"@duckdb/node-bindings-{sys.platform}-{machine}"


def install_driver(folder: Path) -> str:
    """DuckDB's shared library with the manifest that lets a driver manager find it by name; gives its version."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    said = json.loads(call(["npm", "pack", "--json", f"{driver_package()}@~{ENGINE}-r.1"], folder))
    packed = next((entry for entry in said if entry["version"].startswith(ENGINE)), said[-1])
    with tarfile.open(folder / packed["filename"]) as archive:
        archive.extractall(folder, filter="data")
    library = next(path for path in (folder / "package").iterdir() if path.name.startswith("libduckdb."))
    manifest = f"""\
manifest_version = 1
name = "DuckDB"
version = "{ENGINE}"

[ADBC]
version = "1.1.0"

[Driver]
entrypoint = "duckdb_adbc_init"
shared = "{library}"
"""
    (folder / "duckdb.toml").write_text(manifest)
    return str(packed["version"])


INSTALLERS: Mapping[str, Callable[[Path], Peer]] = {"dbt-core": install_dbt_core, "rust-dbt": install_rust_dbt}


def installed(name: str) -> Peer:
    """The peer, freshly installed; one with a `problem` when that failed."""
    try:
        return INSTALLERS[name](HOME / "peers" / name)
    except NotInstalled as error:
        return Peer(name=name, problem=f"not installed: {error}")


def recorded() -> dict[str, Peer]:
    """The peers of the last installation, by name; all of them with a `problem` when there was none."""
    if not RECORD.exists():
        missing = "not installed: run `python -m bench.peers`"
        return {name: Peer(name=name, problem=missing) for name in INSTALLERS}
    return {entry["name"]: Peer(**entry) for entry in json.loads(RECORD.read_text())["peers"]}


def ready(peer: Peer | None) -> bool:
    """Whether the peer is installed and its executable still there."""
    return peer is not None and not peer.problem and os.access(peer.executable, os.X_OK)


def main() -> int:
    """Installs what is missing and writes the record; 0 even when a peer could not be had, for that is a result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--again", action="store_true", help="install again what is already there")
    options = parser.parse_args()
    HOME.mkdir(parents=True, exist_ok=True)
    before = {} if options.again else recorded()
    peers = [before[name] if ready(before.get(name)) else installed(name) for name in INSTALLERS]
    record = {"platform": platform.platform(), "peers": [asdict(peer) for peer in peers]}
    RECORD.write_text(json.dumps(record, indent=2) + "\n")
    for peer in peers:
        print(f"{peer.name}: {peer.problem or dict(peer.versions)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
