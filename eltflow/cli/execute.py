"""The commands that write to the warehouse: build, run, test, seed, ingest."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated, Any

import typer

from eltflow.cli import options as o

_EVERY = (o.GRAPH, o.SELECTING, o.RUNNING, o.PRINTING, o.WARNING)


@o.takes(o.GRAPH, o.SELECTING, o.TYPES, o.RUNNING, o.TESTING, o.PRINTING, o.WARNING)
def build(
    given: o.Given, dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, and touch nothing.")] = False
) -> int:
    if dry_run:
        from eltflow.cli.look import show_plan

        return show_plan(given)
    return _execute("build", given)


@o.takes(*_EVERY)
def run(given: o.Given) -> int:
    return _execute("run", given)


@o.takes(*_EVERY, o.TESTING)
def test(given: o.Given) -> int:
    return _execute("test", given)


@o.takes(*_EVERY)
def seed(given: o.Given) -> int:
    return _execute("seed", given)


@o.takes(*_EVERY)
def ingest(
    given: o.Given,
    preview: Annotated[
        str | None,
        typer.Option("--preview", metavar="STEP", help="Show the types and first ten rows of a step's source, and load nothing."),
    ] = None,
    backfill: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--backfill", metavar="FROM TO", help="Bring in again the rows whose cursor is between these, the second left out."
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show how steps would load, and in which types; asks their sources, and loads nothing."),
    ] = False,
) -> int:
    if backfill is not None and (given.full_refresh or preview is not None or dry_run):
        from eltflow.base.diagnostics import fail

        raise fail("E0112", "--backfill goes with none of --full-refresh, --preview and --dry-run", help="leave one of them out")
    if preview is not None or dry_run:
        from eltflow.cli.inspect import show_steps

        return show_steps(given, preview)
    return _execute("ingest", given, backfill)


@o.takes(*_EVERY, o.TESTING)
def deliver(
    given: o.Given,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show how many rows would go where, and send nothing.")] = False,
) -> int:
    return _rehearse(given) if dry_run else _execute("deliver", given)


@o.takes(*_EVERY)
def task(given: o.Given) -> int:
    return _execute("task", given)


def _rehearse(given: o.Given) -> int:
    from eltflow.api.delivering import rehearse
    from eltflow.cli import render
    from eltflow.plan.plan import ACTS_ON

    loaded = given.load(WHICH="deliver")
    given.warn(loaded.graph.warnings)
    told, found = rehearse(loaded, given.selection(loaded, ACTS_ON["deliver"]).ids, anew=given.full_refresh)
    if given.voice.machine:
        given.voice.result([{"id": node.unique_id, "name": node.name, "would_send": words} for node, words in found])
        return 0
    for message in told:
        given.voice.note(message.text)
    for line in render.table(("delivery", "would send"), [(node.name, words) for node, words in found]) if found else ():
        render.out(line)
    if found and not given.quiet:
        render.out("nothing was sent")
    return 0


def _execute(command: str, given: o.Given, backfill: tuple[str, str] | None = None) -> int:
    from eltflow import api
    from eltflow.api.log import LogFile
    from eltflow.base.diagnostics import EltflowError
    from eltflow.cli import render
    from eltflow.cli.progress import Progress, summary
    from eltflow.events import Message
    from eltflow.plan.plan import ACTS_ON

    voice = given.voice
    if given.junit is not None:
        api.check_file(given.junit, "name a file in a folder that can be written: --junit reports/tests.xml")
    loaded = given.load(STORE_FAILURES=given.store_failures, WHICH=command)
    given.warn(loaded.graph.warnings if given.warn_error else api.first_warnings(loaded))
    chosen = given.selection(loaded, ACTS_ON[command])
    if command == "build" and (loaded.graph.of_type("deliver") or loaded.graph.of_type("task")):
        beside = given.selection(loaded, ACTS_ON["deliver"] | ACTS_ON["task"], told=False).ids
        if beside:
            voice.note(api.left_out(loaded, beside))
    state = api.RunState(run_id=loaded.options.invocation_id)
    api.check_target_folder(loaded)
    run_options = api.RunOptions(
        command=command,
        selected=chosen.ids,
        full_refresh=given.full_refresh,
        backfill=backfill,
        fail_fast=given.fail_fast,
        store_failures=given.store_failures,
        sample_rows=0 if given.no_rows else given.rows,
        lock_timeout=given.lock_timeout,
        retries=given.retries,
        timeout=given.timeout,
        selection=" ".join(given.select or ()),
        warn_error=given.warn_error,
    )
    if not chosen.ids:  # what an earlier run left says nothing of this one
        _write(given, loaded, run_options, state)
        voice.result(render.run_document(loaded, state, command))
        return 0
    progress = Progress(loaded, state, quiet=given.quiet or voice.machine)
    log = LogFile(loaded, state)
    try:
        with log, interruptible(state), closing(api.execute(loaded, run_options, state)) as events:
            for event in events:
                log.write(event)
                if voice.form == "lines":
                    render.event_line(event, state)
                elif voice.form == "document" and isinstance(event, Message) and event.diagnostic is not None:
                    given.warn([event.diagnostic] if not given.warn_error else ())
                progress(event)
    except EltflowError:
        progress.end()
        raise
    if state.plan is None:  # --warn-error, and compiling warned
        if voice.form == "document" or given.quiet:
            given.warn(state.warnings)
        return 1
    code = exit_code(state, given.warn_error)
    try:
        _write(given, loaded, run_options, state)
    except EltflowError as error:  # what ran is told all the same
        voice.diagnostics(error.diagnostics)
        code = code or 1
    if voice.form == "document":
        voice.result(render.run_document(loaded, state, command))
    elif voice.form == "text":
        summary(
            loaded,
            state,
            lambda ended: _again(command, given, loaded, ended, backfill),
            quiet=given.quiet,
            warn_error=given.warn_error,
        )
    return code


def _write(given: o.Given, loaded: Any, run_options: Any, state: Any) -> None:
    """Write what a run leaves. Raises EltflowError (E0117)."""
    from eltflow import api

    api.write_artifacts(loaded, run_options, state, ["eltflow", *sys.argv[1:]])
    if given.junit is not None:
        api.write_junit(loaded, run_options, state, given.junit, warn_error=given.warn_error)


#: The options that say what is done, and those that say to what: both are repeated in a command that finishes a run.
_HOW = ("project_dir", "target", "vars", "resource_type", "exclude_resource_type", "indirect_selection")
_ALSO = ("full_refresh", "store_failures")
_WHAT = ("select", "exclude", "selector")


def _again(command: str, given: o.Given, loaded: Any, state: Any, backfill: tuple[str, str] | None) -> str:
    """The command that runs what failed and what was skipped: under the same options, on that alone."""
    from eltflow.events import BAD
    from eltflow.graph.select import Request
    from eltflow.plan.again import again
    from eltflow.plan.plan import ACTS_ON

    failed = [r.step for r in state.results.values() if r.status in BAD]
    skipped = [r.step for r in state.results.values() if r.status == "skipped"]
    request = Request(
        indirect=given.indirect_selection,  # type: ignore[arg-type]
        resource_types=tuple(given.resource_type or ()),
        exclude_resource_types=tuple(given.exclude_resource_type or ()),
        acts_on=ACTS_ON[command],
    )
    texts = again(loaded.graph, state.plan, failed, skipped, request)
    words = ["eltflow", command]
    for name in (*_HOW, *(_WHAT if texts is None else ())):
        value = getattr(given, name)
        for one in value if isinstance(value, list) else [value] if value is not None else []:
            words += [f"--{name.replace('_', '-')}", _quoted(str(one))]
    words += ["--backfill", *map(_quoted, backfill)] if backfill is not None else []
    words += [f"--{name.replace('_', '-')}" for name in _ALSO if getattr(given, name)]
    return " ".join([*words, *(["--select", *map(_quoted, texts)] if texts else [])])


def _quoted(text: str) -> str:
    """A word for a shell, as a person would type it."""
    from shlex import quote

    return f'"{text}"' if "'" in text and not set(text) & set('"$`\\!') else quote(text)


@contextmanager
def interruptible(state: Any) -> Iterator[None]:
    """While a plan runs, Ctrl-C or SIGTERM (which ends a container) asks it to stop, so that every step ends and results are written; a second
    one stops at once."""

    def stop(number: int, frame: Any) -> None:
        if state.plan is None or state.cancelled:
            raise KeyboardInterrupt
        state.cancel()

    try:
        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not in the main thread: signals are the caller's business
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_code(state: Any, warn_error: bool) -> int:
    """0 done; 1 something failed (or warned under --warn-error); 75 another run took the target over; 130 cancelled."""
    from eltflow.events import BAD

    if state.fenced:
        return 75
    if state.finished is None or state.finished.cancelled:
        return 130
    statuses = {result.status for result in state.results.values()}
    return 1 if statuses & BAD or (warn_error and warned(state)) else 0


def warned(state: Any) -> bool:
    """Whether a run that came to its end had any warning."""
    return bool(state.warned or state.warnings or any(result.status == "warn" for result in state.results.values()))
