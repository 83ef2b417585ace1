"""Writes a project of N models that is the same every time, for eltflow or for dbt.

    python -m bench.generate --models 1000 --style ref --flavour eltflow --out some/folder

Beside the project's own files stand `edges.json` (what each model reads, by node id), `statements.json` (the bare
statements, for `bench.engine`; those of the one model that is selected in `one.json`)
and `facts.json` (counts, and the models that a measurement selects and edits).
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from bench.body import MACROS, STYLES, body
from bench.properties import ROOT_FILES, models_file, seeds_file, sources_file
from bench.shape import Model, Shape, Source, draw, folders
from bench.statements import Statements, seed_text, statements


def generate(out: Path, count: int, style: str, flavour: str, seed: int = 1) -> Shape:
    """Writes the project into `out`, which is emptied first, and gives its shape."""
    if flavour == "dbt" and style != "ref":
        raise ValueError("dbt knows no bare names: use the style ref")
    shape = draw(count, seed)
    if out.exists():
        if not (out / "facts.json").exists():
            raise ValueError(f"{out} exists and was not made by this generator")
        shutil.rmtree(out)
    for path, text in project_files(shape, style, flavour).items():
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_text(text)
    return shape


def project_files(shape: Shape, style: str, flavour: str) -> dict[str, str]:
    """Every file of the project, by path."""
    files = dict(ROOT_FILES[flavour]())
    files |= {model_path(model): body(model, STYLES[style]) for model in shape.models}
    files |= property_files(shape)
    files |= {f"seeds/{seed.name}.csv": seed_text(seed) for seed in shape.seeds}
    if style != "bare":
        files |= {f"macros/{name}.sql": text for name, text in MACROS.items()}
    files["edges.json"] = json.dumps(edges(shape), indent=1) + "\n"
    files["statements.json"] = json.dumps(statements(shape)) + "\n"
    files["one.json"] = json.dumps(only(statements(shape), one(shape))) + "\n"
    files["facts.json"] = json.dumps(facts(shape, style, files), indent=1) + "\n"
    return files


def model_path(model: Model) -> str:
    """The model's file."""
    return f"models/{model.folder}/{model.name}.sql"


def property_files(shape: Shape) -> dict[str, str]:
    """One YAML file of models a folder, one of sources a system, one of seeds."""
    files = {"seeds/_seeds.yml": seeds_file(shape.seeds)}
    for folder, models in folders(shape.models).items():
        documented = [model for model in models if model.documented]
        if documented:
            files[f"models/{folder}/_models.yml"] = models_file(documented)
    systems: dict[str, list[Source]] = {}
    for source in shape.sources:
        systems.setdefault(source.system, []).append(source)
    files |= {f"models/staging/{name}/_sources.yml": sources_file(name, tables) for name, tables in systems.items()}
    return files


def edges(shape: Shape) -> dict[str, list[str]]:
    """What each model reads, by node id, sorted."""
    return {model.unique_id: sorted({parent.unique_id for parent in model.upstream}) for model in shape.models}


def facts(shape: Shape, style: str, files: Mapping[str, str]) -> dict[str, object]:
    """Counts of the project, the mart that `--select` picks and the staging file that is edited."""
    plain = [model for model in shape.models if model.materialized == "view" and not model.jinja]
    bodies = [body(model, STYLES[style]) for model in shape.models]
    return {
        "models": len(shape.models),
        "style": style,
        "seed": shape.seed,
        "tests": sum(len(model.tests) for model in shape.models),
        "edges": sum(len(parents) for parents in edges(shape).values()),
        "sources": len(shape.sources),
        "seeds": len(shape.seeds),
        "yaml_files": sum(path.endswith(".yml") for path in files),
        "sql_bytes": sum(map(len, bodies)),
        "median_lines": sorted(text.count("\n") for text in bodies)[len(bodies) // 2],
        "models_with_macros": sum(model.jinja for model in shape.models) if style != "bare" else 0,
        "one": one(shape),
        "edited": model_path(next(model for model in plain if model.layer == "staging")),
    }


def one(shape: Shape) -> str:
    """The model that a measurement selects."""
    return next(model.name for model in shape.models if model.materialized == "view" and not model.jinja and model.layer == "marts")


def only(everything: Statements, name: str) -> Statements:
    """The statements of one model."""
    chosen = [model for model in everything["models"] if model["name"] == name]
    return {**everything, "raw": [], "seeds": [], "models": chosen, "tests": []}


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=100, metavar="N")
    parser.add_argument("--style", choices=sorted(STYLES), default="ref")
    parser.add_argument("--flavour", choices=sorted(ROOT_FILES), default="eltflow")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    try:
        generate(options.out, options.models, options.style, options.flavour, options.seed)
    except ValueError as error:
        parser.error(str(error))
    print((options.out / "facts.json").read_text(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
