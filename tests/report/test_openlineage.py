"""OpenLineage events: held to the published schemas, and to what the run really did; sent to a file and to a server."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import jsonschema
import pytest
import referencing

SCHEMAS = {
    schema["$id"]: schema
    for schema in (json.loads(path.read_text()) for path in (Path(__file__).parent / "openlineage_schemas").glob("*.json"))
}
REGISTRY = referencing.Registry().with_resources((name, referencing.Resource.from_contents(s)) for name, s in SCHEMAS.items())
FILE = "openlineage: {file: logs/lineage.jsonl}\n"
MODELS = {
    "seeds/pay.csv": "id,who,amount\n1,a,1.5\n2,b,2.5\n3,a,4.0\n",
    "models/good.sql": "{{ config(materialized='ephemeral') }}\nselect id, upper(who) as who, amount from pay where amount > 1",
    "models/total.sql": "{{ config(materialized='table') }}\nselect who as payer, sum(amount) as total from good group by who",
    "models/m.yml": """
models:
  - name: total
    description: What each of them paid.
    columns: [{name: payer, description: Who paid., data_tests: [unique]}, {name: total, data_tests: [{accepted_values: {values: [1]}}]}]
""",
    "tests/none_is_small.sql": "select * from total where total < 0",
}


def checked(event: dict) -> dict:
    """An event that keeps to its schema, all of its facets to theirs."""
    check(event, event["schemaURL"])
    for holder, key in (
        (event["run"], "facets"),
        (event["job"], "facets"),
        *((dataset, key) for dataset in (*event["inputs"], *event["outputs"]) for key in ("facets", "inputFacets", "outputFacets")),
    ):
        for name, facet in holder.get(key, {}).items():
            check({name: facet}, facet["_schemaURL"])
    return event


def check(value: dict, url: str) -> None:
    name, _, pointer = url.partition("#")
    assert name in SCHEMAS, f"no such schema was published: {name}"
    schema = {"$ref": f"{name}#{pointer}"} if pointer else SCHEMAS[name]
    jsonschema.Draft202012Validator(
        schema, registry=REGISTRY, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    ).validate(value)


def events(root: Path) -> list[dict]:
    return [checked(json.loads(line)) for line in (root / "logs/lineage.jsonl").read_text().splitlines()]


def ends(found: list[dict]) -> dict[str, dict]:
    return {event["job"]["name"]: event for event in found if event["eventType"] != "START"}


def test_a_run_is_told_from_its_start_to_its_end_down_to_the_column(eltflow, project):
    root = project(MODELS, settings=FILE)
    ran = eltflow("build", cwd=root)
    assert ran.code == 1  # accepted_values fails
    found = events(root)
    assert (found[0]["eventType"], found[0]["job"]["name"]) == ("START", "p.build")
    assert (found[-1]["eventType"], found[-1]["job"]["name"]) == ("FAIL", "p.build")
    begun = [e["run"]["runId"] for e in found if e["eventType"] == "START"]
    ended = [e["run"]["runId"] for e in found if e["eventType"] != "START"]
    assert len(set(begun)) == len(begun) == 6
    assert sorted(begun) == sorted(ended)
    whole = found[0]["run"]["runId"]
    parents = [e["run"]["facets"]["parent"] for e in found[1:-1]]
    assert {(p["run"]["runId"], p["job"]["namespace"], p["job"]["name"]) for p in parents} == {(whole, "p", "p.build")}

    total = ends(found)["model.p.total"]
    tables = f"duckdb://{root / 'p.duckdb'}"
    assert total["inputs"] == [{"namespace": tables, "name": "p.s.pay"}]  # of the ephemeral model in between there is no table
    (output,) = total["outputs"]
    assert (output["namespace"], output["name"]) == (tables, "p.s.total")
    facets = output["facets"]
    assert facets["documentation"]["description"] == "What each of them paid."
    assert [(f["name"], f.get("description")) for f in facets["schema"]["fields"]] == [("payer", "Who paid."), ("total", None)]
    columns = facets["columnLineage"]["fields"]
    assert {(f["name"], f["field"]) for f in columns["total"]["inputFields"]} == {("p.s.pay", "amount")}
    assert columns["total"]["inputFields"][0]["transformations"] == [
        {"type": "DIRECT", "subtype": "AGGREGATION", "description": "aggregated"}
    ]
    assert columns["payer"]["inputFields"][0]["transformations"] == [
        {"type": "DIRECT", "subtype": "TRANSFORMATION", "description": "computed"}
    ]
    decides = {(f["field"], t["subtype"]) for f in facets["columnLineage"]["dataset"] for t in f["transformations"]}
    assert decides == {("amount", "FILTER"), ("who", "GROUP_BY")}
    assert "sum(amount)" in total["job"]["facets"]["sql"]["query"]
    assert ends(found)["seed.p.pay"]["inputs"] == [{"namespace": "file", "name": str(root / "seeds/pay.csv")}]
    assert ends(found)["seed.p.pay"]["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 3


def test_verdicts_of_tests_are_told_of_the_table_that_they_look_at(eltflow, project):
    root = project(MODELS, settings=FILE)
    eltflow("build", cwd=root)
    told = {}
    for name, event in ends(events(root)).items():
        if name.startswith("test."):
            assert (event["eventType"], event["outputs"]) == ("COMPLETE", [])
            (dataset,) = event["inputs"]
            (one,) = dataset["inputFacets"]["dataQualityAssertions"]["assertions"]
            told[one["assertion"]] = (dataset["name"], one.get("column"), one["success"], one["severity"])
    assert told == {
        "unique": ("p.s.total", "payer", True, "error"),
        "accepted_values": ("p.s.total", "total", False, "error"),
        "custom_sql": ("p.s.total", None, True, "error"),
    }


def test_what_fails_is_told_with_its_message(eltflow, project):
    root = project({"models/a.sql": "select cast('x' as integer) as n from (select 1)"}, settings=FILE)
    (root / "models/a.sql").write_text("{{ config(materialized='table') }}\n" + (root / "models/a.sql").read_text())
    assert eltflow("run", cwd=root).code == 1
    failed = ends(events(root))["model.p.a"]
    assert failed["eventType"] == "FAIL"
    assert "Could not convert" in failed["run"]["facets"]["errorMessage"]["message"]
    assert "facets" not in failed["outputs"][0]


def test_steps_say_what_they_read(eltflow, project):
    root = project(
        {
            "data/a.csv": "id\n1\n",
            "ingest/i.yml": "steps: [{name: a, source: {kind: files, path: data/*.csv}, into: raw.a, load: append}]\n",
        },
        settings=FILE,
    )
    assert eltflow("ingest", cwd=root).code == 0
    step = ends(events(root))["ingest.p.a"]
    assert step["inputs"] == [{"namespace": "file", "name": str(root / "data/*.csv")}]
    assert step["outputs"][0]["name"] == "p.s_raw.a"


# -- a server --------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def server():
    """A server that keeps what it is sent, and answers what `answers` says."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            code = made.answers.pop(0) if made.answers else 201
            if code < 300:
                made.got.append((self.path, self.headers.get("authorization"), json.loads(body)))
            self.send_response(code)
            if code in (301, 307):
                self.send_header("location", "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.got, made.answers = [], []
    made.url = f"http://127.0.0.1:{made.server_address[1]}"
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


KEY = "k3y-of-the-lineage-server"
SERVER = "openlineage: {url: \"{{ env_var('WHERE') }}\", api_key: \"{{ env_var('KEY') }}\", namespace: prod}\n"


def test_a_server_gets_every_event_in_order(eltflow, project, server):
    root = project({"models/a.sql": "select 1 as id"}, settings=SERVER)
    ran = eltflow("run", cwd=root, env={"WHERE": server.url, "KEY": KEY})
    assert (ran.code, "OpenLineage" in ran.text) == (0, False)
    kinds = [(checked(event)["eventType"], event["job"]["name"]) for _, _, event in server.got]
    assert kinds == [("START", "p.run"), ("START", "model.p.a"), ("COMPLETE", "model.p.a"), ("COMPLETE", "p.run")]
    assert {(path, key) for path, key, _ in server.got} == {("/api/v1/lineage", f"Bearer {KEY}")}
    assert {event["job"]["namespace"] for _, _, event in server.got} == {"prod"}
    assert KEY not in json.dumps([event for _, _, event in server.got])


def test_the_usual_variables_name_the_server_and_what_started_the_run(eltflow, project, server):
    root = project({"models/a.sql": "select 1 as id"})
    parent = "airflow/dag.task/0190f9a6-0000-7000-8000-000000000001"
    named = {"OPENLINEAGE_URL": f"{server.url}/own/endpoint", "OPENLINEAGE_NAMESPACE": "n", "OPENLINEAGE_PARENT_ID": parent}
    assert eltflow("run", cwd=root, env=named).code == 0
    path, key, first = server.got[0]
    assert (path, key, first["job"]["namespace"]) == ("/own/endpoint", None, "n")
    told = checked(first)["run"]["facets"]["parent"]
    assert "/".join((told["job"]["namespace"], told["job"]["name"], told["run"]["runId"])) == parent
    server.got.clear()
    assert eltflow("run", cwd=root, env={**named, "OPENLINEAGE_DISABLED": "true"}).code == 0
    assert server.got == []


def test_a_server_that_stumbles_is_tried_again(eltflow, project, server):
    root = project({"models/a.sql": "select 1 as id"}, settings=SERVER)
    server.answers[:] = [503, 429]
    ran = eltflow("run", cwd=root, env={"WHERE": server.url, "KEY": KEY})
    assert (ran.code, "OpenLineage" in ran.text, len(server.got)) == (0, False, 4)


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([403] * 4, "4 OpenLineage events did not reach {}: it answers 403"),
        ([307] * 4, "4 OpenLineage events did not reach {}: it answers 307"),
    ],
)
def test_a_server_that_refuses_stops_no_run(eltflow, project, server, answers, told):
    """Nor is the key carried to where it would send us on."""
    root = project({"models/a.sql": "select 1 as id"}, settings=SERVER)
    server.answers[:] = answers
    ran = eltflow("run", cwd=root, env={"WHERE": server.url, "KEY": KEY})
    assert ran.code == 0
    assert told.format(server.url) in ran.text
    assert server.got == []


def test_no_server_stops_no_run_and_no_secret_is_told(eltflow, project, server):
    root = project({"models/a.sql": "select 1 as id"}, settings=SERVER)
    url = server.url.replace("//", "//me:pa55word-of-mine@").rsplit(":", 1)[0] + ":9"
    ran = eltflow("run", cwd=root, env={"WHERE": url, "KEY": KEY})
    assert ran.code == 0
    assert "4 OpenLineage events did not reach http://127.0.0.1:9: no answer (" in ran.text
    assert KEY not in ran.text
    assert "pa55word" not in ran.text


@pytest.mark.parametrize(
    ("settings", "env", "code", "told"),
    [
        ("openlineage: {}\n", {}, "E0103", "`openlineage` says neither `url` nor `file`"),
        ("openlineage: {fiel: x}\n", {}, "E0104", "did you mean `file`?"),
        ("openlineage: {url: 'ftp://x'}\n", {}, "E0103", "`url` of `openlineage` is no http address"),
        ("openlineage: {url: \"{{ env_var('NOWHERE') }}\"}\n", {}, "E0304", "NOWHERE"),
        ("openlineage: {url: 'http://x', api_key: s3cret}\n", {}, "E0103", "`api_key` of `openlineage` is written down"),
        ("", {"OPENLINEAGE_URL": "lineage.example"}, "E0103", "OPENLINEAGE_URL is no http address"),
    ],
)
def test_wrong_settings_stop_a_run_before_anything_is_touched(eltflow, project, settings, env, code, told):
    root = project({"models/a.sql": "select 1 as id"}, settings=settings)
    ran = eltflow("run", cwd=root, env=env)
    assert ran.code == 2
    assert f"error[{code}]" in ran.err
    assert told in ran.err
    assert "s3cret" not in ran.text
    assert not (root / "p.duckdb").exists()


def test_a_file_that_cannot_be_written_is_a_warning(eltflow, project):
    root = project({"models/a.sql": "select 1 as id", "logs/lineage.jsonl/x": ""}, settings=FILE)
    ran = eltflow("run", cwd=root)
    assert ran.code == 0
    assert "OpenLineage events cannot be written to logs/lineage.jsonl: Is a directory" in ran.text
