"""A project's macros under the project's own name."""

from __future__ import annotations

import json

MACROS = """
{% macro cents(column) %}{{ column }} * 100{% endmacro %}
{% macro pair() %}{{ return(['a', 'b']) }}{% endmacro %}
{% macro _hidden() %}7{% endmacro %}
{% macro through() %}{{ p.reads() }}{% endmacro %}
"""


def test_macros_are_called_by_the_name_of_the_project(eltflow, project):
    sql = "select {{ p.cents('2') }} as x, '{{ p.pair() | join('-') }}' as y, {{ p._hidden() }} as z, '{{ target.profile_name }}' as t"
    root = project({"macros/m.sql": MACROS.replace("p.reads()", "1"), "models/a.sql": sql})
    shown = json.loads(eltflow("show", "a", "--json", cwd=root).out)
    assert shown == [{"x": 200, "y": "a-b", "z": 7, "t": "p"}]


def test_what_such_a_macro_reads_makes_an_edge(eltflow, project):
    for reads in ("select * from {{ ref('b') }}", "select * from b"):
        root = project(
            {
                "macros/m.sql": MACROS,
                "macros/n.sql": f"{{% macro reads() %}}{reads}{{% endmacro %}}",
                "models/a.sql": "{{ p.through() }}",
                "models/a2.sql": "{{ through() }}",
                "models/b.sql": "select 1 as id",
            }
        )
        assert eltflow("ls", "--select", "b+", cwd=root).out.split() == ["b", "a", "a2"]
        assert eltflow("build", cwd=root).code == 0


def test_an_edited_macro_is_seen_through_the_name_of_the_project(eltflow, project):
    root = project({"macros/m.sql": "{% macro one() %}1{% endmacro %}", "models/a.sql": "select {{ p.one() }} as x"})
    assert eltflow("build", cwd=root).code == 0
    (root / "macros/m.sql").write_text("{% macro one() %}2{% endmacro %}")
    assert eltflow("build", cwd=root).code == 0
    assert json.loads(eltflow("show", "--inline", "select * from a", "--json", cwd=root).out) == [{"x": 2}]


def test_other_names_win(eltflow, project):
    """A variable of the template, and a name that every template has, before the project's."""
    root = project({"models/a.sql": "{% set p = {'q': 5} %}select {{ p.q }} as x"})
    assert json.loads(eltflow("show", "a", "--json", cwd=root).out) == [{"x": 5}]
    root = project({"models/a.sql": "select '{{ target.name }}' as x"}, name="target")
    assert json.loads(eltflow("show", "a", "--json", cwd=root).out) == [{"x": "dev"}]
