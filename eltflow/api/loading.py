"""Opens a project and builds its graph, or takes both from the cache. What only a fresh load needs stands in `fresh.py`."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eltflow.api.cache import LoadCache
from eltflow.base.diagnostics import Diagnostic, EltflowError, without
from eltflow.base.fingerprint import fingerprint
from eltflow.base.records import dataclass, field, replace
from eltflow.project.folder import read_dotenv
from eltflow.project.options import Options

if TYPE_CHECKING:
    from eltflow.api.places import Places
    from eltflow.compile.personal import Personal
    from eltflow.events import Message
    from eltflow.graph.graph import Graph
    from eltflow.native.target import Opened
    from eltflow.state.store import Store
    from eltflow.warehouse.protocols import Adapter
    from eltflow.warehouse.values import Target

STATE_FOLDER = ".eltflow"


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A project and its graph; what it takes to compile and run is opened when it is first asked for.

    `warned` is False if the graph has no warnings, `shares_state` if its state is in its own folder. `counts` are the nodes of each
    type. `changed` is False when nothing differs from the last load under the same options. `graph_id` names the load that made the
    graph, `edited_files` are the nodes (with their files) whose text is another since then. `heard` is what each node's template has
    said already, for one may be rendered several times. `others` are the same project at other targets, whose `main` it is.
    """

    root: Path
    options: Options
    name: str
    counts: Mapping[str, int]
    selectors: tuple[Mapping[str, Any], ...]
    make_graph: Callable[[], Graph] = field(repr=False)
    open: Callable[[], Opened] = field(repr=False)
    graph_id: str = ""
    edited_files: Mapping[str, str] = field(default_factory=dict)
    changed: bool = True
    warned: bool = True
    shares_state: bool = True
    messages: list[Message] = field(default_factory=list)
    heard: set[tuple[str | None, Message]] = field(default_factory=set, repr=False)
    main: Loaded | None = field(default=None, repr=False)
    others: dict[str, Loaded] = field(default_factory=dict, repr=False)

    @cached_property
    def places(self) -> Places:
        """Which targets its nodes live on."""
        from eltflow.api.places import Places

        return Places(self)

    def at(self, name: str) -> Loaded:
        """The same project as another of its targets sees it. Raises EltflowError with what is wrong with that."""
        if name not in self.others:
            found = load(self.root, replace(self.options, target=name))
            self.others[name] = replace(found, main=self, messages=self.messages, heard=self.heard)
        return self.others[name]

    @cached_property
    def graph(self) -> Graph:
        return self.make_graph()

    @cached_property
    def opened(self) -> Opened:
        return self.open()

    @cached_property
    def base(self) -> Mapping[str, Any]:
        """The names that every template may use; what they say goes to `messages`."""
        from eltflow.api.names import names_of
        from eltflow.events import Message

        def say(message: Message) -> None:
            from eltflow.jinja.environment import current_scope

            node = (current_scope().get("model") or {}).get("unique_id")
            if (node, message) not in self.heard:
                self.heard.add((node, message))
                self.messages.append(message)

        return names_of(
            self.opened,
            self.options,
            say=lambda text, shown: say(Message(text=text, level="info" if shown else "debug")),
            warn=lambda text: say(Message(text=text, level="warning")),
        )

    @cached_property
    def personal(self) -> Personal:
        """Which columns hold personal data, as the target was last seen."""
        from eltflow.api.compiling import last_catalog, make_compiler
        from eltflow.compile.personal import Personal

        if self.main is not None:
            return self.main.personal

        return Personal(make_compiler(self, last_catalog(self)[0]))

    @property
    def target(self) -> Target:
        return self.opened.project.target

    @property
    def adapter(self) -> Adapter:
        return self.opened.adapter

    @cached_property
    def target_key(self) -> str:
        """What a run locks and history is kept under: where the target physically is."""
        return target_key(self.adapter, self.target, self.root)

    @cached_property
    def store(self) -> Store:
        from eltflow.api.states import local_store, store_of

        if self.main is not None:
            return self.main.store
        if not self.shares_state:
            return local_store(self.root, self.options.env)
        made = store_of(self.root, self.opened.project.settings, self.opened.environ, self.read, self.options.env)
        return made.led_by(self.options.lease)

    @property
    def edited(self) -> tuple[str, ...]:
        """The nodes whose text is another since the graph was made."""
        return tuple(self.edited_files)

    @property
    def target_path(self) -> str:
        """The folder of derived files, relative to the root."""
        return LoadCache.folder_of(self.files)

    def read(self, path: str) -> str:
        """The text of one of the project's files."""
        from eltflow.project.project import read_text

        return read_text(self.folder_of(path), path)

    @property
    def files(self) -> Path:
        """Where the project's files are read from: its root, or a copy of them."""
        return self.options.files(self.root)

    @property
    def shown_place(self) -> str:
        """Where the target physically is, as people are told: without what came from where secrets are kept."""
        hidden = {str(self.target.values[key]) for key in self.target.hidden}
        return without({*hidden, *self.target.secrets}, self.adapter.location(self.target, self.root))

    def folder_of(self, path: str) -> Path:
        """Where one of its files is read from: programs of tasks may lie where no copy has them."""
        return self.files if (self.files / path).exists() else self.root


class BrokenProject(EltflowError):
    """What is wrong with a project's names and templates; `sound` is the project without the nodes that hang on any of that."""

    def __init__(self, diagnostics: Iterable[Diagnostic], sound: Loaded) -> None:
        super().__init__(diagnostics)
        self.sound = sound


def check_macros(loaded: Loaded) -> None:
    """Raise EltflowError (E0301) for files of macros that Jinja cannot read: those that nothing calls are compiled by nobody else."""
    texts = {macro.file: macro.text for macro in loaded.opened.project.macros}
    for file, text in texts.items():
        loaded.opened.renderer.check(text, file)


def target_key(adapter: Adapter, target: Target, root: Path) -> str:
    """Where a target physically is; one in memory belongs to its process."""
    location = adapter.location(target, root)
    for hidden in (str(target.values[key]) for key in sorted(target.hidden)):
        if hidden in location:  # it is kept, and shown
            location = location.replace(hidden, fingerprint(hidden)[:12])
    unique = f"#{os.getpid()}" if location == ":memory:" else ""
    return f"{adapter.name}:{location}{unique}"


def new_options(
    *,
    target: str | None = None,
    vars: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
    invocation_id: str | None = None,
    started_at: datetime.datetime | None = None,
    strict: bool = True,
    threads: int | None = None,
    interval: tuple[datetime.datetime, datetime.datetime] | None = None,
) -> Options:
    """Options for opening a project; what is not given is of this process and this moment.

    `target` is a name under `targets:` (else the default one), `vars` go over those of `eltflow.yml`, `env` is what `env_var()` reads (the
    process's environment), `flags` what templates see as `flags`. `invocation_id` is the id of the run (a fresh UUID), `started_at`
    its time (now, UTC). Where it is not `strict`, unknown keys are passed over. `threads` beats the target's. `interval` is what the run is
    about, from and up to (UTC), as templates see it; everything up to its start, if none is given.
    """
    import uuid

    return Options(
        target=target,
        vars=dict(vars or {}),
        env=dict(os.environ if env is None else env),
        flags=dict(flags or {}),
        invocation_id=invocation_id or str(uuid.uuid4()),
        started_at=started_at or datetime.datetime.now(datetime.UTC),
        strict=strict,
        threads=threads,
        interval=interval,
    )


def decoded(value: Any) -> Graph:
    """The graph that the cache kept."""
    from eltflow.graph.codec import decode_graph

    return decode_graph(value)


def load(root: Path, options: Options | None = None) -> Loaded:
    """Open the project at `root` and build its graph. Raises EltflowError with everything that is wrong, which is BrokenProject if its
    files could be read.

    What was found is kept in the target folder: when nothing changed, no file of the project is read again but `eltflow.yml`.
    """
    options = options or new_options()
    root = root.absolute()  # whoever gave it may go elsewhere
    cache = LoadCache(root, options)
    kept = cache.fetch({**read_dotenv(options.files(root)), **options.env})
    edited = kept is not None and bool(kept.changed)
    if kept is not None and kept.changed:
        from eltflow.api.patching import patched

        kept = patched(root, options, cache, kept)
    if kept is None:
        from eltflow.api.fresh import load_fresh

        return load_fresh(root, options, cache)
    if kept.stale_stamps:
        cache.keep(graph=kept.graph, project=kept.project, stamps=kept.stamps, folders=kept.folders, environ=kept.environ)

    def again() -> Opened:
        from eltflow.native.target import reopen

        return reopen(root, options, kept.project)

    return Loaded(
        root=root,
        options=options,
        name=kept.project["name"],
        counts=kept.project["counts"],
        make_graph=lambda: decoded(kept.graph),
        selectors=tuple(kept.project["selectors"]),
        open=again,
        graph_id=kept.project["graph_id"],
        edited_files=dict(kept.project["edited"]),
        changed=edited,
        warned=bool(kept.graph[2]),
        shares_state=kept.project["state"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedOnly:
    """A project's settings and target, without its nodes: enough to look at its history and its derived files."""

    target_path: Path
    target_key: str
    target: Target
    store: Store


def open_only(root: Path, options: Options) -> OpenedOnly:
    """Read the settings and the target, and nothing else."""
    from eltflow.api.states import store_of
    from eltflow.native.target import open_target
    from eltflow.project.findings import Findings
    from eltflow.project.project import read_text

    settings, target, adapter, environ, _ = open_target(root, options, Findings(lambda path: read_text(root, path)))
    return OpenedOnly(
        target_path=root / settings.target_path,
        target_key=target_key(adapter, target, root),
        target=target,
        store=store_of(root, settings, environ, lambda path: read_text(root, path), options.env),
    )
