"""What of a setting would give a secret away."""

from __future__ import annotations

import json
from html import escape
from urllib.parse import quote, quote_plus

import pytest

from eltflow.base.diagnostics import without
from eltflow.base.secrets import passwords_within, secrets_of

KEY = {"type": "service_account", "project_id": "p", "private_key": "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\n-----END KEY-----\n"}


@pytest.mark.parametrize("value", [KEY, json.dumps(KEY), [{"inner": KEY}]], ids=["mapping", "JSON", "nested"])
@pytest.mark.parametrize("spell", [str, json.dumps, lambda value: json.dumps(json.dumps(value))], ids=["read", "JSON", "escaped"])
def test_a_key_file_in_any_spelling(value, spell):
    shown = without(secrets_of(value), spell(value) + " of the project p")
    assert "MIIEvQ" not in shown
    assert shown.endswith(" of the project p")


def test_a_password_is_secret_whole():
    assert list(secrets_of("pw")) == ["pw"]
    assert list(secrets_of({"user": "me", "secret": "s", "use_ssl": True})) == ["s"]
    assert list(secrets_of(None)) == []


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("dbname=x password=hush host=y", ["hush"]),
        ({"attach": [{"path": "dbname=x PASSWORD = 'hu sh'"}]}, ["'hu sh'"]),
        ("postgres://me:hu:sh@host/x", ["hu:sh"]),
        ("postgres://me@host:5432/x", []),
        ("https://host:5432/a@b", []),
        (7, []),
    ],
)
def test_passwords_in_other_settings(value, found):
    assert list(passwords_within(value)) == found


ODD = 'it\'s\n"so" \\ – 50 % <&> a+b'


@pytest.mark.parametrize(
    "spell",
    [
        str,
        json.dumps,
        lambda text: json.dumps(text, ensure_ascii=False),
        repr,
        lambda text: repr([text]),
        lambda text: repr(f"{text} 'and' \"so\""),
        lambda text: repr(text.encode()),
        lambda text: json.dumps({"error": repr({"value": text})}),
        lambda text: json.dumps(json.dumps(text)),
        lambda text: "'" + text.replace("'", "''") + "'",
        lambda text: '"' + text.replace('"', '""') + '"',
        lambda text: "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'",
        quote,
        quote_plus,
        lambda text: quote(text, safe=""),
        escape,
    ],
)
@pytest.mark.parametrize("secret", [ODD, "x'y", 'x"y', "a\tb", "ünï", "pw\nof two"])
def test_a_secret_however_it_is_spelt(secret, spell):
    text = f"before {spell(secret)} after"
    shown = without(secrets_of(secret), text)
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    inside = shown.removeprefix("before ").removesuffix(" after")
    assert set(inside) <= set("*[]{}\"'\\b :error,value,andso"), shown
    assert "*****" in inside


def test_short_lines_of_a_secret():
    assert without(secrets_of("first\r\nsecret12\r\nx"), "it has secret12 in it") == "it has ***** in it"
