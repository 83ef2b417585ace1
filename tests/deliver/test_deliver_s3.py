"""Files into a store that speaks S3: there whole or not at all, and nothing of them here afterwards."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path
from typing import Any

import duckdb
import obstore
import pytest
from forked import Forked
from ran import everything
from s3_server import SECRET, Store
from shop import Eltflow, Project, delivery, shop


def to_s3(project: Project, s3: Store, path: str, *, target: Any = None, connection: str | None = "lake", **files: str) -> Path:
    to = {"kind": "files", "path": path, **({"connection": connection} if connection else {})}
    step = delivery(to=to, unique_key=None, columns=None)
    mail = {"type": "smtp", "host": "h", "from": "a@b", "to": "a@b"}
    return shop(project, "", target=target, connections={"lake": s3.connection, "mail": mail}, deliver__crm=step, **files)


def held(s3: Store, bucket: str, key: str) -> bytes:
    return bytes(obstore.get(s3._bucket(bucket), key).bytes())


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_file_is_put_whole(
    engine: str, ending: str, request: pytest.FixtureRequest, project: Project, eltflow: Eltflow, s3: Store
) -> None:
    bucket = f"put-{engine}-{ending}"
    s3.bucket(bucket)
    target = request.getfixturevalue("postgres").target() if engine == "postgres" else None
    root = to_s3(project, s3, f"s3://{bucket}/out/segments-{{date}}.{ending}", target=target)
    assert eltflow("build", cwd=root).code == 0
    rehearsed = eltflow("deliver", "--dry-run", cwd=root)
    assert f"3 rows to s3://{bucket}/out/segments-" in rehearsed.text
    assert obstore.list(s3._bucket(bucket)).collect() == []
    done = eltflow("deliver", cwd=root)
    assert done.code == 0, done.text
    assert f"written to s3://{bucket}/out/segments-" in done.out
    (found,) = obstore.list(s3._bucket(bucket)).collect()
    data = held(s3, bucket, found["path"])
    if ending == "csv":
        assert [line.split(",")[:2] for line in data.decode().splitlines()[:2]] == [["customer_id", "name"], ["1", "Ann"]]
    elif ending == "jsonl":
        assert [json.loads(line)["name"] for line in data.splitlines()] == ["Ann", "Bob", "Cid"]
    else:
        (root / "copy.parquet").write_bytes(data)
        assert duckdb.sql(f"select count(*), max(name) from '{root}/copy.parquet'").fetchall() == [(3, "Cid")]
    assert SECRET not in everything(root, done)


def test_a_large_file_goes_in_parts(project: Project, eltflow: Eltflow, s3: Store) -> None:
    s3.bucket("large")
    view = "select i as customer_id, md5(i::varchar) || md5((i + 1)::varchar) as name from range(200000) t(i)\n"
    root = to_s3(project, s3, "s3://large/segments.csv", models__segments=view)
    assert eltflow("build", cwd=root).code == 0
    assert eltflow("deliver", cwd=root).code == 0
    data = held(s3, "large", "segments.csv")
    assert len(data) > 12_000_000
    assert sum(1 for _ in io.BytesIO(data)) == 200_001


def test_a_bucket_that_is_not_there(project: Project, eltflow: Eltflow, s3: Store) -> None:
    root = to_s3(project, s3, "s3://nowhere/segments.csv")
    assert eltflow("build", cwd=root).code == 0
    failed = eltflow("deliver", cwd=root)
    assert failed.code == 1
    assert "connection `lake`: s3://nowhere/segments.csv is not there" in failed.text
    assert "correct the name of the bucket" in failed.text
    assert SECRET not in everything(root, failed)


@pytest.mark.parametrize(
    ("path", "connection", "message"),
    [
        ("https://x/y.csv", None, "error[E0103]: no file is written to https://"),
        ("s3://bucket", "lake", "error[E0103]: `s3://bucket` names no file in a bucket"),
        ("out/x.csv", "lake", "error[E0103]: `connection` means nothing to a file of this machine"),
        ("s3://b/x.csv", "mail", "error[E0103]: `mail` is a smtp connection, by which no delivery of kind `files` goes out"),
        ("s3://b/x.csv", "lkae", "error[E0118]: there is no connection `lkae`"),
        ("s3://b/x.bin", "lake", "error[E0103]: `x.bin` does not tell its format"),
    ],
)
def test_settings_that_are_wrong(
    project: Project, eltflow: Eltflow, s3: Store, path: str, connection: str | None, message: str
) -> None:
    failed = eltflow("deliver", cwd=to_s3(project, s3, path, connection=connection))
    assert failed.code == 2, failed.text
    assert message in failed.text
    assert "deliver/crm.yml:1" in failed.text


def prove(bucket: str, kills: int, seed: int, project: Project, forked: Forked, s3: Store) -> None:
    """What is there is always of one delivery, whole."""
    chance = random.Random(seed)
    s3.bucket(bucket)
    view = "select i as customer_id, N as name from range(30000) t(i)\n"
    root = to_s3(project, s3, f"s3://{bucket}/segments.csv", models__segments=view.replace("N", "0"))
    assert forked("build", cwd=root)[0] == 0
    assert forked("deliver", cwd=root)[0] == 0
    killed = 0
    for n in range(1, kills + 1):
        (root / "models/segments.sql").write_text(view.replace("N", str(n)))
        assert forked("run", cwd=root)[0] == 0
        delay = chance.choice([0.0, chance.uniform(0, 0.03), chance.uniform(0, 0.1)])
        code, out, err = forked("deliver", cwd=root, statement=1, delay=delay)  # the only one, after which the file is put
        assert code in (0, -9), out + err
        killed += code == -9
        lines = held(s3, bucket, "segments.csv").decode().splitlines()
        assert len(lines) == 30_001
        assert {line.split(",")[1] for line in lines[1:]} in ({str(n - 1)}, {str(n)})
        assert forked("deliver", cwd=root)[0] == 0
        assert held(s3, bucket, "segments.csv").decode().splitlines()[1] == f"0,{n}"
    assert killed >= kills // 3, f"the kills came too late to prove anything: {killed} of {kills}"


def test_killed(project: Project, forked: Forked, s3: Store) -> None:
    prove("killed", 6, 1, project, forked, s3)


@pytest.mark.prove
def test_killed_two_hundred_times(project: Project, forked: Forked, s3: Store) -> None:
    prove("killed200", 200, 2, project, forked, s3)
