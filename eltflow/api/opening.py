"""The targets that a run needs, opened: those that it writes to under their locks and leases, those that it only reads as they are."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from eltflow.api.explain import connection_problem, node_span, quoted
from eltflow.api.loading import Loaded
from eltflow.api.past import user_of
from eltflow.base.diagnostics import Diagnostic, EltflowError
from eltflow.base.names import listed, short
from eltflow.base.records import dataclass, field, replace
from eltflow.engine.lease import SECONDS, Lease, leased
from eltflow.events import Message
from eltflow.plan.plan import Copy
from eltflow.project.nodes import Node
from eltflow.state.lock import TARGET, lock_path, run_lock
from eltflow.warehouse.catalog import Catalog
from eltflow.warehouse.protocols import Database, Tells
from eltflow.warehouse.values import CatalogTable, Relation, WarehouseError

#: With more relations than this, the whole catalog is read at once.
FEW = 300


@dataclass(slots=True, kw_only=True)
class Site:
    """A target in a run, by its name (empty for the run's own). `nodes` are those that run there, as it sees them; `seen` are the relations
    that they need to know about (None: all); `copies` are made there, and `gives` are its nodes that others have copies of. What `records`
    says that the warehouse keeps is what each node did."""

    name: str
    loaded: Loaded
    nodes: Sequence[Node] = ()
    seen: Sequence[Relation] | None = None
    copies: Sequence[Copy] = ()
    gives: Sequence[Node] = ()
    database: Database = field(init=False)
    lease: Lease | None = None
    tables: Sequence[CatalogTable] = ()
    catalog: Catalog = field(init=False)
    records: bool = False

    @property
    def written(self) -> bool:
        """Whether anything runs there: the run's own target always counts, for its hooks."""
        return not self.name or bool(self.nodes)


def sites_of(loaded: Loaded, nodes: Sequence[Node], ids: Sequence[str] | None, copies: Sequence[Copy]) -> Mapping[str, Site]:
    """The targets of a run of these nodes (`ids` were selected; None: all), the run's own first: where they run, and where copies come from."""
    places = loaded.places
    sources = [places.step_target(loaded.graph.nodes[copy.of]) for copy in copies]
    names = dict.fromkeys(("", *map(places.step_target, nodes), *sources))
    return {
        name: Site(
            name=name,
            loaded=places.at(name),
            nodes=[node for node in nodes if places.step_target(node) == name],
            seen=seen(places.at(name), ids, name),
            copies=[copy for copy in copies if copy.target == name],
            gives=[of for copy in copies if places.step_target(of := loaded.graph.nodes[copy.of]) == name],
        )
        for name in names
    }


def seen(loaded: Loaded, ids: Sequence[str] | None, name: str = "") -> list[Relation] | None:
    """The relations that a run of few nodes needs to know about: theirs, and those of everything above; None for all. Of another target by
    its name: of what lives there."""
    main = loaded.main if name and loaded.main is not None else loaded
    ids = ids if ids is not None or not name else [*main.graph.nodes]
    if ids is None or len(ids) > FEW:
        return None
    wanted = {*ids, *(node.unique_id for i in ids for node in main.graph.beside(i)), *main.graph.ancestors(ids)}
    there = [i for i in wanted if not name or main.places.elsewhere.get(i) == name]
    found = [n.relation for i in there if (n := loaded.graph.nodes.get(i)) is not None and n.relation is not None]
    return found if len(found) <= FEW else None


@contextmanager
def opened(sites: Iterable[Site], token: str, about: Mapping[str, Any], timeout: float) -> Iterator[None]:
    """Open the targets. They are locked in the order of their keys, so that no two runs wait for each other. Raises EltflowError: E0803
    locked, E0805 no connection."""
    order = sorted(sites, key=lambda site: site.loaded.target_key)
    written = [site for site in order if site.written]
    keys = {site.loaded.target_key: site for site in reversed(written)}
    with ExitStack() as stack:
        for key in sorted(keys):
            code, message, help = TARGET
            held = (code, message.replace("this target", f"the target `{keys[key].name}`"), help) if keys[key].name else TARGET
            stack.enter_context(run_lock(key, keys[key].loaded.options.env, timeout, about, held))
        for site in order:
            alone = site.loaded.target_key not in keys
            if alone and not site.written:
                _check_there(site)
            site.database = stack.enter_context(connected(site.loaded, read_only=not site.written and alone))
        leases: dict[tuple[str, str], Lease | None] = {}
        for site in written:
            place = (site.loaded.target_key, site.loaded.target.schema)
            if place not in leases:
                leases[place] = stack.enter_context(lease_of(site.loaded, site.database, token, about, timeout))
            site.lease = leases[place]
        yield


def _check_there(site: Site) -> None:
    """Raise EltflowError (E0805) for a file that is only read, and that nothing has made yet."""
    loaded = site.loaded
    location = loaded.adapter.location(loaded.target, loaded.root)
    if not os.path.isabs(location) or os.path.exists(location):
        return
    names = [node.name for node in site.gives]
    message = f"{listed([f'`{name}`' for name in names])} of the target `{site.name}` is not built yet: there is no file {location}"
    span = node_span(loaded, site.gives[0]) if site.gives else None
    help = f"build it first: eltflow build --select {' '.join(names)}"
    raise EltflowError(quoted(loaded, Diagnostic(code="E0805", message=message, span=span, help=help)))


def about_run(loaded: Loaded) -> Mapping[str, Any]:
    """What others are told of who holds the target."""
    return {"user": user_of(loaded.options.env), "started_at": loaded.options.started_at.isoformat(timespec="seconds")}


@contextmanager
def lease_of(
    loaded: Loaded, database: Database, token: str, about: Mapping[str, Any], timeout: float = 0.0
) -> Iterator[Lease | None]:
    """The lease of the target's schema, where others than this machine can write to it."""
    host = socket.gethostname()
    statements = loaded.adapter.dialect.lease(
        loaded.target.schema,
        token=token,
        holder=f"process {os.getpid()} on {host} of {about['user']} since {about['started_at']}",
        place=f"{host}:{lock_path(loaded.target_key, loaded.options.env)}",  # whose lock is held here: no other run there is alive
        seconds=SECONDS,
    )
    with ExitStack() as stack:
        try:
            lease = stack.enter_context(leased(database, statements, timeout))
        except WarehouseError as error:
            if error.kind != "permission":
                raise EltflowError(connection_problem(loaded, error, "write to")) from None
            text = f"no right to keep a lease in eltflow_meta, so nothing keeps another machine from writing too: {error}"
            loaded.messages.append(Message(text=text, level="warning"))
            lease = None
        yield lease


@contextmanager
def connected(loaded: Loaded, *, read_only: bool = False) -> Iterator[Database]:
    """The target, opened. Raises EltflowError (E0805)."""
    run = short(loaded.options.invocation_id)
    name = f"eltflow {loaded.opened.project.settings.name}.{loaded.target.name} {run}".rstrip()
    try:
        database = loaded.adapter.open(replace(loaded.target, application=name), loaded.root, read_only=read_only)
    except WarehouseError as error:
        raise EltflowError(connection_problem(loaded, error)) from None
    try:
        yield database
    finally:
        database.close()


def schemas_of(nodes: Iterable[Node]) -> list[tuple[str | None, str]]:
    """The (database, schema) pairs of nodes' relations."""
    return schemas(n.relation for n in nodes if n.relation is not None)


def schemas(relations: Iterable[Relation]) -> list[tuple[str | None, str]]:
    return list({(r.database, r.schema): None for r in relations if r.schema})


def said_by(database: Database) -> Sequence[str]:
    """What a target has to say of how it is used, and has not said before."""
    return database.told() if isinstance(database, Tells) else ()
