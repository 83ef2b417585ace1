"""Where secrets are kept: each back end against the real thing, and what of a secret anybody gets to see."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import keyring
import pytest
from eltflow_secrets import AWS, ENVIRONMENT, FILES, KEYRING
from keyrings.alt.file import PlaintextKeyring
from s3_server import Store

from eltflow import api
from eltflow.api.loading import load
from eltflow.base.diagnostics import EltflowError
from eltflow.jinja.values import RenderError
from eltflow.project.secrets import KEPT, Secret
from eltflow.transfer import NoSecret

Project = Callable[..., Path]
Run = Callable[..., Any]
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "k3y0fthet3ster"}


def test_files(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    for name, data in {
        "one": b"s3cret\n",
        "two": b" a\n b\r\n",
        "none": b"",
        "odd": b"\xff",
        "..data": b"x",
        "large": b"x" * 1_048_577,
    }.items():
        (tmp_path / "run" / name).write_bytes(data)
    (tmp_path / "run" / "link").symlink_to("one")  # as Kubernetes has them
    (tmp_path / "run" / "folder").mkdir()
    (tmp_path / "s").write_text("outside")
    ask = FILES.open({"path": "run"}, tmp_path, {})
    assert [ask(name) for name in ("one", "two", "none", "link", "three")] == ["s3cret", " a\n b", "", "s3cret", None]
    for name, message in {
        "odd": "`odd` in `run` is not UTF-8",
        "folder": "`folder` in `run` is no file",
        "large": "`large` in `run` has more than 1,048,576 bytes",
        "../s": "`../s` is no name of a file in `run`",
        "..data": "`..data` is no name of a file in `run`",
        str(tmp_path / "s"): f"`{tmp_path / 's'}` is no name of a file in `run`",
    }.items():
        with pytest.raises(NoSecret) as caught:
            ask(name)
        assert str(caught.value) == message
    with pytest.raises(NoSecret, match="there is no folder `nowhere` of secrets"):
        FILES.open({"path": "nowhere"}, tmp_path, {})


def test_the_environment(tmp_path: Path) -> None:
    ask = ENVIRONMENT.open({"prefix": "SHOP_"}, tmp_path, {"SHOP_CRM": "s3cret", "CRM": "another"})
    assert (ask("CRM"), ask("SHOP_CRM")) == ("s3cret", None)


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[PlaintextKeyring]:
    before = keyring.get_keyring()
    made = PlaintextKeyring()
    made.file_path = str(tmp_path / "ring.cfg")
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


def test_the_keyring(tmp_path: Path, ring: PlaintextKeyring) -> None:
    keyring.set_password("eltflow", "crm", "s3cret")
    keyring.set_password("shop", "crm", "another")
    assert KEYRING.open({}, tmp_path, {})("crm") == "s3cret"
    assert KEYRING.open({"service": "shop"}, tmp_path, {})("crm") == "another"
    assert KEYRING.open({}, tmp_path, {})("erp") is None


def test_a_keyring_that_is_not_there(tmp_path: Path, ring: PlaintextKeyring) -> None:
    from keyring.backends.fail import Keyring

    keyring.set_keyring(Keyring())  # what it takes where there is no desktop
    with pytest.raises(NoSecret, match=r"the keyring does not answer \(NoKeyringError\)"):
        KEYRING.open({}, tmp_path, {})("crm")


def aws(s3: Store) -> Any:
    """A client of the server's Secrets Manager: moto has all services at one address."""
    keys = {"aws_access_key_id": "tester", "aws_secret_access_key": "x", "region_name": "eu-west-1"}
    return boto3.client("secretsmanager", endpoint_url=f"http://127.0.0.1:{s3.port}", **keys)


def test_aws(tmp_path: Path, s3: Store) -> None:
    client = aws(s3)
    client.create_secret(Name="shop/crm", SecretString="s3cret")
    client.create_secret(Name="shop/file", SecretBinary=b"x")
    values = {"region": "eu-west-1", "prefix": "shop/", "endpoint": f"http://127.0.0.1:{s3.port}"}
    ask = AWS.open(values, tmp_path, CREDENTIALS)
    assert (ask("crm"), ask("erp")) == ("s3cret", None)
    client.put_secret_value(SecretId="shop/crm", SecretString="rotated")
    assert ask("crm") == "rotated"
    with pytest.raises(NoSecret, match="`shop/file` in AWS Secrets Manager is binary"):
        ask("file")
    client.delete_secret(SecretId="shop/crm")
    with pytest.raises(NoSecret, match=r"AWS Secrets Manager refuses `shop/crm` \(InvalidRequestException\)"):
        ask("crm")


def test_aws_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    away = {"region": "eu-west-1", "endpoint": "http://127.0.0.1:9"}
    with pytest.raises(NoSecret, match=r"AWS Secrets Manager does not answer \(EndpointConnectionError\)"):
        AWS.open(away, tmp_path, CREDENTIALS)("crm")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(NoSecret, match=r"AWS Secrets Manager cannot be asked: You must specify a region"):
        AWS.open({}, tmp_path, CREDENTIALS)
    with pytest.raises(NoSecret, match=r"cannot be asked: The config profile \(x\) could not be found"):
        AWS.open({"profile": "x"}, tmp_path, {})
    assert AWS.problems({"endpoint": "x"}) == [("endpoint", "`endpoint` does not begin with http:// or https://")]


@pytest.mark.parametrize(("backend", "module", "extra"), [(KEYRING, "keyring", "keyring"), (AWS, "boto3", "aws")])
def test_without_the_driver(backend: Any, module: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(EltflowError) as caught:
        backend.open({}, tmp_path, {})
    (found,) = caught.value.diagnostics
    assert (found.code, found.help) == ("E0702", f"install it: pip install 'eltflow[{extra}]'")


def test_each_is_asked_for_once_and_kept_for_a_while(tmp_path: Path) -> None:
    (tmp_path / "crm").write_text("s3cret")
    now, read = [0.0], dict[tuple[str, str], tuple[float, str]]()
    secret = Secret(lambda: ("files", FILES.open({"path": "."}, tmp_path, {})), read, lambda: now[0])
    assert secret("crm") == "s3cret"
    (tmp_path / "crm").write_text("rotated")
    now[0] = KEPT - 1
    assert secret.again()("crm") == "s3cret"
    now[0] = KEPT
    assert secret.again()("crm") == "rotated"
    assert secret.given == ["s3cret"]


def test_a_key_of_a_secret(tmp_path: Path) -> None:
    (tmp_path / "db").write_text(json.dumps({"user": "shop", "password": "s3cret", "port": 5432, "more": {}}))
    (tmp_path / "text").write_text("s3cret")
    secret = Secret(lambda: ("files", FILES.open({"path": "."}, tmp_path, {})), {})
    assert (secret("db", "password"), secret("db", "port")) == ("s3cret", "5432")
    assert {"s3cret", "5432"} <= set(secret.given)
    for arguments, code in (
        (("db", "pass"), "E0311"),
        (("db", "more"), "E0311"),
        (("text", "x"), "E0311"),
        (("",), "E0303"),
        (("none",), "E0311"),
    ):
        with pytest.raises(RenderError) as caught:
            secret(*arguments)
        assert caught.value.code == code
        assert "s3cret" not in f"{caught.value.message} {caught.value.help}"


SETTINGS = """\
name: p
secrets: {type: "{{ env_var('KEPT_IN', 'files') }}", path: run}
targets:
  dev: {type: duckdb, path: p.duckdb, schema: s, settings: {custom_user_agent: "x {{ secret('agent') }}"}}
connections:
  ops: {type: webhook, url: "http://127.0.0.1:9/{{ secret('hook') }}"}
"""


def everything(root: Path) -> str:
    """All that a run writes, but for what the database itself is."""
    found = [path for path in root.rglob("*") if path.is_file() and path.parent.name != "run" and ".duckdb" not in path.name]
    assert {"manifest.json", "run_results.json", "eltflow.log"} <= {path.name for path in found}
    return "".join(path.read_bytes().decode("utf-8", "replace") for path in found)


def test_nobody_gets_to_see_a_secret(project: Project, eltflow: Run) -> None:
    """In an error of the engine, the log, artifacts, OpenLineage, the cache and the state."""
    files = {
        "eltflow.yml": SETTINGS + "openlineage: {file: target/lineage.jsonl}\n",
        "models/a.sql": "{{ config(materialized='table') }} select error(current_setting('custom_user_agent')) as id",
        "models/b.sql": "select '{{ target | string | replace(\"'\", '') }}' as id",
        "run/agent": "ag3ntsecret\n",
        "run/hook": "h00k",
    }
    root = project(files)
    done = eltflow("build", cwd=root)
    assert done.code == 1, done.err
    assert "*****" in done.err
    said = done.out + done.err + eltflow("debug", cwd=root).out + everything(root)
    assert "ag3ntsecret" not in said
    assert "schema: s" in (root / "target" / "compiled" / "p" / "models" / "b.sql").read_text()


def test_tasks_and_hashes_take_secrets(project: Project, eltflow: Run) -> None:
    program = (
        "import os, sys; print('key', os.environ['KEY'], sys.argv[1]); sys.exit(3 if os.environ['KEY'].endswith('ksecret') else 0)"
    )
    task = {"name": "t", "command": [sys.executable, "-c", program, "{{ secret('argument') }}"], "targets": ["dev"]}
    settings = SETTINGS.replace(", settings: {custom_user_agent: \"x {{ secret('agent') }}\"}", "")
    step = "{name: s, into: raw.s, source: {kind: files, path: landing/*.csv}, columns: {id: {hash: true}}}"
    files = {
        "eltflow.yml": settings + "hash_secret: \"{{ secret('pepper') }}\"\n",
        "tasks/t.yml": json.dumps({"tasks": [{**task, "env": {"KEY": "{{ secret('key') }}"}}]}),
        "ingest/s.yml": f"steps:\n  - {step}\n",
        "landing/a.csv": "id\nx\n",
        "run/key": "t4sksecret",
        "run/argument": "4rgumentsecret",
        "run/pepper": "p3pper long enough for that",
    }
    root = project(files)
    done = eltflow("task", cwd=root)
    assert done.code == 1
    assert "printed: key ***** *****" in done.out + done.err
    loaded = eltflow("ingest", cwd=root)
    assert loaded.code == 0, loaded.err
    said = done.out + done.err + loaded.out + loaded.err + everything(root)
    for name in ("key", "argument", "pepper"):
        assert files[f"run/{name}"] not in said


def test_what_is_not_needed_is_not_asked_for(project: Project) -> None:
    """A connection that nobody uses, and a project that is read again from its cache."""
    root = project(
        {
            "eltflow.yml": SETTINGS.replace(", settings: {custom_user_agent: \"x {{ secret('agent') }}\"}", ""),
            "models/a.sql": "select 1 as id",
        }
    )
    assert not (root / "run").exists()
    assert load(root, api.new_options()).counts["model"] == 1


def test_without_settings_it_is_the_environment(project: Project) -> None:
    text = SETTINGS.replace("secrets:", "vars:").replace("'files'", "'x'")
    root = project({"eltflow.yml": text, "models/a.sql": "select 1 as id", ".env": "agent=fr0menv\n"})
    loaded = load(root, api.new_options(env={}))
    assert loaded.target.values["settings"] == {"custom_user_agent": "x fr0menv"}
    assert "fr0menv" in loaded.target.secrets
    assert "fr0menv" not in repr(loaded.target)
