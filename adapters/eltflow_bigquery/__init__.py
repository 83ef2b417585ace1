"""The BigQuery adapter: by google-cloud-bigquery."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eltflow.base.plugins import driver
from eltflow.warehouse import Database, Dialect, Offline, Target
from eltflow_bigquery.dialect import BigQueryDialect
from eltflow_bigquery.signin import problems

_WHOLE = ("maximum_bytes_billed", "job_execution_timeout_seconds", "job_creation_timeout_seconds", "job_retry_deadline_seconds")
_HOST = re.compile(r"[\w.-]+(:\d+)?\Z")
_DATASET = re.compile(r"[A-Za-z0-9_]{1,1024}\Z")


class BigQueryAdapter:
    """Targets of `type: bigquery`. The driver is imported by `open`, not before."""

    name = "bigquery"
    dialect: Dialect = BigQueryDialect()
    target_fields: Mapping[str, str] = {
        "project": "the project that holds the datasets",
        "execution_project": "the project that jobs run in, and that pays; `project` unless told",
        "quota_project": "the project whose quota the requests count in",
        "location": "where jobs run, e.g. EU or europe-west3; where the dataset is unless told",
        "method": "how to sign in: oauth (application default credentials), service-account, service-account-json, oauth-secrets,"
        " or none for an emulator; told by the other keys unless set",
        "keyfile": "the key file of a service account, from the project root",
        "keyfile_json": "its contents",
        "token": "an access token",
        "refresh_token": "a refresh token",
        "client_id": "whose refresh token it is",
        "client_secret": "the secret that goes with it",
        "token_uri": "where it is turned into an access token",
        "impersonate_service_account": "the service account to act as, once signed in",
        "scopes": "what the credentials are asked for; BigQuery alone unless told",
        "maximum_bytes_billed": "a query that would bill more fails, and costs nothing",
        "priority": "interactive, or batch for queries that may wait",
        "reservation": "the reservation that computes",
        "job_execution_timeout_seconds": "seconds after which the service stops a job",
        "job_creation_timeout_seconds": "seconds that one request may take; 60 unless told",
        "job_retry_deadline_seconds": "seconds that a request is tried again while there is no answer; 120 unless told",
        "api_endpoint": "the address of the service, where it is another",
        "storage_endpoint": "host and port of the Storage Read API, where it is another; with `api_endpoint` it is not used unless this tells",
    }
    secret_fields: frozenset[str] = frozenset({"keyfile_json", "token", "refresh_token", "client_secret"})
    starter = """type: bigquery
project: "{{ env_var('BIGQUERY_PROJECT', 'my-project') }}"
location: "{{ env_var('BIGQUERY_LOCATION', 'EU') }}"
schema: "dev_{{ env_var('MY_SCHEMA', env_var('USER', 'me')) }}"    # the dataset
# Signs in as `gcloud auth application-default login` does; a service account would have its key:
# keyfile: "{{ env_var('BIGQUERY_KEYFILE') }}"
maximum_bytes_billed: 10000000000    # a query that would bill more than 10 GB fails, and costs nothing
threads: 8
"""

    def target_problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        if not (values.get("project") or values.get("database")):
            found.append(("type", "a bigquery target needs `project:`, the project that holds the datasets"))
        dataset = values.get("schema")
        if dataset and not _DATASET.match(str(dataset)):
            found.append(("schema", "a dataset's name is made of letters, digits and `_`"))
        for key in _WHOLE:
            value = values.get(key)
            if value is not None and (isinstance(value, bool) or not str(value).isdecimal() or not int(value)):
                found.append((key, f"`{key}` must be a whole number above 0"))
        if values.get("priority") not in (None, "interactive", "batch"):
            found.append(("priority", "`priority` must be interactive or batch"))
        endpoint = str(values.get("api_endpoint") or "")
        if endpoint and not endpoint.startswith(("https://", "http://")):
            found.append(("api_endpoint", "`api_endpoint` must be an https address"))
        if values.get("storage_endpoint") and not _HOST.match(str(values["storage_endpoint"])):
            found.append(("storage_endpoint", "`storage_endpoint` must be a host and a port, as in localhost:9060"))
        return [*found, *problems(values)]

    def database_name(self, values: Mapping[str, Any], root: Path) -> str | None:
        return str(values.get("project") or values.get("database"))

    def location(self, target: Target, root: Path) -> str:
        place = f"{target.database}.{target.schema}"
        return f"{target.values['api_endpoint']}/{place}" if target.values.get("api_endpoint") else place

    def open(self, target: Target, root: Path, *, read_only: bool = False) -> Database:
        with driver("bigquery targets", "'eltflow[bigquery]'"):
            from eltflow_bigquery.session import BigQueryDatabase
        return BigQueryDatabase(target, root)

    def offline(self) -> Offline | None:
        return None


ADAPTER = BigQueryAdapter()
