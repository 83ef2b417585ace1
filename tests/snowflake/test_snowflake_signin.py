"""Signing in: each way, and everything that can be wrong with it before the network is asked. No server."""

from __future__ import annotations

import base64
import datetime
import json
import time

import pytest
from eltflow_snowflake import ADAPTER
from eltflow_snowflake.signin import arguments, method, problems

from eltflow.warehouse.values import Target, WarehouseError

BASE = {"account": "myorg-acc", "user": "ann", "database": "w"}
PASSPHRASE = "open s3same%"


@pytest.fixture(scope="module")
def key():
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _pem(key, passphrase: str | None = None) -> str:
    from cryptography.hazmat.primitives import serialization as s

    lock = s.BestAvailableEncryption(passphrase.encode()) if passphrase else s.NoEncryption()
    return key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, lock).decode()


def _der(key) -> bytes:
    from cryptography.hazmat.primitives import serialization as s

    return key.private_bytes(s.Encoding.DER, s.PrivateFormat.PKCS8, s.NoEncryption())


def _jwt(expires: float) -> str:
    parts = ({"alg": "RS256"}, {"exp": expires}, {})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


@pytest.mark.parametrize(
    ("values", "how"),
    [
        ({"password": "x"}, "snowflake"),
        ({"private_key_path": "k.p8"}, "snowflake_jwt"),
        ({"private_key": "x", "authenticator": "jwt"}, "snowflake_jwt"),
        ({"token": "t"}, "oauth"),
        ({"token": "t", "authenticator": "programmatic_access_token"}, "programmatic_access_token"),
        ({"authenticator": "externalbrowser"}, "externalbrowser"),
        ({"authenticator": "username_password_mfa", "password": "x"}, "username_password_mfa"),
        ({"authenticator": "https://acme.okta.com", "password": "x"}, "https://acme.okta.com"),
        ({"authenticator": "workload_identity", "workload_identity_provider": "aws"}, "workload_identity"),
    ],
)
def test_each_way(values, how):
    given = {**BASE, **values}
    assert method(given) == how
    assert ADAPTER.target_problems(given) == []


@pytest.mark.parametrize(
    ("values", "key", "words"),
    [
        ({}, "type", "signing in by snowflake needs `password:`"),
        ({"user": None, "password": "x"}, "type", "needs `user:`"),
        ({"authenticator": "oauth"}, "authenticator", "needs `token:`"),
        ({"authenticator": "jwt"}, "authenticator", "needs `private_key:` or `private_key_path:`"),
        ({"authenticator": "magic"}, "authenticator", "must be one of snowflake, "),
        ({"private_key": "a", "private_key_path": "b"}, "private_key", "exclude each other"),
        ({"password": "x", "account": None}, "type", "needs `account:`"),
        ({"password": "x", "account": "a.snowflakecomputing.com"}, "account", "the identifier alone"),
        ({"password": "x", "database": None}, "type", "needs `database:`"),
        ({"password": "x", "port": "many"}, "port", "must be a whole number"),
        ({"password": "x", "protocol": "ftp"}, "protocol", "https or http"),
        ({"password": "x", "session_parameters": "a"}, "session_parameters", "names and their values"),
    ],
)
def test_what_a_target_lacks(values, key, words):
    found = ADAPTER.target_problems({**BASE, **values})
    assert [(where, words in what) for where, what in found] == [(key, True)], found


@pytest.mark.parametrize("form", ["path", "text", "base64", "encrypted path", "encrypted text"])
def test_a_private_key(key, tmp_path, form):
    locked = form.startswith("encrypted")
    text = _pem(key, PASSPHRASE if locked else None)
    (tmp_path / "k.p8").write_text(text)
    values = {**BASE, "private_key": base64.b64encode(_der(key)).decode() if form == "base64" else text}
    if form.endswith("path"):
        values = {**BASE, "private_key_path": "k.p8"}
    if locked:
        values["private_key_passphrase"] = PASSPHRASE
    assert problems(values) == []
    assert arguments(values, tmp_path) == {"authenticator": "snowflake_jwt", "user": "ann", "private_key": _der(key)}


@pytest.mark.parametrize(
    ("content", "passphrase", "words", "help"),
    [
        (None, None, "cannot be read: No such file", "`private_key_path:`, which starts at the project"),
        ("plain", PASSPHRASE, "is not encrypted", "take `private_key_passphrase:` out"),
        ("locked", None, "is encrypted", "set `private_key_passphrase:`"),
        ("locked", "wrong one", "does not open with its passphrase", "correct `private_key_passphrase:`"),
        ("ssh-rsa AAAA", None, "is no private key", "PKCS#8"),
        ("", None, "is no private key", "PKCS#8"),
    ],
)
def test_a_private_key_that_is_none(key, tmp_path, content, passphrase, words, help):
    if content is not None:
        made = {"plain": _pem(key), "locked": _pem(key, PASSPHRASE)}.get(content, content)
        (tmp_path / "k.p8").write_text(made)
    values = {**BASE, "private_key_path": "k.p8", "private_key_passphrase": passphrase}
    started = time.monotonic()
    with pytest.raises(WarehouseError, match=words) as raised:
        ADAPTER.open(Target(name="d", type="snowflake", database="W", schema="s", threads=1, values=values), tmp_path)
    assert time.monotonic() - started < 30
    assert raised.value.kind == "connection"
    assert help in str(raised.value.help)
    assert PASSPHRASE not in str(raised.value)
    assert "wrong one" not in str(raised.value)


def test_an_expired_token_is_told_before_the_network_is_asked(tmp_path):
    token = _jwt(datetime.datetime(2024, 5, 6, 7, 8, 9, tzinfo=datetime.UTC).timestamp())
    values = {**BASE, "token": token, "authenticator": "oauth"}
    with pytest.raises(WarehouseError, match="the token expired at 2024-05-06 07:08:09 UTC") as raised:
        arguments(values, tmp_path)
    assert token not in str(raised.value)
    for other in (_jwt(time.time() + 600), "opaque", "a.b.c"):
        assert arguments({**values, "token": other}, tmp_path)["token"] == other


def test_secrets_are_named():
    assert {"password", "private_key", "private_key_passphrase", "token"} == ADAPTER.secret_fields
    assert set(ADAPTER.target_fields) >= ADAPTER.secret_fields
