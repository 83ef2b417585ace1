"""What a target must say for each way to sign in, and what the connector is given for it. AWS is not asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import redshift_connector
from botocore.exceptions import NoCredentialsError
from eltflow_postgres.redshift import ADAPTER
from eltflow_postgres.redshift.errors import as_connection_error, as_warehouse_error
from eltflow_postgres.redshift.signin import arguments, settings

from eltflow.warehouse.values import Target, WarehouseError

SECRET = "pa55 w'ord"
BY_PASSWORD = {"host": "h", "user": "ann", "password": SECRET, "dbname": "d"}
BY_IAM = {"method": "iam", "cluster_id": "c", "user": "ann", "dbname": "d"}
WORKGROUP = "w.123456789012.us-west-2.redshift-serverless.amazonaws.com"


@pytest.mark.parametrize(
    ("values", "given"),
    [
        (BY_PASSWORD, {"host": "h", "port": 5439, "user": "ann", "password": SECRET}),
        ({**BY_PASSWORD, "port": "5440", "sslmode": "require"}, {"port": 5440, "ssl": True, "sslmode": "verify-ca"}),
        ({**BY_PASSWORD, "sslmode": "disable", "tcp_keepalive": False}, {"ssl": False, "tcp_keepalive": False}),
        (
            {**BY_IAM, "region": "us-west-2", "profile": "work", "autocreate": True, "db_groups": ["etl"]},
            {
                "iam": True,
                "cluster_identifier": "c",
                "db_user": "ann",
                "region": "us-west-2",
                "profile": "work",
                "auto_create": True,
                "db_groups": ["etl"],
            },
        ),
        ({"method": "iam_role", "cluster_id": "c", "dbname": "d"}, {"iam": True, "group_federation": True}),
        ({"method": "iam", "host": WORKGROUP, "dbname": "d"}, {"iam": True, "is_serverless": True, "host": WORKGROUP}),
        (
            {"method": "iam", "is_serverless": True, "serverless_work_group": "w", "serverless_acct_id": 12, "dbname": "d"},
            {"is_serverless": True, "serverless_work_group": "w", "serverless_acct_id": "12"},
        ),
    ],
)
def test_what_the_connector_is_given(values: dict[str, Any], given: dict[str, Any]) -> None:
    assert ADAPTER.target_problems(values) == []
    told = arguments(values)
    assert {key: told.get(key) for key in given} == given
    known = redshift_connector.connect.__annotations__
    assert not [key for key in told if key not in known]


@pytest.mark.parametrize(
    ("values", "key", "words"),
    [
        ({}, "type", "a redshift target needs `dbname:`, the database"),
        ({"dbname": "d", "user": "u", "password": "p"}, "type", "a redshift target needs `host:`, the endpoint"),
        (
            {"dbname": "d", "host": "h", "user": "u"},
            "type",
            "a redshift target needs `password:`, their password, or another `method:`",
        ),
        ({**BY_PASSWORD, "port": "many"}, "port", "`port` must be a whole number"),
        (
            {**BY_PASSWORD, "sslmode": "yes"},
            "sslmode",
            "`sslmode` must be one of disable, allow, prefer, require, verify-ca, verify-full",
        ),
        ({**BY_PASSWORD, "ra3_node": "yes"}, "ra3_node", "`ra3_node` must be true or false"),
        ({**BY_PASSWORD, "method": "magic"}, "method", "`method` must be one of database, iam, iam_role"),
        ({**BY_PASSWORD, "copy_to": "s3://b/f"}, "copy_to", "`copy_to` and `copy_role` go together"),
        ({**BY_PASSWORD, "copy_to": "/f", "copy_role": "default"}, "copy_to", "`copy_to` must be a folder like s3://bucket/folder"),
        ({**BY_IAM, "sslmode": "disable"}, "sslmode", "`method: iam` needs TLS: take `sslmode: disable` out"),
        (
            {"method": "iam", "user": "u", "dbname": "d"},
            "method",
            "`method: iam` needs `cluster_id:`, or `is_serverless: true` with `serverless_work_group:`",
        ),
        (
            {"method": "iam", "cluster_id": "c", "dbname": "d"},
            "method",
            "`method: iam` needs `user:`, the database user to become; `iam_role` has none",
        ),
        (
            {**BY_IAM, "method": "iam_role"},
            "user",
            "`method: iam_role` signs in as the IAM role itself: take `user:` out",
        ),
        (
            {"method": "iam", "is_serverless": True, "dbname": "d"},
            "method",
            "`method: iam` needs `serverless_work_group:`, or `host:`",
        ),
    ],
)
def test_what_is_wrong_with_a_target(values: dict[str, Any], key: str, words: str) -> None:
    assert (key, words) in ADAPTER.target_problems(values)


def test_aws_refuses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(**given: Any) -> None:
        raise NoCredentialsError

    monkeypatch.setattr(redshift_connector, "connect", refuse)
    target = Target(
        name="dev", type="redshift", database="d", schema="s", threads=1, values={**BY_IAM, "secret_access_key": SECRET}
    )
    with pytest.raises(WarehouseError) as raised:
        ADAPTER.open(target, tmp_path)
    assert str(raised.value) == "c:5439: Unable to locate credentials"
    told = "correct `iam_profile:` (or the keys), `region:` and `cluster_id:` of the target; AWS's own words are above"
    assert (raised.value.kind, raised.value.help) == ("connection", told)


@pytest.mark.parametrize(
    ("fields", "kind", "words"),
    [
        ({"C": "XX000", "M": "1023", "D": "Serializable isolation violation on table - 1"}, "transient", "1023 (Serializable"),
        ({"C": "57014", "M": "Query (12) cancelled on user's request"}, "cancelled", "cancelled on user's request"),
        ({"C": "57P01", "M": "terminating connection"}, "lost", "the connection to the server was lost: terminating connection"),
        ({"C": "42501", "M": "permission denied for schema s"}, "permission", "permission denied"),
        ({"C": "25001", "M": "VACUUM cannot run inside a transaction block"}, "outside", "VACUUM"),
    ],
)
def test_what_the_server_says(fields: dict[str, str], kind: str, words: str) -> None:
    told = as_warehouse_error(redshift_connector.ProgrammingError(fields))
    assert told.kind == kind
    assert words in str(told)


def test_what_holds_a_table() -> None:
    """A late-binding view does not."""
    fields = {"C": "2BP01", "M": "cannot drop table t because other objects depend on it"}
    told = as_warehouse_error(redshift_connector.ProgrammingError(fields))
    assert (
        told.help
        == "views stand on it that eltflow could not put aside: make them late-binding (`bind: false`), or drop them first"
    )


def test_no_room() -> None:
    refused = redshift_connector.ProgrammingError({"C": "53300", "M": "connection limit exceeded"})
    told = as_connection_error(refused, "h:5439", 30, aws=False)
    assert (told.kind, str(told), told.help) == ("transient", "h:5439: connection limit exceeded", "lower `threads:`")


def test_what_a_session_begins_with() -> None:
    told = settings({"role": "Night Shift", "query_group": "it's night"}, ADAPTER.dialect)
    assert told == ['set role "Night Shift"', "set query_group to 'it''s night'"]
    assert settings({}, ADAPTER.dialect) == []
