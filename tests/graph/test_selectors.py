"""selectors.yml: each form of a definition, what one selector may say of another, and the messages."""

# ruff: noqa: E501 (messages stand whole)

from __future__ import annotations

from typing import Any

import pytest
import yaml
from graphs import shop

from eltflow.base.diagnostics import EltflowError, plain
from eltflow.graph.select import Request, Selection, select

SHOP = shop()

DEFINITIONS = """
selectors:
  - {name: text, definition: "orders tag:src,source:raw.orders"}
  - {name: plus, definition: "+orders"}
  - {name: short, definition: {tag: nightly}}
  - {name: config, definition: {config.materialized: incremental}}
  - {name: flag, definition: {method: config.meta.pii, value: true}}
  - {name: long, definition: {method: fqn, value: orders}}
  - {name: above, definition: {method: fqn, value: orders, parents: true}}
  - {name: around, definition: {method: fqn, value: revenue, childrens_parents: true}}
  - {name: near, definition: {method: fqn, value: revenue, parents: true, parents_depth: 1, children: true, children_depth: "1"}}
  - {name: without, definition: {method: path, value: models/marts, exclude: [{tag: daily}, "test_type:data"]}}
  - {name: any, definition: {union: [orders, {tag: hot}, {method: fqn, value: customers}]}}
  - {name: all, definition: {intersection: [{method: path, value: models/marts}, {tag: daily}]}}
  - {name: all_without, definition: {intersection: [{method: path, value: models/marts}, {tag: daily}, {exclude: [{group: finance}]}]}}
  - {name: nested, definition: {union: [{intersection: [{tag: daily}, {group: finance}]}, {union: [lonely, orders, {exclude: [orders]}]}]}}
  - {name: same, definition: {method: selector, value: long}}
  - {name: same_above, definition: {method: selector, value: long, parents: true, exclude: [{method: selector, value: short}]}}
  - {name: later, definition: {union: ["selector:last", {selector: long}]}}
  - {name: careful, definition: {method: fqn, value: orders, indirect_selection: cautious}}
  - {name: bare, definition: {method: fqn, value: orders, indirect_selection: empty}}
  - {name: careful_both, definition: {union: [orders, stg_orders]}}
  - {name: last, description: The last one., definition: lonely}
"""
SELECTORS: tuple[dict[str, Any], ...] = tuple(yaml.safe_load(DEFINITIONS)["selectors"])

STAGING = "stg_orders stg_customers stg_payments"
ABOVE_ORDERS = "source.raw.orders ingest.payments stg_orders stg_payments"


def short(selection: Selection) -> set[str]:
    return {unique_id.replace(".shop.", ".").removeprefix("model.") for unique_id in selection.ids}


def chosen(**request: Any) -> set[str]:
    return short(select(SHOP, Request(selectors=SELECTORS, **request)))


CASES = [
    ("text", "orders source.raw.orders"),
    ("plus", f"{ABOVE_ORDERS} orders"),
    ("short", STAGING),
    ("config", "revenue"),
    ("flag", "stg_orders"),
    ("long", "orders"),
    ("above", f"{ABOVE_ORDERS} orders"),
    ("around", f"{ABOVE_ORDERS} orders revenue source.raw.customers exposure.dashboard test.money_adds_up"),
    ("near", "orders revenue exposure.dashboard test.money_adds_up"),
    ("without", "customers"),
    ("any", "orders customers source.raw.orders"),
    ("all", "orders revenue exposure.dashboard"),
    ("all_without", "exposure.dashboard"),
    ("nested", "orders revenue lonely"),
    ("same", "orders"),
    ("same_above", "source.raw.orders ingest.payments orders"),
    ("later", "orders lonely"),
]


@pytest.mark.parametrize(("name", "names"), CASES)
def test_what_a_selector_selects(name: str, names: str) -> None:
    assert chosen(selector=name, indirect="empty") == set(names.split())


@pytest.mark.parametrize("name", [name for name, _ in CASES])
def test_a_selector_is_the_same_inline(name: str) -> None:
    for mode in ("eager", "cautious", "buildable", "empty"):
        assert chosen(selector=name, indirect=mode) == chosen(select=(f"selector:{name}",), indirect=mode)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("selector:long,tag:daily", "orders"),
        ("selector:l*", "orders lonely"),
        ("selector:long+1,resource_type:model", "orders customers revenue"),
        ("1+selector:any", "orders customers source.raw.orders stg_orders stg_payments stg_customers seed.countries"),
        ("@selector:last", "lonely"),
    ],
)
def test_inline_with_operators(text: str, names: str) -> None:
    assert chosen(select=(text,), indirect="empty") == set(names.split())


@pytest.mark.parametrize(
    ("name", "mode", "tests"),
    [
        ("careful", None, "is_ok_orders_"),
        ("careful", "empty", "is_ok_orders_"),
        ("bare", "eager", ""),
        ("long", "cautious", "is_ok_orders_"),
        ("careful_both", "cautious", "is_ok_orders_ relationships_orders_id unique_stg_orders_id"),
    ],
)
def test_a_definition_says_how_tests_join(name: str, mode: str | None, tests: str) -> None:
    joined = {one.removeprefix("test.") for one in chosen(selector=name, indirect=mode) if one.startswith("test.")}
    assert joined == set(tests.split())


def test_operators_bring_the_tests_of_what_they_add() -> None:
    assert "test.unique_stg_orders_id" in chosen(select=("1+selector:bare",))
    assert "test.is_ok_orders_" not in chosen(select=("1+selector:bare",))


def test_exclude_holds_beside_a_selector() -> None:
    assert chosen(selector="short", exclude=("stg_orders",), indirect="empty") == {"stg_customers", "stg_payments"}


def test_select_beside_a_selector_is_passed_over_and_said() -> None:
    selection = select(SHOP, Request(selectors=SELECTORS, selector="last", select=("orders",)))
    assert short(selection) == {"lonely"}
    assert [plain(found) for found in selection.diagnostics] == [
        'warning[W0503]: `--select orders` is passed over: `--selector` says what to select (to have both, write `--select "selector:last orders"`)'
    ]


@pytest.mark.parametrize("default", [True, "true", "True"])
def test_the_default_is_used_when_nothing_is_said(default: object) -> None:
    selectors = ({"name": "usual", "default": default, "definition": "lonely"}, *SELECTORS)
    assert short(select(SHOP, Request(selectors=selectors))) == {"lonely"}
    assert short(select(SHOP, Request(selectors=selectors, select=("customers",), indirect="empty"))) == {"customers"}
    assert short(select(SHOP, Request(selectors=selectors, selector="long", indirect="empty"))) == {"orders"}
    assert len(select(SHOP, Request(selectors=selectors, exclude=("lonely",))).ids) == len(SHOP.nodes) - 1


def test_what_matches_nothing_names_the_selector() -> None:
    selection = select(SHOP, Request(selectors=({"name": "a", "definition": {"tag": "nightli"}},), selector="a"))
    assert [plain(found) for found in selection.diagnostics] == [
        "selectors.yml: note[W0501]: `tag:nightli` in selector `a` matches nothing (did you mean `tag:nightly`?)",
        "warning[W0502]: nothing is selected",
    ]


def test_a_selector_named_without_its_method() -> None:
    selection = select(SHOP, Request(selectors=SELECTORS, select=("careful",)))
    assert [found.help for found in selection.diagnostics] == ["did you mean `selector:careful`?"]


def test_a_lenient_reading_passes_over_what_means_nothing() -> None:
    selectors = ({"name": "a", "definition": {"method": "fqn", "value": "orders", "parents_depth": 1, "colour": "red"}},)
    assert short(select(SHOP, Request(selectors=selectors, selector="a", indirect="empty", strict=False))) == {"orders"}


# -- what is an error ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ("3", "E0504]: selector `a`: a selection is a text or a mapping, not a whole number (3) (write a text (`+orders,tag:daily`), `method:` and `value:`, or a list under `union:` or `intersection:`)"),
        ("[orders]", "E0504]: selector `a`: a selection is a text or a mapping, not a list (write a text (`+orders,tag:daily`), `method:` and `value:`, or a list under `union:` or `intersection:`)"),
        ("'@orders+'", "E0501]: selector `a`: `@` and a `+` behind cannot stand together, as in `@orders+` (write `@orders`: it has everything downstream already)"),
        ("''", "E0501]: selector `a`: an empty selection (name something: `orders`, `tag:daily`, `path:models/staging`)"),
        ("{union: orders}", "E0504]: selector `a`: `union` is a list, not text ('orders') (put a dash before each part)"),
        ("{union: []}", "E0504]: selector `a`: `union` has nothing to select (add what it selects, with a dash before each part)"),
        ("{union: [{exclude: [orders]}]}", "E0504]: selector `a`: `union` has nothing to select (add what it selects, with a dash before each part)"),
        ("{union: [orders], exclude: [lonely]}", "E0504]: selector `a`: `union` stands alone, without `exclude` (put the rest into the list under `union:`)"),
        ("{union: [orders, {exclude: [lonely]}, {exclude: [lonely]}]}", "E0504]: selector `a`: a second `exclude` in one `union` (put both into one list)"),
        ("{exclude: [lonely]}", "E0504]: selector `a`: `exclude` has nothing to take away from (put it beside a `method:` and a `value:`, or last in the list under `union:` or `intersection:`)"),
        ("{method: fqn}", "E0504]: selector `a`: `value` is missing (add `value:`)"),
        ("{value: orders}", "E0504]: selector `a`: `method` is missing (add `method:`)"),
        ("{tag: a, group: b}", "E0504]: selector `a`: a definition of 2 keys (tag, group) says no method (write `method:` and `value:`, or a list under `union:` or `intersection:`)"),
        ("{tags: a}", "E0501]: selector `a`: there is no selection method `tags`, as in `tags:a` (did you mean `tag`?)"),
        ("{method: 3, value: a}", "E0504]: selector `a`: `method` is a text, not a whole number (3) (one of fqn, path, file, tag, source, ingest, deliver, task, exposure, column, config, group, access, package, resource_type, test_name, test_type, version, selector, unit_test, metric, semantic_model, saved_query, state, result, source_status)"),
        ("{method: tag, value: [a]}", "E0504]: selector `a`: a value is a text, not a list (write one text, and a `union:` for several)"),
        ("{method: fqn, value: +orders}", "E0504]: selector `a`: `+orders` is a name here, and cannot hold a `+` (write the whole as a text, '+orders', or add `parents: true` or `children: true`)"),
        ("{method: fqn, value: orders, parent: true}", "E0504]: selector `a`: a selection has no `parent` (did you mean `parents`?)"),
        ("{method: fqn, value: orders, parents: 1}", "E0504]: selector `a`: `parents` is true or false, not a whole number (1) (write `parents: true`)"),
        ("{method: fqn, value: orders, parents_depth: 1}", "E0504]: selector `a`: `parents_depth` does nothing without `parents` (add `parents: true`)"),
        ("{method: fqn, value: orders, children: true, children_depth: -1}", "E0504]: selector `a`: `children_depth` is a number of steps, not a whole number (-1) (leave it out for all of them)"),
        ("{method: fqn, value: orders, children: true, childrens_parents: true}", "E0501]: selector `a`: `@` and a `+` behind cannot stand together, as in `fqn:orders` (write `@orders`: it has everything downstream already)"),
        ("{method: fqn, value: orders, indirect_selection: cautios}", "E0504]: selector `a`: `cautios` is no way to select tests (did you mean `cautious`?)"),
        ("{method: fqn, value: orders, exclude: lonely}", "E0504]: selector `a`: `exclude` is a list, not text ('lonely') (put a dash before each part)"),
        ("{method: selector, value: bb}", "E0504]: selector `a` refers to `bb`, which does not exist (did you mean `b`?)"),
        ("{method: selector, value: a}", "E0504]: these selectors refer to each other in a ring: a → a (take one of these references out)"),
        ("'selector:b'", "E0504]: these selectors refer to each other in a ring: a → b → a (take one of these references out)"),
    ],
)  # fmt: skip
def test_broken_definitions(definition: str, message: str) -> None:
    back = "{method: selector, value: a}" if definition == "'selector:b'" else "lonely"
    selectors = ({"name": "a", "definition": yaml.safe_load(definition)}, {"name": "b", "definition": yaml.safe_load(back)})
    with pytest.raises(EltflowError) as error:
        select(SHOP, Request(selectors=selectors))
    assert [plain(found) for found in error.value.diagnostics] == [f"selectors.yml: error[{message}"]


@pytest.mark.parametrize(
    ("selectors", "message"),
    [
        (
            "[{name: a, definition: x}, {name: a, definition: y}]",
            "E0504]: two selectors are called `a` (rename one of them)",
        ),
        (
            "[{name: a, default: true, definition: x}, {name: b, default: true, definition: y}]",
            "E0504]: 2 selectors are the default: `a`, `b` (keep `default: true` on one of them)",
        ),
        ("[{name: a, default: sometimes, definition: x}]", "E0504]: selector `a`: `default` is true or false, not text ('sometimes') (write `default: true`)"),
    ],
)  # fmt: skip
def test_selectors_that_do_not_fit_together(selectors: str, message: str) -> None:
    with pytest.raises(EltflowError) as error:
        select(SHOP, Request(selectors=yaml.safe_load(selectors)))
    assert [plain(found) for found in error.value.diagnostics] == [f"selectors.yml: error[{message}"]


def test_an_unknown_selector_names_those_that_are() -> None:
    selectors = ({"name": "nightly", "definition": "lonely"}, {"name": "weekly", "definition": "lonely"})
    for name, help in (("nightli", "did you mean `nightly`?"), ("zzz", "there are nightly, weekly")):
        for request in (Request(selector=name, selectors=selectors), Request(select=(f"selector:{name}",), selectors=selectors)):
            with pytest.raises(EltflowError) as error:
                select(SHOP, request)
            assert plain(error.value.diagnostics[0]) == f"error[E0503]: there is no selector `{name}` ({help})"


def test_errors_and_warnings_quote_the_line() -> None:
    text = "selectors:\n  - name: a\n    definition:\n      union:\n        - tag: nightli\n        - method: fqn\n          value: orders\n"
    read = {"selectors.yml": text, "broken": text.replace("method: fqn", "methd: fqn")}
    selection = select(
        SHOP, Request(selectors=yaml.safe_load(text)["selectors"], selector="a", read=lambda file: read[file], indirect="empty")
    )
    assert (str(selection.diagnostics[0].span), selection.diagnostics[0].source) == ("selectors.yml:5:11", "        - tag: nightli")
    with pytest.raises(EltflowError) as error:
        select(SHOP, Request(selectors=yaml.safe_load(read["broken"])["selectors"], read=lambda file: read["broken"]))
    found = error.value.diagnostics[0]
    assert found.message == "selector `a`: `method` is missing"
    assert found.source == "        - methd: fqn"


def test_everything_wrong_is_said_at_once() -> None:
    selectors = ({"name": "a", "definition": {"union": [{"tags": "x"}, {"method": "fqn"}, 3]}}, {"name": "b", "definition": None})
    with pytest.raises(EltflowError) as error:
        select(SHOP, Request(selectors=selectors))
    assert [found.code for found in error.value.diagnostics] == ["E0501", "E0504", "E0504", "E0504"]
