"""Contracts on the command line: edges, what is kept from run to run, and what stands when a row breaks one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

YML = """
models:
  - name: customers
    config: {{materialized: table, contract: {{enforced: true}}}}
    columns:
      - {{name: id, data_type: integer, constraints: [{{type: primary_key}}]}}
      - {{name: name, data_type: {type}}}
  - name: orders
    config: {{materialized: table, contract: {{enforced: {enforced}}}}}
    constraints:
      - {{type: foreign_key, columns: [customer], to: ref('customers'), to_columns: [id]}}
    columns:
      - {{name: id, data_type: integer}}
      - {{name: customer, data_type: integer}}
"""


def files(type: str = "varchar", *, enforced: bool = True, customer: int = 1) -> dict[str, str]:
    return {
        "models/customers.sql": "select 1 as id, 'ann' as name",
        "models/orders.sql": f"select 10 as id, {customer} as customer",
        "models/m.yml": YML.format(type=type, enforced=str(enforced).lower()),
    }


def written(root: Path, given: dict[str, str]) -> None:
    for path, text in given.items():
        (root / path).write_text(text, encoding="utf-8")


def test_a_foreign_key_is_an_edge_warm_and_cold(project: Callable[..., Path], eltflow: Callable[..., Any]) -> None:
    root = project(files())
    for _ in range(2):
        assert eltflow("ls", "--select", "customers+", cwd=root).out.split() == ["customers", "orders"]
    written(root, files(enforced=False))
    assert eltflow("ls", "--select", "customers+", cwd=root).out.split() == ["customers"]


def test_a_contract_that_changes_alone_is_looked_at(project: Callable[..., Path], eltflow: Callable[..., Any]) -> None:
    root = project(files())
    assert eltflow("build", cwd=root).code == 0
    written(root, files("date"))
    for command in ("check", "compile", "build"):
        ran = eltflow(command, cwd=root)
        assert ran.code != 0
        assert "E0413" in ran.err
        assert "`name` is VARCHAR, not DATE" in ran.err


def test_the_table_is_as_it_was_when_a_row_breaks_its_contract(project: Callable[..., Path], eltflow: Callable[..., Any]) -> None:
    root = project(files())
    assert eltflow("build", cwd=root).code == 0
    written(root, files(customer=7))
    ran = eltflow("build", cwd=root)
    assert ran.code == 1
    assert "a row breaks what the model's contract says" in ran.err
    assert eltflow("show", "--inline", "select customer from orders", "--csv", cwd=root).out.split() == ["customer", "1"]


def test_a_table_that_is_pointed_at_says_whose_keys_it_took(project: Callable[..., Path], eltflow: Callable[..., Any]) -> None:
    root = project(files())
    assert eltflow("build", cwd=root).code == 0
    assert "foreign keys" not in eltflow("build", cwd=root).out
    alone = eltflow("build", "--select", "customers", cwd=root)
    assert alone.code == 0
    assert "orders lost the foreign keys that pointed at the old table: build it too" in alone.out + alone.err
    assert eltflow("build", "--select", "orders", cwd=root).code == 0


def test_types_of_a_long_file_are_not_sure(project: Callable[..., Path], eltflow: Callable[..., Any]) -> None:
    """What is a number at its beginning may be a text at its end: nothing is said against the types of what reads it."""
    rows = "".join(f"{n}\n" for n in range(30_000))
    model = {"models/short.sql": "select upper(code) as code from codes"}
    root = project({"seeds/codes.csv": "code\n1\n2\n", **model})
    assert "E0414" in eltflow("check", cwd=root).err
    (root / "seeds/codes.csv").write_text(f"code\n{rows}x\n", encoding="utf-8")
    ran = eltflow("check", cwd=root)
    assert (ran.code, ran.err) == (0, "")


POSTGRES = "name: p\ndefault_target: dev\ntargets:\n  dev: {type: postgres, host: 127.0.0.1, port: 1, user: me, dbname: none, schema: dev}\n"


@pytest.mark.parametrize(
    ("sql", "type", "said"),
    [
        ("select cast(1 as text) as x", "integer", "`x` is a text (text), not a number (integer)"),
        ("with a as (select now()::timestamp as x) select x from a", "date", "`x` is a timestamp (timestamp), not a date (date)"),
        ("select (1)::numeric(10, 2) as x", "jsonb", "`x` is a number (decimal(10, 2)), not JSON (jsonb)"),
        ("select cast(1 as bigint) as x", "integer", None),  # the server will say it, in its own words
        ("select cast(1 as text) as x union all select 'b'", "integer", None),
        ("select 1 + cast(1 as bigint) as x", "text", None),
        ("select cast(1 as text) as x", "mood", None),
        ("select cast('a' as mood) as x", "integer", None),
        ("select cast(1 as float8) as x", "double precision", None),
    ],
)
def test_casts_to_other_types_are_found_without_a_server(
    project: Callable[..., Path], eltflow: Callable[..., Any], sql: str, type: str, said: str | None
) -> None:
    yml = f"models:\n  - name: a\n    config: {{contract: {{enforced: true}}}}\n    columns:\n      - {{name: x, data_type: {type}}}\n"
    root = project({"eltflow.yml": POSTGRES, "models/a.sql": sql, "models/m.yml": yml})
    for command in ("check", "compile"):
        ran = eltflow(command, cwd=root)
        if said is None:
            assert (ran.code, ran.err) == (0, "")
        else:
            assert ran.code == (1 if command == "check" else 2)
            assert f"error[E0413]: the contract of model `a` is not kept by its SQL: {said}\n --> models/m.yml:5:" in ran.err
