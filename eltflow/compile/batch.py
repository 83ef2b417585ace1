"""Several built-in tests of one relation in one scan: those that it shows to pass are done, every other one is run alone as always.

A batch only ever says "no failures". It can, where a test passes exactly when a count is zero: `not_null`, `accepted_values` and `unique`
with the usual thresholds. Verdicts, ids and counts are those of single tests; so are the rows, which a test that fails brings by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from eltflow.compile.data_tests import tested_column
from eltflow.project.nodes import Node
from eltflow.warehouse.dialect import Dialect

_KINDS = frozenset({"not_null", "accepted_values", "unique"})
#: Configuration under which a test with no failures does not simply pass, or must leave something behind.
_OWN = ("fail_calc", "warn_if", "error_if", "limit", "store_failures", "store_failures_as", "sql_header")


def batch_key(node: Node, own_tests: Collection[str]) -> tuple[str, str] | None:
    """What a test shares its scan by: the relation tested and the condition on it. None for a test that must run alone."""
    test = node.test
    if test is None or test.kind not in _KINDS or test.kind in own_tests or test.attached is None or test.column is None:
        return None
    if any(node.config.get(key) is not None for key in _OWN):
        return None
    where = node.config.get("where") or ""
    values = test.kwargs.get("values", ())
    if "{{" in str(where) or not isinstance(values, (list, tuple)) or any("{{" in str(v) for v in values):
        return None
    return test.attached, str(where)


def batch_sql(tests: Sequence[Node], attached: Node, where: str, dialect: Dialect) -> str:
    """One query of one row: for each test a number that is zero exactly when it has no failures."""
    counts = ",\n  ".join(f"{_count(test, attached, dialect)} as t{index}" for index, test in enumerate(tests))
    condition = f"\nwhere {where}" if where else ""
    assert attached.relation is not None
    return f"select\n  {counts}\nfrom {dialect.render(attached.relation)}{condition}"


def _count(node: Node, attached: Node, dialect: Dialect) -> str:
    test = node.test
    assert test is not None
    column = tested_column(node, attached, dialect)
    if test.kind == "not_null":
        return f"count(case when {column} is null then 1 end)"
    if test.kind == "unique":
        return f"count({column}) - count(distinct {column})"
    quote = test.kwargs.get("quote", True)
    values = ", ".join(dialect.string(str(v)) if quote else str(v) for v in test.kwargs["values"])
    return f"count(case when {column} not in ({values}) then 1 end)"
