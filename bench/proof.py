"""Says whether a tool really did what it was timed for, by the artifacts it left: a figure for less work is no figure.

python bench/proof.py FOLDER COMMAND     # one line and exit code 1 when work is missing
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

GOOD = {"success", "pass"}
COUNTED = {"run": "models", "test": "tests", "seed": "seeds"}


def missing(folder: Path, command: str, facts: Mapping[str, int]) -> str:
    """What is wrong with the artifacts of a command; "" for nothing."""
    if command.startswith("load"):
        return wrong_manifest(folder / "target" / "manifest.json", facts)
    if command == "run_one":
        return wrong_results(folder / "target" / "run_results.json", 1)
    if command in COUNTED:
        return wrong_results(folder / "target" / "run_results.json", facts[COUNTED[command]])
    return ""


def wrong_results(path: Path, expected: int) -> str:
    """What is wrong with run results that should tell of `expected` good ones."""
    if not path.exists():
        return "did not do the work: no run results"
    statuses = [result["status"] for result in json.loads(path.read_text())["results"]]
    good = sum(status in GOOD for status in statuses)
    return "" if good == len(statuses) == expected else f"did not do the work: {good} of {expected} results are good"


def wrong_manifest(path: Path, facts: Mapping[str, int]) -> str:
    """What is wrong with a manifest; a tool that writes none while loading cannot be judged by it."""
    if not path.exists():
        return ""
    manifest = json.loads(path.read_text())
    kinds = [node["resource_type"] for node in manifest["nodes"].values()]
    found = {"models": kinds.count("model"), "tests": kinds.count("test"), "sources": len(manifest["sources"])}
    return "".join(f"did not find all {key}: {n} of {facts[key]}" for key, n in found.items() if n != facts[key])


def main() -> int:
    """The command line."""
    folder, command = Path(sys.argv[1]), sys.argv[2]
    found = missing(folder, command, json.loads((folder / "facts.json").read_text()))
    if found:
        print(found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
