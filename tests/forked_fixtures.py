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
def eltflow(forked, eltflow):
    """What is given on standard input, or has so much time, needs a process of its own."""

    def run(*arguments, cwd, env=None, **more):
        return eltflow(*arguments, cwd=cwd, env=env, **more) if more else Ran(*forked(*arguments, cwd=cwd, env=env))

    return run
