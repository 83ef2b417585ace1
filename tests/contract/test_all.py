"""All variants of the contract's cases, of which other runs have some."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.prove
@pytest.mark.parametrize("engine", ["redshift", "spark", "bigquery"])
def test_every_variant_of_every_case(engine: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/contract/test_{engine}.py"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "ELTFLOW_TEST_ALL": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout
