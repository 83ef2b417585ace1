"""Sessions on BigQuery, by its client: every statement is a job, under an id that we choose."""

from __future__ import annotations

import datetime
import json
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.api_core.retry import Retry
from google.cloud import bigquery

from eltflow.base.fingerprint import fingerprint
from eltflow.base.names import TEMPORARY
from eltflow.base.temporary import rows_folder
from eltflow.warehouse import CatalogColumn, CatalogTable, Column, Relation, Result, Statement, Target, WarehouseError
from eltflow.warehouse.values import RelationKind
from eltflow_bigquery.dialect import BigQueryDialect
from eltflow_bigquery.errors import FAILURES, as_connection_error, as_warehouse_error, taken, unanswered
from eltflow_bigquery.results import Results
from eltflow_bigquery.signin import credentials
from eltflow_bigquery.types import STAGED, of_field, spelt

_DIALECT = BigQueryDialect()
_KINDS: Mapping[str, RelationKind] = {"VIEW": "view", "MATERIALIZED VIEW": "materialized_view", "EXTERNAL": "external"}
_CATALOG = """
select c.table_name, t.table_type, o.option_value, c.column_name, c.data_type, c.is_nullable
from {place}.INFORMATION_SCHEMA.COLUMNS as c
join {place}.INFORMATION_SCHEMA.TABLES as t on t.table_name = c.table_name
left join {place}.INFORMATION_SCHEMA.TABLE_OPTIONS as o on o.table_name = c.table_name and o.option_name = 'description'
where c.is_hidden = 'NO'{only}
order by c.table_name, c.ordinal_position
"""
_DAY = datetime.timedelta(days=1)


class BigQuerySession:
    """Jobs sent one after the other. A transaction is in a session of BigQuery's, which the first one makes; it is begun when something
    is to happen in it, so that what a load job brings first is there for it."""

    def __init__(self, database: BigQueryDatabase) -> None:
        self._database = database
        self._client = database.client()
        self.location = database.location  #: where its jobs run
        self._transactions: str | None = None  #: the id of BigQuery's session
        self._begin: Statement | None = None  #: what begins a transaction, not sent yet
        self._open = False
        self._running: Any = None
        self._staged: list[Any] = []
        self._cancelled = False

    def execute(self, statement: Statement) -> Result:
        self._cancelled = False
        try:
            return self._load(statement) if statement.role == "load" else self._run(statement)
        except FAILURES as error:
            raise as_warehouse_error(error, cancelled=self._cancelled) from None

    def _run(self, statement: Statement) -> Result:
        if statement.role == "begin":
            self._begin = statement
            return Result()
        if (statement.role == "commit" and self._begin is not None) or (statement.role == "rollback" and not self._open):
            self._begin = None  # nothing was done in it
            return Result()
        try:
            job, rows = self._query(statement)
        except exceptions.BadRequest as error:
            if statement.role != "rollback" or "active transaction" not in str(error):
                raise
            self._ended_transaction()  # the service has rolled it back by itself
            return Result()
        if statement.role in ("commit", "rollback"):
            self._ended_transaction()
        if statement.role == "query":
            columns = tuple(Column(field.name, of_field(field)) for field in rows.schema)
            return _result(job, columns=columns, rows=[row for batch in self._rows(job, rows) for row in batch])
        return _result(job, affected=job.num_dml_affected_rows if statement.role in ("dml", "user") else None)

    def _rows(self, job: Any, rows: Any) -> Iterator[Sequence[tuple[Any, ...]]]:
        """What a transaction has not committed is asked for where it was written."""
        return self._database.results.batches(job, rows, self._client.project, large=not self._open)

    def stream(self, statement: Statement) -> Iterator[Sequence[tuple[Any, ...]]]:
        """The rows as they come, by either way that a result has."""
        self._cancelled = False
        try:
            for batch in self._rows(*self._query(statement)):
                if self._cancelled:
                    raise WarehouseError("cancelled", kind="cancelled")
                yield batch
        except FAILURES as error:
            raise as_warehouse_error(error, cancelled=self._cancelled) from None

    def _ended_transaction(self) -> None:
        self._open = False
        self._discard()

    def _query(self, statement: Statement) -> tuple[Any, Any]:
        """The job of a statement, done, and its rows."""
        if self._begin is not None:
            begin, self._begin = self._begin, None
            self._query(begin)
            self._open = True
        config = self._database.job_config(statement)
        if self._open or (statement.role == "begin" and self._transactions):
            config.connection_properties = [bigquery.ConnectionProperty("session_id", self._transactions)]
        elif statement.role == "begin":
            config.create_session = True
        job_id = _job_id(statement)
        given = {"location": self.location, "retry": None, "job_retry": None, "timeout": self._database.seconds}
        job = self._started(lambda: self._client.query(statement.sql, config, job_id, **given), job_id)
        rows = self._ended(job)
        if statement.role == "begin" and job.session_info is not None:
            self._transactions = job.session_info.session_id
            self.location = self.location or job.location
        return job, rows

    def _started(self, start: Callable[[], Any], job_id: str) -> Any:
        """The job, which is never started twice: where there was no answer the request is sent again under the same id, and an id that
        is taken by then is that of our job."""
        until, pause = time.monotonic() + self._database.patience, 0.1
        while True:
            try:
                job = start()
                break
            except FAILURES as error:
                if taken(error):
                    job = self._client.get_job(job_id, location=self.location, retry=self._database.again())
                    break
                if self._cancelled or not unanswered(error) or time.monotonic() > until:
                    raise
            time.sleep(pause)
            pause = min(2 * pause, 5.0)
        self._running = job
        if self._cancelled:
            self._ask_to_stop(job)
        return job

    def _ended(self, job: Any) -> Any:
        """Wait for the job; gives its rows. A question without an answer is asked again, as long as the job has not failed."""
        again = self._database.again(lambda error: unanswered(error) and job.error_result is None)
        try:
            if isinstance(job, bigquery.QueryJob):
                return job.result(retry=again, job_retry=None)
            return job.result(retry=again)
        finally:
            self._running = None

    # -- rows that are sent --------------------------------------------------------------------------------------------------------

    def _load(self, statement: Statement) -> Result:
        """Parquet files are brought into a table beside by load jobs, and taken from there by one INSERT, which a transaction can hold."""
        source, (relation, *columns) = statement.source, statement.parameters
        assert source is not None
        staged = relation.sibling(f"{relation.identifier}__load{TEMPORARY}{uuid.uuid4().hex[:8]}")
        table = self._table(staged, source.fields, columns)
        try:
            with rows_folder() as folder:
                source.parquet(folder, columns, plain=True)
                self._client.create_table(table, exists_ok=True, retry=self._database.again())  # by a request without an answer
                for file in sorted(Path(folder).iterdir()):
                    self._send_file(file, table.reference, statement)
            types = {
                f.name.lower(): of_field(f)
                for f in self._client.get_table(_reference(relation), retry=self._database.again()).schema
            }
            kinds = [field.field_type for field in table.schema]
            values = [_value(name, kind, types[name.lower()]) for name, kind in zip(columns, kinds, strict=True)]
            insert = f"{statement.sql.splitlines()[0]}\nselect {', '.join(values)}\nfrom {_DIALECT.render(staged)}"
            job, _ = self._query(Statement(insert, role="dml", purpose=statement.purpose))
            return _result(job, affected=job.num_dml_affected_rows)
        finally:
            self._staged.append(table.reference)
            self._discard()

    def _discard(self) -> None:
        """Drop the tables that files were loaded into, once no transaction reads them. One that cannot be goes by itself."""
        while self._staged and not self._open:
            with suppress(*FAILURES):
                self._client.delete_table(self._staged.pop(), not_found_ok=True, retry=self._database.again(patience=5))

    def _table(self, staged: Relation, fields: Sequence[Any], columns: Sequence[str]) -> Any:
        """The table that files are loaded into: what Parquet keeps as it is has its type, everything else is text."""
        kinds = [STAGED.get(field.type, "STRING") for field in fields]
        schema = [bigquery.SchemaField(name, kind) for name, kind in zip(columns, kinds, strict=True)]
        table = bigquery.Table(_reference(staged), schema=schema)
        table.expires = datetime.datetime.now(datetime.UTC) + _DAY
        return table

    def _send_file(self, file: Path, table: Any, statement: Statement) -> None:
        if self._cancelled:
            raise WarehouseError("cancelled", kind="cancelled")
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
            create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
            labels=_labels(statement),
        )
        job_id = _job_id(statement)
        with file.open("rb") as content:

            def start() -> Any:
                given = {"job_id": job_id, "job_config": config, "location": self.location}
                # Of no given size: in parts, each of which may be sent again.
                return self._client.load_table_from_file(content, table, rewind=True, num_retries=0, **given)

            self._ended(self._started(start, job_id))

    # -- stopping ------------------------------------------------------------------------------------------------------------------

    def cancel(self) -> None:
        """The service is asked to stop the job that is running."""
        self._cancelled = True
        if self._running is not None:
            self._ask_to_stop(self._running)

    def _ask_to_stop(self, job: Any) -> None:
        with suppress(*FAILURES):
            self._database.control.cancel_job(job.job_id, project=job.project, location=job.location, retry=None, timeout=10)

    def close(self) -> None:
        if self._transactions is not None:
            with suppress(WarehouseError):  # it ends by itself; until then what is open in it would be in the way of others
                self._open = True
                self.execute(Statement("call bq.abort_session()", role="user"))
        self._open = False
        self._discard()
        self._client.close()


class BigQueryDatabase:
    """The datasets of a project. Signs in and asks the service something at once, so that what is wrong with the target is told."""

    def __init__(self, target: Target, root: Path) -> None:
        values = target.values
        self._project = str(target.database)
        self._values = values
        self._endpoint = str(values.get("api_endpoint") or "") or None
        self._credentials = credentials(values, root)
        self.results = Results(values, self._credentials)
        self.seconds = float(values.get("job_creation_timeout_seconds") or 60)  #: that a request may take which starts a job
        self.patience = float(values.get("job_retry_deadline_seconds") or 120)  #: seconds for which a request is sent again
        self.location: str | None = str(values.get("location") or "") or None
        self.control = self.client()
        try:
            self.scanned("select 1", patience=min(self.patience, 10.0))
            self.location = self.location or self._place(self._project, target.schema)
        except FAILURES as error:
            where = self._endpoint or "bigquery.googleapis.com"
            raise as_connection_error(error, f"{where}, project {self.control.project}") from None

    def client(self) -> Any:
        options: dict[str, Any] = {"api_endpoint": self._endpoint} if self._endpoint else {}
        if self._values.get("quota_project"):
            options["quota_project_id"] = str(self._values["quota_project"])
        return bigquery.Client(
            project=str(self._values.get("execution_project") or self._project),
            credentials=self._credentials,
            client_options=ClientOptions(**options),
        )

    def job_config(self, statement: Statement, *, dry: bool = False) -> Any:
        """How a statement's job is to run."""
        config = bigquery.QueryJobConfig(labels=_labels(statement), dry_run=dry)
        if self._values.get("maximum_bytes_billed"):
            config.maximum_bytes_billed = int(self._values["maximum_bytes_billed"])
        if self._values.get("priority"):
            config.priority = str(self._values["priority"]).upper()
        if self._values.get("job_execution_timeout_seconds"):
            config.job_timeout_ms = 1000 * int(self._values["job_execution_timeout_seconds"])
        if self._values.get("reservation"):
            config.reservation = str(self._values["reservation"])
        return config

    def again(self, which: Callable[[BaseException], bool] = unanswered, patience: float | None = None) -> Any:
        """Sends a request that changes nothing again, as long as there is no answer."""
        return Retry(predicate=which, initial=0.1, maximum=5.0, multiplier=2.0, timeout=patience or self.patience)

    def _place(self, project: str, dataset: str) -> str | None:
        """Where a dataset is, as a transaction must be told: BigQuery tells it from what a statement reads, which `begin` does not. None
        where there is no such dataset, or nobody may know."""
        try:
            found = self.control.get_dataset(bigquery.DatasetReference(project, dataset), retry=self.again())
        except (exceptions.NotFound, exceptions.Forbidden):
            return None
        return str(found.location or "") or None

    def session(self) -> BigQuerySession:
        return BigQuerySession(self)

    def scanned(self, sql: str, *, patience: float | None = None) -> int:
        """The bytes that a query would read, by a dry run, which costs nothing."""
        config = self.job_config(Statement(sql), dry=True)
        given = {"location": self.location, "retry": self.again(patience=patience), "job_retry": None, "timeout": self.seconds}
        return int(self.control.query(sql, config, **given).total_bytes_processed or 0)

    def estimate(self, sql: str) -> int | None:
        """As `scanned`; None where the query cannot run as things are, e.g. because what it reads is not built yet."""
        try:
            return self.scanned(sql)
        except exceptions.ClientError:
            return None
        except FAILURES as error:
            raise as_warehouse_error(error) from None

    def catalog(
        self, schemas: Sequence[tuple[str | None, str]], only: Sequence[Relation] | None = None
    ) -> tuple[CatalogTable, ...]:
        session = self.session()
        try:
            return tuple(
                table
                for database, schema in schemas
                for table in self._of_dataset(session, database or self._project, schema, only)
            )
        finally:
            session.close()

    def _of_dataset(
        self, session: BigQuerySession, project: str, dataset: str, only: Sequence[Relation] | None
    ) -> list[CatalogTable]:
        """What stands in a dataset, by one query; nothing, and no query, where there is none."""
        try:
            found = self.control.get_dataset(bigquery.DatasetReference(project, dataset), retry=self.again())
        except exceptions.NotFound:
            return []
        except FAILURES as error:
            raise as_warehouse_error(error) from None
        text, chosen = _DIALECT.string, ""
        if only is not None:
            names = sorted({relation.identifier for relation in only})
            among = f"c.table_name in ({', '.join(map(text, names))}) or " if names else ""
            chosen = f" and ({among}strpos(c.table_name, {text(TEMPORARY)}) > 0)"
        session.location = found.location or self.location  # that of a source may be elsewhere
        sql = _CATALOG.format(place=f"{_DIALECT.quote(project)}.{_DIALECT.quote(dataset)}", only=chosen)
        rows = session.execute(Statement(sql.strip(), role="query")).rows
        made: dict[str, tuple[RelationKind, str | None, list[CatalogColumn]]] = {}
        for table, kind, comment, column, type, nullable in rows:
            columns = made.setdefault(table, (_KINDS.get(kind, "table"), _unquoted(comment), []))[2]
            columns.append(CatalogColumn(column, spelt(type), nullable == "YES"))
        return [
            CatalogTable(Relation(project, dataset, table), kind, tuple(columns), comment)
            for table, (kind, comment, columns) in made.items()
        ]

    def told(self) -> Sequence[str]:
        """What people should know of how results are read, and were not told before."""
        said, self.results.told = self.results.told, []
        return said

    def close(self) -> None:
        self.results.close()
        self.control.close()


def _reference(relation: Relation) -> Any:
    dataset = bigquery.DatasetReference(relation.database or "", relation.schema or "")
    return dataset.table(relation.identifier)


def _job_id(statement: Statement) -> str:
    """An id that no other job has: what asks for it, and a part of its own for each attempt."""
    purpose = statement.purpose
    asked = fingerprint(repr((purpose and (purpose.run, purpose.node), statement.sql)))[:16]
    return f"eltflow_{asked}_{uuid.uuid4().hex}"


def _labels(statement: Statement) -> dict[str, str]:
    """The run and the node, as far as labels can say them ("Requirements for labels")."""
    if statement.purpose is None:
        return {}
    given = {"eltflow_run": statement.purpose.run, "eltflow_node": statement.purpose.node}
    return {key: re.sub(r"[^a-z0-9_-]", "_", value.lower())[:63] for key, value in given.items()}


def _result(job: Any, **more: Any) -> Result:
    told = {
        "bytes_processed": job.total_bytes_processed,
        "bytes_billed": job.total_bytes_billed,
        "slot_ms": job.slot_millis,
        "cache_hit": job.cache_hit,
    }
    return Result(statement_id=job.job_id, statistics={key: value for key, value in told.items() if value is not None}, **more)


def _value(name: str, kind: str, type: str) -> str:
    """A column of the table that was loaded, as the type of the one that it goes to."""
    column = _DIALECT.quote(name)
    if kind == type:
        return column
    if type == "JSON":
        return f"parse_json({column})"
    return f"cast({column} as {type})"


def _unquoted(literal: str | None) -> str | None:
    """The text of a string literal as the catalog shows options."""
    if not literal:
        return None
    try:
        return str(json.loads(literal.replace("\\'", "'"), strict=False)) or None
    except ValueError:
        return literal.strip("\"'") or None
