"""OpenLineage events of a run, on their way to a file or a server. What goes wrong on the way is a warning: it stops no run."""

from __future__ import annotations

import functools
import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from eltflow import __version__
from eltflow.api.connections import asks, calls, connection_of, reads_database
from eltflow.api.lineage import lineages
from eltflow.api.loading import Loaded
from eltflow.base.diagnostics import fail, without
from eltflow.compile.compiled import Compiled
from eltflow.compile.inherited import Inheritance
from eltflow.compile.lineage import Lineages
from eltflow.engine.aside import Aside
from eltflow.events import Event, Message
from eltflow.jinja.static import has_jinja
from eltflow.native.settings import YamlRenderer, secret_yaml_names
from eltflow.project.findings import Findings
from eltflow.project.nodes import ColumnInfo, Node
from eltflow.project.settings import FILE
from eltflow.project.steps import shown_path
from eltflow.report.openlineage import About, Dataset, OpenLineage, Sight, namespace_of
from eltflow.sql.values import QueryLineage
from eltflow.warehouse.catalog import Catalog

_ENDPOINT = "api/v1/lineage"
_TRIES = 3
_TIMEOUT = 5.0  #: seconds for one request
_PATIENCE = 15.0  #: seconds that a run waits at its end for what is still on its way
_KEY = ("openlineage",)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The key is for the server that is named, and for no other."""

    def redirect_request(self, *given: Any, **more: Any) -> None:
        return None


class Server:
    """Sends events one after the other, from a thread of its own."""

    def __init__(self, url: str, api_key: str | None) -> None:
        parts = urllib.parse.urlsplit(url)
        self.name = f"{parts.scheme}://{parts.hostname or ''}" + (f":{parts.port}" if parts.port else "")
        self._url = url if parts.path.strip("/") else f"{url.rstrip('/')}/{_ENDPOINT}"
        self._headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {api_key}"} if api_key else {})}
        self._opener = urllib.request.build_opener(_NoRedirect)
        self._lost = 0
        self._why = ""
        self._aside = Aside("eltflow-openlineage", self._deliver)

    def send(self, text: str) -> None:
        self._aside.put(text)

    def close(self) -> str | None:
        """Wait for what is on its way; gives what went wrong, in words."""
        if not self._aside.close(_PATIENCE):
            return f"{self.name} takes too long: some OpenLineage events were not sent"
        if self._lost:
            return f"{self._lost} OpenLineage event{'s' if self._lost != 1 else ''} did not reach {self.name}: {self._why}"
        return None

    def _deliver(self, text: str) -> None:
        gone = self._why.startswith("no answer")  # a server that is not there makes no run wait for each event
        why = self._why if gone else self._post(text)
        if why is not None:
            self._lost, self._why = self._lost + 1, why

    def _post(self, text: str) -> str | None:
        """Send one event; gives why it did not go."""
        why = ""
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(0.2 * 2**attempt)
            request = urllib.request.Request(self._url, text.encode(), self._headers, method="POST")
            try:
                with self._opener.open(request, timeout=_TIMEOUT):
                    return None
            except urllib.error.HTTPError as error:
                why = f"it answers {error.code} {error.reason}"
                if error.code < 500 and error.code != 429:
                    return why
            except (OSError, http.client.HTTPException) as error:
                why = f"no answer ({getattr(error, 'reason', None) or error})"
        return why


class File:
    """Adds events to a file, one a line."""

    def __init__(self, path: Path, shown: str) -> None:
        self.name = shown
        self._why: str | None = None
        self._file: IO[str] | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            self._why = error.strerror or str(error)

    def send(self, text: str) -> None:
        try:
            if self._file is not None:
                self._file.write(text + "\n")
                self._file.flush()
        except OSError as error:
            self._why = error.strerror or str(error)

    def close(self) -> str | None:
        if self._file is not None:
            self._file.close()
        return f"OpenLineage events cannot be written to {self.name}: {self._why}" if self._why is not None else None


class Emitter:
    """Sends what a run tells. With no place to send it to, it does nothing."""

    def __init__(self, fold: OpenLineage, places: Sequence[Server | File], secrets: Callable[[], Collection[str]]) -> None:
        self._fold = fold
        self._places = places
        self._secrets = secrets

    def take(self, event: Event) -> None:
        for made in self._fold.take(event):
            text = json.dumps(_masked(made, self._secrets()), default=str)
            for place in self._places:
                place.send(text)

    def close(self) -> Iterator[Message]:
        """Wait for what is on its way; gives a warning for each place that did not get everything."""
        for place in self._places:
            problem = place.close()
            if problem is not None:
                yield Message(text=without(self._secrets(), problem), level="warning")


def _masked(value: Any, secrets: Collection[str]) -> Any:
    """A value of JSON whose texts hold no secret; what names its parts is none."""
    if isinstance(value, str):
        return without(secrets, value)
    if isinstance(value, Mapping):
        return {key: _masked(inner, secrets) for key, inner in value.items()}
    return [_masked(inner, secrets) for inner in value] if isinstance(value, list | tuple) else value


def emitter(
    loaded: Loaded,
    command: str,
    run_id: str,
    compiled: Callable[[str], Compiled | None],
    catalog: Callable[[], Catalog | None],
) -> Emitter | None:
    """What sends a run's events to where `openlineage:` in eltflow.yml says, or else OPENLINEAGE_URL; None where neither does.

    `compiled(unique id)` and `catalog()` are what the run knows by the time that it is asked. Raises EltflowError for settings that are wrong
    (E0103), and for a variable that is not set (E0304)."""
    env = loaded.options.env
    if str(env.get("OPENLINEAGE_DISABLED", "")).lower() == "true":
        return None
    told = _settings(loaded)
    if told is None:
        return None
    project = loaded.opened.project.settings.name
    about = About(
        version=__version__,
        project=project,
        jobs=told.get("namespace") or project,
        datasets=_namespace(loaded),
        dialect=loaded.adapter.dialect.name,
        command=command,
        run_id=_as_uuid(run_id),
        parent=_parent(env.get("OPENLINEAGE_PARENT_ID", "")),
        elsewhere={
            i: _namespace(loaded.places.others[name]) for i, name in loaded.places.elsewhere.items() if name in loaded.places.others
        },
    )
    places: list[Server | File] = []
    if told.get("url"):
        places.append(Server(told["url"], told.get("api_key")))
    if told.get("file"):
        places.append(File(loaded.root / told["file"], told["file"]))
    fixed = {*loaded.target.secrets, *filter(None, [told.get("api_key")])}

    def secrets() -> Collection[str]:  # those of connections are asked for as the run goes on
        return fixed | {value for _, value in loaded.options.read_secrets.values()}

    return Emitter(OpenLineage(about, loaded.places.graph.nodes, _sight(loaded, compiled, catalog)), places, secrets)


def _namespace(loaded: Loaded) -> str:
    """The namespace of a target's tables."""
    return namespace_of(loaded.adapter.name, loaded.shown_place)


def _settings(loaded: Loaded) -> dict[str, str] | None:
    """Where events go, rendered and checked; None if nowhere."""
    settings, env = loaded.opened.project.settings, loaded.options.env
    written = settings.openlineage
    if written is None:
        if not env.get("OPENLINEAGE_URL"):
            return None
        names = {"url": "OPENLINEAGE_URL", "api_key": "OPENLINEAGE_API_KEY", "namespace": "OPENLINEAGE_NAMESPACE"}
        told = {key: env[name] for key, name in names.items() if env.get(name)}
        if _is_http(told["url"]):
            return told
        raise fail("E0103", "OPENLINEAGE_URL is no http address", help="write https://host:port, or set OPENLINEAGE_DISABLED=true")
    findings = Findings(loaded.read)
    render = YamlRenderer(secret_yaml_names(settings.vars, loaded.opened.environ), findings)
    made = {key: str(render(value, FILE, (*_KEY, key))) for key, value in written.items()}
    findings.secrets = tuple(filter(None, [made.get("api_key")]))
    findings.stop()
    if not made.get("url") and not made.get("file"):
        help = "write `url: https://...` or `file: logs/openlineage.jsonl` below it"
        findings.at(FILE, _KEY, "E0103", "`openlineage` says neither `url` nor `file`", help=help, key=True)
    if made.get("url") and not _is_http(made["url"]):
        findings.error("E0103", "`url` of `openlineage` is no http address", file=FILE, line=None, help="write https://host:port")
    if written.get("api_key") and not has_jinja(written["api_key"]):
        message = "`api_key` of `openlineage` is written down, where everybody can read it"
        help = "write `api_key: \"{{ env_var('OPENLINEAGE_API_KEY') }}\"`, and set that variable"
        findings.error("E0103", message, file=FILE, line=None, help=help)  # the line holds it, and is not shown
    findings.stop()
    return made


def _is_http(url: str) -> bool:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _as_uuid(run_id: str) -> str:
    try:
        return str(uuid.UUID(run_id))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, run_id))


def _parent(text: str) -> tuple[str, str, str] | None:
    """What started eltflow, as schedulers tell it: namespace/job/run id."""
    namespace, _, rest = text.partition("/")
    job, _, run = rest.rpartition("/")
    try:
        return (namespace, job, str(uuid.UUID(run))) if namespace and job else None
    except ValueError:
        return None


def _sight(loaded: Loaded, compiled: Callable[[str], Compiled | None], catalog: Callable[[], Catalog | None]) -> Sight:
    """What events say of nodes, looked up when the first of them is made."""

    @functools.cache
    def found() -> tuple[Lineages, Inheritance]:
        made = lineages(loaded, catalog())
        return made, Inheritance(made)

    def lineage(node: Node) -> QueryLineage:
        return found()[0].of(node)

    def columns(node: Node) -> list[ColumnInfo]:
        known = catalog()
        seen = known.get(node.relation) if known is not None and node.relation is not None else None
        types = {c.name.lower(): c.type for c in seen.columns} if seen is not None else {}
        told = {name.lower(): column for name, column in node.columns.items()}
        walked, inheritance = found()
        more = inheritance.of(node)
        made = []
        for name in walked.columns(node) or tuple(c.name for c in (seen.columns if seen is not None else ())):
            own = told.get(name.lower(), ColumnInfo(name=name))
            description = own.description or (more[name].description if name in more else "")
            made.append(ColumnInfo(name=name, description=description, data_type=types.get(name.lower()) or own.data_type))
        return made

    def sql(node: Node) -> str | None:
        one = compiled(node.unique_id)
        return one.sql if one is not None else None

    return Sight(lineage=lineage, columns=columns, sql=sql, origins=lambda node: _origins(loaded, node))


def _origins(loaded: Loaded, node: Node) -> list[Dataset]:
    """What a seed or a step reads."""
    if node.resource_type == "seed":
        return [("file", str(loaded.root / node.path))]
    if node.ingest is None or node.unnests:
        return []
    source = node.ingest.source
    if reads_database(node):
        connection = connection_of(loaded, str(source["connection"]))
        values = connection.values
        kind = str(values["type"])
        if values.get("path"):
            place = f"{kind}://{(loaded.root / str(values['path'])).resolve()}"
        else:
            place = f"{kind}://{values.get('host') or 'localhost'}" + (f":{values['port']}" if values.get("port") else "")
        name = str(source.get("table") or f"{node.ingest.into} (query)")
        return [(place, ".".join(str(p) for p in (values.get("dbname") or values.get("database"), name) if p))]
    if calls(node):
        return []  # which only the function knows
    if asks(node):
        url = str(connection_of(loaded, str(source["connection"])).values["url"]).rstrip("/")
        scheme, _, host = url.partition("://")
        host, _, rest = host.rpartition("@")[2].partition("/")
        return [(f"{scheme}://{host}", "/".join(p.strip("/") for p in (rest, str(source.get("path") or "")) if p))]
    path = str(shown_path(source.get("path")))
    scheme, found, rest = path.partition("://")
    if not found:
        return [("file", str(loaded.root / path))]
    place, _, name = rest.partition("/")
    return [(f"{scheme}://{place}", name)]
