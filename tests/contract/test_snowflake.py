"""The contract, on an emulator of Snowflake (emulated), or on an account of your own (docs/reference/snowflake.md says how).

What the emulator cannot do is listed here, and not run, for most of it only fails after a long wait (ELTFLOW_TEST_GOLDEN_ONLY=1 runs it,
and tells of a case that an emulator of another version does). Of what it stands for, only the statements are proved, by
`tests/snowflake/test_snowflake_golden.py`.
"""

from __future__ import annotations

import pytest
from eltflow_snowflake import ADAPTER
from emulators import mark_limits
from snowflake_server import live_target

from eltflow.testing import contract
from eltflow.testing.bench import Subject
from eltflow.testing.contract import *  # noqa: F403

#: Cases that the emulator cannot show → why. The words before a bracket are all of a test's cases.
GOLDEN_ONLY = {
    "test_cancelling": "a request to abort a statement is answered, and the statement runs on",
    "test_a_step_that_takes_too_long": "a request to abort a statement is answered, and the statement runs on",
    "test_awkward_names_of_relations[it's-table]": "a name with an apostrophe breaks its own statements",
    "test_awkward_names_of_relations[it's-view]": "a name with an apostrophe breaks its own statements",
    "test_the_catalog": "a comment with an apostrophe breaks its own statements; views have no comments, columns none at all",
    "test_descriptions": "columns have no comments, and a comment with an apostrophe breaks its own statements",
    "test_views_on_top_of_views_survive_and_keep_what_they_are": "views have no comments",
    "test_a_row_beyond_the_first_ones_counts_as_much[99999999999999999999]": "NUMBER(38,0) has 64 bits",
    "test_a_seed[unicode]": "COPY makes names of Parquet columns upper case, those beyond ASCII too",
    **dict.fromkeys(
        (
            "test_a_constraint",
            "test_an_incremental_model_with_a_contract",
            "test_a_table_that_a_foreign_key_points_at_is_built_again",
            "test_a_failure_at_every_statement_keeps_what_was_promised",
            "test_a_project_with_contracts",
        ),
        "a table of a query takes no definitions of columns, or forgets them",
    ),
}
#: Types that Snowflake does not have.
FOREIGN = ("interval", "uuid", "integer[]", "json")


@pytest.fixture
def subject(request: pytest.FixtureRequest, tmp_path) -> Subject:
    target = live_target()
    if target is None:
        target = request.getfixturevalue("snowflake").target()
    return Subject(adapter=ADAPTER, target=target, root=tmp_path)


@pytest.fixture(autouse=True)
def limits(request: pytest.FixtureRequest) -> None:
    name = request.node.name
    if name.startswith("test_an_unchanged_type_is_no_change") and request.node.callspec.params["type"] in FOREIGN:
        pytest.skip("Snowflake has no such type")
    mark_limits(request, GOLDEN_ONLY, live=live_target() is not None)


def test_the_list_names_cases_that_there_are() -> None:
    assert not [name for name in GOLDEN_ONLY if not hasattr(contract, name.split("[")[0])]
