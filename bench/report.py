"""Folds what was measured into a Markdown table and into JSON."""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.bulk import Load
from bench.process import Usage
from bench.tools import Command, Tool

#: Pages whose figures belong to the report, though `bench.measure` does not make them.
BESIDE = ("LINEAGE.md", "SITE.md", "SERVING.md", "ADAPTERS.md", "INGEST.md")
PEERS = ("dbt-core", "rust-dbt")
HEAD = ("command", "tool", "CPU s", "wall s", "peak MB", "to dbt-core", "to Rust dbt", "to engine", "to Python", "runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of `bench.measure`: what was asked, and what was found for (size, tool, command)."""

    arguments: tuple[str, ...]
    tools: tuple[Tool, ...]
    commands: tuple[Command, ...]
    sizes: tuple[int, ...]
    found: Mapping[tuple[int, str, str], Sequence[Usage]]
    starts: Mapping[int, Sequence[Usage]]
    loads: tuple[Load, ...]
    tests: Mapping[int, int]


def markdown(run: Run) -> str:
    """The whole report."""
    parts = [heading(run), environment(run)]
    parts += [table(run, size) for size in run.sizes if any(key[0] == size for key in run.found)]
    parts += [added_table(run)]
    parts += [bulk_table(run.loads)] if run.loads else []
    return "\n\n".join([*parts, *beside()]) + "\n"


def beside() -> list[str]:
    """What other benches measured, each a page of its own in this folder, a level deeper here."""
    pages = [(Path(__file__).with_name(name).read_text(encoding="utf-8"), name) for name in BESIDE]
    return [re.sub(r"^#", "##", text.strip(), flags=re.MULTILINE) + f"\n\nThis is [{name}]({name})." for text, name in pages]


def renewed(report: str) -> str:
    """A report with what stands beside it as it is now."""
    first = beside()[0].split("\n", 1)[0]
    return "\n\n".join([report.split(first, 1)[0].rstrip(), *beside()]) + "\n"


def command_line(run: Run) -> str:
    """The command that made the report, without the folders of this machine."""
    words = [Path(word).name if word.startswith("/") else word for word in run.arguments]
    return " ".join(["python -m bench.measure", *words])


def heading(run: Run) -> str:
    """What the figures are, and the command that made them."""
    return f"""\
# What eltflow costs beside its peers

Made by `{command_line(run)}` on {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC.

CPU is user and system time of the process and its children; wall time depends on what else the machine did; peak is the
largest single process (10^6 bytes). Figures are medians, "to" columns are medians of the CPU ratios within a round, so
0.10 means a tenth. The bare engine sends the same statements by one connection; it is compared under our DuckDB with
our rows and under the peers' DuckDB with theirs. What is measured and what cannot be seen here: `bench/README.md`."""


def environment(run: Run) -> str:
    """Machine, versions and the start of bare Python."""
    starts = [spent for spents in run.starts.values() for spent in spents]
    lines = [
        "## Where and with what",
        "",
        "| what | is |",
        "|---|---|",
        f"| machine | {cpu_model()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()} |",
        f"| Python | {platform.python_implementation()} {platform.python_version()} |",
        f"| `python -c pass` | {middle(spent.cpu for spent in starts):.4f} CPU s, "
        f"{middle(spent.peak for spent in starts):.0f} MB ({len(starts)} runs) |",
    ]
    for tool in run.tools:
        versions = ", ".join(f"{name} {version}" for name, version in tool.versions.items())
        lines.append(f"| {tool.name} | {tool.problem or versions} |")
    return "\n".join(lines)


def cpu_model() -> str:
    """The processor's name, as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def table(run: Run, size: int) -> str:
    """All rows of one size."""
    lines = [f"## {size:,} models", "", "| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    for command in run.commands:
        for tool in run.tools:
            spents = run.found.get((size, tool.name, command.key))
            if spents:
                lines.append(row(run, size, command, tool, spents))
    return "\n".join(lines)


def row(run: Run, size: int, command: Command, tool: Tool, spents: Sequence[Usage]) -> str:
    """One row: figures, or the reason why there are none."""
    problem = next((spent.problem for spent in spents if spent.problem), "")
    if problem:
        return f"| {command.title} | {tool.name} | {problem.replace('|', '/')} |" + " |" * (len(HEAD) - 3)
    yardsticks = [*(run.found.get((size, peer, command.key)) for peer in PEERS), engine_of(run, size, command, tool)]
    cells = [
        command.title,
        tool.name,
        f"{middle(spent.cpu for spent in spents):.3f}",
        f"{middle(spent.wall for spent in spents):.2f}",
        f"{middle(spent.peak for spent in spents):.0f}",
        *(ratio(spents, other) for other in yardsticks),
        f"{middle(spent.cpu for spent in spents) / middle(spent.cpu for spent in run.starts[size]):.1f}",
        str(len(spents)),
    ]
    return "| " + " | ".join(cells) + " |"


def engine_of(run: Run, size: int, command: Command, tool: Tool) -> Sequence[Usage] | None:
    """The bare engine under the DuckDB that the tool uses."""
    name = "engine of the peers" if tool.family == "peer" or tool.name == "engine of the peers" else "engine"
    return run.found.get((size, name, command.key))


def ratio(spents: Sequence[Usage], others: Sequence[Usage] | None) -> str:
    """The median of the CPU ratios, round by round; "" where there is nothing to compare with."""
    if not others or any(other.problem for other in others):
        return ""
    return f"{middle(one.cpu / other.cpu for one, other in zip(spents, others, strict=False)):.3f}"


def middle(values: Iterable[float]) -> float:
    """The median."""
    return statistics.median(values)


def added_table(run: Run) -> str:
    """What each tool adds to the engine's own work, by model and by test."""
    lines = ["## What a tool adds to the engine", ""]
    lines += [
        "CPU milliseconds above the bare engine for each model of `run` and each test of `test`, start and load in it; and for",
        "each further model: what all of them cost more than one, less what they cost the engine more than one.",
        "",
    ]
    lines += ["| models | tool | a model | a further model | a test |", "|---|---|---|---|---|"]
    for size in run.sizes:
        for tool in run.tools:
            cells = [added(run, size, tool, "run", size), further(run, size, tool), added(run, size, tool, "test", run.tests[size])]
            if tool.family != "engine" and any(cells):
                lines.append(f"| {size:,} | {tool.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def added(run: Run, size: int, tool: Tool, key: str, count: int) -> str:
    """The median of the differences within a round, in milliseconds for each of `count`; "" where there is none."""
    more = above(run, size, tool, key)
    return f"{middle(more) / count * 1000:.2f}" if more else ""


def further(run: Run, size: int, tool: Tool) -> str:
    """As `added`, for each model of `run` but the first."""
    pairs = list(zip(above(run, size, tool, "run"), above(run, size, tool, "run_one"), strict=False))
    return f"{middle((every - one) / (size - 1) * 1000 for every, one in pairs):.2f}" if pairs else ""


def above(run: Run, size: int, tool: Tool, key: str) -> list[float]:
    """CPU seconds above the bare engine, round by round; none where there is nothing to compare with."""
    command = next((command for command in run.commands if command.key == key), None)
    spents = run.found.get((size, tool.name, key), ())
    others = engine_of(run, size, command, tool) if command else None
    if not others or any(spent.problem for spent in (*spents, *others)):
        return []
    return [one.cpu - two.cpu for one, two in zip(spents, others, strict=False)]


def bulk_table(loads: Sequence[Load]) -> str:
    """Rows a CPU second by eltflow and by DuckDB alone."""
    lines = ["## Bulk loads", "", "Whole processes, so the start of Python and the load of the engine are in both.", ""]
    lines += ["| what | rows | engine CPU s | eltflow CPU s | eltflow's speed to the engine's | peak MB |"]
    lines += ["|---|---|---|---|---|---|"]
    for load in loads:
        alone = middle(spent.cpu for spent in load.engine)
        problem = next((spent.problem for spent in (*load.engine, *load.eltflow) if spent.problem), "")
        cells = [problem, "", ""]
        if not problem:
            ours = middle(spent.cpu for spent in load.eltflow)
            speed = middle(one.cpu / two.cpu for one, two in zip(load.engine, load.eltflow, strict=False))
            cells = [f"{ours:.2f}", f"{speed:.2f}", f"{middle(spent.peak for spent in load.eltflow):.0f}"]
        lines.append(f"| {load.title} | {load.rows:,} | {alone:.2f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def as_json(run: Run) -> str:
    """Every single measurement."""
    found = [
        {"models": size, "tool": tool, "command": command, "runs": [asdict(spent) for spent in spents]}
        for (size, tool, command), spents in run.found.items()
    ]
    record = {
        "command": command_line(run),
        "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}",
        "cpu": cpu_model(),
        "platform": f"{platform.system()} {platform.machine()}",
        "versions": {tool.name: tool.problem or dict(tool.versions) for tool in run.tools},
        "python_start": {str(size): [asdict(spent) for spent in spents] for size, spents in run.starts.items()},
        "measured": found,
        "bulk": [asdict(load) for load in run.loads],
    }
    return json.dumps(record, indent=1) + "\n"


if __name__ == "__main__":  # python -m bench.report bench/RESULTS.md: with what stands beside it as it is now
    path = Path(sys.argv[1])
    path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")
