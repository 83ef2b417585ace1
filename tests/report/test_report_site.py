"""The docs site: complete, and inert whatever a project says."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

EVIL = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)> \u2028 ünï \"'` @@DATA@@ <!-- <![CDATA["


class Page(HTMLParser):
    """The tags of a page, and the text of its scripts by id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: dict[str | None, str] = {}
        self._inside: str | bool | None = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = dict(attrs).get("id") if tag == "script" else False

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside is not False:
            self.scripts[self._inside] = self.scripts.get(self._inside, "") + data  # type: ignore[index]

    @property
    def data(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.scripts["data"])
        return read


def test_the_page_holds_the_project(built_example: Any) -> None:
    page = Page(built_example.site(readme="# Hello"))
    manifest = built_example.manifest()
    names = {n["id"] for n in page.data["nodes"]}
    assert {i for i in manifest["nodes"] if i.startswith(("model.", "seed."))} | {*manifest["sources"]} <= names
    assert page.data["readme"] == "# Hello"
    assert page.data["run"]["status"] == "success"
    assert page.data["tests"] == sum(1 for i in manifest["nodes"] if i.startswith("test."))
    for node in page.data["nodes"]:
        assert all(page.data["nodes"][i]["id"] in manifest["parent_map"][node["id"]] for i in node["up"])
        if node["kind"] in ("model", "seed", "source") and node["materialized"] != "ephemeral":
            assert node["columns"]
            assert node["last"]["status"] == "success"
        assert all(test["last"]["status"] in ("pass", "warn") for test in node["tests"])


def test_nothing_comes_from_outside(built_example: Any) -> None:
    text = built_example.site()
    page = Page(text)
    assert not [
        a for _, attributes in page.tags for a in attributes if a in ("src", "srcset", "data", "background") or a.startswith("on")
    ]
    assert not [attributes for tag, attributes in page.tags if tag in ("link", "iframe", "object", "base", "img")]
    assert "url(" not in re.sub(r'<script id="data".*?</script>', "", text, flags=re.DOTALL)


def test_only_the_pages_own_script_may_run(built_example: Any) -> None:
    page = Page(built_example.site())
    policy = next(a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(page.scripts[None].encode()).digest()).decode()
    assert policy is not None
    assert f"script-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy


def test_the_script_makes_no_html(built_example: Any) -> None:
    script = Page(built_example.site()).scripts[None]
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "srcdoc"):
        assert word not in script


@pytest.mark.parametrize("evil", [EVIL, "\ud800 lone", "\x00\x1b[31m", "{{ not jinja }}"])
def test_hostile_texts_are_inert(built: Callable[..., Any], evil: str) -> None:
    quoted = json.dumps(EVIL)
    one = built(
        {
            "models/a.sql": f"select 1 as \"we</script>ird\", '{EVIL.replace(chr(39), chr(39) * 2)}' as x",
            "models/p.yml": f"models:\n  - name: a\n    description: {quoted}\n    meta: {{owner: {quoted}}}\n"
            f"    columns: [{{name: x, description: {quoted}}}]\n",
        }
    )
    text = one.site(readme=evil)
    page = Page(text)
    assert text.count("<script") == 2
    assert [tag for tag, _ in page.tags].count("script") == 2
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert page.data["readme"] == evil
    (node,) = page.data["nodes"]
    assert node["description"] == EVIL
    assert {c["name"] for c in node["columns"]} == {"we</script>ird", "x"}
    assert EVIL.replace("'", "''") in node["raw"]
    text.encode("utf-8")


def test_failing_rows_are_not_part_of_the_page(built: Callable[..., Any]) -> None:
    one = built({"models/a.sql": "select 'c' || 'lassified' as x", "tests/t.sql": "select * from a"})
    page = Page(one.site())
    assert "classified" not in page.scripts["data"]
    assert next(n for n in page.data["nodes"] if n["kind"] == "test")["last"]["failures"] == 1
