"""Selection: what each form of the grammar selects, how tests join, and what the messages say."""

# ruff: noqa: E501 (messages stand whole)

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from counted_calls import calls
from graphs import generic, graph, node, shop
from hypothesis import given, settings
from hypothesis import strategies as st

from eltflow.base.diagnostics import EltflowError, plain
from eltflow.graph.expression import Intersection, Token, Union, parse
from eltflow.graph.select import Request, Selection, select

SHOP = shop()
BELOW_ORDERS = (
    "customers revenue analysis.look test.is_ok_orders_ test.relationships_orders_id test.unique_customers_id "
    "test.relationships_orders_customer test.customers_fine exposure.dashboard test.money_adds_up"
)
ABOVE_ORDERS = "source.raw.orders ingest.payments stg_orders stg_payments"
STAGING = "stg_orders stg_customers stg_payments"
IN_STAGING = f"source.raw.orders source.raw.customers source.crm.people test.not_null_orders_id {STAGING} test.unique_stg_orders_id"
RAW = "source.raw.orders source.raw.customers"
MODELS = f"lonely {STAGING} orders customers revenue"

#: Expression → the nodes selected without indirect tests: ids without the package, models by name.
CASES = [
    # by name
    ("orders", "orders"),
    ("fqn:orders", "orders"),
    ("stg_*", STAGING),
    ("stg_?rders", "stg_orders"),
    ("marts.core", "orders customers"),
    ("shop.marts.core", "orders customers"),
    ("marts.core.orders", "orders"),
    ("shop.marts.*.orders", "orders"),
    ("*.revenue", "revenue"),
    ("countries", "seed.countries"),
    ("dashboard", "exposure.dashboard"),
    ("money_adds_up", "test.money_adds_up"),
    ("look", "analysis.look"),
    ("payments", "ingest.payments"),
    ("raw.payments", "ingest.payments"),
    ("raw.orders", "source.raw.orders"),
    ("ORDERS", ""),
    ("old", ""),
    # operators
    ("orders+", f"orders {BELOW_ORDERS}"),
    ("+orders", f"{ABOVE_ORDERS} orders"),
    ("+orders+", f"{ABOVE_ORDERS} orders {BELOW_ORDERS}"),
    ("1+orders", "stg_orders stg_payments orders"),
    ("orders+1", "orders customers revenue analysis.look test.is_ok_orders_ test.relationships_orders_id test.relationships_orders_customer"),
    ("1+revenue+1", "orders revenue exposure.dashboard test.money_adds_up"),
    ("0+orders+0", "orders"),
    ("99999999999999999999+revenue", f"{ABOVE_ORDERS} orders revenue"),
    ("@stg_payments", f"{ABOVE_ORDERS} source.raw.customers stg_customers seed.countries orders {BELOW_ORDERS}"),
    ("@+stg_payments", f"{ABOVE_ORDERS} source.raw.customers stg_customers seed.countries orders {BELOW_ORDERS}"),
    ("@revenue", f"{ABOVE_ORDERS} orders revenue source.raw.customers exposure.dashboard test.money_adds_up"),
    ("orders customers", "orders customers"),
    ("stg_*,+orders", "stg_orders stg_payments"),
    ("+orders,tag:nightly", "stg_orders stg_payments"),
    ("orders lonely,tag:daily", "orders"),
    ("  orders   lonely ", "orders lonely"),
    # methods
    ("tag:nightly", STAGING),
    ("tag:d*", "test.unique_stg_orders_id orders revenue exposure.dashboard"),
    ("tag:src", RAW),
    ("group:finance", "orders revenue"),
    ("group:fin*", "orders revenue"),
    ("access:public", "stg_customers revenue"),
    ("access:protected", "lonely stg_orders stg_payments orders customers"),
    ("source:raw", RAW),
    ("source:raw.orders", "source.raw.orders"),
    ("source:shop.raw.orders", "source.raw.orders"),
    ("source:*.people", "source.crm.people"),
    ("source:*s", ""),
    ("source:*", f"{RAW} source.crm.people"),
    ("ingest:payments", "ingest.payments"),
    ("ingest:raw.payments", "ingest.payments"),
    ("ingest:raw.*", "ingest.payments"),
    ("exposure:dashboard", "exposure.dashboard"),
    ("exposure:shop.*", "exposure.dashboard"),
    ("+exposure:dashboard", f"{ABOVE_ORDERS} orders revenue source.raw.customers exposure.dashboard"),
    ("path:models/staging", IN_STAGING),
    ("path:./models//staging/", IN_STAGING),
    ("models/staging/stg_orders.sql", "stg_orders"),
    ("path:models/staging/*.sql", STAGING),
    ("path:models/staging/stg_[op]*", "stg_orders stg_payments"),
    ("path:models/staging/stg_[!op]*", "stg_customers"),
    ("path:models/staging/stg_[z-a]*", ""),
    ("path:models/*.sql", "lonely"),
    ("path:models/**/revenue.sql", "revenue"),
    ("**/orders.sql", "orders"),
    ("path:models/m*/core", "orders customers"),
    ("path:models/*/c*/", "orders customers"),
    ("path:models/staging/staging.yml", "stg_orders test.unique_stg_orders_id"),
    ("path:seeds/seeds.yml", "seed.countries"),
    ("path:tests", "test.customers_fine test.money_adds_up"),
    ("path:models/sta", ""),
    ("file:orders.sql", "orders"),
    ("file:orders", "orders"),
    ("file:stg_*.sql", STAGING),
    ("orders.sql", "orders"),
    ("countries.csv", "seed.countries"),
    ("file:raw.yml", f"{RAW} source.crm.people test.not_null_orders_id"),
    ("package:this,resource_type:seed", "seed.countries"),
    ("package:sh*,resource_type:seed", "seed.countries"),
    ("package:other", ""),
    ("config.materialized:table", "orders customers"),
    ("config.materialized:seed", "seed.countries"),
    ("config.materialized:TABLE", ""),
    ("config.meta.owner:ann", "stg_orders"),
    ("config.meta.level:3", "stg_orders"),
    ("config.meta.pii:true", "stg_orders"),
    ("config.meta.pii:True", "stg_orders"),
    ("config.meta.who:bob", "orders"),
    ("config.meta:owner", "stg_orders"),
    ("config.meta.deep.er:x", "orders"),
    ("config.meta.owner.x:ann", ""),
    ("config.unique_key:day", "revenue"),
    ("config.severity:WARN", "test.unique_customers_id"),
    ("test_name:unique", "test.unique_stg_orders_id test.unique_customers_id"),
    ("test_name:rel*", "test.relationships_orders_id test.relationships_orders_customer"),
    ("test_type:singular", "test.customers_fine test.money_adds_up"),
    ("test_type:generic,tag:dq", "test.unique_stg_orders_id"),
    ("test_type:data,customers_fine", "test.customers_fine"),
    ("test_type:unit", ""),
    ("resource_type:model", MODELS),
    ("resource_type:analysis", "analysis.look"),
    ("version:none", MODELS),
    ("version:old", ""),
    ("unit_test:*", ""),
    ("metric:m", ""),
    ("semantic_model:m", ""),
    ("saved_query:m", ""),
]  # fmt: skip


def short(selection: Selection) -> set[str]:
    return {unique_id.replace(".shop.", ".").removeprefix("model.") for unique_id in selection.ids}


def chosen(text: str, **request: object) -> set[str]:
    return short(select(SHOP, Request(select=(text,), **request)))  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "names"), CASES)
def test_what_an_expression_selects(text: str, names: str) -> None:
    assert chosen(text, indirect="empty") == set(names.split())


def test_text_becomes_a_value() -> None:
    assert parse("2+orders+,tag:x config.meta.a:b") == Union(
        (
            Intersection((Token(method="fqn", value="orders", parents=2, children=None), Token(method="tag", value="x"))),
            Token(method="config", args=("meta", "a"), value="b"),
        )
    )


@pytest.mark.parametrize(
    ("text", "mode", "tests"),
    [
        ("orders", None, "is_ok_orders_ relationships_orders_id relationships_orders_customer"),
        ("orders", "eager", "is_ok_orders_ relationships_orders_id relationships_orders_customer"),
        ("orders", "cautious", "is_ok_orders_"),
        ("orders", "buildable", "is_ok_orders_ relationships_orders_id"),
        ("orders", "empty", ""),
        ("raw.orders", "cautious", "not_null_orders_id"),
        ("revenue", "eager", "money_adds_up"),
        ("revenue", "cautious", ""),
        ("revenue", "buildable", "money_adds_up"),
        # what `+` reaches is selected, not attached
        ("revenue+", "empty", "money_adds_up"),
        # tests join what all parts together select
        ("orders stg_orders", "cautious", "is_ok_orders_ relationships_orders_id unique_stg_orders_id"),
        ("orders,customers", "eager", "relationships_orders_customer"),
        ("orders,customers", "cautious", ""),
        ("orders,test_type:data", "cautious", "is_ok_orders_"),
        ("stg_orders,test_name:relationships orders", "buildable", "is_ok_orders_ relationships_orders_id"),
        # chosen itself, a test stays
        ("test_name:is_ok", "empty", "is_ok_orders_"),
        ("relationships_orders_id", "cautious", "relationships_orders_id"),
    ],
)
def test_how_tests_join(text: str, mode: str | None, tests: str) -> None:
    joined = {name.removeprefix("test.") for name in chosen(text, indirect=mode) if name.startswith("test.")}
    assert joined == set(tests.split())


@pytest.mark.parametrize(
    ("text", "exclude", "mode", "names"),
    [
        ("orders customers", "orders", "eager", "customers test.unique_customers_id test.customers_fine"),
        ("orders customers", "orders", "empty", "customers"),
        ("orders", "test_name:is_ok", "eager", "orders test.relationships_orders_id test.relationships_orders_customer"),
        ("orders", "is_ok_orders_", "cautious", "orders"),
        # the test on both had joined, and excluding one of them does not take it away
        ("orders stg_orders", "stg_orders", "cautious", "orders test.is_ok_orders_ test.relationships_orders_id"),
        ("test_name:relationships", "orders", "cautious", "test.relationships_orders_id test.relationships_orders_customer"),
        ("test_name:relationships", "orders", "eager", ""),
        ("marts", "marts.finance dashboard", "empty",
         "orders customers test.is_ok_orders_ test.relationships_orders_id test.relationships_orders_customer test.unique_customers_id"),
    ],
)  # fmt: skip
def test_exclude_subtracts_last(text: str, exclude: str, mode: str, names: str) -> None:
    assert chosen(text, exclude=(exclude,), indirect=mode) == set(names.split())


def test_nothing_said_selects_everything() -> None:
    assert select(SHOP, Request()).ids == tuple(SHOP.nodes)


def test_exclude_alone_takes_from_everything() -> None:
    rest = select(SHOP, Request(exclude=("@stg_payments", "source:*"), acts_on={"model", "source"}))
    assert short(rest) == {"lonely"}


def test_several_texts_are_one_union() -> None:
    assert select(SHOP, Request(select=("orders", "lonely customers"))) == select(
        SHOP, Request(select=("orders lonely customers",))
    )


@pytest.mark.parametrize(
    ("request_", "kinds"),
    [
        (Request(acts_on={"model"}), {"model"}),
        (Request(acts_on={"model", "test"}, exclude_resource_types=("test",)), {"model"}),
        (Request(acts_on={"model"}, resource_types=("seed", "source")), {"seed", "source"}),
        (Request(acts_on={"model"}, resource_types=("default", "seed")), {"model", "seed"}),
        (
            Request(resource_types=("all",), exclude_resource_types=("model", "test", "source", "ingest")),
            {"seed", "exposure", "analysis"},
        ),
    ],
)
def test_resource_types(request_: Request, kinds: set[str]) -> None:
    assert {SHOP.nodes[unique_id].resource_type for unique_id in select(SHOP, request_).ids} == kinds


def test_a_source_answers_to_its_name_only_where_nothing_else_does() -> None:
    both = graph([*SHOP.nodes.values(), node("model", "models/raw/orders.sql", name="raw_orders")])
    assert short(select(both, Request(select=("raw.*",), indirect="empty"))) == {"raw_orders", "ingest.payments"}


def test_two_packages_and_names_with_dots() -> None:
    models = [
        node("model", "models/marts/a.sql"),
        node("model", "models/marts/b.sql", package="other"),
        node("model", "models/marts/c.x.sql", name="c.x"),
        node("model", "models/other/d.sql"),
    ]
    both = graph(models)
    cases = {
        "marts": {"a", "b", "c.x"},
        "shop.marts": {"a", "c.x"},
        "other": {"b", "d"},
        "other.marts.b": {"b"},
        "marts.b": {"b"},
        "c.x": {"c.x"},
        "marts.c": {"c.x"},
        "marts.c.x": {"c.x"},
        "shop.marts.c.x": {"c.x"},
        "marts.*": {"a", "b", "c.x"},
        "package:other": {"b"},
        "package:this": {"a", "c.x", "d"},
    }
    for text, names in cases.items():
        selection = select(both, Request(select=(text,), project="shop"))
        assert {both.nodes[unique_id].name for unique_id in selection.ids} == names, text


# -- what matches nothing --------------------------------------------------------------------------------------------------------


LISTS = "`eltflow ls` lists the project's 7 models, 1 ingest, 1 seed; beside names there are tag:, path:, source: and more"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ordrs", "warning[W0501]: `ordrs` matches nothing (did you mean `orders`?)"),
        ("+ordrs+1", "warning[W0501]: `+ordrs+1` matches nothing (did you mean `orders`?)"),
        ("nightly", "warning[W0501]: `nightly` matches nothing (did you mean `tag:nightly`?)"),
        ("raw", "warning[W0501]: `raw` matches nothing (did you mean `source:raw`?)"),
        ("finance", "warning[W0501]: `finance` matches nothing (did you mean `group:finance`?)"),
        ("core", "warning[W0501]: `core` matches nothing (did you mean `marts.core`?)"),
        ("tag:nightli", "warning[W0501]: `tag:nightli` matches nothing (did you mean `tag:nightly`?)"),
        ("config.materialized:tabel", "warning[W0501]: `config.materialized:tabel` matches nothing (did you mean `config.materialized:table`?)"),
        ("path:model/staging", "warning[W0501]: `path:model/staging` matches nothing (did you mean `models/staging`?)"),
        ("old", "warning[W0501]: `old` matches nothing (the model `old` (models/old.sql) is disabled)"),
        ("zzzzzz", f"warning[W0501]: `zzzzzz` matches nothing ({LISTS})"),
        ("orders zzzzzz zzzzzz", f"warning[W0501]: `zzzzzz` matches nothing ({LISTS})"),
        ("access:zzzzzz", "warning[W0501]: `access:zzzzzz` matches nothing (there are: access:protected, access:public)"),
        ("metric:zzzzzz", "warning[W0501]: `metric:zzzzzz` matches nothing (no node has a metric at all)"),
        (" ", "warning[W0501]: the text to select is blank (leave it out to select everything)"),
        ("lonely,tag:nightly", "warning[W0502]: nothing is selected (no node is in all parts of an intersection)"),
    ],
)  # fmt: skip
def test_what_matches_nothing_is_said(text: str, message: str) -> None:
    assert [plain(found) for found in select(SHOP, Request(select=(text,))).diagnostics] == [message]


def test_a_misspelt_exclude_is_said() -> None:
    selection = select(SHOP, Request(select=("orders",), exclude=("stg_ordrs",)))
    assert [plain(found) for found in selection.diagnostics] == [
        "note[W0501]: `stg_ordrs` matches nothing (did you mean `stg_orders`?)"
    ]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            Request(select=("orders",), exclude=("orders",)),
            "warning[W0502]: nothing is selected (everything selected is excluded again)",
        ),
        (
            Request(select=("source:raw", "lonely"), acts_on={"seed"}),
            "warning[W0502]: the selection holds 1 model, 2 sources, 1 test, and nothing that this command works on",
        ),
    ],
)
def test_why_nothing_is_selected(request_: Request, message: str) -> None:
    selection = select(SHOP, request_)
    assert (selection.ids, [plain(found) for found in selection.diagnostics]) == ((), [message])


# -- what is an error ------------------------------------------------------------------------------------------------------------

PLUS = "(a `+` stands before or after a name, with a number of steps at most: `2+orders`, `orders+1`)"
COMMA = "(a comma stands between two selections, without blanks: `tag:daily,path:models/marts`)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tags:x", "error[E0501]: there is no selection method `tags`, as in `tags:x` (did you mean `tag`?)"),
        ("model:orders", "error[E0501]: there is no selection method `model`, as in `model:orders` (write `orders`, or `orders,resource_type:model` for that kind alone)"),
        ("config:x", "error[E0501]: `config:x` does not say which config (name the config with a dot: `config.materialized:table`, `config.meta.owner:ann`)"),
        ("tag.x:y", "error[E0501]: `tag` takes no `.x`, as in `tag.x:y` (write `tag:y`)"),
        ("tag:", "error[E0501]: `tag:` names nothing (after the colon stands a tag)"),
        (":x", "error[E0501]: there is no method before the colon of `:x` (write `x`, or `tag:x`)"),
        ("@orders+", "error[E0501]: `@` and a `+` behind cannot stand together, as in `@orders+` (write `@orders`: it has everything downstream already)"),
        ("+", "error[E0501]: `+` selects around nothing (name something beside the operator: `+orders`, `@orders`)"),
        ("@", "error[E0501]: `@` selects around nothing (name something beside the operator: `+orders`, `@orders`)"),
        ("++orders", f"error[E0501]: `++orders` has a `+` where none can stand {PLUS}"),
        ("orders+x", f"error[E0501]: `orders+x` has a `+` where none can stand {PLUS}"),
        ("x+orders", f"error[E0501]: `x+orders` has a `+` where none can stand {PLUS}"),
        ("-1+orders", f"error[E0501]: `-1+orders` has a `+` where none can stand {PLUS}"),
        ("a,,b", f"error[E0501]: a comma in `a,,b` has nothing on one side {COMMA}"),
        ("orders, customers", f"error[E0501]: a comma in `orders,` has nothing on one side {COMMA}"),
        ("resource_type:modle", "error[E0501]: `modle` in `resource_type:modle` is no resource type (did you mean `model`?)"),
        ("test_type:x", "error[E0501]: `x` in `test_type:x` is no test type (one of generic, singular, data, unit, schema)"),
        ("version:lates", "error[E0501]: `lates` in `version:lates` is no version (did you mean `latest`?)"),
        ("state:modified", "error[E0502]: `state:modified` compares with an earlier state of the project, and there is none (select without it: such states are not kept yet)"),
        ("1+result:error+", "error[E0502]: `1+result:error+` compares with the results of an earlier run, and there is none (select without it: such states are not kept yet)"),
        ("source_status:fresher", "error[E0502]: `source_status:fresher` compares with an earlier check of how fresh the sources are, and there is none (select without it: such states are not kept yet)"),
        ("selector:x", "error[E0503]: there is no selector `x` (write it in selectors.yml)"),
    ],
)  # fmt: skip
def test_errors(text: str, message: str) -> None:
    with pytest.raises(EltflowError) as error:
        select(SHOP, Request(select=(text,)))
    assert [plain(found) for found in error.value.diagnostics] == [message]


def test_all_mistakes_at_once() -> None:
    with pytest.raises(EltflowError) as error:
        select(SHOP, Request(select=("a,,b tags:x",), exclude=("@x+",)))
    assert [found.code for found in error.value.diagnostics] == ["E0501"] * 3


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request(indirect="cautios"), "error[E0501]: `cautios` is no way to select tests (did you mean `cautious`?)"),  # type: ignore[arg-type]
        (Request(resource_types=("modle",)), "error[E0501]: there is no resource type `modle` (did you mean `model`?)"),
        (Request(selector="x"), "error[E0503]: there is no selector `x` (write it in selectors.yml)"),
    ],
)
def test_errors_beside_the_text(request_: Request, message: str) -> None:
    with pytest.raises(EltflowError) as error:
        select(SHOP, request_)
    assert [plain(found) for found in error.value.diagnostics] == [message]


# -- laws ------------------------------------------------------------------------------------------------------------------------

VALUES = [text for text, _ in CASES if " " not in text and "," not in text and not set("+@") & set(text)]
MODES = st.sampled_from(["eager", "cautious", "buildable", "empty"])
DEPTHS = st.sampled_from(["", "+", "1+", "2+"])


@st.composite
def tokens(draw: st.DrawFn) -> str:
    value = draw(st.sampled_from(VALUES))
    if draw(st.integers(0, 5)) == 0:
        return f"@{value}"
    return f"{draw(DEPTHS)}{value}{draw(DEPTHS)[::-1]}"


UNIONS = st.lists(st.lists(tokens(), min_size=1, max_size=2).map(",".join), min_size=1, max_size=3).map(" ".join)


@given(UNIONS, UNIONS, MODES)
def test_union_commutes(left: str, right: str, mode: str) -> None:
    assert chosen(f"{left} {right}", indirect=mode) == chosen(f"{right} {left}", indirect=mode)


@given(UNIONS, MODES)
def test_union_with_itself_is_itself(text: str, mode: str) -> None:
    assert chosen(f"{text} {text}", indirect=mode) == chosen(text, indirect=mode)


@given(tokens(), tokens(), st.sampled_from(["eager", "empty"]))
def test_intersection_and_union_are_those_of_sets(left: str, right: str, mode: str) -> None:
    one, other = chosen(left, indirect=mode), chosen(right, indirect=mode)
    assert chosen(f"{left},{right}", indirect=mode) == one & other
    assert chosen(f"{left} {right}", indirect=mode) == one | other


@given(tokens(), tokens(), MODES)
def test_intersection_is_a_subset(left: str, right: str, mode: str) -> None:
    both = chosen(f"{left},{right}", indirect=mode)
    assert both <= chosen(left, indirect=mode)
    assert both <= chosen(right, indirect=mode)


@given(UNIONS, UNIONS, MODES)
def test_exclude_removes_what_it_selects(text: str, exclude: str, mode: str) -> None:
    assert chosen(text, exclude=(exclude,), indirect=mode) == chosen(text, indirect=mode) - chosen(exclude, indirect=mode)


@given(st.sampled_from(VALUES), MODES)
def test_both_sides_are_each_side(value: str, mode: str) -> None:
    assert chosen(f"+{value}+", indirect=mode) == chosen(f"+{value} {value}+", indirect=mode)


@given(st.sampled_from(VALUES), MODES)
def test_at_reaches_what_plus_reaches(value: str, mode: str) -> None:
    assert chosen(f"+{value}+", indirect=mode) <= chosen(f"@{value}", indirect=mode)


@given(UNIONS)
def test_modes_grow(text: str) -> None:
    empty, cautious, buildable, eager = (chosen(text, indirect=mode) for mode in ("empty", "cautious", "buildable", "eager"))
    assert empty <= cautious <= buildable <= eager


@given(UNIONS, UNIONS, MODES)
def test_ids_are_in_graph_order(text: str, exclude: str, mode: str) -> None:
    ids = select(SHOP, Request(select=(text,), exclude=(exclude,), indirect=mode)).ids  # type: ignore[arg-type]
    assert list(ids) == [unique_id for unique_id in SHOP.nodes if unique_id in set(ids)]


@given(st.text(alphabet="ab+@,:.*/[]!? 12é", max_size=12))
@settings(max_examples=300)
def test_any_text_selects_or_is_an_error(text: str) -> None:
    with suppress(EltflowError):
        select(SHOP, Request(select=(text,)))


# -- speed -----------------------------------------------------------------------------------------------------------------------


def _selected(models: int) -> Callable[[], object]:
    """A selection of many texts in a graph of so many models and two thirds as many tests, not yet made."""
    nodes = [
        node(
            "model",
            f"models/layer_{at // 100}/m{at}.sql",
            f"model.m{at - 100} model.m{at - 99}" if at >= 100 else "",
            tags=[f"t{at % 7}"],
        )
        for at in range(models)
    ]
    nodes += [generic("unique", "id", f"model.m{at}", "models/models.yml") for at in range(models * 2 // 3)]
    big = graph(nodes)
    texts = (f"+m{models // 2}+", "m10,tag:t3", "tag:t5", *(f"m{at}" for at in range(0, models, 6)))
    assert big.children  # made once for a graph, not for a selection
    return lambda: select(big, Request(select=texts, exclude=("path:models/layer_7", "layer_1*")))


def test_a_selection_grows_with_the_graph_and_no_faster() -> None:
    small, large = calls(_selected(1500)), calls(_selected(6000))
    assert large < 5 * small
    assert large < 50 * 10_000  # calls of a node, for a thousand texts
