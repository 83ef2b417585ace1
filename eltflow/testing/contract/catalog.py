"""What the catalog tells, and names as people choose them."""

from __future__ import annotations

import pytest

from eltflow.base.records import replace
from eltflow.compile.program import ProgramError
from eltflow.project.nodes import ColumnInfo, Node
from eltflow.testing.bench import Bench, series
from eltflow.warehouse.values import Relation

NAMES = ["select", "Mixed Case", 'a"b', "größe", "a.b", "semi;colon", "日本", "per%cent", "it's", "-- x", "UPPER", "x" * 60]


@pytest.mark.parametrize("kind", ["table", "view"])
@pytest.mark.parametrize("name", NAMES)
def test_awkward_names_of_relations(warehouse: Bench, name: str, kind: str) -> None:
    relation = warehouse.table.sibling(name)
    made = warehouse.node(kind, {"alias": name})
    takes = warehouse.adapter.dialect.misnamed(name)
    if takes is not None:
        with pytest.raises(ProgramError, match=f"for a name: {takes}"):
            warehouse.build(kind, "select 1 as id", made=_at(made, relation))
        pytest.skip("refused, in words")
    for _ in range(2):
        warehouse.build(kind, "select 1 as id", made=_at(made, relation))
        existing = warehouse.existing(relation)
        assert existing is not None
        assert (existing.relation, existing.kind) == (relation, kind)
        assert warehouse.names() == {warehouse.said(name)}
    for other in ("view", "table"):
        warehouse.build(other, "select 2 as id", made=_at(made, relation))
    assert warehouse.rows(f"select * from {warehouse.adapter.dialect.render(relation)}") == [(2,)]


def _at(made: Node, relation: Relation) -> Node:
    return replace(made, relation=relation)


def test_a_name_that_is_too_long(warehouse: Bench) -> None:
    limit = warehouse.can.identifier_limit
    if limit is None:
        pytest.skip("names have no limit")
    for name in ("x" * (limit + 1), "ü" * (limit // 2 + 1)):
        with pytest.raises(ProgramError, match=f"keeps {limit} of a name"):
            warehouse.build("table", "select 1 as id", made=_at(warehouse.node("table"), warehouse.table.sibling(name)))
    exact = warehouse.table.sibling("y" * limit)
    for _ in range(2):
        warehouse.build("table", "select 1 as id", made=_at(warehouse.node("table"), exact))
    assert warehouse.names() == {exact.identifier}


def test_the_catalog(warehouse: Bench) -> None:
    warehouse.sql(
        f"create table s.t as select id, cast('x' as varchar(5)) as v, cast(1.5 as decimal(12, 3)) as n from ({series(10)}) as x",
        "create view s.above as select id from s.t",
        "create table s_test_failures.t (id integer not null)",
    )
    if warehouse.can.comments:
        warehouse.sql("comment on table s.t is 'it''s t'", "comment on column s.t.v is 'a v'", "comment on view s.above is 'above'")
    found = {t.relation: t for t in warehouse.catalog()}
    above, other = warehouse.relation("above"), warehouse.relation("t", "s_test_failures")
    assert set(found) == {warehouse.table, above, other}
    table, view = found[warehouse.table], found[above]
    assert (table.kind, view.kind) == ("table", "view")
    assert [warehouse.said(c.name) for c in table.columns] == ["id", "v", "n"]
    assert [(warehouse.said(c.name), warehouse.read_as(c.type)) for c in table.columns] == warehouse.kinds()
    assert "not null" in warehouse.subject.lacks or not found[other].columns[0].nullable
    if warehouse.can.comments:
        assert (table.comment, view.comment) == ("it's t", "above")
        assert table.columns[1].comment == ("a v" if warehouse.can.column_comments else None)
    only = warehouse.database.catalog([(warehouse.table.database, warehouse.table.schema or "")], [warehouse.table])
    assert warehouse.table in {t.relation for t in only}
    assert above not in {t.relation for t in only}
    assert warehouse.database.catalog([(warehouse.table.database, "nowhere")]) == ()


@pytest.mark.parametrize("kind", ["view", "table", "incremental", "materialized_view"])
def test_descriptions(warehouse: Bench, kind: str) -> None:
    if not warehouse.can.comments or (kind == "materialized_view" and not warehouse.can.materialized_views):
        pytest.skip("the engine has none")
    told = {name: ColumnInfo(name=name, description=f"the '{name}'") for name in ("id", "gone")}
    config = {"persist_docs": {"relation": True, "columns": True}}
    made = warehouse.node(kind, config, told, description="It's\nall \\ of it")
    for _ in range(2):
        warehouse.build(kind, "select 1 as id, 2 as v", made=made)
        existing = warehouse.existing()
        assert existing is not None
        assert existing.comment == "It's\nall \\ of it"
        if warehouse.can.column_comments:
            assert [(warehouse.said(c.name), c.comment) for c in existing.columns] == [("id", "the 'id'"), ("v", None)]


@pytest.mark.parametrize("kind", ["view", "table", "incremental"])
def test_grants(warehouse: Bench, kind: str) -> None:
    """Only the differences are sent, and what is not named any more is taken back."""
    if not warehouse.can.grants or len(warehouse.subject.roles) < 2:
        pytest.skip("the engine has no grants")
    one, two = warehouse.subject.roles[:2]
    for wanted in ({"select": [one]}, {"SELECT": [one, two], "insert": [two]}, {"select": two}, {"select": [one, two]}):
        warehouse.build(kind, "select 1 as id", config={"grants": wanted})
        rows = warehouse.session.execute(warehouse.adapter.dialect.grants_held(warehouse.table)).rows
        held = {(str(privilege).lower(), grantee) for privilege, grantee in rows}
        assert held == {(p.lower(), g) for p, to in wanted.items() for g in ([to] if isinstance(to, str) else to)}
    warehouse.build("incremental", "select 2 as id", config={"grants": {"select": [one, two]}})
    warehouse.build("incremental", "select 3 as id", config={"grants": {"select": [one, two]}})
    assert not [s.sql for s in warehouse.statements if s.sql.startswith(("grant", "revoke"))]
