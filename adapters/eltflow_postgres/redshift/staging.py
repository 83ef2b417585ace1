"""Rows by way of S3: files that one COPY takes in, and that are deleted after it."""

from __future__ import annotations

import csv
import gzip
import io
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from eltflow.transfer import Source, plain
from eltflow.warehouse import WarehouseError
from eltflow_postgres.redshift.dialect import NULL
from eltflow_postgres.redshift.signin import Values

_SIZE = 64 << 20  #: characters of a file before it is compressed, but for its last batch of rows


def client(values: Values) -> Any:
    """A client of S3, with the keys or the profile of the target."""
    keys = ("access_key_id", "secret_access_key", "session_token")
    given = {f"aws_{key}": str(values[key]) for key in keys if values.get(key) is not None}
    profile = values.get("iam_profile") or values.get("profile")
    try:
        return boto3.Session(profile_name=profile, region_name=values.get("region"), **given).client("s3")
    except (BotoCoreError, ClientError) as error:
        raise _told(error) from None


@contextmanager
def staged(client: Any, folder: str, source: Source, types: Sequence[str]) -> Iterator[tuple[str, int]]:
    """The place of files with the rows, in a folder of their own below `folder`, and the number of the rows. Raises WarehouseError."""
    bucket, _, prefix = folder.removeprefix("s3://").partition("/")
    place = "/".join(part for part in (prefix.strip("/"), f"eltflow_{uuid.uuid4().hex}") if part)
    keys: list[str] = []
    count = 0
    try:
        for body, rows in files(source, types):
            keys.append(f"{place}/{len(keys):05}.csv.gz")
            try:
                client.put_object(Bucket=bucket, Key=keys[-1], Body=body)
            except (BotoCoreError, ClientError) as error:
                raise _told(error) from None
            count += rows
        yield f"s3://{bucket}/{place}/", count
    finally:
        for key in keys:  # what cannot be deleted is no reason to fail: a rule of the bucket may do that too
            with suppress(BotoCoreError, ClientError):
                client.delete_object(Bucket=bucket, Key=key)


def files(source: Source, types: Sequence[str]) -> Iterator[tuple[bytes, int]]:
    """Compressed CSV with the number of its rows; bytes are hex digits."""
    binary = [type.startswith("binary varying") for type in types]
    text, rows = io.StringIO(), 0
    write = csv.writer(text, lineterminator="\n").writerow
    for batch in source.text():
        for line in batch.decode().split("\n")[:-1]:
            write([_value(value, hex) for value, hex in zip(line.split("\t"), binary, strict=True)])
            rows += 1
        if text.tell() >= _SIZE:
            yield gzip.compress(text.getvalue().encode(), compresslevel=1), rows
            text.seek(0)
            text.truncate()
            rows = 0
    if rows:
        yield gzip.compress(text.getvalue().encode(), compresslevel=1), rows


def _value(text: str, binary: bool) -> str:
    if text == "\\N":
        return NULL
    value = plain(text) if "\\" in text else text
    return value[2:] if binary and value.startswith("\\x") else value


def _told(error: Exception) -> WarehouseError:
    help = "correct `copy_to:` of the target, and let its AWS keys or profile write there"
    return WarehouseError(f"S3: {' '.join(str(error).split())}", help=help)
