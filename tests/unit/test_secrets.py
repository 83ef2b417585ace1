"""What of a setting would give a secret away."""

from __future__ import annotations

import json

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
