"""kill -9 during every kind of build, at seeded points; the next build makes everything as if nothing had been."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import duckdb
import pytest
from forked import Forked

SETTINGS = "name: k\ntargets:\n  dev: {type: duckdb, path: k.duckdb, schema: s, threads: 2}\n"
ROWS = 60_000
#: kind → (files, how many statements its second build sends). The first build makes what the second one changes.
FIRST, LATER = "{% if not is_incremental() %}", "{% else %}"


def incremental(config: str) -> str:
    rows = f"select range as id, 'v' || range as v from range({ROWS})"
    more = f"select range as id, 'w' || range as v from range({ROWS // 2}, {ROWS + ROWS // 2})"
    more += f" where (select count(*) from {{{{ this }}}}) = {ROWS}"
    return f"{{{{ config(materialized='incremental'{config}) }}}}\n{FIRST}{rows}{LATER}{more}{{% endif %}}"


TABLE = f"select range as id, 'v' || range as v from range({ROWS})"
INGEST = "steps: [{name: m, source: {kind: files, path: data/*.csv}, into: s, load: %s}]\n"
KINDS: dict[str, tuple[dict[str, str], int]] = {
    "view": ({"models/m.sql": "{{ config(materialized='table') }}\n" + TABLE}, 4),
    "table": ({"models/m.sql": TABLE}, 5),
    "append": ({"models/m.sql": incremental(", incremental_strategy='append'")}, 4),
    "delete+insert": ({"models/m.sql": incremental(", unique_key='id'")}, 7),
    "merge": ({"models/m.sql": incremental(", unique_key='id', incremental_strategy='merge'")}, 6),
    "seed": ({"seeds/m.csv": "id,v\n" + "".join(f"{i},v{i}\n" for i in range(20_000))}, 4),
    "ingest append": ({"ingest/i.yml": INGEST.replace("into: s", "into: raw.m") % "append"}, 8),
    "ingest replace": ({"ingest/i.yml": INGEST.replace("into: s", "into: raw.m") % "replace"}, 7),
}


class Killable:
    """Builds that die on demand."""

    def __init__(self, forked: Forked) -> None:
        self._forked = forked
        self.said = ""

    def build(self, root: Path, kill: tuple[int, float] | None = None) -> int:
        statement, delay = kill or (None, 0.0)
        code, out, err = self._forked("build", "--quiet", cwd=root, statement=statement, delay=delay)
        self.said = out + err
        return code


@pytest.fixture
def killable(forked):
    return Killable(forked)


def data(root: Path, batch: int) -> None:
    (root / "data").mkdir(exist_ok=True)
    for number in range(2):
        name = root / "data" / f"{batch}-{number}.csv"
        name.write_text("id,v\n" + "".join(f"{batch * 100_000 + number * 10_000 + i},x{i}\n" for i in range(5_000)))
        os.utime(name, (1_000_000, 1_000_000))


def prepare(root: Path, kind: str, killable: Killable) -> None:
    """The project, built once; then what makes the next build do something."""
    files, _ = KINDS[kind]
    for name, text in {"eltflow.yml": SETTINGS, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "models").mkdir(exist_ok=True)
    if kind.startswith("ingest"):
        data(root, 1)
    assert killable.build(root) == 0, killable.said
    if kind.startswith("ingest"):
        data(root, 2)
    if kind in ("view", "table"):
        (root / "models/m.sql").write_text(f"{{{{ config(materialized='{kind}') }}}}\n" + TABLE.replace("'v'", "'w'"))
    if kind == "seed":
        path = root / "seeds/m.csv"
        path.write_text(path.read_text().replace("v", "w").replace("id,w", "id,v"))


def contents(root: Path) -> dict[str, object]:
    """Every relation's rows as a count and a checksum, and what was written down of loads and of effects: of these the latest, which is
    what the record says that stands."""
    with duckdb.connect(str(root / "k.duckdb"), read_only=True) as con:
        tables = con.execute("select table_schema, table_name, table_type from information_schema.tables order by all").fetchall()
        found: dict[str, object] = {"tables": tables}
        for schema, name, _ in tables:
            if schema != "eltflow_meta":
                found[name] = con.execute(f'select count(*), sum(hash(t)::hugeint) from "{schema}"."{name}" as t').fetchone()
            elif name == "file":
                found[name] = con.execute("select relation, path, hash from eltflow_meta.file order by all").fetchall()
            elif name == "applied":
                latest = "qualify row_number() over (partition by relation order by applied_at desc) = 1 order by all"
                found[name] = con.execute(f"select relation, node, fingerprint, rows from eltflow_meta.applied {latest}").fetchall()
            else:
                found[name] = con.execute("select relation, files, rows from eltflow_meta.load order by all").fetchall()
        return found


def prove_kind(kind: str, kills: int, seed: int, tmp_path: Path, killable: Killable) -> None:
    start, undisturbed = tmp_path / "start", tmp_path / "undisturbed"
    prepare(start, kind, killable)
    before = contents(start)
    shutil.copytree(start, undisturbed)
    assert killable.build(undisturbed) == 0
    expected = contents(undisturbed)
    assert before != expected
    chance = random.Random(f"{kind} {seed}")
    killed = 0
    for number in range(kills):
        root = tmp_path / "killed"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(start, root)
        point = chance.randint(1, KINDS[kind][1]), chance.choice([0.0, chance.uniform(0, 0.002), chance.uniform(0, 0.01)])
        code = killable.build(root, point)
        assert code in (-9, 0), killable.said
        killed += code == -9
        seen = contents(root)
        assert seen in (before, expected), f"half a build after kill {number} at {point}"
        assert killable.build(root) == 0, killable.said
        after = contents(root)
        if seen == expected:  # the kill came after the end: a second build does what is left for it, and records that
            after["applied"] = expected["applied"]
            if kind == "ingest replace":
                after["load"] = expected["load"]
        assert after == expected, f"after kill {number} at {point}"
    assert killed >= kills // 2, "the kills came too late to prove anything"


@pytest.mark.parametrize("kind", list(KINDS))
def test_killed(kind, tmp_path, killable):
    prove_kind(kind, 10, 1, tmp_path, killable)


@pytest.mark.prove
@pytest.mark.parametrize("kind", list(KINDS))
def test_killed_two_hundred_times(kind, tmp_path, killable):
    prove_kind(kind, 200, 2, tmp_path, killable)
