"""The README that `eltflow init` leaves in a new project does what it says."""

from __future__ import annotations

import pages


def test_what_the_readme_tells_to_do(eltflow, tmp_path):
    assert eltflow("init", "shop", cwd=tmp_path).code == 0
    root = tmp_path / "shop"
    readme = root / "README.md"
    script, model = pages.blocks(readme)
    for line in script.text.splitlines():
        words = line.split("#")[0].split()
        assert words[0] == "eltflow"
        assert eltflow(*words[1:], cwd=root).code == 0, line
    assert "models/marts/daily_takings.sql" in readme.read_text()
    (root / "models/marts/daily_takings.sql").write_text(model.text)
    assert eltflow("build", "--select", "daily_takings", cwd=root).code == 0
    assert "6 rows" in eltflow("show", "--select", "daily_takings", cwd=root).out
    (orders,) = (root / "data").iterdir()
    orders.write_text(orders.read_text().replace("espresso", "tea for two", 1))
    (root / "shop.duckdb").unlink()
    broken = eltflow("build", cwd=root)
    assert broken.code == 1
    assert "relationships on stg_orders.item" in broken.out
    assert "skipped 4 nodes below the test " in broken.out
