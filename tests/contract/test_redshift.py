"""The contract, on a PostgreSQL that stands for Redshift (emulated: `tests/redshift_server.py` says what that cannot show).

What PostgreSQL cannot do is listed here, and not run (ELTFLOW_TEST_GOLDEN_ONLY=1 runs it, and tells of a case that it does). Of what it
stands for, only the statements are proved, by `tests/redshift/test_redshift_golden.py`.

Of the variants of a case some are run (`conftest.py`): that the engine's own part behaves is shown by PostgreSQL's adapter, which runs all.
"""

from __future__ import annotations

from typing import Any

import pytest
from eltflow_postgres.redshift import ADAPTER
from emulators import mark_limits
from redshift_server import Stand

from eltflow.testing import contract
from eltflow.testing.bench import Subject
from eltflow.testing.contract import *  # noqa: F403

#: Cases that PostgreSQL cannot show → why. The words before a bracket are all of a test's cases.
GOLDEN_ONLY = {
    "test_a_name_that_is_too_long": "it keeps 63 bytes of a name",
    "test_descriptions[materialized_view]": "COMMENT ON VIEW does not take a materialized view",
    "test_a_materialized_view": "Redshift's are no relations of their own kind, and take no indexes",
    "test_a_constraint[unique]": "it enforces keys",
    "test_a_constraint[primary_key]": "it enforces keys",
}
#: Cases that Redshift itself does otherwise → how. Each has a test in tests/redshift.
OTHERWISE = {
    "test_a_view_that_cannot_follow": "there are no savepoints: the step fails, and everything stays as it was",
    "test_awkward_names[": "a column that changes its type comes last",
    "test_columns_that_change[sync_all_columns-wider-": "a column that changes its type comes last",
}


def told(value: Any) -> Any:
    """A text has 65,535 bytes at most."""
    if isinstance(value, str) and len(value.encode()) > 65_535:
        raise ValueError("value too long for type character varying")
    return value


@pytest.fixture
def subject(redshift: Stand, tmp_path) -> Subject:
    return Subject(
        adapter=ADAPTER,
        target=redshift.target(),
        root=tmp_path,
        reading=("set lock_timeout = '50ms'",),
        upstream=("127.0.0.1", redshift.port),
        roles=("reporter", "Other Role"),
        places=True,
        told=told,
        lacks=("interval", "uuid", "integer[]", "json"),
    )


@pytest.fixture(autouse=True)
def limits(request: pytest.FixtureRequest) -> None:
    name = request.node.name
    for beginning, reason in OTHERWISE.items():
        if name.startswith(beginning):
            pytest.skip(reason)
    mark_limits(request, GOLDEN_ONLY, live=False)


def test_the_lists_name_cases_that_there_are() -> None:
    assert not [name for name in (*GOLDEN_ONLY, *OTHERWISE) if not hasattr(contract, name.split("[")[0])]
