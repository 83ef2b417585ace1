"""The entry point: answers `--version` at once, imports only the family of the command that is called, and turns errors into exit codes."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing's own would be imported before Ctrl-C is taken care of
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import typer

#: Command → (the module that holds it, one line of help). The order is that of `eltflow --help`.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("project", "Make a new project folder."),
    "build": ("execute", "Load files and seeds, build models, run tests."),
    "run": ("execute", "Build models."),
    "test": ("execute", "Run data tests."),
    "seed": ("execute", "Load seeds."),
    "ingest": ("execute", "Run ingestion steps."),
    "task": ("execute", "Run tasks: programs, and conditions that are waited for."),
    "deliver": ("execute", "Send what deliveries say, once the tests of it pass."),
    "init-source": ("source", "Write a step from a live source: a database, files, an API."),
    "sample": ("sample", "Bring some rows of each source from one target into another."),
    "freshness": ("freshness", "Look how old the latest rows of sources are."),
    "plan": ("look", "Show what a build would do, and why; run nothing."),
    "ls": ("look", "List nodes."),
    "show": ("look", "Show the rows of a model or a query."),
    "compile": ("look", "Write the SQL of models for the target, without running it."),
    "check": ("check", "Find what is wrong in the project; ask no warehouse."),
    "sync": ("sync", "Write the known columns and types into properties YAML."),
    "parse": ("look", "Read the project."),
    "lineage": ("columns", "Show what a node or column hangs on, and what hangs on it."),
    "impact": ("columns", "Show what a change of a column touches."),
    "history": ("look", "Show past runs."),
    "serve": ("jobs", "Run the project's jobs by themselves, day after day."),
    "jobs": ("jobs", "List jobs with their next times, or their runs."),
    "trigger": ("jobs", "Queue a run of a job."),
    "backfill": ("jobs", "Queue runs of a job for the intervals of a time that passed."),
    "pause": ("jobs", "Stop a job's triggers."),
    "unpause": ("jobs", "Let a job's triggers go on."),
    "mute": ("jobs", "Tell nothing of a job or a node for a while."),
    "unmute": ("jobs", "Tell of a job or a node again."),
    "cancel": ("jobs", "Cancel a run of a job."),
    "resume": ("jobs", "Run what is left of a run of a job."),
    "logs": ("jobs", "Show the log of a run of a job."),
    "debug": ("project", "Check the project, the target and the connection."),
    "clean": ("project", "Delete derived files."),
    "gc": ("tidy", "Show what nobody needs any more, and take it away."),
    "docs": ("docs", "Generate the docs site, and look at it."),
    "schema": ("project", "Write JSON Schemas of the YAML files, for editors."),
}

#: Options that may stand before the command and take a value.
_VALUED = {"--project-dir", "--target", "-t", "--vars", "--log-format", "--threads", "--select", "-s", "--exclude", "--selector"}
#: Options of which several values may follow one flag.
_MANY = {"--select", "-s", "-m", "--model", "--models", "--exclude", "--resource-type", "--exclude-resource-type"}
_TAKES_NAME = {
    "init",
    "init-source",
    "show",
    "lineage",
    "impact",
    "history",
    "docs",
    "trigger",
    "backfill",
    "pause",
    "unpause",
    "mute",
    "unmute",
    "cancel",
    "resume",
    "logs",
}
COMPLETION = "_ELTFLOW_COMPLETE"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    if argv is None:
        import signal

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _cancelled)
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments in (["--version"], ["-V"], ["version"]):
        from eltflow import __version__

        sys.stdout.write(f"eltflow {__version__}\n")
        return
    code = _run(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    if argv is None:
        os._exit(code)  # nothing is left to tidy: what matters was closed, and leaving at once saves taking the heap apart
    sys.exit(code)


def _cancelled(number: int, frame: Any) -> None:
    """Ctrl-C, or SIGTERM as it ends a container, while nothing runs that has to be ended in order. An exception would come up inside an
    import as often as not, where whoever catches it takes it for something else."""
    said = '"code": null, "severity": "error", "message": "cancelled"}'
    if "--json" in sys.argv:
        os.write(1, f'{{"errors": [{{{said}]}}\n'.encode())
    elif "--log-format" in sys.argv or "--log-format=json" in sys.argv:
        os.write(1, f'{{"event": "Diagnostic", {said}\n'.encode())
    os.write(2, b"cancelled\n")
    os._exit(130)


def _run(arguments: list[str]) -> int:
    import gc

    import typer

    from eltflow.base.diagnostics import Diagnostic, EltflowError

    # Commands live seconds: collecting often costs a third of loading. The trees of SQL are cycles, though: what is collected while it is still
    # in the processor's cache is had back for less, and what outlived that is looked at seldom (measured by `python -m bench.site`).
    gc.set_threshold(5_000, 1_000, 1_000)
    arguments = ordered(arguments)
    command = arguments[0] if arguments else None
    app = make_app(command if COMPLETION not in os.environ else None)
    debug = "--debug" in arguments or "-d" in arguments

    def stopped(message: str, help: str | None = None) -> None:
        """Say what is no diagnostic with a code of its own."""
        from eltflow.cli.render import Voice

        told = f"error: {message}\n  = help: {help}" if help is not None else message
        Voice.of(arguments).errors([Diagnostic(code="", message=message, help=help)], told)

    try:
        result = app(arguments, prog_name="eltflow", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except typer.Exit as error:
        return error.exit_code
    except typer.Abort:
        return 130
    except click_exception() as error:
        message, help = _usage(error, command)
        stopped(message, help)
        return 2
    except EltflowError as error:
        from eltflow.cli.render import Voice

        Voice.of(arguments).errors(error.diagnostics)
        return error.exit_code
    except KeyboardInterrupt:
        stopped("cancelled")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if debug:
            raise
        stopped(
            f"eltflow itself failed: {type(error).__name__}: {error}", "run it again with --debug for the details, and report them"
        )
        return 2


def click_exception() -> type[Exception]:
    """The base of usage errors: click's, wherever this Typer has it (from 0.26 on it carries its own click)."""
    import typer

    return next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def _usage(error: Any, command: str | None) -> tuple[str, str | None]:
    """What is wrong with the words that were typed, and where to look."""
    from eltflow.base.names import did_you_mean

    known = command in COMMANDS
    help = f"eltflow {command} --help" if known else "eltflow --help"
    message = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":
        return message, None
    possible = getattr(error, "possibilities", None)
    if command is not None and not command.startswith("-") and not known:
        message = f"there is no command `{command}`"
        help = did_you_mean(command, COMMANDS) or help
    elif possible is not None:
        message = f"there is no option `{error.option_name}`"
        help = f"did you mean {' or '.join(possible)}?" if possible else help
    return f"{message[:1].lower()}{message[1:].removesuffix('.')}", help


def ordered(arguments: list[str]) -> list[str]:
    """The command first: options that stand before it are moved behind it, and `--select a b` becomes `--select a --select b`."""
    at = 0
    while at < len(arguments) and arguments[at].startswith("-"):
        if arguments[at] in ("--help", "-h", "--install-completion", "--show-completion"):
            return arguments
        at += 2 if arguments[at] in _VALUED else 1
    if at >= len(arguments):
        return arguments
    moved = [arguments[at], *arguments[:at], *arguments[at + 1 :]]
    if moved[0] in _TAKES_NAME:
        return moved
    made: list[str] = []
    many: str | None = None
    for index, word in enumerate(moved):
        if word in _MANY:
            many = word
            made.append(word)
        elif word.startswith("-") or index == 0:
            many = None
            made.append(word)
        elif many is not None and made[-1] != many:
            made += [many, word]
        else:
            made.append(word)
    return made


def make_app(command: str | None) -> typer.Typer:
    """The application with the one command that is called; with all of them where none is (help, completion)."""
    import typer

    # Shell completion is Typer's, and imports more than a command needs: only there is it switched on.
    asked = command is None or command not in COMMANDS
    app = typer.Typer(
        name="eltflow",
        help="A folder of SQL becomes tested tables.",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=asked,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def root() -> None:
        pass

    if command in COMMANDS:
        _register(app, str(command))
    elif COMPLETION in os.environ:
        for name in COMMANDS:
            _register(app, name)
    else:
        for name, (_, help) in COMMANDS.items():
            app.command(name, help=help)(_stub)
    return app


def _stub() -> None:
    pass


def _register(app: typer.Typer, name: str) -> None:
    from importlib import import_module

    module, help = COMMANDS[name]
    family = import_module(f"eltflow.cli.{module}")
    function = getattr(family, name.replace("-", "_"))
    if name == "docs":
        app.add_typer(function(), name=name, help=help)
    else:
        from eltflow.cli.options import command

        app.command(name, help=help)(command(function))


if __name__ == "__main__":
    main()
