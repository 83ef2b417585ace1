"""The commands that write to the warehouse: build, run, test, seed, ingest."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from eltflow.cli import options as o

_TYPES = {
    "build": frozenset({"model", "seed", "ingest", "test"}),
    "run": frozenset({"model"}),
    "test": frozenset({"test"}),
    "seed": frozenset({"seed"}),
    "ingest": frozenset({"ingest"}),
}

FailFast = Annotated[bool, typer.Option("--fail-fast", "-x", help="Stop at the first failure.")]
StoreFailures = Annotated[bool, typer.Option("--store-failures", help="Keep failing rows in <schema>_test_failures.")]
Rows = Annotated[int, typer.Option("--rows", help="How many failing rows of a test are shown.", min=0)]
NoRows = Annotated[bool, typer.Option("--no-rows", help="Show no failing rows.")]
LockTimeout = Annotated[float, typer.Option("--lock-timeout", help="Seconds to wait for another run on the same target.", min=0)]
Retries = Annotated[int, typer.Option("--retries", help="How often a step is tried again after a transient error.", min=0)]
Timeout = Annotated[float | None, typer.Option("--timeout", help="Seconds that one node may take.")]
JUnit = Annotated[Path | None, typer.Option("--junit", help="Write the tests' results as JUnit XML.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan, and touch nothing.")]


def build(
    project_dir: o.ProjectDir = None,
    target: o.TargetName = None,
    vars: o.Vars = None,
    select: o.Select = None,
    exclude: o.Exclude = None,
    selector: o.Selector = None,
    indirect_selection: o.Indirect = None,
    resource_type: o.ResourceType = None,
    exclude_resource_type: o.ExcludeType = None,
    full_refresh: o.FullRefresh = False,
    fail_fast: FailFast = False,
    store_failures: StoreFailures = False,
    rows: Rows = 5,
    no_rows: NoRows = False,
    threads: o.Threads = None,
    lock_timeout: LockTimeout = 0.0,
    retries: Retries = 2,
    timeout: Timeout = None,
    junit: JUnit = None,
    dry_run: DryRun = False,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
    warn_error: o.WarnError = False,
    log_format: o.LogFormat = "text",
    as_json: o.AsJson = False,
) -> int:
    return _execute("build", **locals())


def run(
    project_dir: o.ProjectDir = None,
    target: o.TargetName = None,
    vars: o.Vars = None,
    select: o.Select = None,
    exclude: o.Exclude = None,
    selector: o.Selector = None,
    full_refresh: o.FullRefresh = False,
    fail_fast: FailFast = False,
    threads: o.Threads = None,
    lock_timeout: LockTimeout = 0.0,
    retries: Retries = 2,
    timeout: Timeout = None,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
    warn_error: o.WarnError = False,
    log_format: o.LogFormat = "text",
    as_json: o.AsJson = False,
) -> int:
    return _execute("run", **locals())


def test(
    project_dir: o.ProjectDir = None,
    target: o.TargetName = None,
    vars: o.Vars = None,
    select: o.Select = None,
    exclude: o.Exclude = None,
    selector: o.Selector = None,
    indirect_selection: o.Indirect = None,
    fail_fast: FailFast = False,
    store_failures: StoreFailures = False,
    rows: Rows = 5,
    no_rows: NoRows = False,
    threads: o.Threads = None,
    lock_timeout: LockTimeout = 0.0,
    retries: Retries = 2,
    timeout: Timeout = None,
    junit: JUnit = None,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
    warn_error: o.WarnError = False,
    log_format: o.LogFormat = "text",
    as_json: o.AsJson = False,
) -> int:
    return _execute("test", **locals())


def seed(
    project_dir: o.ProjectDir = None,
    target: o.TargetName = None,
    vars: o.Vars = None,
    select: o.Select = None,
    exclude: o.Exclude = None,
    selector: o.Selector = None,
    full_refresh: o.FullRefresh = False,
    fail_fast: FailFast = False,
    threads: o.Threads = None,
    lock_timeout: LockTimeout = 0.0,
    retries: Retries = 2,
    timeout: Timeout = None,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
    warn_error: o.WarnError = False,
    log_format: o.LogFormat = "text",
    as_json: o.AsJson = False,
) -> int:
    return _execute("seed", **locals())


def ingest(
    project_dir: o.ProjectDir = None,
    target: o.TargetName = None,
    vars: o.Vars = None,
    select: o.Select = None,
    exclude: o.Exclude = None,
    selector: o.Selector = None,
    full_refresh: o.FullRefresh = False,
    fail_fast: FailFast = False,
    threads: o.Threads = None,
    lock_timeout: LockTimeout = 0.0,
    retries: Retries = 2,
    timeout: Timeout = None,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
    warn_error: o.WarnError = False,
    log_format: o.LogFormat = "text",
    as_json: o.AsJson = False,
) -> int:
    return _execute("ingest", **locals())


def _execute(command: str, **given: Any) -> int:
    if given.get("dry_run"):
        from eltflow.cli.look import show_plan

        return show_plan(**given)
    from eltflow import api
    from eltflow.base.diagnostics import EltflowError
    from eltflow.cli import render
    from eltflow.cli.log import LogFile
    from eltflow.cli.progress import Progress, summary
    from eltflow.cli.selected import nothing_selected

    json_lines = o.check_log_format(given["log_format"])
    flags = {
        "FULL_REFRESH": given.get("full_refresh", False),
        "STORE_FAILURES": given.get("store_failures", False),
        "WHICH": command,
    }
    common = o.Common(
        project_dir=given["project_dir"], target=given["target"], vars=given["vars"], threads=given["threads"], flags=flags
    )
    loaded = o.load(common)
    warnings = list(loaded.graph.warnings)
    if not given["quiet"]:
        render.diagnostics(warnings)
    if warnings and given["warn_error"]:
        return 1
    chosen = o.selection(
        loaded,
        _TYPES[command],
        select=given["select"],
        exclude=given["exclude"],
        selector=given["selector"],
        indirect=given.get("indirect_selection"),
        resource_types=given.get("resource_type"),
        exclude_types=given.get("exclude_resource_type"),
    )
    if nothing_selected(chosen):
        return 0
    run_options = api.RunOptions(
        command=command,
        selected=chosen.ids,
        full_refresh=bool(given.get("full_refresh", False)),
        fail_fast=given["fail_fast"],
        store_failures=bool(given.get("store_failures", False)),
        sample_rows=0 if given.get("no_rows") else int(given.get("rows", 0)),
        lock_timeout=given["lock_timeout"],
        retries=given["retries"],
        timeout=given["timeout"],
        selection=" ".join(given["select"] or ()),
        warn_error=given["warn_error"],
    )
    state = api.RunState(run_id=loaded.options.invocation_id)
    plain = given["as_json"] or json_lines
    progress = Progress(loaded, state, quiet=given["quiet"] or plain)
    log = LogFile(loaded, state)
    try:
        with log, interruptible(state), closing(api.execute(loaded, run_options, state)) as events:
            for event in events:
                log.write(event)
                if json_lines:
                    render.event_line(event, state)
                progress(event)
    except EltflowError:
        progress.end()
        raise
    if state.plan is None:  # --warn-error, and compiling warned
        return 1
    argv = ["eltflow", *sys.argv[1:]]
    api.write_artifacts(loaded, run_options, state, argv)
    if given.get("junit"):
        api.write_junit(loaded, run_options, state, given["junit"], warn_error=given["warn_error"])
    if given["as_json"]:
        render.out_json(render.run_document(loaded, state))
    elif not json_lines:
        summary(loaded, state, lambda ended: _again(command, given, loaded, ended), quiet=given["quiet"])
    return exit_code(state, given["warn_error"])


#: The options that say what is done, and those that say to what: both are repeated in a command that finishes a run.
_HOW = ("project_dir", "target", "vars", "resource_type", "exclude_resource_type", "indirect_selection")
_ALSO = ("full_refresh", "store_failures")
_WHAT = ("select", "exclude", "selector")


def _again(command: str, given: Mapping[str, Any], loaded: Any, state: Any) -> str:
    """The command that runs what failed and what was skipped: under the same options, on that alone."""
    from eltflow.events import BAD
    from eltflow.graph.select import Request
    from eltflow.plan.again import again

    failed = [r.step for r in state.results.values() if r.status in BAD]
    skipped = [r.step for r in state.results.values() if r.status == "skipped"]
    request = Request(
        indirect=given.get("indirect_selection"),
        resource_types=tuple(given.get("resource_type") or ()),
        exclude_resource_types=tuple(given.get("exclude_resource_type") or ()),
        acts_on=_TYPES[command],
    )
    texts = again(loaded.graph, state.plan, failed, skipped, request)
    words = ["eltflow", command]
    for name in (*_HOW, *(_WHAT if texts is None else ())):
        value = given.get(name)
        for one in value if isinstance(value, list) else [value] if value is not None else []:
            words += [f"--{name.replace('_', '-')}", _quoted(str(one))]
    words += [f"--{name.replace('_', '-')}" for name in _ALSO if given.get(name)]
    return " ".join([*words, *(["--select", *map(_quoted, texts)] if texts else [])])


def _quoted(text: str) -> str:
    """A word for a shell, as a person would type it."""
    from shlex import quote

    return f'"{text}"' if "'" in text and not set(text) & set('"$`\\!') else quote(text)


@contextmanager
def interruptible(state: Any) -> Iterator[None]:
    """While a plan runs, Ctrl-C asks it to stop, so that every step ends and results are written; a second one stops at once."""

    def stop(number: int, frame: Any) -> None:
        if state.plan is None or state.cancelled:
            raise KeyboardInterrupt
        state.cancel()

    try:
        before = signal.signal(signal.SIGINT, stop)
    except ValueError:  # not in the main thread: signals are the caller's business
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def exit_code(state: Any, warn_error: bool) -> int:
    """0 done; 1 something failed (or warned under --warn-error); 130 cancelled."""
    from eltflow.events import BAD

    if state.finished is None or state.finished.cancelled:
        return 130
    statuses = {result.status for result in state.results.values()}
    if statuses & BAD or (warn_error and ("warn" in statuses or state.warnings)):
        return 1
    return 0
