"""The command line from a forked process, which costs no start-up, in place of the fixture that starts one."""

from __future__ import annotations

import pytest
from forked import Forked
from ran import Ran


@pytest.fixture(scope="session")
def forked():
    made = Forked()
    yield made
    made.close()


@pytest.fixture
def eltflow(forked):
    return lambda *arguments, cwd, env=None: Ran(*forked(*arguments, cwd=cwd, env=env))
