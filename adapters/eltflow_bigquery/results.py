"""The rows of a job: by REST, a page after the other; where they are more than a page by the Storage Read API, if its client is there."""

from __future__ import annotations

import decimal
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.api_core.retry import Retry
from google.auth.credentials import AnonymousCredentials

from eltflow_bigquery.errors import FAILURES, text_of

#: Types that Arrow gives as the same values that REST does.
_ALIKE = frozenset(
    [
        *("BOOL", "BOOLEAN", "INT64", "INTEGER", "FLOAT64", "FLOAT", "NUMERIC", "BIGNUMERIC", "STRING", "BYTES"),
        *("DATE", "TIME", "DATETIME", "TIMESTAMP", "RECORD", "STRUCT"),
    ]
)
_SECONDS = 10  #: that a session may take
#: A row, as it comes.
Row = tuple[Any, ...]


class Results:
    """How one target's results are read. What is wrong with the quicker way is kept in `told`, and it is not tried again."""

    def __init__(self, values: Mapping[str, Any], credentials: Any) -> None:
        self._endpoint = str(values.get("storage_endpoint") or "") or None
        self._quota_project = values.get("quota_project")
        self._credentials = credentials
        self._usable = self._endpoint is not None or not values.get(
            "api_endpoint"
        )  # of another service nobody knows if it has that
        self._client: Any = None
        self.told: list[str] = []

    def batches(self, job: Any, rows: Any, project: str, *, large: bool = True) -> Iterator[Sequence[Row]]:
        """The rows of a job that has ended; `rows` iterates over them by REST, `project` pays for a session. Raises what the client does."""
        pages = rows.pages
        first = next(pages, None)
        if first is None:
            return
        head = [row.values() for row in first]
        if large and rows.next_page_token and job.destination is not None and all(map(_alike, rows.schema)):
            streamed = self._streamed(job.destination, project)
            if streamed is not None:
                yield from streamed
                return
        yield head
        for page in pages:
            yield [row.values() for row in page]

    def _streamed(self, table: Any, project: str) -> Iterator[Sequence[Row]] | None:
        """The rows of the table that a result stands in; None where they cannot be had so."""
        client = self._opened() if self._usable else None
        if client is None:
            return None
        try:
            batches = self._read(client, table, project)
            first = next(batches, ())
        except FAILURES as error:
            self._usable = False
            help = "it asks for the role BigQuery Read Session User" if isinstance(error, exceptions.Forbidden) else None
            why = f"large results come by REST, for the Storage Read API gives none: {text_of(error)}"
            self.told.append(f"{why} ({help})" if help is not None else why)
            return None
        return itertools.chain((first,), batches)

    def _read(self, client: Any, table: Any, project: str) -> Iterator[Sequence[Row]]:
        import pyarrow as pa
        from google.cloud.bigquery_storage_v1 import types
        from pyarrow import ipc

        asked = types.ReadSession(table=table.to_bqstorage(), data_format=types.DataFormat.ARROW)
        again = Retry(predicate=_unavailable, initial=0.2, maximum=2.0, timeout=_SECONDS / 2)
        session = client.create_read_session(
            parent=f"projects/{project}",
            read_session=asked,
            max_stream_count=1,  # in the order that the result has, and no more in memory than is taken in
            retry=again,
            timeout=_SECONDS,
        )
        schema = ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))
        for stream in session.streams:
            for message in client.read_rows(stream.name):
                batch = ipc.read_record_batch(pa.py_buffer(message.arrow_record_batch.serialized_record_batch), schema)
                columns = [[_plain(value) for value in column.to_pylist()] for column in batch.columns]
                yield list(zip(*columns, strict=True))

    def _opened(self) -> Any:
        """The client; None where it is not installed, which is no fault."""
        if self._client is None:
            try:
                import pyarrow  # noqa: F401 (what comes is read by it)
                from google.cloud.bigquery_storage_v1 import BigQueryReadClient
            except ImportError:
                self._usable = False
                return None
            if isinstance(self._credentials, AnonymousCredentials):  # an emulator's
                import grpc
                from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

                self._client = BigQueryReadClient(
                    transport=BigQueryReadGrpcTransport(channel=grpc.insecure_channel(self._endpoint))
                )
            else:
                options = ClientOptions(api_endpoint=self._endpoint, quota_project_id=self._quota_project)
                self._client = BigQueryReadClient(credentials=self._credentials, client_options=options)
        return self._client

    def close(self) -> None:
        if self._client is not None:
            self._client.transport.close()


def _unavailable(error: BaseException) -> bool:
    return isinstance(error, exceptions.ServiceUnavailable)


def _alike(field: Any) -> bool:
    return field.field_type.upper() in _ALIKE and all(map(_alike, field.fields))


def _plain(value: Any) -> Any:
    """The value as REST gives it: numbers without the zeros of a scale that is not theirs."""
    match value:
        case decimal.Decimal():
            text = f"{value:f}"
            return decimal.Decimal(text.rstrip("0").rstrip(".") if "." in text else text)
        case list():
            return [_plain(one) for one in value]
        case dict():
            return {key: _plain(one) for key, one in value.items()}
    return value
