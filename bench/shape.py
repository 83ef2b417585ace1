"""Draws a project of N models from a seed: its sources, seeds, models, references and tests, as values without text.

Every model gives the same nine columns (key, parent_id, status, region, amount, quantity, is_active, created_at,
updated_at) and some measures of its own. Keys are unique; every `parent_id` lies in 1..120; a model marked `full` holds
every key of 1..120. So any two models can be joined, and every test that is drawn holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

PROJECT = "bench_project"
SYSTEMS = ("crm", "shop", "billing", "support", "web", "ads", "people", "stock", "fleet", "mail")
ENTITIES = (
    "orders", "customers", "payments", "products", "shipments", "invoices", "visits", "tickets", "refunds", "stores",
)  # fmt: skip
VERBS = ("joined", "enriched", "scored", "matched", "cleaned", "extended")
TABLES_PER_SYSTEM = 10
MODELS_PER_FOLDER = 25
STATUSES = ("new", "paid", "shipped", "closed")
REGIONS = ("north", "south", "east", "west", "unknown")

SHARES = {
    "staging": (0.30, 0.85, 0.10),
    "intermediate": (0.35, 0.60, 0.32),
    "marts": (0.35, 0.386, 0.451),
}
"""By layer: its share of all models, and of it the shares of views and of tables; the rest is incremental."""

JINJA_SHARE = 0.41
REFERENCES = ((1, 0.20), (2, 0.40), (3, 0.26), (4, 0.14))
MOST_SCANS = 20
"""A model reads at most so many stored tables through views: planning must not grow with the size of the project."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A raw table: `system`.`table` in YAML, `raw`.`identifier` in the database; `rows` with `keys` different ids."""

    system: str
    table: str
    rows: int
    keys: int
    number: int

    @property
    def identifier(self) -> str:
        """The name of the table in the database."""
        return f"{self.system}__{self.table}"

    @property
    def unique_id(self) -> str:
        """The node id, as in a manifest."""
        return f"source.{PROJECT}.{self.system}.{self.table}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """A CSV file with the columns of a raw table."""

    name: str
    number: int
    rows: int = 120

    @property
    def unique_id(self) -> str:
        """The node id, as in a manifest."""
        return f"seed.{PROJECT}.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """One data test: `to` (model, column) for relationships only."""

    kind: str
    column: str
    values: tuple[str, ...] = ()
    to: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model; `recipe` is the way its SQL is built, `scans` the stored tables it reads, `decoy` a CTE name or ""."""

    name: str
    layer: str
    folder: str
    number: int
    entity: str
    materialized: str
    recipe: str
    key: str
    measures: tuple[str, ...]
    upstream: tuple[Model | Source | Seed, ...]
    jinja: bool
    full: bool
    scans: int
    documented: bool
    decoy: str
    tests: tuple[Test, ...]

    @property
    def unique_id(self) -> str:
        """The node id, as in a manifest."""
        return f"model.{PROJECT}.{self.name}"

    @property
    def cost(self) -> int:
        """Stored tables that a reader of this model scans: 1 when it is stored itself."""
        return self.scans if self.materialized == "view" else 1


Relation = Model | Source | Seed
Layers = Mapping[str, Sequence[Model]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A whole project; models stand in dependency order."""

    seed: int
    sources: tuple[Source, ...]
    seeds: tuple[Seed, ...]
    models: tuple[Model, ...]


MEASURES = {
    "staging": ("age_days", "unit_amount", "large_flag", "size_class"),
    "enrich": ("amount_last_7", "region_rank", "previous_amount", "share_of_region", "size_class"),
    "rollup": ("member_count", "total_amount", "largest_amount", "paid_share"),
    "union": ("origin", "running_amount", "size_class"),
}
"""The measures of each recipe, from which a model takes some; `bench.body` has their SQL."""

MACRO_MEASURE = {"staging": "size_class", "enrich": "size_class", "rollup": "paid_share", "union": "size_class"}
"""The measure that every model with macros has, so that it calls one."""


def draw(count: int, seed: int = 1) -> Shape:
    """The project of `count` models that belongs to `seed`: the same one every time."""
    sources = draw_sources(count, Random(f"{seed}/sources"))
    seeds = tuple(Seed(name=f"{ENTITIES[i % 10]}_list_{i + 1:03d}", number=i) for i in range(max(2, round(count / 50))))
    drawn: dict[str, list[Model]] = {layer: [] for layer in SHARES}
    jinja = draw_jinja(count, seed)
    kinds = {layer: draw_kinds(layer, count, seed) for layer in SHARES}
    for number, layer in enumerate(layers(count)):
        rng = Random(f"{seed}/{number}")
        kind = kinds[layer].pop()
        is_jinja = kind == "incremental" or jinja[number]
        below = staged(number, sources, seeds) if layer == "staging" else None
        drawn[layer].append(draw_model(rng, number, layer, kind, is_jinja, below, drawn))
    models = tuple(model for layer in SHARES for model in drawn[layer])
    return Shape(seed=seed, sources=sources, seeds=seeds, models=models)


def layers(count: int) -> list[str]:
    """The layer of each model, in order."""
    staging, middle = round(count * SHARES["staging"][0]), round(count * SHARES["intermediate"][0])
    return ["staging"] * staging + ["intermediate"] * middle + ["marts"] * (count - staging - middle)


def draw_sources(count: int, rng: Random) -> tuple[Source, ...]:
    """24 raw tables for every 100 models."""
    found = []
    for number in range(round(count * 0.24)):
        system = number // TABLES_PER_SYSTEM
        name = SYSTEMS[system % len(SYSTEMS)] + (f"_{system // len(SYSTEMS) + 1}" if system >= len(SYSTEMS) else "")
        rows = rng.randint(120, 400)
        table = ENTITIES[number % TABLES_PER_SYSTEM]
        found.append(Source(system=name, table=table, rows=rows, keys=max(120, rows * 9 // 10), number=number))
    return tuple(found)


def draw_kinds(layer: str, count: int, seed: int) -> list[str]:
    """The materializations of a layer's models, in exact shares, shuffled."""
    size = layers(count).count(layer)
    _, views, tables = SHARES[layer]
    kinds = ["view"] * round(size * views) + ["table"] * round(size * tables)
    kinds += ["incremental"] * (size - len(kinds))
    Random(f"{seed}/{layer}").shuffle(kinds)
    return kinds


def draw_jinja(count: int, seed: int) -> list[bool]:
    """Which models use Jinja beyond ref, source and config, on top of the incremental ones (a tenth), which all do."""
    share = (JINJA_SHARE - 0.10) / 0.90
    marks = [i < round(count * share) for i in range(count)]
    Random(f"{seed}/jinja").shuffle(marks)
    return marks


def draw_model(rng: Random, number: int, layer: str, kind: str, jinja: bool, below: Source | Seed | None, drawn: Layers) -> Model:
    """One model on top of those drawn before it; a staging model stands on `below`."""
    upstream: tuple[Relation, ...] = (below,) if below else draw_upstream(rng, layer, drawn)
    recipe = "staging" if below else draw_recipe(rng, layer, upstream)
    entity = upstream[0].entity if isinstance(upstream[0], Model) else ENTITIES[upstream[0].number % 10]
    name, folder = named(rng, number, layer, recipe, entity, upstream[0])
    offered = MEASURES[recipe]
    taken = {*rng.sample(offered, rng.randint(2, len(offered) - 1)), *([MACRO_MEASURE[recipe]] if jinja else [])}
    first_models = [parent for parent in upstream if isinstance(parent, Model)]
    key = f"{entity[:-1]}_group_id" if recipe == "rollup" else f"{entity[:-1]}_id"
    documented = rng.random() < 0.5
    return Model(
        name=name,
        layer=layer,
        folder=folder,
        number=number,
        entity=entity,
        materialized=kind,
        recipe=recipe,
        key=key,
        measures=tuple(sorted(taken)),
        upstream=upstream,
        jinja=jinja,
        full=recipe == "staging" or (recipe == "enrich" and first_models[0].full),
        scans=sum(parent.cost for parent in first_models) + (1 if layer == "staging" else 0),
        documented=documented,
        decoy=draw_decoy(rng, drawn, upstream),
        tests=draw_tests(rng, key, upstream, drawn) if documented else (),
    )


def staged(number: int, sources: Sequence[Source], seeds: Sequence[Seed]) -> Source | Seed:
    """What a staging model reads: each source once, then each seed once, then sources again."""
    if number < len(sources):
        return sources[number]
    rest = number - len(sources)
    return seeds[rest] if rest < len(seeds) else sources[(rest * 7) % len(sources)]


def named(rng: Random, number: int, layer: str, recipe: str, entity: str, parent: Relation) -> tuple[str, str]:
    """The name and the folder of a model, as people choose them; some marts are called by the bare word."""
    if isinstance(parent, Source):
        again = f"_{number}" if layer == "staging" and number != parent.number else ""
        return f"stg_{parent.system}__{parent.table}{again}", f"staging/{parent.system}"
    if isinstance(parent, Seed):
        return f"stg_{parent.name}", "staging/lists"
    folder = number // MODELS_PER_FOLDER
    if layer == "intermediate":
        return f"int_{entity}_{rng.choice(VERBS)}_{number}", f"intermediate/area_{folder}"
    prefix = rng.choice(("fct_", "fct_", "dim_", "")) if recipe != "rollup" else "agg_"
    return f"{prefix}{entity}_{number}", f"marts/area_{folder}"


def draw_upstream(rng: Random, layer: str, drawn: Layers) -> tuple[Relation, ...]:
    """One to four models of lower layers (seldom of the same one) that together scan no more than MOST_SCANS tables."""
    wanted = rng.choices([n for n, _ in REFERENCES], [weight for _, weight in REFERENCES])[0]
    staging = drawn["staging"]
    pools = (staging, drawn["intermediate"] or staging, drawn["marts"] or staging)
    weights = (0.70, 0.30, 0.0) if layer == "intermediate" else (0.20, 0.65, 0.15)
    found: list[Model] = []
    while len(found) < wanted:
        pick = rng.choice(rng.choices(pools, weights)[0])
        fits = sum(model.cost for model in found) + pick.cost <= MOST_SCANS
        pick = pick if fits else rng.choice(staging)
        found += [pick] if pick not in found else []
    return tuple(found)


def draw_recipe(rng: Random, layer: str, upstream: Sequence[Relation]) -> str:
    """How the model is built from what it reads."""
    lowest = all(isinstance(parent, Model) and parent.layer == "staging" for parent in upstream)
    if lowest and len(upstream) == 2 and layer == "intermediate" and rng.random() < 0.5:
        return "union"
    return "rollup" if layer == "marts" and rng.random() < 0.4 else "enrich"


def draw_decoy(rng: Random, drawn: Layers, upstream: Sequence[Relation]) -> str:
    """Seldom, the name of a model that is not read here, for a CTE that hides it; "" for none."""
    if not drawn["staging"] or rng.random() > 0.05:
        return ""
    pick = rng.choice(drawn["intermediate"] or drawn["staging"])
    return "" if pick in upstream else pick.name


def draw_tests(rng: Random, key: str, upstream: Sequence[Relation], drawn: Layers) -> tuple[Test, ...]:
    """The tests of a documented model: 3.3 on average."""
    tests = [Test(kind="unique", column=key), Test(kind="not_null", column=key)]
    if rng.random() < 0.60:
        tests.append(Test(kind="accepted_values", column="status", values=STATUSES))
    if rng.random() < 0.35:
        tests.append(Test(kind="not_null", column=rng.choice(("amount", "region", "updated_at"))))
    if drawn["staging"] and rng.random() < 0.37:
        near = [parent for parent in upstream if isinstance(parent, Model) and parent.full]
        target = near[-1] if near else rng.choice(drawn["staging"])
        tests.append(Test(kind="relationships", column="parent_id", to=(target.name, target.key)))
    return tuple(tests)


def folders(models: Sequence[Model]) -> dict[str, list[Model]]:
    """The models of each folder, in order."""
    found: dict[str, list[Model]] = {}
    for model in models:
        found.setdefault(model.folder, []).append(model)
    return found
