"""The parts of a docs site → its files: a folder whose parts are scripts, loaded when needed, or one page that holds them all.

Parts are compressed JSON in base64, so that nothing in them is read as HTML or as a script. The content policy lets the site's own program
run and nothing else, and lets no request leave: from a file as from a server.
"""

from __future__ import annotations

import base64
import hashlib
import html
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from eltflow.report.info import to_json

_ASSETS = Path(__file__).with_name("assets")
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E"
    "%3Crect width='32' height='32' rx='8' fill='%234f46e5'/%3E"
    "%3Cpath d='M9 10h6a4 4 0 0 1 4 4v4a4 4 0 0 0 4 4M9 16h6M9 22h4' fill='none' stroke='white' stroke-width='2.6'/%3E%3C/svg%3E"
)


def site_files(chunks: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The files of a site by path, the page last: where it stands, all that it loads stands too."""
    stamp = hashlib.sha256()
    for name, value in chunks.items():
        packed = _packed(value)
        stamp.update(packed.encode())
        yield f"data/{name}.js", f'eltflowPart("{name}","{packed}");\n'
    program, style = _program()
    stamp.update((program + style).encode())
    yield "site.js", program
    yield "site.css", style
    # The same names hold other things the next time: the stamp keeps a browser from mixing the two.
    version = stamp.hexdigest()[:12]
    head = f'<link rel="stylesheet" href="site.css?{version}">'
    first = f'<script src="site.js?{version}" data-version="{version}" id="program"></script>'
    body = f'{first}\n<script src="data/index.js?{version}"></script>'
    # Chromium takes 'self' for a page from a file, Firefox and Safari want the scheme.
    yield "index.html", _page(chunks["index"], "script-src 'self' file:; style-src 'self' file:", head, body)


def single_page(chunks: Mapping[str, Any]) -> Iterator[str]:
    """One page that holds everything, in pieces."""
    program, style = _program()
    policy = f"script-src {_hash(program)}; style-src {_hash(style)}"
    before, _, after = _page(chunks["index"], policy, f"<style>{style}</style>", "@@PARTS@@").partition("@@PARTS@@")
    yield before
    for name, value in chunks.items():
        yield f'<script type="text/plain" id="part-{name}">{_packed(value)}</script>\n'
    yield f"<script>{program}</script>{after}"


def _program() -> tuple[str, str]:
    program, style = ((_ASSETS / name).read_text(encoding="utf-8") for name in ("site.js", "site.css"))
    return program, style


def _packed(value: Any) -> str:
    return base64.b64encode(zlib.compress(to_json(value).encode(), 6)).decode()


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def _page(index: Mapping[str, Any], policy: str, head: str, body: str) -> str:
    title = html.escape(str(index["project"]))
    rules = f"default-src 'none'; {policy}; img-src data:; base-uri 'none'; form-action 'none'"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{rules}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="{_ICON}">
{head}
</head>
<body>
<div id="app"><noscript>This page needs JavaScript. It runs nothing from elsewhere.</noscript></div>
{body}
</body>
</html>
"""
