"""A large project's docs: what they hold, how large they are, how fast they answer. The small one is in the fast suite; the figures of the
issue, with 10,000 models, are a proof (`make prove`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench import site
from bench.generate import generate


def test_three_hundred_models(tmp_path: Path, browser: Any) -> None:
    generate(tmp_path / "p", 300, "ref", "eltflow")
    site.generated(tmp_path / "p")
    docs = tmp_path / "p/target/docs"
    assert len(site.part(docs, "index")["nodes"]["kind"]) > 300
    assert site.size(docs) < 2_000_000
    site.looked_at(docs, browser, relatives=20)


@pytest.mark.prove
def test_ten_thousand_models(tmp_path: Path, browser: Any) -> None:
    generate(tmp_path / "p", 10_000, "ref", "eltflow")
    laps = site.generated(tmp_path / "p")
    docs = tmp_path / "p/target/docs"
    nodes = site.part(docs, "index")["nodes"]
    assert nodes["kind"].count("model") == 10_000
    assert sum(nodes["columns"]) > 100_000
    assert site.size(docs) < 60_000_000
    assert laps["site"] < 30
    seen = site.looked_at(docs, browser)
    assert seen["relatives"] >= 300
    assert seen["first page"] < 2000
    assert seen["lineage"] < 1000
    assert max(took for name, took in seen.items() if name.startswith("search")) < 100
