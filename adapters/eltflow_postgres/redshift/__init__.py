"""The Redshift adapter: by redshift_connector. It shares with PostgreSQL's what the two engines share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eltflow.base.plugins import driver
from eltflow.warehouse import Database, Dialect, Offline, Target
from eltflow_postgres import common_problems
from eltflow_postgres.redshift.dialect import RedshiftDialect
from eltflow_postgres.redshift.signin import problems

_WHOLE = ("port", "connect_timeout", "retries", "tcp_keepalive_idle", "tcp_keepalive_interval", "tcp_keepalive_count")
_SWITCHES = ("autocreate", "is_serverless", "ra3_node", "tcp_keepalive")


class RedshiftAdapter:
    """Targets of `type: redshift`. The driver is imported by `open`, not before."""

    name = "redshift"
    dialect: Dialect = RedshiftDialect()
    target_fields: Mapping[str, str] = {
        "host": "the cluster's or the workgroup's endpoint; with `method: iam` AWS is asked for it unless told",
        "port": "its port; 5439 unless told",
        "user": "who signs in; with `method: iam` the database user to become",
        "password": "their password",
        "pass": "another name for `password`",
        "dbname": "the database",
        "method": "database (the default), iam, or iam_role",
        "cluster_id": "the cluster's identifier, for `method: iam` and iam_role",
        "region": "its AWS region; that of the AWS profile unless told",
        "iam_profile": "the AWS profile to sign in by; AWS's own default unless told",
        "profile": "another name for `iam_profile`",
        "access_key_id": "an AWS access key, instead of a profile",
        "secret_access_key": "its secret",
        "session_token": "the token of a temporary key",
        "autocreate": "true makes the database user if there is none (`method: iam`)",
        "db_groups": "groups that the user joins for the session (`method: iam`)",
        "is_serverless": "true for Redshift Serverless; told by the host unless set",
        "serverless_work_group": "the workgroup",
        "serverless_acct_id": "the AWS account of the workgroup",
        "ra3_node": "true where queries may name other databases (RA3, Serverless); eltflow writes into its own alone",
        "sslmode": "disable, allow, prefer, require, verify-ca or verify-full; verify-full unless told",
        "connect_timeout": "seconds that connecting may take; 30 unless told",
        "retries": "how often connecting is tried again while there is no room; 1 unless told",
        "role": "the role to take on after signing in",
        "query_group": "what the system's tables call the session's statements, and queues may go by (SET query_group)",
        "tcp_keepalive": "false does without probes of the connection",
        "tcp_keepalive_idle": "seconds without traffic before it is probed; the system's unless told",
        "tcp_keepalive_interval": "seconds between probes; the system's unless told",
        "tcp_keepalive_count": "unanswered probes before it is given up; the system's unless told",
        "copy_to": "a folder in S3 by which rows come in, as in s3://bucket/folder; they are sent in INSERTs unless told",
        "copy_role": "the IAM role by which COPY reads it: an ARN, or default",
        "application_name": "what the system's tables call the session; eltflow, project, target and run unless told",
    }
    secret_fields: frozenset[str] = frozenset({"password", "pass", "secret_access_key", "session_token"})
    starter = """type: redshift
host: "{{ env_var('REDSHIFT_HOST', 'examplecluster.abc123.us-west-2.redshift.amazonaws.com') }}"
user: "{{ env_var('REDSHIFT_USER', env_var('USER', 'me')) }}"
password: "{{ env_var('REDSHIFT_PASSWORD', '') }}"    # kept out of this file; a line of .env will do
# method: iam    # or this, with cluster_id: and region:
dbname: my_project
schema: "dev_{{ env_var('MY_SCHEMA', env_var('USER', 'me')) }}"
threads: 4
"""

    def target_problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        found = common_problems(values, self.name, _WHOLE)
        found += [(key, f"`{key}` must be true or false") for key in _SWITCHES if not isinstance(values.get(key, False), bool)]
        return [*found, *problems(values)]

    def database_name(self, values: Mapping[str, Any], root: Path) -> str | None:
        return self.dialect.named(str(values.get("dbname") or values.get("database")))

    def location(self, target: Target, root: Path) -> str:
        values = target.values
        place = values.get("host") or values.get("cluster_id") or values.get("serverless_work_group")
        return f"{place}:{values.get('port') or 5439}/{target.database}.{self.dialect.named(target.schema)}"

    def open(self, target: Target, root: Path, *, read_only: bool = False) -> Database:
        with driver("redshift targets", "'eltflow[redshift]'"):
            from eltflow_postgres.redshift.session import RedshiftDatabase
        return RedshiftDatabase(target)

    def offline(self) -> Offline | None:
        return None


ADAPTER = RedshiftAdapter()
