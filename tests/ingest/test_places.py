"""Files in Google Cloud Storage, in Azure and on hosts that speak SFTP: they load like those that are here, each once."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys

import asyncssh
import pytest
from sftp_host import PASSWORD
from stores import AZURE_KEY

TOKEN = "sv=2021-08-06&sig=s3cr3t%2Bs1gnature"


def place(world, store, path, **step):
    """A step that reads from a store, or a host."""
    connections = {"lake": {**store.connection}}
    return world.project({"path": path, "connection": "lake"}, connections=connections, **step)


@pytest.fixture(params=["google", "azure"])
def store(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def bucket(store, request):
    """An empty bucket of the test's own."""
    name = f"b{abs(hash(request.node.name))}"
    store.bucket(name)
    return name


def test_each_file_of_a_store_once(world, store, bucket):
    base = f"{store.scheme}://{bucket}"
    store.put(bucket, "in/a.csv", b"id,v\n1,a\n")
    store.put(bucket, "in/deep/b.csv.gz", gzip.compress(b"id,v\n2,b\n"))
    store.put(bucket, "out/c.csv", b"id,v\n9,z\n")
    place(world, store, f"{base}/in/**/*.csv*", load="append")
    assert "2 files, 2 rows" in world.run()
    assert "nothing new" in world.run()
    store.put(bucket, "in/d.csv", b"id,v\n3,c\n")
    assert "1 file, 1 row" in world.run()
    assert world.rows() == [(1, "a"), (2, "b"), (3, "c")]
    assert world.rows("select path from eltflow_meta.file order by 1") == [
        (f"{base}/in/a.csv",),
        (f"{base}/in/d.csv",),
        (f"{base}/in/deep/b.csv.gz",),
    ]
    store.put(bucket, "in/a.csv", b"id,v\n1,changed\n")
    assert f"{base}/in/a.csv changed since it was loaded" in world.fails()
    place(world, store, f"{base}/in/a.csv")
    assert "1 row" in world.run()
    assert world.rows() == [(1, "changed")]


def test_what_is_not_in_a_store(world, store, bucket):
    place(world, store, f"{store.scheme}://{bucket}/none-*.csv")
    world.says(
        f"no file matches {store.scheme}://{bucket}/none-*.csv", "check `path:`, and whether the connection may see what is there"
    )
    place(world, store, f"{store.scheme}://{bucket}/none.csv")
    world.says(
        f"no file matches {store.scheme}://{bucket}/none.csv", "check `path:`, and whether the connection may see what is there"
    )


def test_what_azure_refuses(world, azure):
    azure.bucket("refusing")
    azure.put("refusing", "a.csv", b"id\n1\n")
    help = "correct the name of the container, or the `account_name:` or `endpoint:` of the connection"
    place(world, azure, "az://nowhere/*.csv").says("connection `lake`: az://nowhere/*.csv is not there", help)
    for wrong in ({"account_key": "d3Jvbmcga2V5IQ=="}, {"account_key": None, "sas_token": TOKEN}):
        values = {key: value for key, value in {**azure.connection, **wrong}.items() if value}
        world.project({"path": "az://refusing/a.csv", "connection": "lake"}, connections={"lake": values})
        found = world.fails("ingest", "--retries", "0")
        assert "connection `lake`: az://refusing/a.csv may not be read" in found
        assert "d3Jvbmcga2V5IQ" not in found
        assert "s3cr3t" not in found


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"type": "gcs", "service_account_key": "{"}, "`service_account_key` must be the JSON of a service account's key"),
        ({"type": "gcs", "endpoint": "ftp://x"}, "`endpoint` must be an address like https://storage.example.com"),
        ({"type": "gcs", "anonymous": "yes"}, "`anonymous` must be true or false"),
        ({"type": "azure", "account_key": "no base64"}, "`account_key` must be base64, as the account shows it"),
        ({"type": "azure", "account_key": AZURE_KEY, "sas_token": "x"}, "`account_key` and `sas_token` are two ways to sign in"),
        ({"type": "azure", "client_secret": "x", "tenant_id": "t"}, "a service principal needs `client_id` too"),
        (
            {"type": "azure", "endpoint": "https://x/?sig=abc"},
            "`endpoint` holds a user, a password or a signature, which would be shown",
        ),
        ({"type": "azure", "region": "x"}, "a azure connection has no key `region`"),
        ({"type": "sftp", "passphrase": "x"}, "`passphrase` needs `private_key_file` too"),
        ({"type": "sftp", "password": "x", "private_key_file": "k"}, "`password` and `private_key_file` are two ways to sign in"),
        ({"type": "sftp", "timeout": 0}, "`timeout` must be a number above 0"),
        ({"type": "s3"}, "`lake` is a s3 connection, and the files are in one of type"),
    ],
)
def test_what_a_connection_must_not_say(world, values, message):
    path = {"gcs": "gs://b/a.csv", "azure": "az://b/a.csv"}.get(values["type"], "sftp://h/a.csv")
    world.project({"path": path, "connection": "lake"}, connections={"lake": values})
    found = world.fails(code=2)
    assert message in found.split("\n")[0]


# -- SFTP ----------------------------------------------------------------------------------------------------------------------------

ENV = {"SFTP_PASSWORD": PASSWORD}


def on(world, host, path, connection=None, **step):
    """A step that reads from a host."""
    at = {"path": f"sftp://127.0.0.1:{host.port}{path}", "connection": "lake"}
    return world.project(at, connections={"lake": connection or host.connection}, **step)


def test_each_file_of_a_host_once(world, host):
    host.put("in/a.csv", b"id,v\n1,a\n")
    host.put("in/deep/b.csv.gz", gzip.compress(b"id,v\n2,b\n"))
    host.put("out/c.csv", b"id,v\n9,z\n")
    os.symlink("../in", host.files / "in/round")  # a circle
    os.symlink("nowhere", host.files / "in/lost.csv")
    on(world, host, "/in/**/*.csv*", load="append")
    assert "2 files, 2 rows" in world.run(env=ENV)
    assert "nothing new" in world.run(env=ENV)
    host.put("in/e [1].csv", b"id,v\n3,c\n")
    assert "1 file, 1 row" in world.run(env=ENV)
    assert world.rows() == [(1, "a"), (2, "b"), (3, "c")]
    at = f"sftp://127.0.0.1:{host.port}/in"
    assert world.rows("select path from eltflow_meta.file order by 1") == [
        (f"{at}/a.csv",),
        (f"{at}/deep/b.csv.gz",),
        (f"{at}/e [1].csv",),
    ]
    host.put("in/a.csv", b"id,v\n1,other\n")
    assert f"{at}/a.csv changed since it was loaded" in world.fails(env=ENV)


def test_paths_of_a_host(world, host):
    """Of several folders by a pattern, of one file, from the user's home; a large file comes as it is."""
    large = b"id\n" + b"".join(b"%d\n" % n for n in range(300_000))
    for name in ("north/2026/a.csv", "south/2026/a.csv", "north/2025/a.csv", "north/a.csv"):
        host.put(name, b"id\n1\n")
    host.put("large.csv", large)
    assert "2 files, 2 rows" in on(world, host, "/*th/2026/*.csv").run(env=ENV)
    assert "300,000 rows" in on(world, host, "/~/large.csv").run(env=ENV)
    assert world.rows("select count(distinct id), sum(id) from s_raw.x") == [(300_000, 300_000 * 299_999 // 2)]
    assert "   1\n" in on(world, host, "/north/a.csv").run("ingest", "--preview", "x", env=ENV)
    assert "no file matches" in on(world, host, "/nowhere/*.csv").fails(env=ENV)
    assert "no file matches" in on(world, host, "/north").fails(env=ENV)


def test_keys_let_in(world, host):
    host.put("a.csv", b"id\n1\n")
    known = {"type": "sftp", "user": "courier", "known_hosts": str(host.known)}
    plain, closed = host.client_key("plain"), host.client_key("closed", "0pen")
    assert "1 row" in on(world, host, "/a.csv", {**known, "private_key_file": str(plain)}).run()
    assert "1 row" in on(world, host, "/a.csv", {**known, "private_key_file": str(closed), "passphrase": "0pen"}).run()
    refused = "connection `lake`: "
    found = on(world, host, "/a.csv", {**known, "private_key_file": str(closed)}).fails()
    assert refused in found
    assert "does not let the connection in" in found
    found = on(world, host, "/a.csv", {**known, "private_key_file": str(plain) + "x"}).fails()
    assert "there is no " in found


def test_a_host_must_be_the_known_one(world, host):
    """One whose key is not written down, or another one, is not spoken to: no password goes there."""
    host.put("a.csv", b"id\n1\n")
    world.project({"path": f"sftp://127.0.0.1:{host.port}/a.csv", "connection": "lake"}, connections={"lake": host.connection})
    host.known.write_text("")
    found = world.fails(env=ENV)
    assert "connection `lake`: the host 127.0.0.1 is not known: its key is ssh-ed25519 SHA256:" in found
    assert "ssh-keyscan shows it" in found
    host.trust(asyncssh.generate_private_key("ssh-ed25519"))
    found = world.fails(env=ENV)
    assert "connection `lake`: the host 127.0.0.1 shows the key ssh-ed25519 SHA256:" in found
    assert ", and the known one is ssh-ed25519 SHA256:" in found
    host.known.unlink()
    assert "the keys of hosts cannot be read from" in world.fails(env=ENV)


def test_what_a_host_refuses(world, host):
    host.put("a.csv", b"id\n1\n")
    on(world, host, "/a.csv")
    found = world.fails(env={"SFTP_PASSWORD": "wr0ng passw0rd"})
    assert "127.0.0.1 does not let the connection in" in found
    assert "wr0ng" not in found
    at = {"path": "sftp://127.0.0.1:9/a.csv", "connection": "lake"}
    world.project(at, connections={"lake": host.connection})
    assert "connection `lake`: sftp://127.0.0.1:9/a.csv cannot be read" in world.fails("ingest", "--retries", "0", env=ENV)
    world.project({"path": f"sftp://courier:pw@127.0.0.1:{host.port}/a.csv"})
    found = world.fails(code=2)
    assert "the address holds a user or a password, which would be shown" in found
    assert "name a connection that has them" in found


def test_no_password_is_written_down(world, host):
    host.put("a.csv", b"id\n1\n")
    on(world, host, "/a.csv")
    world.run(env=ENV)
    world.run("compile", env=ENV)
    for path in (world.root / "target").rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes(), path


def test_drivers_that_are_not_installed(world):
    """Each says what to install."""
    lacking = {
        "paramiko": ("sftp://h/a.csv", "sftp connections", "sftp"),
        "obstore": ("az://b/a.csv", "azure connections", "remote"),
        "fastavro": ("data/a.avro", "files of avro", "avro"),
        "openpyxl": ("data/a.xlsx", "files of xlsx", "xlsx"),
    }
    (world.root / "without").mkdir()
    for driver in lacking:
        (world.root / "without" / f"{driver}.py").write_text(f"raise ImportError('no {driver} here')\n")
    for name in ("a.avro", "a.xlsx"):
        (world.root / "data" / name).write_bytes(b"PK")
    world.project({"path": "data/none.csv"})
    steps = [
        {"name": driver, "source": {"kind": "files", "path": path}, "into": f"raw.{driver}"}
        for driver, (path, _, _) in lacking.items()
    ]
    (world.root / "ingest/i.yml").write_text(json.dumps({"steps": steps}))
    paths = os.pathsep.join([str(world.root / "without"), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "eltflow.cli.main", "ingest"]
    done = subprocess.run(
        command, cwd=world.root, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, timeout=60
    )
    for driver, (_, what, extra) in lacking.items():
        told = f"error[E0702]: the driver of {what} is not installed (no {driver} here)\n  = help: install it: pip install 'eltflow[{extra}]'"
        assert told in done.stderr
