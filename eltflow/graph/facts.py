"""Facts of one template: the configuration it sets, whom it refers to, and which tables its SQL names plainly.

Facts depend on the template alone when it is static; otherwise also on macros, variables, environment and target. They are plain
values, so that a cache can keep them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from eltflow.base.diagnostics import Diagnostic, EltflowError, Span, with_source
from eltflow.base.names import did_you_mean
from eltflow.base.records import dataclass, field, replace
from eltflow.graph.calls import argument
from eltflow.graph.lookup import BAD_REF, BAD_REF_KEYWORD, BAD_SOURCE, check_ref
from eltflow.graph.places import RenderedLines, fail_at, rendered_note, static_value, template_place
from eltflow.graph.quick import MacroTexts, quick_facts
from eltflow.graph.tablewords import TABLE, Ident, Uncertain, names_qualified_table, plain_tables
from eltflow.jinja import static
from eltflow.jinja.values import RenderError, shown_as
from eltflow.project import config as configs
from eltflow.project.nodes import TestInfo
from eltflow.project.relation import JinjaRelation
from eltflow.project.surface import AdapterView, copied
from eltflow.warehouse.dialect import Dialect
from eltflow.warehouse.values import Relation, Target
from eltflow.warehouse.written import written_in

if TYPE_CHECKING:
    from eltflow.jinja.renderer import Renderer

_WORD = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What one template says. `tables` is None when no name in it can be a node's, so that its SQL was not parsed."""

    config: Mapping[str, Any] = field(default_factory=dict)
    refs: tuple[tuple[str, ...], ...] = ()
    sources: tuple[tuple[str, str], ...] = ()
    tables: tuple[tuple[Ident, ...], ...] | None = None
    opaque: str | None = None
    static: bool = True
    used: tuple[str, ...] = ()

    def encode(self) -> tuple[Any, ...]:
        """The facts as plain values that `marshal` takes; raises ValueError if some value in them is not one."""
        return (dict(self.config), self.refs, self.sources, self.tables, self.opaque, self.static, self.used)

    @staticmethod
    def decode(value: tuple[Any, ...]) -> Facts:
        config, refs, sources, tables, opaque, static_, used = value
        return Facts(config=config, refs=refs, sources=sources, tables=tables, opaque=opaque, static=static_, used=used)


@shown_as("config")
class ConfigCall:
    """`config(...)` while facts are gathered: records what is set; `get` sees that and the layers from outside."""

    def __init__(self, outside: Mapping[str, Any], kind: str, strict: bool) -> None:
        self._outside = outside
        self._keys = configs.KEYS[kind]
        self._kind = kind
        self._strict = strict
        self.recorded: dict[str, Any] = {}
        self.refused = False  #: whether it was called with what a node of this kind cannot have

    def __call__(self, *args: Any, **kwargs: Any) -> str:
        values = dict(args[0]) if args and isinstance(args[0], Mapping) else {}
        for key, value in {**values, **kwargs}.items():
            name = configs.canonical(key)
            problem = config_problem(name, value, self._kind, self._keys) if self._strict else None
            if problem is not None:
                self.refused = True
                raise RenderError(problem[0], problem[1], help=problem[2], needle=key)
            self.recorded = configs.merge(self.recorded, {name: value})
        return ""

    def get(self, key: str, default: Any = None, validator: Any = None) -> Any:
        name = configs.canonical(key)
        value = self.recorded.get(name, self._outside.get(name))  # null in the file hides what is set outside
        return default if value is None else copied(value)

    def require(self, key: str, validator: Any = None) -> Any:
        value = self.get(key)
        if value is None:
            raise RenderError(
                "E0307",
                f"the config `{key}` is required here, and is not set",
                help="set it in the model, its properties or eltflow.yml",
                needle=key,
            )
        return value

    def meta_get(self, key: str, default: Any = None) -> Any:
        meta = {**(self._outside.get("meta") or {}), **(self.recorded.get("meta") or {})}
        return copied(meta.get(key, default))


def config_problem(name: str, value: Any, kind: str, keys: Mapping[str, Any]) -> tuple[str, str, str | None] | None:
    """(code, message, help) if this is no good configuration of a `kind`."""
    shape = keys.get(name)
    if shape is None:
        return "E0104", f"a {kind} has no config `{name}`", did_you_mean(name, keys) or "put keys of your own under `meta`"
    problems: list[Any] = []
    shape.check(value, (name,), problems, True)
    if problems:
        return problems[0].code, problems[0].message, problems[0].help
    return None


class Extractor:
    """Gathers the facts of templates. `names` are the words that could be a node's name (lower case): without any, SQL is not parsed."""

    def __init__(
        self,
        renderer: Callable[[], Renderer],
        base: Mapping[str, Any],
        dialect: Dialect,
        target: Target,
        names: frozenset[str],
        offline_parse: Callable[[str], tuple[str, int | None, int | None] | None] | None,
        *,
        macros: MacroTexts,
        vars: Mapping[str, Any],
        strict: bool = True,
        full: bool = False,
    ) -> None:
        self._renderer = renderer
        self._base = base
        self._dialect = dialect
        self._target = target
        self._names = names
        self._offline_parse = offline_parse
        self._macros = macros
        self._vars = vars
        self._strict = strict
        self._full = full

    def facts(self, text: str, path: str, kind: str, outside: Mapping[str, Any], model: Mapping[str, Any]) -> Facts:
        """The facts of a template. Raises EltflowError at the user's line."""
        quick = None if self._full else quick_only(text, path, kind, self._names, self._macros, self._vars, self._strict)
        if quick is not None:
            return quick
        template = static.scan(text) if not self._macros.override else None
        if template is not None:
            return self._static(template, path, kind, outside)
        return self._rendered(text, path, kind, outside, model)

    def of_test(self, test: TestInfo, path: str, outside: Mapping[str, Any]) -> Facts:
        """What a generic test of the project's own sets, and reads beside its arguments: where its text does not show that, its macro is
        rendered for them. `outside` is what is set for it elsewhere.

        Raises EltflowError for a configuration that cannot be, at the macro's line. What else goes wrong here is told when the test is
        compiled, where its relation is known.
        """
        assert test.kind is not None
        macro = f"test_{test.kind}"
        config: dict[str, Any] = {}
        calls = self._macros.config_of_test(test.kind) if self._macros.configures(macro) else ()
        for one in calls or ():
            _static_config(one, *self._macros.source(macro), "test", config, self._strict)
        if calls is not None and not self._may_read(macro):
            return Facts(config=config)
        written = written_in(outside.get("dialect", config.get("dialect")), self._dialect)
        call, refs, sources, tables = self._called(test, path, outside, written)
        if calls is None:
            config = call.recorded
            said = written_in(outside.get("dialect", config.get("dialect")), self._dialect)
            if said is not written:  # only now it says how names are quoted in it
                call, refs, sources, tables = self._called(test, path, outside, said)
        used = {name for one in self._macros.reached(macro) for name in one.names} if calls is None else ()
        return Facts(
            config=config, refs=_unique(refs), sources=_unique(sources), tables=tables, static=False, used=tuple(sorted(used))
        )

    def _called(
        self, test: TestInfo, path: str, outside: Mapping[str, Any], written: Dialect
    ) -> tuple[ConfigCall, list[tuple[str, ...]], list[tuple[str, str]], tuple[tuple[Ident, ...], ...] | None]:
        """What a generic test's macro sets, refers to and reads when it is called as it will be."""
        refs: list[tuple[str, ...]] = []
        sources: list[tuple[str, str]] = []
        rendered: set[tuple[str, ...]] = set()
        call = ConfigCall(outside, "test", self._strict)
        text, _ = self._macros.source(f"test_{test.kind}")
        late = self._renderer().unset(self._macros.set_late(text))
        names = {**late, **self._parse_names(call, refs, sources, rendered, False, {}, [], written)}
        tested = Relation(self._target.database, self._target.schema, "eltflow_tested")
        rendered.add(tested.parts())
        column = {"column_name": test.column} if test.column is not None else {}
        tables = None
        try:
            kwargs = {key: argument(value, self._renderer, names, path) for key, value in test.kwargs.items()}
            model = JinjaRelation(tested, written)
            text = str(self._renderer().call(f"test_{test.kind}", names, path, model=model, **kwargs, **column))
            tables, _ = self._tables(text, path, text, (), rendered, written)
        except EltflowError:
            if call.refused:
                raise
        return call, refs, sources, tables

    def _may_read(self, macro: str) -> bool:
        """Whether a macro, or one that it calls, may name a node."""
        reached = self._macros.reached(macro) if macro in self._macros else ()
        return any(
            {"ref", "source", "builtins"} & one.names or not self._names.isdisjoint(one.words) or one.takes_tables
            for one in reached
        )

    # -- templates of literal calls --------------------------------------------------------------------------------------------

    def _static(self, template: static.StaticTemplate, path: str, kind: str, outside: Mapping[str, Any]) -> Facts:
        config: dict[str, Any] = {}
        refs: list[tuple[str, ...]] = []
        sources: list[tuple[str, str]] = []
        for call in template.calls:
            if call.name == "config":
                _static_config(call, template.text, path, kind, config, self._strict)
            elif call.name == "ref":
                if call.kwargs:
                    fail_at(template.text, path, call.start, call.end, *BAD_REF_KEYWORD)
                refs.append(self._ref_args(call.args, template.text, path, call.start))
            elif call.name == "source":
                if len(call.args) != 2:
                    fail_at(template.text, path, call.start, call.end, *BAD_SOURCE)
                sources.append((str(call.args[0]), str(call.args[1])))
        used = {call.name for call in template.calls} & {"var", "env_var"}
        sql, spots = template.substitute(lambda call: static_value(call, self._base, template.text, path))
        written = self._written(config, outside)
        tables, opaque = self._tables(sql, path, template.text, spots, {("eltflow_placeholder",)}, written)
        return Facts(
            config=config,
            refs=_unique(refs),
            sources=_unique(sources),
            tables=tables,
            opaque=opaque,
            used=tuple(sorted(used)),
        )

    def _written(self, config: Mapping[str, Any], outside: Mapping[str, Any]) -> Dialect:
        """What the SQL of a template is written in: what it says itself, else what is said of it."""
        return written_in(config.get("dialect") if "dialect" in config else outside.get("dialect"), self._dialect)

    def _ref_args(self, args: tuple[Any, ...], text: str, path: str, start: int) -> tuple[str, ...]:
        if not 1 <= len(args) <= 2:
            fail_at(text, path, start, start + 2, *BAD_REF)
        return tuple(str(arg) for arg in args)

    # -- templates that must be rendered ---------------------------------------------------------------------------------------

    def _rendered(self, text: str, path: str, kind: str, outside: Mapping[str, Any], model: Mapping[str, Any]) -> Facts:
        renderer = self._renderer()
        refs: list[tuple[str, ...]] = []
        sources: list[tuple[str, str]] = []
        config: dict[str, Any] = {}
        tables: list[tuple[Ident, ...]] | None = None
        opaque: str | None = None
        used: set[str] = set()
        seen: set[str] = set()
        written = self._written({}, outside)
        late = renderer.unset(self._macros.set_late(text))
        for incremental in (True, False):
            call = ConfigCall(outside, kind, self._strict)
            rendered_names: set[tuple[str, ...]] = set()
            asked: list[str] = []
            names = {**late, **self._parse_names(call, refs, sources, rendered_names, incremental, model, asked, written)}
            try:
                rendered = renderer.render(text, path, names)
                said = self._written(call.recorded, outside)
                if said is not written:  # only now it says how names are quoted in it
                    written = said
                    names = {**late, **self._parse_names(call, refs, sources, rendered_names, incremental, model, asked, written)}
                    rendered = renderer.render(text, path, names)
            except EltflowError:
                # Nothing is asked now, and on a first run this branch is not taken: what comes of no answer is no mistake.
                if incremental and asked:
                    used.add("is_incremental")
                    continue
                raise
            used |= rendered.used
            config = call.recorded
            if rendered.text in seen:
                continue
            seen.add(rendered.text)
            spots = RenderedLines(renderer, text, path, names, rendered.text)
            found, refused = self._tables(rendered.text, path, text, spots, rendered_names, written)
            opaque = opaque or refused
            if found is not None:
                tables = [*(tables or []), *found]
            if "is_incremental" not in used:
                break
        for name, args in static.branch_calls(text) if not self._macros.override else ():
            if name == "ref":
                refs.append(args)
            elif len(args) == 2:
                sources.append((args[0], args[1]))
        return Facts(
            config=config,
            refs=_unique(refs),
            sources=_unique(sources),
            tables=None if tables is None else _unique(tables),
            opaque=opaque,
            static=False,
            used=tuple(sorted(used)),
        )

    def _parse_names(
        self,
        config: ConfigCall,
        refs: list[tuple[str, ...]],
        sources: list[tuple[str, str]],
        rendered: set[tuple[str, ...]],
        incremental: bool,
        model: Mapping[str, Any],
        asked: list[str],
        dialect: Dialect,
    ) -> dict[str, Any]:
        target = self._target

        def relation(identifier: str, schema: str | None = None) -> JinjaRelation:
            made = Relation(target.database, schema or target.schema, identifier)
            rendered.add(made.parts())
            return JinjaRelation(made, dialect)

        def ref(*args: Any, **kwargs: Any) -> JinjaRelation:
            check_ref(args, kwargs)
            refs.append(tuple(str(arg) for arg in args))
            return relation(str(args[-1]))

        def source(*args: Any) -> JinjaRelation:
            if len(args) != 2:
                raise RenderError(*BAD_SOURCE[:2], help=BAD_SOURCE[2], needle="source")
            sources.append((str(args[0]), str(args[1])))
            return relation(str(args[1]), str(args[0]))

        def run_query(sql: Any) -> None:
            asked.append(str(sql))

        return {
            **self._base,
            "ref": ref,
            "source": source,
            "config": config,
            "this": relation(str(model.get("alias") or model.get("name") or "this")),
            "model": model,
            "graph": {"nodes": {}, "sources": {}, "exposures": {}, "groups": {}},
            "execute": False,
            "is_incremental": lambda: incremental,
            "run_query": run_query,
            "adapter": AdapterView(self._renderer, dialect, self._dialect),
            "builtins": {"ref": ref, "source": source, "config": config},
        }

    # -- tables ----------------------------------------------------------------------------------------------------------------

    def _tables(
        self, sql: str, path: str, text: str, spots: Any, rendered: set[tuple[str, ...]], dialect: Dialect
    ) -> tuple[tuple[tuple[Ident, ...], ...] | None, str | None]:
        if not self._full:
            if self._names.isdisjoint(map(str.lower, _WORD.findall(sql))) and not names_qualified_table(sql):
                return None, None
            with suppress(Uncertain):
                return self._seen(sql, rendered, dialect), None
        from eltflow.sql.parse import Refused, parse
        from eltflow.sql.reads import reads

        parsed = parse(sql, dialect.sqlglot)
        if isinstance(parsed, Refused):
            return None, self._refused(sql, parsed, path, text, spots, dialect)
        found = [
            tuple((part.name, part.quoted) for part in read.parts)
            for read in reads(parsed, dialect.fold)
            if tuple(part.name for part in read.parts) not in rendered
        ]
        return _unique(found), None

    def _seen(self, sql: str, rendered: set[tuple[str, ...]], dialect: Dialect) -> tuple[tuple[Ident, ...], ...]:
        """The tables that rendered SQL names in plain sight, beside those that `ref` and its like wrote. Raises Uncertain."""
        for parts in rendered:
            sql = sql.replace(".".join(map(dialect.quote, parts)), f" {TABLE} ")
        found = plain_tables(sql, self._names, outside=sql, inside="", open_from=False)
        return tuple(name for name in found if tuple(part for part, _ in name) not in rendered)

    def _refused(self, sql: str, refused: Any, path: str, text: str, spots: Any, dialect: Dialect) -> str:
        """What to say of SQL that sqlglot cannot parse, if the engine's own parser takes it; else raises EltflowError. (What must be
        transpiled is refused when it is compiled.)"""
        own = dialect is self._dialect
        complaint = self._offline_parse(sql) if self._offline_parse is not None and own else None
        if complaint is None:
            return str(refused.message)
        message, line, column = complaint
        if line is None:
            line, column = refused.line, refused.column
        from eltflow.sql.advice import advice
        from eltflow.sql.rewrite import position

        found = sql_error(message, sql, line, column, path, text, spots)
        help = advice(sql, dialect.sqlglot, position(sql, line, column or 1) if line is not None else None)
        raise EltflowError(replace(found, help=help, notes=rendered_note(found, sql, line)))


def quick_only(
    text: str, path: str, kind: str, names: frozenset[str], macros: MacroTexts, vars: Mapping[str, Any], strict: bool
) -> Facts | None:
    """The facts of a template where a quick look is enough; None where it takes more."""
    quick = quick_facts(text, names, macros, vars)
    if quick is None:
        return None
    config: dict[str, Any] = {}
    for call in quick.config:
        _static_config(call, text, path, kind, config, strict)
    return Facts(config=config, refs=quick.refs, sources=quick.sources, tables=quick.tables or None, used=quick.used)


def _static_config(call: static.Call, text: str, path: str, kind: str, config: dict[str, Any], strict: bool) -> None:
    values = dict(call.args[0]) if call.args and isinstance(call.args[0], Mapping) else {}
    for key, value in {**values, **dict(call.kwargs)}.items():
        name = configs.canonical(key)
        problem = config_problem(name, value, kind, configs.KEYS[kind]) if strict else None
        if problem is not None:
            spot = re.compile(rf"(?<!\w){re.escape(key)}(?!\w)").search(text, call.start, call.end)
            start, end = spot.span() if spot else (call.start, call.end)
            fail_at(text, path, start, end, problem[0], problem[1], problem[2])
        merged = configs.merge(config, {name: value})
        config.clear()
        config.update(merged)


def sql_error(
    message: str, sql: str, line: int | None, column: int | None, path: str, text: str, spots: Any, code: str = "E0401"
) -> Diagnostic:
    """A diagnostic for broken SQL at the line that the user wrote."""
    where: tuple[int | None, int | None] = (None, None)
    if line is not None:
        lines = sql.split("\n")
        offset = sum(len(one) + 1 for one in lines[: line - 1]) + (column or 1) - 1
        where = template_place(sql, min(offset, len(sql)), text, spots)
    length = 1
    if where[0] is not None and where[1] is not None:
        rest = text.splitlines()[where[0] - 1][where[1] - 1 :]
        word = re.match(r"\w+|\S", rest)
        length = len(word.group()) if word else 1
    found = Diagnostic(
        code=code, message=f"broken SQL: {message}", span=Span(file=path, line=where[0], column=where[1], length=length)
    )
    return with_source(found, text)


def _unique(items: list[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(items))
