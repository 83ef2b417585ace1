"""The command line from a forked process, which costs no start-up, in place of the fixture that starts one."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from forked import Forked


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


@pytest.fixture(scope="session")
def forked():
    made = Forked()
    yield made
    made.close()


@pytest.fixture
def eltflow(forked):
    return lambda *arguments, cwd, env=None: Ran(*forked(*arguments, cwd=cwd, env=env))
