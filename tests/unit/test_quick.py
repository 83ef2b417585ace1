"""A quick look says what rendering and parsing would, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eltflow import api
from eltflow.base.diagnostics import EltflowError
from eltflow.graph.quick import MacroTexts, quick_facts

NAMES = frozenset({"orders", "raw", "customers"})
MACROS = MacroTexts(
    {
        "m.sql": "{% macro plain(x) %}{{ x }} + 1{% endmacro %}",
        "t.sql": "{% macro latest(r) %}select * from {{ r }}{% endmacro %}",
        "n.sql": "{% macro names() %}from orders{% endmacro %}",
        "p.sql": "{% macro pasted(n) %}select * from ord{{ n }}{% endmacro %}",
        "d.sql": "{% macro dynamic() %}{{ ref('orders') }}{% endmacro %}",
    },
    {"plain": "m.sql", "latest": "t.sql", "names": "n.sql", "dynamic": "d.sql", "pasted": "p.sql"},
)


def quick(text, **vars):
    return quick_facts(text, NAMES, MACROS, vars)


@pytest.mark.parametrize(
    "text",
    [
        "select * from (with orders as (select 1) select * from orders) join orders on true",
        "with recursive orders as (select 1 union all select * from orders) select * from orders",
        "with a as (with orders as (select 1) select * from orders) select * from a",
        "select * from a # from orders\n",
        "select * from orders(1)",
        "select * from customers where id is distinct from orders, orders",
        "select * from orders{{ plain('x') }}",
        "select * from a where x in (select y from orders",
        "select extract(year from orders) from {{ ref('a') }}",
        "select a as \"from\", orders from {{ ref('b') }} /* , orders */ as \"from\", orders",
        "{% if target.name == 'prod' %}select 1 from orders{% else %}select 2 from customers{% endif %}",
        "{% for t in [1, 2] %}select {{ t }} from orders union all {% endfor %}select 3 from customers",
        "select * from {% if is_incremental() %}orders{% else %}customers{% endif %}",
        "select * from {% if is_incremental() %}{{ ref('a') }}{% else %}orders{% endif %}",
        "select * from a where x {% if is_incremental() %}a{% elif y %}in (select 1 from orders){% endif %}",
        "select * from ord{# c #}ers",
        "select * from ord {#- c -#} ers",
        "select * from ord {%- if is_incremental() -%} ers {%- endif %}",
        "with \"Orders\" as (select 1) select * from orders",
        "{{# orders #}",
        "{{ pasted('ers') }}",
        "{% for n in ['ers'] %}{{ 'select * from ord' ~ n }}{% endfor %}",
        "select * from {{ 'orders' }}",
        "select * from {{ 'ord' ~ 'ers' }}",
        "select * from ord{{ 'ers' }}",
        "{{ names() }}",
        "select {{ dynamic() }}",
        "{{ latest('orders') }}",
        "{{ latest('ord' ~ x) }}",
        "select {{ undefined_name }}",
        "{% if %}a{% endif %}",
        "{% if true %}a",
        "{{ f( }}",
        "select 1 {{ ref(x) }}",
        "{% set t = 'orders' %}select * from {{ t }}",
        "{% for t in ['orders'] %}select * from {{ t }}{% endfor %}",
        "select * from {{ var('t') }}",
        "{% if x %}{{ config(a=1) }}{% endif %}",
        "{{ config(a=x) }}",
        "{{ run_query('select 1') }}",
        "select * from \"orders\"",
        "from orders select 1",
        "pivot orders on x using sum(y)",
        "{{ 'a' | nofilter }}",
        "select * from ((orders join x using (id)) join y using (id))",
        "select e'\\'' from orders where e'\\'' = 'b'",
        "select $a$it's$a$ from orders where x = $a$it's$a$",
        "from b: orders",
        "select * from {{ ref('a') }} b, t: orders",
        "pivot_wider orders on x using sum(y)",
        "{% if target.name == 'prod' %}with orders as (select 1){% endif %} select * from orders",
        "select 1 from x window w as (order by 1), orders as (order by 2) union all select * from orders",
        "select * {{ 'from' }} orders",
        "{% set word = 'from' %}select * {{ word }} orders",
        "select * from {{ ref('a') }} {{ plain('x') }} orders",
        "select * from {{ ref('a') }} {{ ',' }} orders",
        "select * {{ plain('from x') }}, orders",
        "select 1 -- {{ plain('x') }} from orders",
        "select 1 from {{ ref('a') }}{{ plain('x') }} orders{{ plain('x') }}",
    ],
)  # fmt: skip
def test_what_it_cannot_be_sure_of(text):
    assert quick(text, t="x") is None


@pytest.mark.parametrize(
    ("text", "refs"),
    [
        ("select orders, raw from {{ ref('a') }}", (("a",),)),
        ("with orders as (select * from {{ ref('orders') }}) select * from orders where 'from raw' = x", (("orders",),)),
        ("-- from orders\nselect {{ plain('x') }} from {{ ref('a') }} join {{ ref('b') }} on true", (("a",), ("b",))),
        ("{{ latest(ref('a')) }}", (("a",),)),
        ("with orders as (select 1), b as (select 2) select {{ plain('x') }}, b.x from orders join b using (id), b", ()),
        ("select \"it's\" from {{ ref('a') }} where x = 'y' -- it's", (("a",),)),
        ("{% for c in ['x', 'y'] %}sum({{ c }}) as {{ c }}_total,{% endfor %} 1 from {{ ref('a') }}", (("a",),)),
        ("select 1 from {{ ref('a') }} {% if is_incremental() %} where x > (select max(x) from {{ this }}){% endif %}", (("a",),)),
        ("{# from orders #}select {{ var('n') }} from {{ source('raw', 'orders') }}", ()),
    ],
)
def test_what_it_sees(text, refs):
    found = quick(text, n=1)
    assert found is not None
    assert found.refs == refs
    assert found.tables == ()


@pytest.mark.parametrize(
    ("text", "tables"),
    [
        ("select * from orders", "orders"),
        ("select * from x, orders", "x orders"),
        ("select * from x join raw.t using (id)", "x raw.t"),
        ("select * from Orders left join db.raw.t on true", "Orders db.raw.t"),
        ("with orders as (select * from orders) select * from orders", "orders"),
        ("with orders as(select * from x), customers(id) as(select 1) select * from orders, customers", "x"),
        ("with a as (select * from orders), orders as (select 1) select * from a join orders on true", "orders"),
        ("with orders as (select 1) select * from orders union all select * from main.orders", "main.orders"),
        ("select 1 from {{ ref('a') }} a join {{ ref('b') }} b using (id), orders", "orders"),
        ("select 1 from {{ ref('a') }} a join {{ ref('b') }} b on a.id = b.id and b.n in (1, 2), orders o", "orders"),
        ("select 'it''s', a is distinct from customers from orders where extract(year from day) = 1", "orders"),
        ("select \"a--b\" from orders", "orders"),
        ("select \"it's\" from orders where \"he's\" = 1", "orders"),
        ("select * from 'orders.csv' customers, orders", "orders"),
        ("select {{ plain('x') }} as a, {% for c in [1, 2] %}{{ c }}, {% endfor %}1 from orders", "orders"),
        ("select 1 from orders {% if is_incremental() %}where x > (select 1 from customers){% endif %}", "orders customers"),
        ("select percentile_cont(0.5) within group (order by x) from orders", "orders"),
        ("select distinct on (x) x from orders", "orders"),
    ],
)  # fmt: skip
def test_the_tables_that_stand_in_plain_sight(text, tables):
    found = quick(text, n=1)
    assert found is not None
    assert [".".join(part for part, _ in table) for table in found.tables] == tables.split()


PARTS = st.sampled_from(
    ["select 1 as id", " from orders", " from {{ ref('base') }}", " from {{ source('raw', 't') }}", ", orders", " join customers using (id)",
     "with orders as (select * from {{ ref('base') }}) ", "with x as (select * from orders) ", " from x", " union all ", "select id",
     "{% for c in [1, 2] %}{{ c }}, {% endfor %}", "{{ plain('id') }}", "{{ latest(ref('base')) }}", "{% if is_incremental() %}", "{% endif %}",
     " where id in (select id from ", ")", "(", "{{ names() }}", "-- from orders\n", " from raw.t", " using (id)", " on true", " ((", "))",
     " from (",      " from main.orders",
     " from p.main.customers", "{{ comma() }}", " b: ", '"a--b"', '"it\'s"', "{% if target.name == 'prod' %}",
     "{% set t = 'orders' %}", " from {{ t }}", "{% else %}", " orders", " customers c", ", extract(year from orders)", " as \"from\", orders",
     " where id is distinct from orders", "with orders as (select 1 as id) ", ", customers as (select * from orders) ",
     " from raw.t r, orders o"]
)  # fmt: skip


@settings(max_examples=120)
@given(st.lists(PARTS, min_size=1, max_size=7))
def test_it_agrees_with_rendering_and_parsing(tmp_path_factory, pieces):
    text = "".join(pieces)
    root = tmp_path_factory.mktemp("quick")
    files = {
        "eltflow.yml": "name: p\ntargets: {dev: {type: duckdb, path: p.duckdb}}\n",
        "models/base.sql": "select 1 as id",
        "models/orders.sql": "select 1 as id",
        "models/customers.sql": "select 1 as id",
        "models/probe.sql": text,
        "models/s.yml": "sources: [{name: raw, tables: [{name: t}]}]\n",
        "macros/m.sql": "{% macro plain(x) %}{{ x }} + 1{% endmacro %}\n{% macro latest(r) %}select * from {{ r }}{% endmacro %}",
        "macros/n.sql": "{% macro names() %} from orders{% endmacro %}",
        "macros/o.sql": "{% macro comma() %}, {% endmacro %}",
    }
    for path, content in files.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(content)

    def parents(full):
        options = api.new_options(env={"HOME": str(root)}, flags={"FULL_FACTS": full})
        try:
            node = api.load(root, options).graph.nodes["model.p.probe"]
            return set(node.parents), set(node.external)
        except EltflowError:
            return None

    sure = parents(True)
    if sure is not None:
        found = parents(False)
        assert found is not None, text
        assert found[0] == sure[0], text
        assert found[1] <= sure[1], text
