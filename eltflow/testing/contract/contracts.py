"""Contracts of models: columns and types are compared before anything is replaced, and constraints stand in the table."""

from __future__ import annotations

from typing import Any

import pytest

from eltflow.base.records import replace
from eltflow.compile.program import ProgramError
from eltflow.testing.bench import Bench
from eltflow.warehouse.values import Column, Constraint, Contract, Relation, Statement, WarehouseError

QUERY = "select id, n, v from s.src"
#: A constraint of each type, and a row that breaks it beside (1, 1, 'a').
BREAKS: dict[str, tuple[dict[str, Any], str]] = {
    "not_null": ({"columns": ("v",)}, "(2, 2, null)"),
    "unique": ({"columns": ("n",)}, "(2, 1, 'b')"),
    "primary_key": ({"columns": ("id",)}, "(1, 2, 'b')"),
    "check": ({"expression": "n < 100"}, "(2, 200, 'b')"),
    "foreign_key": ({"columns": ("n",), "to_columns": ("n",)}, "(2, 7, 'b')"),
}


def promised(warehouse: Bench, *constraints: Constraint, without: str = "", **types: str) -> Contract:
    """A contract over the columns of `s.src`, in an order of its own."""
    kinds = {"v": "VARCHAR", "id": "BIGINT", "n": "BIGINT", **types}
    columns = [Column(warehouse.relation(name).identifier, warehouse.type(kind)) for name, kind in kinds.items() if name != without]
    on = [
        replace(c, columns=tuple(warehouse.relation(n).identifier for n in c.columns), to_columns=_named(warehouse, c))
        for c in constraints
    ]
    return Contract(columns=tuple(columns), constraints=tuple(on))


def _named(warehouse: Bench, constraint: Constraint) -> tuple[str, ...]:
    return tuple(warehouse.relation(name).identifier for name in constraint.to_columns)


def source(warehouse: Bench, rows: str = "(1, 1, 'a')") -> None:
    """A table to read: two whole numbers and a text."""
    whole, text = warehouse.type("BIGINT"), warehouse.type("VARCHAR")
    warehouse.sql(f"create table s.src (id {whole}, n {whole}, v {text})", f"insert into s.src values {rows}")


def standing(warehouse: Bench, kind: str) -> None:
    if kind != "none":
        warehouse.sql(f"create {kind} s.t as select 1 as id, 'old' as v")


@pytest.mark.parametrize("kind", ["none", "table", "view"])
def test_a_table_has_the_columns_of_its_contract(warehouse: Bench, kind: Any) -> None:
    source(warehouse)
    standing(warehouse, kind)
    held = Constraint(type="not_null", columns=("id",))
    for _ in range(2):
        outcome = warehouse.build("table", QUERY, contract=promised(warehouse, held))
        assert warehouse.rows() == [("a", 1, 1)]
        assert [name for name, _ in warehouse.kinds()] == ["v", "id", "n"]
        assert outcome.rows in (1, None)
    assert not [name for name in warehouse.names() if "__eltflow_tmp_" in name]


@pytest.mark.parametrize("kind", list(BREAKS))
def test_a_constraint(warehouse: Bench, kind: Any) -> None:
    """Where the engine enforces it, a row that breaks it leaves what stood there; where it only takes it, the table is built."""
    support = warehouse.can.constraints.get(kind)
    if support is None:
        pytest.skip(f"no {kind}")
    given, bad = BREAKS[kind]
    to = warehouse.relation("parent") if kind == "foreign_key" else None
    if to is not None:
        whole = warehouse.type("BIGINT")
        key = "" if support == "enforced" else " not enforced" * (warehouse.adapter.name == "bigquery")
        warehouse.sql(f"create table s.parent (n {whole}, primary key (n){key})", "insert into s.parent values (1)")
    contract = promised(warehouse, Constraint(type=kind, to=to, name="eltflow_rule" if kind == "check" else None, **given))
    source(warehouse)
    for run in ("00000001", "00000002"):
        warehouse.build("table", QUERY, contract=contract, run=run)
    assert warehouse.rows() == [("a", 1, 1)]
    warehouse.sql(f"insert into s.src values {bad}")
    if support == "accepted":
        warehouse.build("table", QUERY, contract=contract)
        assert len(warehouse.rows()) == 2
        return
    with pytest.raises(WarehouseError) as caught:
        warehouse.build("table", QUERY, contract=contract)
    assert caught.value.kind == "sql"
    assert warehouse.rows() == [("a", 1, 1)]
    assert not [name for name in warehouse.names() if "__eltflow_tmp_" in name]


def test_constraints_that_the_engine_lacks_are_left_out(warehouse: Bench) -> None:
    lacking = [kind for kind in BREAKS if kind not in warehouse.can.constraints]
    if not lacking:
        pytest.skip("it has them all")
    source(warehouse)
    to = warehouse.relation("parent")
    rules = [Constraint(type=kind, to=to if kind == "foreign_key" else None, **BREAKS[kind][0]) for kind in lacking]  # type: ignore[arg-type]
    warehouse.build("table", QUERY, contract=promised(warehouse, *rules))
    assert warehouse.rows() == [("a", 1, 1)]


@pytest.mark.parametrize("kind", ["table", "view", "incremental"])
def test_a_query_that_gives_something_else_is_refused(warehouse: Bench, kind: Any) -> None:
    source(warehouse)
    standing(warehouse, "view" if kind == "view" else "table")
    wrong = [
        (promised(warehouse, more="BIGINT"), r"`more` is missing"),
        (promised(warehouse, without="v"), r"`v` is not in the contract"),
        (promised(warehouse, without="n", m="BIGINT"), r"`m` is missing; `n` is not in the contract"),
    ]
    if warehouse.can.column_types:
        wrong.append((promised(warehouse, v="DATE"), r"`v` is .*, not .*"))
    for contract, words in wrong:
        with pytest.raises(ProgramError, match=f"(?i)its query is not what its contract says: {words}"):
            warehouse.build(kind, QUERY, contract=contract, config={"on_schema_change": "fail"})
        assert warehouse.rows() == [(1, "old")]


def test_a_view_keeps_its_contract(warehouse: Bench) -> None:
    source(warehouse)
    contract = promised(warehouse)
    warehouse.build("view", QUERY, contract=contract)
    assert warehouse.rows() == [(1, 1, "a")]


def test_an_incremental_model_with_a_contract(warehouse: Bench) -> None:
    """The first run makes the table with its constraints, which later runs meet where the engine enforces them; a column that the
    contract has now is added."""
    source(warehouse)
    rule = Constraint(type="not_null", columns=("id",))
    config = {"incremental_strategy": "append", "on_schema_change": "append_new_columns"}
    warehouse.build("incremental", QUERY, contract=promised(warehouse, rule), config=config)
    warehouse.build("incremental", QUERY, contract=promised(warehouse, rule), config=config)
    assert warehouse.rows() == [("a", 1, 1)] * 2
    warehouse.build(
        "incremental", "select id, n, v, n as m from s.src", contract=promised(warehouse, rule, m="BIGINT"), config=config
    )
    assert [name for name, _ in warehouse.columns()] == ["v", "id", "n", "m"]
    if warehouse.can.constraints.get("not_null") != "enforced":
        return
    warehouse.sql("insert into s.src values (null, 9, 'z')")
    with pytest.raises(WarehouseError):
        warehouse.build("incremental", QUERY, contract=promised(warehouse, rule), config=config)
    assert len(warehouse.rows()) == 3


def test_a_table_that_a_foreign_key_points_at_is_built_again(warehouse: Bench) -> None:
    """What points at it keeps its rows; its key holds again, or is told to be gone until it is built."""
    if warehouse.can.constraints.get("foreign_key") is None:
        pytest.skip("no foreign keys")
    source(warehouse)
    key = promised(warehouse, Constraint(type="primary_key", columns=("id",)))
    warehouse.build("table", QUERY, contract=key)
    child = warehouse.node("table", None)
    child = replace(child, name="child", relation=warehouse.relation("child"))
    points = Constraint(type="foreign_key", columns=("id",), to=warehouse.table, to_columns=("id",))

    def build_child() -> None:
        warehouse.build("table", "select id, n, v from s.src where n = 1", made=child, contract=promised(warehouse, points))

    build_child()
    for run, ours in ((1, lambda relation: False), (2, lambda relation: True)):
        outcome = warehouse.build("table", QUERY, contract=key, pointed=True, ours=ours, run=f"0000000{run}")
        assert len(warehouse.rows()) == run
        assert warehouse.rows("select v, id, n from s.child") == [("a", 1, 1)]
        if warehouse.can.constraints["foreign_key"] == "enforced":
            if outcome.unpointed:
                assert outcome.unpointed == (warehouse.relation("child"),)
                build_child()
            with pytest.raises(WarehouseError):
                warehouse.sql("insert into s.child (id) values (77)")
        warehouse.sql("insert into s.src values (2, 2, 'b')")


def test_a_failure_at_every_statement_keeps_what_was_promised(warehouse: Bench) -> None:
    source(warehouse)
    contract = promised(warehouse, Constraint(type="primary_key", columns=("id",)))
    warehouse.build("table", QUERY, contract=contract)
    real = warehouse.session.execute
    before, after = [("a", 1, 1)], [("a", 1, 1), ("b", 2, 2)]
    warehouse.sql("insert into s.src values (2, 2, 'b')")
    for failing in range(20):
        sent = [0]

        def execute(statement: Statement, failing: int = failing, sent: list[int] = sent) -> Any:
            sent[0] += statement.role != "rollback"
            if statement.role != "rollback" and sent[0] - 1 == failing:
                raise WarehouseError("out of luck")
            return real(statement)

        warehouse.session.execute = execute
        try:
            warehouse.build("table", QUERY, contract=contract)
        except (WarehouseError, ProgramError):
            left = warehouse.rows()
            assert left == before or (left == after and not warehouse.can.transactional_ddl)
            assert not [name for name in warehouse.names() if "__eltflow_tmp_" in name]
        finally:
            warehouse.session.execute = real
        if sent[0] <= failing:
            break
    assert warehouse.rows() == after


def test_a_project_with_contracts(warehouse: Bench) -> None:
    """As people write it: one model points at another, and both are built twice."""
    whole, text = warehouse.type("BIGINT"), warehouse.type("VARCHAR")
    source(warehouse)
    place = warehouse.table
    assert isinstance(place, Relation)
    files = {
        "models/sources.yml": "sources: [{name: s, tables: [{name: src}]}]\n",
        "models/parents.sql": "select id, v from {{ source('s', 'src') }}",
        "models/children.sql": "select n, id from {{ source('s', 'src') }}",
        "models/m.yml": f"""
models:
  - name: parents
    config: {{materialized: table, contract: {{enforced: true}}}}
    columns:
      - {{name: id, data_type: "{whole}", constraints: [{{type: not_null}}, {{type: primary_key, warn_unenforced: false}}]}}
      - {{name: v, data_type: "{text}"}}
  - name: children
    config: {{materialized: table, contract: {{enforced: true}}}}
    constraints:
      - {{type: foreign_key, columns: [id], to: ref('parents'), to_columns: [id], warn_unenforced: false, warn_unsupported: false}}
    columns:
      - {{name: id, data_type: "{whole}"}}
      - {{name: n, data_type: "{whole}"}}
""",
    }
    for _ in range(2):
        results = warehouse.project(files)
        assert {name: result.status for name, result in results.items()} == {"parents": "success", "children": "success"}
    assert warehouse.rows("select id, n from s.children") == [(1, 1)]
