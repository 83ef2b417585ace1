"""The names that `eltflow` and `eltflow.api` offer."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["eltflow.api"])
def test_names_are_listed_before_they_are_imported_and_all_are_there(module):
    code = (
        f"import sys, {module} as m\n"
        "assert set(m.__all__) <= set(dir(m)), dir(m)\n"
        "assert 'eltflow.api.running' not in sys.modules\n"
        "assert all(getattr(m, name) for name in m.__all__)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
