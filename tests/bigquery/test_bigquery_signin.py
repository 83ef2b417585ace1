"""Signing in: each way, and everything that can be wrong with it before the network is asked. No server."""

from __future__ import annotations

import json

import pytest
from eltflow_bigquery import ADAPTER
from eltflow_bigquery.signin import credentials, method

from eltflow.warehouse.values import WarehouseError

BASE = {"project": "p", "schema": "s"}


@pytest.fixture(scope="module")
def key():
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import rsa

    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = made.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode()
    address = {"client_email": "loader@p.iam.gserviceaccount.com", "token_uri": "https://oauth2.googleapis.com/token"}
    return {"type": "service_account", "project_id": "p", "private_key": pem, **address}


@pytest.mark.parametrize(
    ("values", "key", "words"),
    [
        ({"schema": "s"}, "type", "needs `project:`"),
        ({**BASE, "schema": "a-b"}, "schema", "letters, digits and `_`"),
        ({**BASE, "method": "magic"}, "method", "one of oauth, oauth-secrets, service-account"),
        ({**BASE, "method": "service-account"}, "method", "needs `keyfile:`"),
        ({**BASE, "method": "oauth-secrets"}, "method", "needs `token:` or `refresh_token:`"),
        ({**BASE, "refresh_token": "r", "client_id": "c", "token_uri": "u"}, "refresh_token", "needs `client_secret:` too"),
        ({**BASE, "keyfile": "k", "keyfile_json": "{}"}, "keyfile", "exclude each other"),
        ({**BASE, "method": "none"}, "method", "needs `api_endpoint:`"),
        ({**BASE, "method": "none", "api_endpoint": "https://bigquery.googleapis.com"}, "method", "for an emulator"),
        ({**BASE, "impersonate_service_account": "loader"}, "impersonate_service_account", "e-mail address"),
        ({**BASE, "scopes": "all"}, "scopes", "list of https addresses"),
        ({**BASE, "maximum_bytes_billed": "much"}, "maximum_bytes_billed", "whole number above 0"),
        ({**BASE, "maximum_bytes_billed": 0}, "maximum_bytes_billed", "whole number above 0"),
        ({**BASE, "maximum_bytes_billed": "²"}, "maximum_bytes_billed", "whole number above 0"),
        ({**BASE, "priority": "high"}, "priority", "interactive or batch"),
        ({**BASE, "api_endpoint": "localhost"}, "api_endpoint", "https address"),
    ],
)
def test_settings_that_cannot_be(values, key, words):
    found = ADAPTER.target_problems(values)
    assert [k for k, _ in found] == [key]
    assert words in found[0][1]


def test_the_way_is_told_by_the_keys():
    assert [method(v) for v in ({}, {"keyfile": "k"}, {"keyfile_json": "{}"}, {"token": "t"}, {"method": "OAuth"})] == [
        "oauth",
        "service-account",
        "service-account-json",
        "oauth-secrets",
        "oauth",
    ]
    assert not ADAPTER.target_problems(BASE)


def test_a_key_of_a_service_account(key, tmp_path):
    (tmp_path / "key.json").write_text(json.dumps(key))
    escaped = {**key, "private_key": key["private_key"].replace("\n", "\\n")}  # as it comes out of many an environment variable
    for values in ({"keyfile": "key.json"}, {"keyfile_json": json.dumps(key)}, {"keyfile_json": key}, {"keyfile_json": escaped}):
        made = credentials({**BASE, **values}, tmp_path)
        assert made.service_account_email == "loader@p.iam.gserviceaccount.com"
        assert made.scopes == ["https://www.googleapis.com/auth/bigquery"]


def test_impersonation(key, tmp_path):
    values = {**BASE, "keyfile_json": key, "impersonate_service_account": "other@p.iam.gserviceaccount.com"}
    assert credentials(values, tmp_path).service_account_email == "other@p.iam.gserviceaccount.com"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        ("not json", "is no JSON"),
        ("[]", "no key of a service account"),
        ('{"type": "authorized_user"}', "no key of a service account"),
        ('{"type": "service_account", "client_email": "a@b.c"}', "lacks private_key, token_uri"),
    ],
)
def test_a_key_file_that_cannot_be(tmp_path, content, words):
    if content is not None:
        (tmp_path / "key.json").write_text(content)
    with pytest.raises(WarehouseError, match=words) as raised:
        credentials({**BASE, "keyfile": "key.json"}, tmp_path)
    assert raised.value.kind == "connection"
    assert raised.value.help


def test_a_broken_private_key_is_not_shown(key, tmp_path):
    broken = {**key, "private_key": "-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----\n"}
    with pytest.raises(WarehouseError, match="private key in `keyfile_json:` cannot be read") as raised:
        credentials({**BASE, "keyfile_json": broken}, tmp_path)
    assert "s3cret" not in f"{raised.value}{raised.value.help}"


@pytest.mark.parametrize("spell", [dict, json.dumps], ids=["mapping", "JSON"])
def test_a_key_in_a_line_that_an_error_quotes_is_not_shown(key, project, eltflow, spell):
    last = {**{name: value for name, value in key.items() if name != "private_key"}, "private_key": key["private_key"]}
    target = {"type": "bigquery", "project": "p", "keyfile_json": spell(last), "priority": "high"}
    ran = eltflow("plan", cwd=project({"eltflow.yml": f"name: p\ntargets:\n  dev: {json.dumps(target)}\n"}))
    assert "`priority` must be interactive or batch" in ran.text
    assert "*****" in ran.text
    assert not [one for one in key["private_key"].splitlines() if one in ran.text]


def test_no_application_default_credentials(tmp_path, monkeypatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nowhere.json"))
    with pytest.raises(WarehouseError, match="no application default credentials") as raised:
        credentials(BASE, tmp_path)
    assert "gcloud auth application-default login" in str(raised.value.help)
