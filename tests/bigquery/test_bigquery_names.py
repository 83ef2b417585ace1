"""Names of tables, which BigQuery tells apart by case. No driver and no server."""

from __future__ import annotations

TARGET = "name: p\ntargets:\n  dev: {type: bigquery, project: w, schema: s}\n"


def test_tables_whose_names_differ_in_case_are_two(project, eltflow):
    aliases = {
        f"models/{name}.sql": f"{{{{ config(alias='{alias}') }}}}\nselect 1 as id" for name, alias in (("a", "T"), ("b", "t"))
    }
    root = project({**aliases, "models/c.sql": "select id from s.t", "models/d.sql": "select id from s.T", "eltflow.yml": TARGET})
    assert eltflow("ls", "--select", "+c", "--resource-type", "model", cwd=root).out.split() == ["b", "c"]
    assert eltflow("ls", "--select", "+d", "--resource-type", "model", cwd=root).out.split() == ["a", "d"]


def test_a_name_in_other_letters_is_another_table(project, eltflow):
    root = project({"models/orders.sql": "select 1 as id", "models/c.sql": "select id from Orders", "eltflow.yml": TARGET})
    planned = eltflow("plan", cwd=root)
    assert "`c` reads `Orders`, which is no node and no source" in planned.text
    assert "did you mean `orders`?" in planned.text
