"""The files of a database: a schema is a file beside that of `main`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path


def schema_file(path: Path, schema: str) -> Path:
    """The file of a schema: the one of `main`, with the schema before its ending."""
    return path.with_name(f"{path.stem}.{schema}{path.suffix}")


def schema_files(path: Path) -> Iterator[tuple[str, Path]]:
    """The schemas that are there beside `main`, with their files."""
    pattern = re.compile(re.escape(path.stem) + r"\.([\w -]+)" + re.escape(path.suffix) + r"\Z")
    for file in sorted(path.parent.glob(f"{path.stem}.*{path.suffix}")):
        found = pattern.match(file.name)
        if found is not None:
            yield found.group(1), file
