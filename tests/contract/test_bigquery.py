"""The contract, on an emulator of BigQuery (emulated), or on a project of your own (docs/reference/bigquery.md says how).

What the emulator cannot do is listed here, and not run, for most of it only fails after a long wait (ELTFLOW_TEST_GOLDEN_ONLY=1 runs it,
and tells of a case that an emulator of another version does). Of what it stands for, only the statements are proved, by
`tests/bigquery/test_bigquery_golden.py`, and what our own double of the service shows, by `tests/bigquery/test_bigquery_jobs.py`.
"""

from __future__ import annotations

import pytest
import sqlglot
from bigquery_server import live_target
from eltflow_bigquery import ADAPTER
from emulators import mark_limits

from eltflow.testing import contract
from eltflow.testing.bench import Subject
from eltflow.testing.contract import *  # noqa: F403

#: Cases that the emulator cannot show → why. The words before a bracket are all of a test's cases.
GOLDEN_ONLY = {
    "test_cancelling": "a job is answered when it has ended, and nothing else is until then",
    "test_a_step_that_takes_too_long": "a job is answered when it has ended, and nothing else is until then",
    **{
        f"test_awkward_names_of_relations[{name}-{kind}]": "a table's name is of letters, digits, `_` and `-`"
        for name in ("Mixed Case", "gr\\xf6\\xdfe", "\\u65e5\\u672c", "-- x")
        for kind in ("table", "view")
    },
    "test_a_name_that_is_too_long": "a table's name of 1,024 bytes is refused",
    "test_the_catalog": "descriptions are forgotten",
    "test_a_transaction": "other sessions see what is not committed",
    "test_an_unchanged_type_is_no_change[json]": "a query's JSON is told as text",
    "test_counts_and_types": "a NUMERIC is told with three digits; on BigQuery itself with as many as it has",
    "test_a_declared_type[a big decimal]": "a cast to BIGNUMERIC gives 18 digits",
    "test_a_row_beyond_the_first_ones_counts_as_much[99999999999999999999]": "a cast to BIGNUMERIC gives 18 digits",
    **{
        f"test_values_that_would_be_changed[fewer digits-{mode}-{strategy}]": "a cast to NUMERIC(5, 1) keeps more digits"
        for mode in ("ignore", "append_new_columns")
        for strategy in ("append", "delete+insert", "merge")
    },
    "test_descriptions": "descriptions are forgotten, and those of views refused",
    "test_views_on_top_of_views_survive_and_keep_what_they_are": "descriptions are forgotten",
    **dict.fromkeys(
        (
            "test_a_constraint",
            "test_an_incremental_model_with_a_contract",
            "test_a_table_that_a_foreign_key_points_at_is_built_again",
            "test_a_failure_at_every_statement_keeps_what_was_promised",
            "test_a_project_with_contracts",
            "test_a_table_has_the_columns_of_its_contract",
            "test_constraints_that_the_engine_lacks_are_left_out",
        ),
        "a table of a query takes no definitions of columns",
    ),
}
#: Types that BigQuery does not have.
FOREIGN = ("uuid", "interval")
#: Names that BigQuery does not take ("Table naming", "Flexible column names").
NOT_NAMES = ('a"b', "a.b", "semi;colon", "per%cent", "it's")


def spell(sql: str) -> str:
    """The tests' SQL in BigQuery's words."""
    return sqlglot.transpile(sql, read="postgres", write="bigquery")[0] if sql and "`" not in sql else sql


@pytest.fixture
def subject(request: pytest.FixtureRequest, tmp_path) -> Subject:
    target = live_target()
    if target is None:
        target = request.getfixturevalue("bigquery").target()
    return Subject(adapter=ADAPTER, target=target, root=tmp_path, lacks=FOREIGN, spell=spell)


@pytest.fixture(autouse=True)
def limits(request: pytest.FixtureRequest) -> None:
    name = request.node.name
    if name.startswith("test_predicates_may_name") and '"id"' in name:
        pytest.skip("BigQuery takes what stands in double quotes for text")
    if name.startswith("test_awkward_names[") or any(name.startswith(f"test_awkward_names_of_relations[{n}-") for n in NOT_NAMES):
        pytest.skip("BigQuery takes no such names")
    mark_limits(request, GOLDEN_ONLY, live=live_target() is not None)


def test_the_list_names_cases_that_there_are() -> None:
    assert not [name for name in GOLDEN_ONLY if not hasattr(contract, name.split("[")[0])]
