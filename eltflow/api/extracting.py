"""Makes what gathers the facts of an opened project's templates."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from eltflow.graph.facts import Extractor
from eltflow.graph.quick import MacroTexts
from eltflow.native.target import Opened
from eltflow.project.options import Options


@contextlib.contextmanager
def extracting(opened: Opened, options: Options, base: Mapping[str, Any], words: frozenset[str]) -> Iterator[Extractor]:
    """An extractor under the names in `base`; `words` are those that may name a node. The adapter's offline parser is opened when it
    is first asked, and closed at the end."""
    project, adapter = opened.project, opened.adapter
    engines: list[Any] = []

    def parse(sql: str) -> tuple[str, int | None, int | None] | None:
        if not engines:
            engines.append(adapter.offline())
        answer: tuple[str, int | None, int | None] | None = engines[0].parse(sql)
        return answer

    try:
        yield Extractor(
            lambda: opened.renderer,
            base,
            adapter.dialect,
            project.target,
            words,
            parse if adapter.dialect.capabilities.offline_parser else None,
            macros=MacroTexts({m.file: m.text for m in project.macros}, {m.name: m.file for m in project.macros}),
            vars=project.vars,
            strict=options.strict,
            # Where undeclared tables are asked for, or are errors, all SQL must be parsed.
            full=bool(options.flags.get("FULL_FACTS")) or project.settings.external_tables == "error",
        )
    finally:
        for engine in engines:
            engine.close()
