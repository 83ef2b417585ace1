"""Nothing that a project says runs, and nothing leaves the page's origin."""

from __future__ import annotations

import base64
import http.client
import json
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browsing import documented, served

EVIL = (
    "</script><script>alert('owned')</script><img src=x onerror=alert(1)><svg onload=alert(2)> "
    "[link](javascript:alert(3)) ![pixel](http://127.0.0.2:9/pixel.png) <style>@import 'http://127.0.0.2:9/x.css'</style> "
    "\u2028 @@PARTS@@ <!-- <![CDATA["
)
NAME = "we</script><img src=x onerror=alert(4)>ird"
FILES = {
    "README.md": f"# Read {EVIL}\n\n<script>alert(5)</script>\n",
    "models/a.sql": f"select 1 as \"{NAME}\", '{EVIL.replace(chr(39), chr(39) * 2)}' as x -- {EVIL}",
    "models/b.sql": "select x, x || 'b' as y from a",
    "models/p.yml": "models:\n  - name: a\n    description: {0}\n    config: {{tags: [{0}], meta: {{owner: {0}, note: {0}}}}}\n"
    "    columns:\n      - {{name: x, description: {0}, data_tests: [{{accepted_values: {{arguments: {{values: [{0}]}}}}}}]}}\n"
    "exposures:\n  - {{name: e, type: dashboard, owner: {{name: {0}}}, description: {0}, url: 'javascript:alert(6)', "
    "depends_on: [ref('a')]}}\n".format(json.dumps(EVIL)),
    "macros/m.sql": f"{{% macro m(a) %}}{EVIL.replace('{', '').replace('%', '')}{{% endmacro %}}",
}
PLACES = (
    "#/",
    "#/model/a",
    "#/model/a/column/x",
    "#/model/b/column/y",
    "#/exposure/e",
    "#/macro/m",
    "#/macros",
    "#/tests",
    "#/models",
)
LINEAGE = ("#/lineage", "#/lineage/model/a?column=x", "#/lineage/model/a?column=<script>alert(1)</script>", "#/relationships")


@pytest.mark.parametrize("page", ["docs/index.html", "docs.html"])
def test_hostile_texts_are_shown_and_never_run(docs_of: Callable[..., Path], look: Callable[..., Any], page: str) -> None:
    target = docs_of(FILES)
    seen = look(target / page)
    for place in (*PLACES, *LINEAGE):
        seen.page.evaluate("place => { location.hash = place }", place)
        seen.page.wait_for_timeout(250)
        odd = seen.page.evaluate(
            "() => document.querySelectorAll('#app script, #app img, #app iframe, #app style, #app [onerror]').length"
        )
        assert odd == 0, place
        links = seen.page.locator("#app a").evaluate_all("all => all.map(one => one.getAttribute('href'))")
        assert not [link for link in links if link.lower().startswith(("javascript:", "data:"))], place
    seen.page.evaluate("location.hash = '#/model/a'")
    seen.page.wait_for_selector("table.columns")
    assert NAME in seen.page.locator("table.columns").inner_text()
    assert "alert('owned')" in seen.page.locator(".prose").first.inner_text()
    seen.page.keyboard.press("/")
    seen.page.locator("dialog input").fill("<script>alert")
    seen.page.wait_for_timeout(300)
    assert seen.page.locator("dialog script").count() == 0


@pytest.mark.parametrize("page", ["docs/index.html", "docs.html"])
def test_the_policy_stops_what_would_slip_through(flights: Path, look: Callable[..., Any], page: str) -> None:
    seen = look(flights / page)
    ran = seen.page.evaluate(
        """async () => {
            const script = document.createElement('script'); script.textContent = 'window.owned = true'; document.body.append(script);
            const image = document.createElement('img'); image.setAttribute('onerror', 'window.owned = true'); image.src = 'data:x';
            document.body.append(image);
            let fetched = 'no';
            try { await fetch('http://127.0.0.1:9/x'); fetched = 'yes' } catch (error) { fetched = String(error) }
            await new Promise(done => setTimeout(done, 200));
            return [window.owned === true, fetched];
        }"""
    )
    assert ran[0] is False
    assert "Failed to fetch" in ran[1]
    assert any("Content Security Policy" in said for said in seen.said)
    seen.said.clear()


def test_rows_messages_and_environment_stay_away(project: Callable[..., Path]) -> None:
    root = project(
        {
            "models/a.sql": "{{ config(pre_hook=\"select '\" ~ env_var('PRIVATE_TOKEN') ~ \"'\") }} select 'c' || 'lassified' as x",
            "models/bad.sql": "select ('c' || 'onfidential')::int as n",
            "tests/t.sql": "select * from a",
        }
    )
    target = documented(root, env={"PRIVATE_TOKEN": "s3cr3t-token"})
    packed = re.findall(r'"([A-Za-z0-9+/=]{40,})"', "".join(f.read_text() for f in (target / "docs/data").glob("*.js")))
    text = "".join(zlib.decompress(base64.b64decode(one)).decode() for one in packed)
    assert '"name": ["' in text
    assert "error" in text
    for secret in ("classified", "confidential", "s3cr3t-token"):
        assert secret not in text


def test_the_server_gives_the_site_and_nothing_else(flights: Path) -> None:
    (flights / "docs" / "link.json").symlink_to(flights / "manifest.json")
    try:
        with served(flights) as address:
            port = int(address.rstrip("/").rpartition(":")[2])

            def ask(path: str, host: str | None = None) -> int:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                connection.request("GET", path, headers={"Host": host} if host else {})
                status = connection.getresponse().status
                connection.close()
                return status

            assert ask("/") == 200
            assert ask("/site.js") == 200
            assert ask("/", host=f"localhost:{port}") == 200
            assert ask("/", host="evil.example") == 403
            assert ask("/data/") == 404
            assert ask("/../manifest.json") == 404
            assert ask("/%2e%2e/manifest.json") == 404
            assert ask("/link.json") == 403
    finally:
        (flights / "docs" / "link.json").unlink()
