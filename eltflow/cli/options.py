"""The options that commands share, declared once, and the step from them to a loaded project and a selection.

Annotations are evaluated here as they stand: what they hold is what Typer is given.
"""

import inspect
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from eltflow.base.records import dataclass, fields
from eltflow.cli.render import Voice

if TYPE_CHECKING:
    from eltflow.api import Loaded
    from eltflow.base.diagnostics import Diagnostic
    from eltflow.graph.select import Selection
    from eltflow.project.options import Options


@dataclass(frozen=True, kw_only=True)
class Given:
    """What was typed of the options that commands share; a command takes those that it names in `takes`."""

    project_dir: Annotated[
        Path | None, typer.Option("--project-dir", help="The project's folder (default: here, or the nearest above).")
    ] = None
    target: Annotated[str | None, typer.Option("--target", "-t", help="The target to build for.")] = None
    vars: Annotated[str | None, typer.Option("--vars", help="Variables as YAML, e.g. '{start: 2013-02-01}'.")] = None
    select: Annotated[list[str] | None, typer.Option("--select", "-s", "-m", "--models", help="Nodes to include.")] = None
    exclude: Annotated[list[str] | None, typer.Option("--exclude", help="Nodes to leave out.")] = None
    selector: Annotated[str | None, typer.Option("--selector", help="A selector of selectors.yml.")] = None
    indirect_selection: Annotated[
        str | None, typer.Option("--indirect-selection", help="Tests to take along: eager, cautious, buildable or empty.")
    ] = None
    resource_type: Annotated[list[str] | None, typer.Option("--resource-type", help="Only nodes of this type.")] = None
    exclude_resource_type: Annotated[list[str] | None, typer.Option("--exclude-resource-type", help="No nodes of this type.")] = (
        None
    )
    full_refresh: Annotated[bool, typer.Option("--full-refresh", "-f", help="Take incremental models as built from nothing.")] = (
        False
    )
    fail_fast: Annotated[bool, typer.Option("--fail-fast", "-x", help="Stop at the first failure.")] = False
    store_failures: Annotated[bool, typer.Option("--store-failures", help="Keep failing rows in <schema>_test_failures.")] = False
    rows: Annotated[int, typer.Option("--rows", help="How many failing rows of a test are shown.", min=0)] = 5
    no_rows: Annotated[bool, typer.Option("--no-rows", help="Show no failing rows.")] = False
    threads: Annotated[int | None, typer.Option("--threads", help="How many steps run at the same time.", min=1)] = None
    lock_timeout: Annotated[
        float, typer.Option("--lock-timeout", help="Seconds to wait for another run on the same target.", min=0)
    ] = 0.0
    retries: Annotated[int, typer.Option("--retries", help="How often a step is tried again after a transient error.", min=0)] = 2
    timeout: Annotated[float | None, typer.Option("--timeout", help="Seconds that one node may take; 0: no limit.", min=0)] = None
    junit: Annotated[Path | None, typer.Option("--junit", help="Write the tests' results as JUnit XML.")] = None
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False
    debug: Annotated[bool, typer.Option("--debug", "-d", help="Print details, and a stack trace if eltflow fails.")] = False
    warn_error: Annotated[bool, typer.Option("--warn-error", help="Take warnings for errors.")] = False
    log_format: Annotated[str, typer.Option("--log-format", help="text or json (one object a line).")] = "text"
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")] = False

    @property
    def voice(self) -> Voice:
        """How the command speaks."""
        return Voice("document" if self.as_json else "lines" if self.log_format == "json" else "text", quiet=self.quiet)

    def check(self) -> None:
        """Raise EltflowError (E0112) for options that do not fit."""
        from eltflow.base.diagnostics import fail

        if self.log_format not in ("text", "json"):
            raise fail("E0112", f"--log-format cannot be `{self.log_format}`", help="text or json")
        if self.as_json and self.log_format == "json":
            help = "--json prints one document at the end, --log-format json an object a line as things happen"
            raise fail("E0112", "--json and --log-format json exclude each other", help=help)

    def load(self, **flags: Any) -> "Loaded":
        """Open the project that the options name; `flags` are what its templates see as `flags`."""
        from eltflow import api

        options = api.new_options(
            target=self.target,
            vars=parse_vars(self.vars),
            threads=self.threads,
            flags={"FULL_REFRESH": self.full_refresh, **flags},
            env=dict(os.environ),
        )
        return api.load(project_root(self.project_dir), options)

    def selection(self, loaded: "Loaded", types: frozenset[str], *, told: bool = True) -> "Selection":
        """What the options select among the nodes of the given types; what they name and is not there is said, if that is not the
        caller's to tell.

        Raises EltflowError for a selection that cannot be, and for such a name under --warn-error.
        """
        from eltflow import api
        from eltflow.base.diagnostics import fail
        from eltflow.graph.select import Request
        from eltflow.graph.select import select as choose

        indirect = self.indirect_selection
        if indirect not in (None, "eager", "cautious", "buildable", "empty"):
            raise fail("E0112", f"--indirect-selection cannot be `{indirect}`", help="one of: eager, cautious, buildable, empty")
        request = Request(
            select=tuple(self.select or ()),
            exclude=tuple(self.exclude or ()),
            selector=self.selector,
            selectors=loaded.selectors,
            indirect=indirect,  # type: ignore[arg-type]
            resource_types=tuple(self.resource_type or ()),
            exclude_resource_types=tuple(self.exclude_resource_type or ()),
            acts_on=types,
            project=loaded.name,
            read=loaded.read,
            columns=lambda text, up, down: api.reached_nodes(loaded, text, up, down),
        )
        chosen = choose(loaded.graph, request)
        if told:
            self.warn(chosen.diagnostics, always=True)
        if told and not chosen.ids:
            self.voice.note("nothing is selected: there is nothing to do")
        return chosen

    @property
    def selects(self) -> bool:
        """Whether anything was said of which nodes."""
        return bool(self.select or self.exclude or self.selector)

    def warn(self, found: Iterable["Diagnostic"], *, always: bool = False) -> None:
        """Say warnings; under --quiet only if they are `always` said. Under --warn-error they are raised, and the exit code is 1."""
        from eltflow.base.diagnostics import EltflowError

        warnings = tuple(found)
        if self.warn_error and any(one.severity == "warning" for one in warnings):
            error = EltflowError(warnings)
            error.exit_code = 1
            raise error
        if always or not self.quiet:
            self.voice.diagnostics(warnings)


#: Options that go together.
PROJECT = ("project_dir", "target", "vars")
GRAPH = (*PROJECT, "full_refresh")
NODES = ("select", "exclude", "selector")
SELECTING = (*NODES, "indirect_selection")
TYPES = ("resource_type", "exclude_resource_type")
RUNNING = ("fail_fast", "threads", "lock_timeout", "retries", "timeout")
TESTING = ("store_failures", "rows", "no_rows", "junit")
PRINTING = ("quiet", "debug", "log_format", "as_json")
WARNING = ("warn_error",)


_Function = TypeVar("_Function", bound=Callable[..., int])


def takes(*groups: tuple[str, ...]) -> Callable[[_Function], _Function]:
    """Says which groups of shared options a command takes: its first argument is `Given`, the others are options of its own."""

    def noted(function: _Function) -> _Function:
        function.__dict__["takes"] = [name for group in groups for name in group]
        return function

    return noted


def command(function: Callable[..., int]) -> Callable[..., int]:
    """The function as Typer wants it, which reads signatures: with its own options and the shared ones. Made for the command that is
    called and no other, for it takes a while."""
    names = function.__dict__["takes"]
    known = {field.name: field for field in fields(Given)}

    def called(**typed: Any) -> int:
        given = Given(**{name: typed.pop(name) for name in names})
        given.check()
        return function(given, **typed)

    kind = inspect.Parameter.KEYWORD_ONLY
    _, *own = inspect.signature(function, eval_str=True).parameters.values()
    shared = [inspect.Parameter(name, kind, default=known[name].default, annotation=known[name].type) for name in names]
    parameters = [*(p.replace(kind=kind) for p in own), *shared]
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {p.name: p.annotation for p in parameters}
    called.__name__ = function.__name__
    return called


def project_root(project_dir: Path | None) -> Path:
    """The project's folder: as given, or the nearest one at or above the working folder."""
    from eltflow.base.diagnostics import fail
    from eltflow.project.folder import FILE, find_root

    if project_dir is not None:
        root = project_dir.resolve()
        if not (root / FILE).is_file():
            message = f"there is no {FILE} in {project_dir}" if root.is_dir() else f"there is no folder {project_dir}"
            raise fail("E0108", message, help="name the folder that holds the project's eltflow.yml with --project-dir")
        return root
    found = find_root(Path.cwd(), [FILE])
    if found is None:
        help = "make a project with `eltflow init NAME`, or name its folder with --project-dir"
        raise fail("E0108", f"there is no {FILE} here or in a folder above", help=help)
    return found


_VARIABLE = re.compile(r"[^\W\d][\w.-]*\Z")


def parse_vars(text: str | None) -> dict[str, Any]:
    """The value of --vars. Raises EltflowError (E0111)."""
    if not text:
        return {}
    from eltflow.base.diagnostics import EltflowError, fail
    from eltflow.project import yamlfile

    try:
        value = yamlfile.read(text, "--vars")
    except EltflowError:
        value = None
    help = "write it like --vars '{start: 2013-02-01, days: 7}'"
    if not isinstance(value, dict):
        raise fail("E0111", f"--vars is no YAML mapping: {text}", help=help)
    odd = next((name for name in value if not isinstance(name, str) or not _VARIABLE.match(name)), None)
    if odd is not None:
        raise fail("E0111", f"--vars: `{odd}` cannot be the name of a variable", help=help)
    return value


def new_options(target: str | None, vars: str | None) -> "Options":
    """Options for opening a project from what was typed."""
    from eltflow import api

    return api.new_options(target=target, vars=parse_vars(vars))
