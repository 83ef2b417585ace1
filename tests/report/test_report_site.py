"""What the docs site is made of: complete, packed so that nothing in it is read as code, written anew without leftovers."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from eltflow import api
from eltflow.report.site.files import single_page, site_files

EVIL = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)> \u2028 ünï \"'` @@PARTS@@ <!-- <![CDATA["


class Page(HTMLParser):
    """The tags of a page, and the text of its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": []}
        self._open: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag if tag in self.inside else None
        if self._open is not None:
            self.inside[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = None

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self.inside[self._open][-1] += data

    @property
    def policy(self) -> str:
        return str(next(a["content"] for _, a in self.tags if a.get("http-equiv") == "Content-Security-Policy"))


def unpacked(packed: str) -> Any:
    return json.loads(zlib.decompress(base64.b64decode(packed)))


def details(parts: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every node's details by its id."""
    return {node["id"]: node for name, part in parts.items() if name.startswith("nodes-") for node in part}


def test_the_parts_hold_the_project(built_example: Any) -> None:
    parts = built_example.site(readme="# Hello")
    manifest = built_example.manifest()
    index, nodes = parts["index"], parts["index"]["nodes"]
    told = details(parts)
    ids = list(told)
    assert {i for i in manifest["nodes"] if i.startswith(("model.", "seed."))} | {*manifest["sources"]} <= {*ids}
    assert {len(column) for column in nodes.values()} == {len(ids)}
    assert index["readme"] == "# Hello"
    assert index["runs"][0]["status"] == "success"
    assert index["tests"][0] == len(parts["tests"]) == sum(1 for i in manifest["nodes"] if i.startswith("test."))
    assert index["macros"] == len(parts["macros"]) == len(manifest["macros"])
    for at, (unique_id, node) in enumerate(told.items()):
        assert all(ids[i] in manifest["parent_map"][unique_id] for i in nodes["up"][at])
        if nodes["kind"][at] in ("model", "seed", "ingest") and nodes["materialized"][at] != "ephemeral":
            assert node["columns"]
            assert node["runs"][0][1] == "success"
            assert nodes["built"][at] is not None
        assert all(test["status"] in ("pass", "warn") for test in node["tests"])
    assert any(node["compiled"] != node["raw"] for node in told.values())


def test_column_lineage_names_nodes_by_their_place(built_example: Any) -> None:
    parts = built_example.site()
    kinds = parts["index"]["nodes"]["kind"]
    found = [node for name, part in parts.items() if name.startswith("lineage-") for node in part]
    assert len(found) == len(kinds)
    edges = 0
    for at, node in enumerate(found):
        if node is None:
            continue
        for _, origins, influences, _, unknown in node[0]:
            assert unknown is None
            for place, _, _ in (*origins, *influences):
                assert isinstance(place, int)
                assert place in parts["index"]["nodes"]["up"][at] or kinds[place] == "model"
                edges += 1
    assert edges > 20
    assert any(column[3] is not None for node in found if node is not None for column in node[0])


def test_only_some_nodes(built: Callable[..., Any]) -> None:
    one = built({"models/a.sql": "select 1 as x", "models/b.sql": "select x from a", "models/c.sql": "select x from b"})
    parts = one.site(only={"model.p.b", "model.p.c"})
    assert [node["id"] for node in parts["nodes-000"]] == ["model.p.b", "model.p.c"]
    assert parts["index"]["nodes"]["up"] == [[], [0]]
    assert parts["lineage-000"][0][0] == [["x", [["model.p.a", "x", 0]], [], None, None]]


def test_what_columns_inherit_is_shown_with_where_it_is_from(built: Callable[..., Any]) -> None:
    one = built(
        {
            "models/a.sql": "select 1 as id, 2 as n",
            "models/b.sql": "select id as a_id, n + 1 as n from a",
            "models/p.yml": "models:\n  - name: a\n    columns:\n"
            "      - {name: id, description: who, tags: [key], meta: {from: register, level: 1}}\n"
            "      - {name: n, description: how many}\n  - name: b\n    config: {docs: {inherit: true}}\n"
            "    columns: [{name: a_id, tags: [own], meta: {level: 2}}]\n",
        }
    )
    copied, computed = details(one.site())["model.p.b"]["columns"]
    assert copied == {
        "name": "a_id",
        "type": "INTEGER",
        "description": "who",
        "from": [0, "id"],
        "tags": ["own"],
        "meta": {"level": 2},
        "inherited_tags": [["key", 0, "id"]],
        "inherited_meta": [["from", "register", 0, "id"]],
    }
    assert computed == {"name": "n", "type": "INTEGER", "description": "", "tags": []}


def test_what_is_made_of_personal_columns_is_marked(built: Callable[..., Any]) -> None:
    one = built(
        {
            "models/a.sql": "select 'a@b' as mail, 1 as id",
            "models/b.sql": "select mail as copied, upper(mail) as computed, length(mail) as cleared, id from a",
            "models/c.sql": "select computed || '!' as twice, count(copied) as many from b group by all",
            "models/p.yml": "models:\n  - {name: a, columns: [{name: mail, tags: [pii]}]}\n"
            "  - {name: b, columns: [{name: cleared, meta: {pii: false}}]}\n",
        }
    )
    found = details(one.site())
    marks = {id: {c["name"]: c.get("pii") for c in found[f"model.p.{id}"]["columns"]} for id in "abc"}
    assert marks == {
        "a": {"mail": None, "id": None},  # the tag says it
        "b": {"copied": [0, "mail"], "computed": [0, "mail"], "cleared": None, "id": None},
        "c": {"twice": [0, "mail"], "many": None},
    }


def test_owners_of_nodes_and_groups(built: Callable[..., Any]) -> None:
    one = built(
        {
            "models/a.sql": "{{ config(group='g') }} select 1 as x",
            "models/b.sql": "select x from a",
            "models/p.yml": "groups: [{name: g, owner: {name: Ann, email: [a@x.org, b@x.org]}}]\n"
            "models: [{name: b, config: {meta: {owner: Bert}}, columns: [{name: x, data_tests: [not_null]}]}]\n"
            "exposures: [{name: e, type: dashboard, owner: {email: c@x.org}, depends_on: [ref('b')]}]\n",
        }
    )
    parts = one.site()
    index = parts["index"]
    assert dict(zip(index["nodes"]["name"], index["nodes"]["owner"], strict=True)) == {"a": None, "b": "Bert", "e": "c@x.org"}
    assert index["groups"] == [{"name": "g", "description": "", "owner": "Ann · a@x.org, b@x.org"}]
    assert parts["search"]["tests"] == [["not_null_b_x", index["nodes"]["name"].index("b"), "x"]]


def test_how_old_sources_may_be_is_told_in_hours(built: Callable[..., Any]) -> None:
    one = built(
        {
            "models/s.yml": "sources:\n  - name: raw\n    tables:\n"
            "      - {name: both, freshness: {warn_after: {count: 90, period: minute}, error_after: {count: 2, period: day}}}\n"
            "      - {name: one, freshness: {error_after: {count: 3, period: hour}}}\n      - {name: none}\n",
        }
    )
    nodes = one.site()["index"]["nodes"]
    assert dict(zip(nodes["name"], nodes["limits"], strict=True)) == {
        "raw.both": [1.5, 48.0],
        "raw.one": [None, 3.0],
        "raw.none": None,
    }
    assert nodes["built"] == nodes["newest"] == [None, None, None]
    seen = {"unique_id": "source.p.raw.one", "max_loaded_at": "2026-01-01T00:00:00Z", "snapshotted_at": "2026-01-01T02:00:00Z"}
    broken = {"unique_id": "source.p.raw.none", "error": "no table", "status": "runtime error"}
    nodes = one.site(measured={"results": [seen, broken]})["index"]["nodes"]
    assert dict(zip(nodes["name"], nodes["newest"], strict=True)) == {
        "raw.both": None,
        "raw.one": ["2026-01-01T00:00:00Z", "2026-01-01T02:00:00Z"],
        "raw.none": None,
    }


def test_before_the_first_run_columns_come_from_the_sql(project: Callable[..., Path]) -> None:
    files = {
        "models/a.sql": "select 1 as id, 'x' as name",
        "models/p.yml": "models: [{name: a, columns: [{name: name, description: who, data_type: text}, {name: gone}]}]",
    }
    page = api.generate_docs(api.load(project(files), api.new_options())).page
    parts = _parts(page)
    assert parts["index"]["runs"] == []
    assert [(c["name"], c["type"], c["description"]) for c in parts["nodes-000"][0]["columns"]] == [
        ("id", None, ""),
        ("name", "text", "who"),
        ("gone", None, ""),
    ]


def test_columns_that_are_not_known_are_told_with_the_reason(project: Callable[..., Path]) -> None:
    files = {
        "models/a.sql": "select * from {{ source('raw', 'old') }}",
        "models/b.sql": "select 1 as id",
        "models/c.sql": "select id, name from read_csv('files/c.csv')",
        "models/s.yml": "sources: [{name: raw, tables: [{name: old}]}]",
        "files/c.csv": "id,name\n1,x\n",
    }
    parts = _parts(api.generate_docs(api.load(project(files), api.new_options())).page)
    told = {one["id"]: one.get("unlisted") for one in parts["nodes-000"]}
    assert told == {
        "model.p.a": "the columns of source.p.raw.old are not known",
        "model.p.b": None,
        "model.p.c": None,
        "source.p.raw.old": None,
    }
    at = parts["index"]["nodes"]["name"].index("c")
    assert [(name, unknown) for name, _, _, _, unknown in parts["lineage-000"][at][0]] == [
        ("id", "what the function read_csv reads is not known"),
        ("name", "what the function read_csv reads is not known"),
    ]


def test_an_empty_project_has_a_site(project: Callable[..., Path]) -> None:
    page = api.generate_docs(api.load(project({}), api.new_options())).page
    assert _parts(page)["index"]["nodes"]["kind"] == []
    assert not list((page.parent / "data").glob("nodes-*"))


def _parts(page: Path) -> dict[str, Any]:
    made = {}
    for file in (page.parent / "data").glob("*.js"):
        found = re.fullmatch(r'eltflowPart\("([\w-]+)","([A-Za-z0-9+/=]*)"\);\n', file.read_text())
        assert found is not None, f"{file.name} is more than a call"
        assert found.group(1) == file.stem
        made[file.stem] = unpacked(found.group(2))
    return made


def test_relationships_and_keys(built: Callable[..., Any]) -> None:
    one = built(
        {
            "models/a.sql": "select 1 as id, 2 as boss",
            "models/b.sql": "select 1 as a_id",
            "models/p.yml": """
models:
  - name: a
    columns:
      - {name: id, data_tests: [unique, not_null]}
      - {name: boss, data_tests: [{relationships: {arguments: {to: ref('a'), field: id}, config: {severity: warn}}}]}
  - name: b
    columns: [{name: a_id, data_tests: [{relationships: {arguments: {to: ref('a'), field: id}}}]}]
""",
        }
    )
    assert one.site()["erd"] == {
        "keys": {0: ["id"]},
        "primary": {},
        "links": [[0, "boss", 0, "id", False], [1, "a_id", 0, "id", False]],
    }


def test_contracts_are_in_the_diagram_and_on_their_pages(built: Callable[..., Any]) -> None:
    one = built(
        {
            "models/a.sql": "select 1 as id, 'x' as code",
            "models/b.sql": "select 1 as a_id, 1 as line",
            "models/c.sql": "select 1 as a_id",
            "models/m.yml": """
models:
  - name: a
    config: {materialized: table, contract: {enforced: true}}
    columns:
      - {name: id, data_type: integer, constraints: [{type: primary_key}, {type: not_null}]}
      - {name: code, data_type: varchar, constraints: [{type: unique}]}
  - name: b
    config: {materialized: table, contract: {enforced: true}}
    constraints:
      - {type: primary_key, columns: [a_id, line]}
      - {type: check, expression: line > 0}
    columns:
      - name: a_id
        data_type: integer
        constraints: [{type: foreign_key, to: ref('a'), to_columns: [id]}]
        data_tests: [{relationships: {to: ref('a'), field: id}}]
      - {name: line, data_type: integer}
  - name: c
    config: {materialized: table}
    columns:
      - {name: a_id, data_type: integer, constraints: [{type: foreign_key, to: ref('a'), to_columns: [id]}]}
""",
        }
    )
    parts = one.site()
    assert parts["erd"] == {
        "keys": {0: ["code"]},
        "primary": {0: ["id"], 1: ["a_id", "line"]},
        "links": [[1, "a_id", 0, "id", True]],
    }
    told = details(parts)
    assert [c["rules"] for c in told["model.p.a"]["columns"]] == [["primary key", "not null"], ["unique"]]
    assert told["model.p.b"]["contract"] == ["primary key on a_id, line", "check line > 0"]
    assert told["model.p.b"]["columns"][0]["rules"] == ['foreign key to "p"."s"."a" (id)']
    assert "contract" not in told["model.p.c"]


def test_names_that_two_nodes_share(built: Callable[..., Any]) -> None:
    from eltflow.report.site.facts import _unique

    pairs = [("model", "a"), ("seed", "a"), ("model", "b"), ("model", "b")]
    assert _unique(pairs, ["m.a", "s.a", "p.b", "q.b"]) == ["a", "a", "p.b", "q.b"]


def test_the_files_are_inert(built_example: Any) -> None:
    files = dict(site_files(built_example.site(readme=EVIL)))
    *_, last = files
    assert last == "index.html"
    page = Page(files["index.html"])
    sources = [str(a["src"]) for tag, a in page.tags if tag == "script"]
    assert [re.sub(r"\?.*", "", source) for source in sources] == ["site.js", "data/index.js"]
    assert page.inside["script"] == ["", ""]
    assert page.policy.startswith("default-src 'none'; script-src 'self' file:;")
    assert "unsafe" not in page.policy
    assert EVIL not in "".join(files.values())


def test_the_single_page_lets_only_its_own_program_run(built_example: Any) -> None:
    parts = built_example.site(readme=EVIL)
    text = "".join(single_page(parts))
    page = Page(text)
    program, style = page.inside["script"][-1], page.inside["style"][0]
    for body, directive in ((program, "script-src"), (style, "style-src")):
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}';" in page.policy
    assert "unsafe" not in page.policy
    held = {str(a["id"]).removeprefix("part-") for tag, a in page.tags if tag == "script" and a.get("type") == "text/plain"}
    assert held == {*parts}
    assert unpacked(page.inside["script"][0]) == json.loads(json.dumps(parts["index"]))
    assert not [a for _, attributes in page.tags for a in attributes if a in ("src", "srcset", "background") or a.startswith("on")]


@pytest.mark.parametrize("evil", [EVIL, "\ud800 lone", "\x00\x1b[31m", "{{ not jinja }}"])
def test_odd_texts_arrive_as_they_are(built: Callable[..., Any], evil: str) -> None:
    one = built({"models/a.sql": "select 1 as \"we</script>ird\", 'x' as x"}, settings=f"# {json.dumps(EVIL)}\n")
    parts = one.site(readme=evil)
    text = "".join(single_page(parts))
    assert text.count("<script") == len(parts) + 1
    assert unpacked(Page(text).inside["script"][0])["readme"] == evil
    text.encode("utf-8")


def test_writing_again_leaves_nothing_behind(project: Callable[..., Path]) -> None:
    root = project({f"models/m{i}.sql": "select 1 as x" for i in range(60)})
    page = api.generate_docs(api.load(root, api.new_options())).page
    data = page.parent / "data"
    assert {"nodes-000.js", "nodes-001.js"} <= {file.name for file in data.iterdir()}
    (data / "notes.txt").write_text("somebody's own")
    for i in range(30, 60):
        (root / f"models/m{i}.sql").unlink()
    api.generate_docs(api.load(root, api.new_options()))
    assert "nodes-001.js" not in {file.name for file in data.iterdir()}
    assert (data / "notes.txt").is_file()


def test_deliveries_and_tasks_have_pages_of_their_own(built: Callable[..., Any]) -> None:
    step = "{name: out, from: a, to: {kind: files, path: out.csv}, targets: [dev]}"
    task = "{name: score, command: [python3, -c, print(1)], reads: [a], targets: [dev]}"
    made = built({"models/a.sql": "select 1 as id", "deliver/d.yml": f"steps: [{step}]", "tasks/t.yml": f"tasks: [{task}]"})
    found = {unique_id.rpartition(".")[2]: node for unique_id, node in details(made.site()).items()}
    index = made.site()["index"]["nodes"]
    kinds = dict(zip(index["name"], index["kind"], strict=True))
    assert (kinds["out"], kinds["score"]) == ("deliver", "task")
    assert found["out"]["outside"] == {"to": {"kind": "files", "path": "out.csv"}, "send": "all", "targets": ["dev"]}
    assert found["score"]["outside"] == {"command": "python3", "targets": ["dev"]}
    assert [run[1] for run in found["out"]["runs"]] == ["success"]
    assert "exposure" not in found["out"]
