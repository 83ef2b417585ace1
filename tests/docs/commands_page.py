"""Writes the part of docs/reference/commands.md that lists every command with its options: `python tests/docs/commands_page.py`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

PAGE = Path(__file__).resolve().parent.parent.parent / "docs/reference/commands.md"
MARK = "<!-- From here on written by tests/docs/commands_page.py. -->\n"

#: Options that mean the same on every command that has them: told once, in the page's own text.
SHARED = ("--project-dir", "--target", "--vars", "--quiet", "--debug", "--warn-error", "--log-format", "--json", "--help")
SELECTING = ("--select", "--exclude", "--selector", "--indirect-selection", "--resource-type", "--exclude-resource-type")


def commands() -> dict[str, Any]:
    """Every command by the words that call it, as the command line parses it."""
    import typer

    from eltflow.cli.main import COMMANDS, make_app

    made: dict[str, Any] = {}
    for name in COMMANDS:
        group = typer.main.get_command(make_app(name))
        command = group.commands[name]  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        made |= {f"{name} {sub}": one for sub, one in inner.items()} if inner else {name: command}
    return made


def options(command: Any) -> dict[str, Any]:
    """The options of a command by every spelling."""
    found = {spelling: p for p in command.params if p.param_type_name == "option" for spelling in (*p.opts, *p.secondary_opts)}
    return {**found, "--help": None, "-h": None}


def generated() -> str:
    """The generated part of the page."""
    parts: list[str] = []
    for name, command in commands().items():
        parts.append(f"## {name}\n")
        parts.append(f"{(command.help or '').strip()}\n")
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        parts += [f"Argument: {(p.help or '').strip()}\n" for p in arguments]
        own = [p for p in command.params if p.param_type_name == "option"]
        rest = [p for p in own if p.opts[0] not in SHARED and p.opts[0] not in SELECTING]
        if name == "show" or name == "lineage":
            rest = [p for p in own if p.opts[0] not in SHARED]
        if rest:
            rows = [f"| {', '.join(f'`{o}`' for o in p.opts)} | {_coded(p.help or '')}{_default(p)} |\n" for p in rest]
            parts.append("".join(["| option | does |\n|---|---|\n", *rows]))
        selecting = [p for p in own if p.opts[0] in SELECTING and p not in rest]
        if selecting:
            parts.append(f"Selects by {_listed(selecting)}.\n")
        shared = [p for p in own if p.opts[0] in SHARED]
        parts.append(f"Takes {_listed(shared)}.\n")
    return "\n".join(parts)


def _listed(params: list[Any]) -> str:
    return ", ".join(f"`{p.opts[0]}`" for p in params)


def _coded(text: str) -> str:
    return re.sub(r"<\w+>\w*", r"`\g<0>`", text.strip())


def _default(param: Any) -> str:
    if param.default is None or isinstance(param.default, (bool, list, tuple, Path)) or callable(param.default):
        return ""
    return f" Default: `{param.default:g}`." if isinstance(param.default, float) else f" Default: `{param.default}`."


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(text[: text.index(MARK) + len(MARK)] + "\n" + generated(), encoding="utf-8")
