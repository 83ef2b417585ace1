"""Rows into files, messages and mails: what they hold, and that a file is there whole or not at all."""

from __future__ import annotations

import csv
import datetime
import json
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from api_server import Api
from shop import Eltflow, Project, delivery, shop

ODD = """
select 1 as id, '=1+1' as text, cast(1.10 as decimal(9,2)) as amount, cast(0.1 as double precision) as share, date '2026-01-31' as day,
       cast('2026-01-31 12:30:00' as timestamp) as moment, 1 = 1 as yes, cast(null as char(9)) as nothing, -5 as minus
union all
select 2, 'a, "b"', 22.25, 1e300, date '1999-12-31', cast('1999-12-31 23:59:59.5' as timestamp), 1 = 0, null, 3
"""


def to_file(path: str, **more: Any) -> str:
    return delivery(to={"kind": "files", "path": path, **more}, unique_key=None, columns=None)


def delivered(project: Project, eltflow: Eltflow, *, url: str = "http://127.0.0.1:9", target: Any = None, **files: str) -> Path:
    root = shop(project, url, target=target, models__segments=ODD, **files)
    assert eltflow("build", cwd=root).code == 0
    done = eltflow("deliver", cwd=root)
    assert done.code == 0, done.text
    return root


def test_csv_holds_no_formula(project: Project, eltflow: Eltflow) -> None:
    root = delivered(project, eltflow, deliver__crm=to_file("out/{date}/odd.csv"))
    (written,) = root.glob("out/2*-*-*/odd.csv")  # the day of the run
    with written.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["id", "text", "amount", "share", "day", "moment", "yes", "nothing", "minus"]
    assert rows[1] == ["1", "'=1+1", "1.10", "0.1", "2026-01-31", "2026-01-31T12:30:00", "true", "", "-5"]
    assert rows[2][:4] == ["2", 'a, "b"', "22.25", "1e+300"]


def test_other_delimiters(project: Project, eltflow: Eltflow) -> None:
    root = delivered(project, eltflow, deliver__crm=to_file("odd.txt", format="csv", delimiter=";"))
    assert (root / "odd.txt").read_text().startswith("id;text;amount")


def test_json_keeps_digits(project: Project, eltflow: Eltflow) -> None:
    root = delivered(project, eltflow, deliver__crm=to_file("odd.jsonl"))
    first, second = (root / "odd.jsonl").read_text().splitlines()
    assert '"amount": 1.10,' in first
    assert json.loads(first) | {"amount": 1.1} == {
        "id": 1, "text": "=1+1", "amount": 1.1, "share": 0.1, "day": "2026-01-31", "moment": "2026-01-31T12:30:00",
        "yes": True, "nothing": None, "minus": -5,
    }  # fmt: skip
    assert json.loads(second)["moment"] == "1999-12-31T23:59:59.500000"


def test_a_sheet_holds_no_formula(project: Project, eltflow: Eltflow) -> None:
    root = delivered(project, eltflow, deliver__crm=to_file("odd.xlsx"))
    sheet = openpyxl.load_workbook(root / "odd.xlsx").active
    assert sheet is not None
    rows = list(sheet.iter_rows())
    assert [cell.value for cell in rows[1]] == [
        1, "=1+1", 1.1, 0.1, datetime.datetime(2026, 1, 31), datetime.datetime(2026, 1, 31, 12, 30), True, None, -5,
    ]  # fmt: skip
    assert rows[1][1].data_type == "s"


@pytest.mark.parametrize("engine", ["duckdb", "postgres", "mariadb"])
def test_parquet_keeps_types(engine: str, request: pytest.FixtureRequest, project: Project, eltflow: Eltflow) -> None:
    target = request.getfixturevalue(engine).target() if engine != "duckdb" else None
    files = (
        {"models__segments": ODD.replace("double precision", "double").replace("timestamp)", "datetime(1))")}
        if engine == "mariadb"
        else {}
    )
    root = shop(
        project, "http://127.0.0.1:9", target=target, deliver__crm=to_file("odd.parquet"), **{"models__segments": ODD, **files}
    )
    assert eltflow("build", cwd=root).code == 0
    done = eltflow("deliver", cwd=root)
    assert done.code == 0, done.text
    found = duckdb.sql(f"select * from '{root}/odd.parquet' order by id")
    types = dict(zip(found.columns, map(str, found.types), strict=True))
    assert types["day"] == "DATE"
    assert types["moment"] == "TIMESTAMP"
    assert types["amount"].startswith("DECIMAL(")
    assert types["share"] == "DOUBLE"
    first, second = found.fetchall()
    assert [str(value) for value in first[1:3]] == ["=1+1", "1.10"]
    assert second[5] == datetime.datetime(1999, 12, 31, 23, 59, 59, 500000)


def test_an_old_file_stays_until_the_new_one_is_whole(project: Project, eltflow: Eltflow) -> None:
    root = delivered(project, eltflow, deliver__crm=to_file("odd.jsonl"))
    before = (root / "odd.jsonl").read_bytes()
    (root / "models/segments.sql").write_text("select cast('nan' as double) as x\n")
    assert eltflow("run", cwd=root).code == 0
    failed = eltflow("deliver", cwd=root)
    assert failed.code == 1
    assert "cannot write odd.jsonl: nan is no number in JSON" in failed.text
    assert (root / "odd.jsonl").read_bytes() == before
    assert [path.name for path in root.iterdir() if "eltflow-tmp" in path.name] == []


def test_a_folder_that_cannot_be_written(project: Project, eltflow: Eltflow) -> None:
    root = shop(project, "http://127.0.0.1:9", deliver__crm=to_file("out/odd.csv"))
    (root / "out").write_text("a file where the folder was to be")
    eltflow("build", cwd=root)
    failed = eltflow("deliver", cwd=root)
    assert failed.code == 1
    assert "cannot write out/odd.csv: " in failed.text


def test_a_message_shows_rows(project: Project, eltflow: Eltflow, crm: Api) -> None:
    crm.answers["/hook/t0ps3cret"] = lambda asked: {}
    to = {"kind": "webhook", "connection": "hook", "title": "Big spenders", "rows": 1}
    root = delivered(project, eltflow, url=crm.url, deliver__crm=delivery(to=to, unique_key=None, columns=["id", "text", "amount"]))
    (asked,) = crm.asked
    assert asked.body["title"] == "Big spenders"
    assert asked.body["text"] == "Big spenders\nid  text  amount\n1   =1+1  1.10\n… and 1 more"
    facts = asked.body["eltflow"]
    assert (facts["delivery"], facts["target"], facts["more_rows"]) == ("segments", "dev", 1)
    (root / "models/segments.sql").write_text("select 1 as id, 'x' as text, 2 as amount where false\n")
    eltflow("run", cwd=root)
    done = eltflow("deliver", cwd=root)
    assert done.code == 0
    assert "it has no rows, so nobody is told" in done.out
    assert len(crm.asked) == 1


def test_a_message_that_is_not_taken(project: Project, eltflow: Eltflow, crm: Api) -> None:
    to = {"kind": "webhook", "connection": "hook"}
    root = shop(project, crm.url, deliver__crm=delivery(to=to, unique_key=None))
    eltflow("build", cwd=root)
    failed = eltflow("deliver", cwd=root)
    assert failed.code == 1
    assert "delivery `segments`: connection `hook`: it answers 404" in failed.text
    assert "t0ps3cret" not in failed.text


def test_what_goes_to_the_outside_is_shown_as_a_use_of_the_data(project: Project, eltflow: Eltflow) -> None:
    root = delivered(project, eltflow, deliver__crm=to_file("odd.csv"))
    manifest = json.loads((root / "target/manifest.json").read_text())
    shown = manifest["exposures"]["exposure.shop.segments"]
    assert shown["depends_on"]["nodes"] == ["model.shop.segments"]
    assert shown["meta"]["eltflow"]["to"] == {"kind": "files", "path": "odd.csv"}
    results = json.loads((root / "target/run_results.json").read_text())["results"]
    assert [(one["unique_id"], one["message"]) for one in results] == [("exposure.shop.segments", "file: 2 rows")]
    assert "deliver:segments" not in eltflow("ls", "--select", "segments+", cwd=root).out
    assert eltflow("ls", "--select", "deliver:segments", "--output", "id", cwd=root).out == "deliver.shop.segments\n"
    assert "segments" in eltflow("impact", "segments.id", cwd=root).out
