"""What is shipped: the wheel and the sdist hold what they must and nothing else, and an installed eltflow works far from the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TEMPLATE = ROOT / "project_template"
_DERIVED = (
    "__pycache__",
    ".pyc",
    ".duckdb",
    ".eltflow/",
    "/target/",
    "/logs/",
    "/.mypy_cache",
    "/.ruff_cache",
    "/.pytest_cache",
    "/.import_linter_cache",
    ".hypothesis",
    ".venv",
    "bench/work",
    "node_modules",
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean copy of what is in git, with files that were changed since."""
    copy = tmp_path_factory.mktemp("checkout") / "eltflow"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode != 0:
        pytest.skip("this is no git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file() and not name.endswith(".parquet"):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh virtual environment in which eltflow's dependencies are found, and eltflow is not."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=120)
    return folder


@pytest.fixture(scope="module")
def built(checkout: Path, venv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from it."""
    out = tmp_path_factory.mktemp("dist")
    backend = tmp_path_factory.mktemp("backend")
    _pip(venv, "install", "--target", str(backend), "hatchling>=1.27")
    code = f"from hatchling import build; print(build.build_sdist({str(out)!r})); print(build.build_wheel({str(out)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(backend)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return out


def _pip(venv: Path, *arguments: str) -> None:
    done = subprocess.run(
        [str(venv / "bin/python"), "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


def _template_files() -> set[str]:
    listed = subprocess.run(["git", "ls-files", "project_template"], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.removeprefix("project_template/") for name in listed.stdout.split()}


def _derived(names: list[str]) -> list[str]:
    return [name for name in names if any(part in f"/{name}" for part in _DERIVED)]


def test_the_wheel_holds_what_it_must(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    prefix = "eltflow/project_template/"
    assert {n.removeprefix(prefix) for n in names if n.startswith(prefix)} == _template_files()
    assert {".gitignore", ".env.example"} <= _template_files()
    for name in (
        "eltflow/py.typed",
        "eltflow_duckdb/py.typed",
        "eltflow/report/site/assets/site.js",
        "eltflow/report/site/assets/site.css",
        "eltflow_duckdb/__init__.py",
        "eltflow_postgres/py.typed",
        "eltflow_postgres/redshift/dialect.py",
        "eltflow_spark/py.typed",
        "eltflow_sqlalchemy/py.typed",
        "eltflow_sqlalchemy/mysql/dialect.py",
    ):
        assert name in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {
        "eltflow",
        "eltflow_duckdb",
        "eltflow_postgres",
        "eltflow_snowflake",
        "eltflow_bigquery",
        "eltflow_objects",
        "eltflow_spark",
        "eltflow_rest",
        "eltflow_notify",
        "eltflow_secrets",
        "eltflow_sqlalchemy",
    }
    assert not _derived(names)


def test_the_sdist_holds_the_project_and_nothing_derived(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    for name in ("README.md", "CHANGELOG.md", "LICENSE", "Makefile", "docs/README.md", "tests/conftest.py"):
        assert name in names
    assert {f"project_template/{name}" for name in _template_files()} <= set(names)
    assert not _derived(names)


def test_an_installed_eltflow_inits_and_builds(built: Path, venv: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    _pip(venv, "install", str(wheel))
    env = {"PATH": f"{venv / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin", "HOME": str(tmp_path), "USER": "me"}

    def run(*words: str, cwd: Path) -> str:
        done = subprocess.run(["eltflow", *words], cwd=cwd, env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert run("--version", cwd=tmp_path).startswith("eltflow ")
    run("init", "shop", cwd=tmp_path)
    made = {path.relative_to(tmp_path / "shop").as_posix() for path in (tmp_path / "shop").rglob("*") if path.is_file()}
    assert made == _template_files()
    assert "12 tests passed" in run("build", cwd=tmp_path / "shop")
    run("docs", "generate", cwd=tmp_path / "shop")
    assert (tmp_path / "shop/target/docs/index.html").is_file()
