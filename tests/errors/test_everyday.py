"""The facts behind the marks in EVERYDAY.md."""

from __future__ import annotations

import re

import pytest
from error_cases import HERE, Case, compared, run_case

MARKED = (HERE / "EVERYDAY.md").read_text(encoding="utf-8")
_ROW = re.compile(r"^\| ([a-z][\w ]+) \| (`.+`) \| (.+) \|$", re.MULTILINE)
ROWS = {
    name: (re.findall(r"`(\w+)`", names), [cell.strip() for cell in cells.split("|")])
    for name, names, cells in _ROW.findall(MARKED)
}
EVERYDAY = [(mistake, case) for mistake, (names, _) in ROWS.items() for case in names]
#: What each mistake's message must name: the file and line of the mistake, and the words of the hint.
FACTS = {
    "unknown_ref": ("models/orders.sql:2:13", "did you mean `customers` (models/customers.sql:1)?"),
    "unknown_ref_in_rendered_model": ("models/orders.sql:3:9", "did you mean `customers` (models/customers.sql:1)?"),
    "jinja_not_closed": ("models/a.sql:2:6", "close the `(` before it"),
    "jinja_end_missing": ("models/a.sql:2:4", "close it with {% endif %}"),
    "jinja_unknown_tag": ("models/a.sql:2:4", "did you mean `for`?"),
    "macro_undefined": ("models/a.sql:2:6", "did you mean `cents`?"),
    "sql_broken": ("models/a.sql:4:6", "write a name after `as`, before `from`"),
    "sql_broken_keyword": ("models/a.sql:2:1", "did you mean `from` instead of `frm`?"),
    "sql_broken_after_jinja": ("models/a.sql:6:10", "look just before `id3`"),
    "sql_broken_in_macro": ("models/a.sql:2", "close the parenthesis that opens after `sum`"),
    "cycle": ("models/a.sql:2:14", "take one of these references out"),
    "cycle_of_two": ("models/a.sql:2:17", "take one of these references out"),
    "misspelt_column": ("models/a.sql:3:3", "did you mean `name`?"),
    "misspelt_column_by_ref": ("models/a.sql:3:5", "did you mean `name`?"),
    "everyday_column_of_seed": ("models/a.sql:3:3", "did you mean `name`?"),
    "duplicate_model": ("models/two/a.sql:1", "the other is models/one/a.sql"),
    "duplicate_macro": ("macros/y.sql:2:10", "the other is macros/x.sql:1"),
    "duplicate_source": ("models/src.yml:5:15", "the other is models/more.yml:5"),
    "model_and_seed_of_one_name": ("seeds/a.csv", "the other is models/a.sql"),
}


def test_the_table_holds_six_mistakes_and_its_sums_are_right() -> None:
    assert len(ROWS) == 6
    value = {"1": 1.0, "½": 0.5, "0": 0.0, "4½": 4.5, "5": 5.0}
    total = 0.0
    for _, (*marks, row_sum) in ROWS.values():
        assert len(marks) == 5
        assert sum(value[mark] for mark in marks) == value[row_sum]
        total += value[row_sum]
    assert total >= 28
    assert f"**{total:g} of 30**" in MARKED


@pytest.mark.parametrize(("mistake", "name"), EVERYDAY, ids=[name for _, name in EVERYDAY])
def test_facts(mistake: str, name: str) -> None:
    case = Case(HERE / name)
    assert not case.pending
    ran = run_case(case)
    place, hint = FACTS[name]
    assert ran.code == 2
    assert f"--> {place}" in ran.err
    assert any(f"= help: {hint}" in line for line in ran.err.splitlines())
    assert not ran.touched
    assert not re.search(r"Traceback|Exception|jinja2|sqlglot|eltflow_macro_|<class", ran.err)
    if re.search(r":\d", place) and name != "duplicate_model":
        assert re.search(r"^ *\d+ \| .+\n +\| *\^*", ran.err, re.MULTILINE), "the line is quoted"
    assert compared(ran.message) == compared(case.expected)
