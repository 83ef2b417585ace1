"""The jobs of a project: read, checked against what they select, and the connections that are told of them."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from eltflow.api.connections import connection_in
from eltflow.api.loading import Loaded, load
from eltflow.api.states import store_of
from eltflow.base import plugins
from eltflow.base.diagnostics import Diagnostic, EltflowError, fail, without
from eltflow.base.names import did_you_mean, listed
from eltflow.base.records import dataclass, field, replace
from eltflow.graph.select import Request, Selection, select
from eltflow.native.jobs import Surroundings, read_jobs, ring_of
from eltflow.native.settings import read_settings, secret_of
from eltflow.plan.plan import ACTS_ON
from eltflow.project.config import as_list
from eltflow.project.findings import Findings
from eltflow.project.folder import read_dotenv
from eltflow.project.jobs import FILE
from eltflow.project.nodes import Node
from eltflow.project.options import Options
from eltflow.project.project import read_text
from eltflow.project.settings import Settings
from eltflow.project.surface import Environ
from eltflow.schedule import durations
from eltflow.schedule.due import intervals, zone
from eltflow.schedule.jobs import AfterJob, Every, Fresher, Job, Updated
from eltflow.state.jobs import Mute
from eltflow.state.store import Store
from eltflow.transfer import Note, NotTold
from eltflow.warehouse.connection import Connection

#: The back end of secrets cannot be asked now.
NO_SECRETS = "E0312"
_ALERTING = "eltflow.destinations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    """The jobs of a project, and what of its settings they need; `dotenv` is what `.env` said when they were read."""

    root: Path
    options: Options
    settings: Settings = field(repr=False)
    jobs: tuple[Job, ...]
    pools: Mapping[str, int] = field(default_factory=dict)
    dotenv: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def environ(self) -> Environ:
        """What `env_var()` and `secret()` read."""
        made = Environ({**self.dotenv, **self.options.env})
        made.secret = secret_of(with_vars(self), made, self.root, self.options, lambda path: read_text(self.root, path))
        return made

    @property
    def store(self) -> Store:
        """The state of the project. Raises EltflowError."""
        return store_of(self.root, with_vars(self), self.environ, lambda path: read_text(self.root, path), self.options.env)

    def job(self, name: str) -> Job:
        """A job by its name. Raises EltflowError (E0903)."""
        found = next((job for job in self.jobs if job.name == name), None)
        if found is None:
            names = [job.name for job in self.jobs]
            help = did_you_mean(name, names) or (f"jobs here: {listed(names, 10)}" if names else f"write it in {FILE}")
            raise fail("E0903", f"there is no job `{name}`", help=help)
        return found


def open_jobs(root: Path, options: Options) -> Jobs:
    """Read `jobs.yml`. Raises EltflowError with everything that is wrong."""
    findings = Findings(lambda path: read_text(root, path))
    settings, value = read_settings(root, options, findings)
    findings.stop()
    around = Surroundings(
        targets=tuple(value["targets"]),
        connections={name: str(values["type"]) for name, values in settings.connections.items()},
        alerting=plugins.names(_ALERTING),
    )
    found, pools = read_jobs(root, around)
    return Jobs(root=root, options=options, settings=settings, jobs=found, pools=pools, dotenv=read_dotenv(root))


def with_vars(jobs: Jobs) -> Settings:
    """The settings, with the variables of the command line."""
    return replace(jobs.settings, vars={**jobs.settings.vars, **jobs.options.vars})


def tell(jobs: Jobs, connection: str, note: Note) -> None:
    """Tell a connection something. Raises NotTold, also for a connection that is wrong; no secret stands in its message."""
    found = _connection(jobs, connection)
    try:
        found.reader.tell(found.values, note)
    except NotTold as error:
        raise NotTold(without(found.secrets, str(error)), again=error.again) from None
    except EltflowError as error:  # a driver that is not installed may be so in a moment
        raise NotTold(_told(error), again=True) from None


def _told(error: EltflowError) -> str:
    """The first thing that is wrong, and what to do about it."""
    first = error.diagnostics[0]
    return first.message + (f": {first.help}" if first.help else "")


def signing_secret(jobs: Jobs, connection: str) -> str:
    """What requests by a connection are signed with. Raises NotTold for a connection that is wrong or has no secret."""
    secret = _connection(jobs, connection).values.get("secret")
    if not secret:
        raise NotTold(f"the connection `{connection}` has no `secret`", again=False)
    return str(secret)


def _connection(jobs: Jobs, name: str) -> Connection:
    try:
        return connection_in(with_vars(jobs), jobs.environ, lambda path: read_text(jobs.root, path), name, _ALERTING)
    except EltflowError as error:
        raise NotTold(error.diagnostics[0].message, again=error.diagnostics[0].code == NO_SECRETS) from None
    except KeyError:
        raise NotTold(f"there is no connection `{name}` any more", again=False) from None


def selected(loaded: Loaded, job: Job) -> Selection:
    """The nodes that a job works on. Raises EltflowError for a selection that cannot be."""
    from eltflow.api.lineage import reached_nodes

    request = Request(
        select=job.select,
        exclude=job.exclude,
        selector=job.selector,
        selectors=loaded.selectors,
        acts_on=ACTS_ON[job.command] | (ACTS_ON["deliver"] | ACTS_ON["task"] if job.command == "build" else frozenset()),
        project=loaded.name,
        read=loaded.read,
        columns=lambda text, up, down: reached_nodes(loaded, text, up, down),
    )
    return select(loaded.graph, request)


def owners_of(loaded: Loaded, node: Node) -> frozenset[str]:
    """Whose a node is, by every name that an alert may call them: its group, the name and the addresses of the group's owner, `meta.owner`.
    A test of which nobody says so is theirs who own what it tests."""
    found = set(_named(node.meta.get("owner")))
    if node.group is not None:
        group = loaded.opened.project.groups.get(node.group)
        found |= {node.group, *(_named(group.owner) if group is not None else ())}
    if not found and node.test is not None:
        tested = (node.test.attached,) if node.test.attached is not None else node.parents
        found |= {owner for i in tested if i in loaded.graph.nodes for owner in owners_of(loaded, loaded.graph.nodes[i])}
    return frozenset(found)


def _named(owner: Any) -> Iterator[str]:
    """The names within what says an owner: a text, or a mapping with `name` and `email`."""
    for one in (owner.get("name"), owner.get("email")) if isinstance(owner, Mapping) else (owner,):
        yield from (str(name).strip() for name in as_list(one) if name)


def options_for(jobs: Jobs, job: Job, **more: Any) -> Options:
    """The options under which a job's runs open the project."""
    given = jobs.options
    return replace(
        given,
        target=job.target if job.target is not None else given.target,
        vars={**given.vars, **job.vars},
        flags={"FULL_REFRESH": job.full_refresh, "WHICH": job.command},
        **more,
    )


#: Nodes that something can be told of: what runs, or is looked at.
_TOLD_OF = frozenset({"model", "seed", "test", "source", "ingest", "deliver", "task"})
#: So many runs at once are a mistake.
_MOST = 10_000


def intervals_of(job: Job, start: str, end: str, every: str | None) -> list[tuple[datetime.datetime, datetime.datetime]]:
    """The intervals of a backfill, by the job's own times or each as long as `every`. Raises EltflowError (E0112, E0911)."""
    first, last = _moment(job, start), _moment(job, end)
    if last <= first:
        raise fail("E0911", f"{end} is not after {start}", help="FROM is the first moment, TO the first that is no part of it")
    span = None if every is None else durations.seconds(every)
    if every is not None and span is None:
        raise fail("E0112", f"--every cannot be `{every}`", help=durations.HELP)
    if span is None and not job.timed:
        raise fail("E0911", f"`{job.name}` has no times of its own", help="say how long each run's interval is: --every '1 day'")
    lengths = [span] if span is not None else [t.seconds for t in job.timed if isinstance(t, Every)] or [60]
    if (last - first).total_seconds() / min(lengths) > _MOST * 1000:
        raise fail("E0911", f"that is more than {_MOST:,} runs", help="take less at once, or longer intervals with --every")
    found = intervals(job, first, last, None if span is None else datetime.timedelta(seconds=span))
    if len(found) > _MOST:
        raise fail(
            "E0911", f"that is {len(found):,} runs, more than {_MOST:,}", help="take less at once, or longer intervals with --every"
        )
    return found


def _moment(job: Job, text: str) -> datetime.datetime:
    """A time as it was typed, in the zone of the job."""
    found = _at(text, zone(job.timezone))
    if found is None:
        raise fail("E0911", f"`{text}` is no time", help="write a day or a time: 2026-01-31, 2026-01-31T06:00")
    return found


def _at(text: str, here: datetime.tzinfo | None) -> datetime.datetime | None:
    """A time as it was typed, in UTC; None if it is none."""
    try:
        found = datetime.datetime.fromisoformat(text)
        return (found if found.tzinfo is not None else found.replace(tzinfo=here)).astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        return None


def mute_for(jobs: Jobs, name: str, until: str | None, span: str | None, reason: str, now: datetime.datetime) -> Mute:
    """What mutes a job or a node up to a time, or for a span. Raises EltflowError (E0112 the time, E0903 there is no such job or node)."""
    if (until is None) == (span is None):
        raise fail("E0112", "say how long: with --for or --until", help="--for '2 h', or --until 2026-01-31T06:00")
    kind, id = muted_as(jobs, name)
    if span is not None:
        seconds = durations.seconds(span)
        if seconds is None:
            raise fail("E0112", f"--for cannot be `{span}`", help=durations.HELP)
        try:
            end = now + datetime.timedelta(seconds=seconds)
        except OverflowError:
            raise fail("E0112", f"--for cannot be `{span}`: that has no end", help="name a shorter time") from None
    else:
        found = _at(until or "", zone(jobs.job(name).timezone) if kind == "job" else datetime.UTC)
        if found is None:
            raise fail("E0112", f"--until cannot be `{until}`", help="write a day or a time: 2026-01-31, 2026-01-31T06:00")
        end = found
    if end <= now:
        raise fail("E0112", f"--until cannot be `{until}`: it has passed", help="name a time that is still to come")
    env = jobs.options.env
    return Mute(kind=kind, name=id, until=end, reason=reason, since=now, who=env.get("USER") or env.get("LOGNAME") or "")


def muted_as(jobs: Jobs, name: str) -> tuple[Literal["job", "node"], str]:
    """What a name stands for: a job, or else a node (by its name, or its id, which it gives). The project is read only for the latter. Raises
    EltflowError (E0903)."""
    if any(job.name == name for job in jobs.jobs):
        return "job", name
    nodes = {i: node for i, node in load(jobs.root, jobs.options).graph.nodes.items() if node.resource_type in _TOLD_OF}
    ids = [name] if name in nodes else [i for i, node in nodes.items() if name in (node.name, node.display)]
    if len(ids) == 1:
        return "node", ids[0]
    known = [*(job.name for job in jobs.jobs), *(node.name for node in nodes.values())]
    help = f"name one of them: {listed(ids, 10)}" if ids else did_you_mean(name, known) or "eltflow jobs and eltflow ls list them"
    raise fail("E0903", f"several nodes are called `{name}`" if ids else f"there is no job and no node `{name}`", help=help)


_ASKS = re.compile(r"\binterval\s*\.\s*(start|end)\b")


def uses_interval(jobs: Jobs, job: Job) -> bool:
    """Whether any node of a job, or a macro of the project, asks what interval it is run for. By their texts: what a template asks only when
    its table is there already, no rendering would show; of steps by their `cursor`. Raises EltflowError for a project that is wrong."""
    loaded = load(jobs.root, options_for(jobs, job))
    graph = loaded.graph
    ids = {*selected(loaded, job).ids}
    ids |= {i for i in graph.ancestors(sorted(ids)) if graph.nodes[i].materialized == "ephemeral"}
    if any((step.step.get("cursor") or {}).get("interval") for i in ids if (step := graph.nodes[i].ingest) is not None):
        return True
    paths = {graph.nodes[i].path for i in ids} | {macro.file for macro in loaded.opened.project.macros}
    return any(_ASKS.search(loaded.read(path)) for path in sorted(paths) if path.endswith(".sql"))


def check_jobs(jobs: Jobs) -> list[Diagnostic]:
    """What is wrong with jobs in the light of what they select: nothing (E0905), a relation that another job writes too (W0906), or what starts
    them in a ring (E0904)."""
    found = Findings(lambda path: read_text(jobs.root, path))
    written: dict[str, dict[str, str]] = {}
    watches: list[_Watch] = []
    for index, job in enumerate(jobs.jobs):
        place = ("jobs", index)
        loaded = load(jobs.root, options_for(jobs, job))
        try:
            chosen = selected(loaded, job)
        except EltflowError as error:
            key = "selector" if job.selector is not None else "select"
            for one in error.diagnostics:
                found.at(FILE, (*place, key), one.code, one.message, help=one.help)
            continue
        for number, trigger in enumerate(job.triggers):
            if isinstance(trigger, Updated | Fresher):
                spot = (*place, "triggers", number)
                nodes = _check_watched(loaded, trigger, chosen.ids, spot, found)
                if isinstance(trigger, Updated):
                    watches.append(_Watch(job=job.name, place=(*spot, "updated"), relations=tuple(_relations(loaded, nodes))))
        if not chosen.ids:
            help = (
                next((one.help for one in chosen.diagnostics if one.help), None)
                or "eltflow ls --select ... shows what a text selects"
            )
            found.at(FILE, (*place, "name"), "E0905", f"the job `{job.name}` selects nothing", help=help)
        for node in (loaded.graph.nodes[i] for i in chosen.ids):
            name = node.config.get("pool")
            if name is not None and name not in jobs.pools:
                help = did_you_mean(str(name), jobs.pools) or f"add it to {FILE}: `pools: {{{name}: 2}}`"
                found.at(FILE, (*place, "name"), "E0912", f"`{node.name}` names the pool `{name}`, which is not there", help=help)
        _check_owners(loaded, job, chosen.ids, place, found)
        for relation, label in _relations(loaded, chosen.ids):
            written.setdefault(relation, {}).setdefault(job.name, label)
    _told_twice(jobs, written, found)
    _in_a_ring(jobs, written, watches, found)
    return found.all


def _check_owners(loaded: Loaded, job: Job, ids: Sequence[str], place: tuple[str | int, ...], found: Findings) -> None:
    """An error for an alert that asks for an owner of nothing, and a warning where some nodes' failures are told to nobody."""
    if not any(alert.owner for alert in job.alerts):
        return
    owned = {i: owners_of(loaded, loaded.graph.nodes[i]) for i in ids}
    known = sorted(set().union(*owned.values()))
    for number, alert in enumerate(job.alerts):
        for owner in alert.owner:
            if owner not in known:
                help = did_you_mean(owner, known) or (
                    f"owners here: {listed(known, 10)}" if known else "write `group:` or `meta: {owner: ...}` at its nodes"
                )
                spot = (*place, "alerts", number, "owner")
                found.at(FILE, spot, "E0917", f"no node of the job `{job.name}` is owned by `{owner}`", help=help)
    rules = [alert for alert in job.alerts if "failure" in alert.on]
    if rules and all(alert.owner for alert in rules):
        heard = {owner for alert in rules for owner in alert.owner}
        lost = [loaded.graph.nodes[i].display for i in ids if not owned[i] & heard]
        if lost:
            message = f"nobody is told of failures of {listed([f'`{name}`' for name in lost], 3)} in the job `{job.name}`"
            help = "add an alert without `owner`"
            found.at(FILE, (*place, "alerts"), "W0918", message, help=help, severity="warning", key=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watch:
    """A trigger by what runs write, at its place in the file, and the relations with the targets that they are in."""

    job: str
    place: tuple[str | int, ...]
    relations: tuple[tuple[str, str], ...]


def _in_a_ring(jobs: Jobs, written: Mapping[str, Mapping[str, str]], watches: Sequence[_Watch], found: Findings) -> None:
    """An error for each trigger by which jobs that write what others wait for start each other for ever."""
    starts = {job.name: [t.job for t in job.triggers if isinstance(t, AfterJob)] for job in jobs.jobs}
    for watch in watches:  # a job's own runs do not start it
        starts[watch.job] += [by for key, _ in watch.relations for by in written.get(key, ()) if by != watch.job]
    told: set[str] = set()
    for watch in watches:
        ring = ring_of(watch.job, starts)
        if not ring or told.intersection(ring):
            continue
        last = ring[1] if len(ring) > 1 else ring[0]
        label = next((label for key, label in watch.relations if last in written.get(key, ())), None)
        if label is None:  # it is started by that one in another way
            continue
        told.update(ring)
        message = f"jobs start each other in a ring: {' → '.join([*reversed(ring), ring[-1]])}; `{last}` writes `{label}`"
        found.at(FILE, watch.place, "E0904", message, help="take one of these triggers out; times may start it")


def _check_watched(
    loaded: Loaded, trigger: Updated | Fresher, ids: tuple[str, ...], place: tuple[str | int, ...], found: Findings
) -> tuple[str, ...]:
    """An error for a trigger that names what is not there, and a warning for one that the job itself sets off; gives what it watches."""
    from eltflow.api.watching import watched

    key = "fresher" if isinstance(trigger, Fresher) else "updated"
    try:
        nodes = watched(loaded, trigger)
    except EltflowError as error:
        for one in error.diagnostics:
            found.at(FILE, (*place, key), one.code, one.message, help=one.help)
        return ()
    own = [node.name for node in nodes if node.unique_id in ids]
    if own:
        message = f"the job writes `{own[0]}` itself: of what starts it, its own runs do not count"
        found.at(FILE, (*place, key), "W0915", message, help="name what it reads", severity="warning")
    return tuple(node.unique_id for node in nodes)


def _relations(loaded: Loaded, ids: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for unique_id in ids:
        node = loaded.graph.nodes[unique_id]
        if node.relation is not None and node.resource_type != "test" and node.materialized != "ephemeral":
            yield f"{loaded.target_key} {node.relation}", node.display


def _starts(jobs: Jobs, one: str, other: str) -> bool:
    """Whether the end of a job starts another, by way of others too."""
    wanted = [other]
    for name in wanted:
        before = [t.job for t in jobs.job(name).triggers if isinstance(t, AfterJob)]
        if one in before:
            return True
        wanted += [b for b in before if b not in wanted]
    return False


def _told_twice(jobs: Jobs, written: Mapping[str, Mapping[str, str]], found: Findings) -> None:
    """A warning for each pair of jobs that write one relation."""
    index = {job.name: i for i, job in enumerate(jobs.jobs)}
    pairs: dict[tuple[str, str], list[str]] = {}
    for by in written.values():
        names = list(by)
        for one, other in ((a, b) for i, a in enumerate(names) for b in names[i + 1 :]):
            pairs.setdefault((one, other), []).append(by[one])
    for (one, other), nodes in pairs.items():
        if _starts(jobs, one, other) or _starts(jobs, other, one):
            continue
        message = f"the jobs `{one}` and `{other}` both write {listed(f'`{node}`' for node in nodes)}"
        help = f"let one start the other: `triggers: [{{job: {one}}}]`, or select less"
        found.at(FILE, ("jobs", index[other], "name"), "W0906", message, help=help, severity="warning")
