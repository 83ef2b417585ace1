"""A manifest in which only the edited node's line was replaced says the same as one that was written whole."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any


def _nodes(root: Path) -> dict[str, Any]:
    value = json.loads((root / "target/manifest.json").read_text())
    value.pop("metadata")
    for kind in ("nodes", "sources", "macros", "exposures"):
        for entry in value[kind].values():
            entry.pop("created_at", None)
    return value  # type: ignore[no-any-return]


FILES = {"models/a.sql": "select 1 as x", "models/b.sql": "select x from {{ ref('a') }}", "models/c.sql": "select x from b"}


def test_parse_after_an_edit(eltflow, project):
    root = project(FILES)
    assert eltflow("parse", cwd=root).code == 0
    before = (root / "target/manifest.json").read_text().splitlines()
    (root / "models/b.sql").write_text("select x, x as y from {{ ref('a') }}\n")
    assert eltflow("parse", cwd=root).code == 0
    after = (root / "target/manifest.json").read_text().splitlines()
    (changed,) = (new for old, new in zip(before, after, strict=True) if old != new)
    assert changed.startswith('"model.p.b": ')
    patched = _nodes(root)
    shutil.rmtree(root / "target")
    assert eltflow("parse", cwd=root).code == 0
    assert patched == _nodes(root)


def test_build_after_an_edit(eltflow, project):
    root = project(FILES)
    assert eltflow("build", cwd=root).code == 0
    (root / "models/b.sql").write_text("select x, x as y from {{ ref('a') }}\n")
    assert eltflow("build", "--select", "b", cwd=root).code == 0
    patched = _nodes(root)["nodes"]["model.p.b"]
    shutil.rmtree(root / "target")
    assert eltflow("build", "--select", "b", cwd=root).code == 0
    assert patched == _nodes(root)["nodes"]["model.p.b"]
