"""The cases that an adapter must pass. What an engine does not claim (its `Capabilities`) is skipped, or must be refused in words.

A module of tests imports them all and says what is tested, with a fixture `subject` that gives an `eltflow.testing.bench.Subject`:

    from eltflow.testing.contract import *

    @pytest.fixture
    def subject(tmp_path):
        return Subject(adapter=ADAPTER, target={"type": "mine", "schema": "s"}, root=tmp_path)
"""

from collections.abc import Iterator

import pytest

from eltflow.testing.bench import Bench, Subject
from eltflow.testing.contract.catalog import *  # noqa: F403
from eltflow.testing.contract.changes import *  # noqa: F403
from eltflow.testing.contract.contracts import *  # noqa: F403
from eltflow.testing.contract.external import *  # noqa: F403
from eltflow.testing.contract.incremental import *  # noqa: F403
from eltflow.testing.contract.loading import *  # noqa: F403
from eltflow.testing.contract.merging import *  # noqa: F403
from eltflow.testing.contract.projects import *  # noqa: F403
from eltflow.testing.contract.quarantine import *  # noqa: F403
from eltflow.testing.contract.reader import *  # noqa: F403
from eltflow.testing.contract.sessions import *  # noqa: F403


@pytest.fixture
def warehouse(subject: Subject) -> Iterator[Bench]:
    """The subject's warehouse, its schemas empty."""
    bench = Bench(subject)
    try:
        yield bench
    finally:
        bench.close()
