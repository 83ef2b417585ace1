"""Measures whole processes of eltflow, its peers, the bare engine and bare Python, and writes `bench/RESULTS.md`.

    python -m bench.peers                          # once
    python -m bench.measure                        # the whole table: hours on a small machine
    python -m bench.measure --sizes 100 --rounds 3 --out some/file.md

Every round gives each command to each tool in turn; figures are medians over the rounds, ratios are medians of the
ratios within a round. A tool that fails or is not there has its reason in the table and no figure.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench import bulk, report
from bench.process import Usage, usage
from bench.tools import COMMANDS, LOADING, NAMING, ROOT, Command, Tool, all_tools, edit, forget, prepare, sweep, tests_of

Key = tuple[int, str, str]
"""Size, tool, command."""

EXECUTING = ("run_one", "seed", "run", "test")


@dataclass(slots=True, kw_only=True)
class Plan:
    """What is measured, and what was measured so far."""

    tools: list[Tool]
    commands: list[Command]
    sizes: list[int]
    peer_sizes: list[int]
    peer_load_sizes: list[int]
    run_sizes: list[int]
    rounds: int
    large_rounds: int
    limit: float
    found: dict[Key, list[Usage]] = field(default_factory=dict)
    starts: dict[int, list[Usage]] = field(default_factory=dict)

    def wanted(self, tool: Tool, command: Command, size: int) -> bool:
        """Whether a tool is given a command at a size."""
        if command.key not in tool.knows or (command.key in NAMING and size != self.sizes[0]):
            return False
        if command.key in EXECUTING and size not in self.run_sizes:
            return False
        if tool.family != "peer":
            return True
        return size in self.peer_sizes or (size in self.peer_load_sizes and command.key in LOADING)

    def at(self, size: int) -> list[Tool]:
        """The tools that do anything at a size."""
        return [tool for tool in self.tools if any(self.wanted(tool, command, size) for command in self.commands)]


def measure_size(plan: Plan, size: int) -> None:
    """All rounds at one size."""
    present = [tool for tool in plan.at(size) if not tool.problem]
    say(f"{size} models: preparing")
    executing = size in plan.run_sizes and any(command.key in EXECUTING for command in plan.commands)
    prepare(present, size, executing)
    for tool in plan.at(size):
        if tool.problem:
            missing = [command for command in plan.commands if plan.wanted(tool, command, size)]
            failed = Usage(cpu=0, wall=0, peak=0, problem=tool.problem)
            plan.found |= {(size, tool.name, command.key): [failed] for command in missing}
    for turn in range(plan.large_rounds if size >= 5000 else plan.rounds):
        measure_round(plan, present, size, turn)
    sweep()


def measure_round(plan: Plan, tools: Sequence[Tool], size: int, turn: int) -> None:
    """One round: each command to each tool in turn, and the start of bare Python between them."""
    for command in plan.commands:
        plan.starts.setdefault(size, []).append(usage([sys.executable, "-c", "pass"], ROOT, {}, plan.limit))
        for tool in tools:
            key = (size, tool.name, command.key)
            if not plan.wanted(tool, command, size) or any(one.problem for one in plan.found.get(key, [])):
                continue
            ready(tool, command, size, turn, plan.limit)
            spent = usage(tool.argv(command, size), tool.folder(size), tool.environment, plan.limit)
            if turn == 0 and not spent.problem and tool.family != "engine":
                spent = replace(spent, problem=unproven(tool, command, size))
            plan.found.setdefault(key, []).append(spent)
            say(f"{size} round {turn + 1} {command.key} {tool.name}: {spent.problem or f'{spent.cpu:.2f} CPU s'}")


def unproven(tool: Tool, command: Command, size: int) -> str:
    """What the tool did not do although it ended well; looked up in a process of its own, for memory's sake."""
    script = [sys.executable, str(ROOT / "bench" / "proof.py"), str(tool.folder(size)), command.key]
    return subprocess.run(script, capture_output=True, text=True, check=False).stdout.strip()


def ready(tool: Tool, command: Command, size: int, turn: int, limit: float) -> None:
    """Brings the tool's project into the state in which the command is measured."""
    (tool.folder(size) / "target" / "run_results.json").unlink(missing_ok=True)  # only new ones prove anything
    if command.before in ("forget", "reload"):
        forget(tool, size)
    elif command.before == "edit":
        edit(tool, size, turn)
    gone = tool.family != "engine" and not (tool.folder(size) / "target").exists()
    if gone and command.before in ("reload", "edit", "warm", "again"):
        words = next(one for one in COMMANDS if one.key == "load_cold")
        usage(tool.argv(words, size), tool.folder(size), tool.environment, limit)
        edit(tool, size, turn + 1000) if command.before == "edit" else None
    if command.before == "again" and tool.family == "eltflow":  # its cache of compiled SQL went with `target/`; the peers have none
        usage(tool.argv(command, size), tool.folder(size), tool.environment, limit)
        (tool.folder(size) / "target" / "run_results.json").unlink(missing_ok=True)


def say(text: str) -> None:
    """One line of progress."""
    print(text, file=sys.stderr, flush=True)


def numbers(text: str) -> list[int]:
    """A list of sizes as written on the command line: `100,1000`; empty for none."""
    return [int(word) for word in text.split(",") if word.strip()]


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line, read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eltflow", type=Path, default=Path(sys.executable).parent / "eltflow", metavar="PATH")
    parser.add_argument("--tools", default="eltflow,engine,peer", help="kinds of tools, of eltflow, engine and peer")
    parser.add_argument("--sizes", type=numbers, default=[100, 1000, 5000, 10000])
    parser.add_argument("--run-sizes", type=numbers, default=[100, 1000, 5000, 10000], help="where models are really run")
    parser.add_argument("--peer-sizes", type=numbers, default=[100, 1000], help="where peers do everything")
    parser.add_argument("--peer-load-sizes", type=numbers, default=[5000], help="where peers only load")
    parser.add_argument("--commands", default=",".join(command.key for command in COMMANDS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large-rounds", type=int, default=1, help="rounds from 5,000 models on")
    parser.add_argument("--limit", type=float, default=3600, help="seconds of wall time a process may take")
    parser.add_argument("--bulk-rows", type=int, default=2_000_000, help="rows of the bulk load; 0 leaves it out")
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "RESULTS.md")
    return parser.parse_args(arguments)


def plan_of(options: argparse.Namespace) -> Plan:
    """What the command line asks for."""
    keys = options.commands.split(",")
    unknown = set(keys) - {command.key for command in COMMANDS}
    if unknown:
        raise SystemExit(f"no such command: {', '.join(sorted(unknown))}")
    return Plan(
        tools=[tool for tool in all_tools(options.eltflow.absolute()) if tool.family in options.tools.split(",")],
        commands=[command for command in COMMANDS if command.key in keys],
        sizes=options.sizes,
        peer_sizes=options.peer_sizes,
        peer_load_sizes=options.peer_load_sizes,
        run_sizes=options.run_sizes,
        rounds=options.rounds,
        large_rounds=options.large_rounds,
        limit=options.limit,
    )


def main() -> int:
    """The command line."""
    options = options_of(sys.argv[1:])
    plan = plan_of(options)
    loads: list[bulk.Load] = []
    for size in plan.sizes:
        measure_size(plan, size)
        write(plan, loads, options.out)
    if options.bulk_rows and any(tool.family == "eltflow" for tool in plan.tools):
        loads = bulk.measure(plan.tools, options.bulk_rows, plan.rounds, plan.limit)
        write(plan, loads, options.out)
    return 0


def write(plan: Plan, loads: Sequence[bulk.Load], out: Path) -> None:
    """Writes what was measured so far."""
    run = report.Run(
        arguments=tuple(sys.argv[1:]),
        tools=tuple(plan.tools),
        commands=tuple(plan.commands),
        sizes=tuple(plan.sizes),
        found=plan.found,
        starts=plan.starts,
        loads=tuple(loads),
        tests={size: max(tests_of(tool, size) for tool in plan.tools) for size in plan.sizes},
    )
    out.write_text(report.markdown(run))
    out.with_suffix(".json").write_text(report.as_json(run))
    say(f"written: {out.name} and {out.with_suffix('.json').name}")


if __name__ == "__main__":
    sys.exit(main())
