"""`docs: {inherit: true}`: columns have what is told of the columns that they are copies of."""

from __future__ import annotations

import json

import pytest

from eltflow import api
from eltflow.compile.inherited import Inheritance

FILES = {
    "seeds/people.csv": "id,mail,name,age\n1,a@b,ann,30\n",
    "models/a.sql": "select id, mail, name, age from people",
    "models/b.sql": "select id as person_id, mail, upper(name) as name, age + 1 as age from a",
    "models/c.sql": "select person_id, mail, coalesce(mail, name) as either from b",
    "models/p.yml": """
seeds:
  - name: people
    columns:
      - {name: id, description: The number., meta: {from: register, pii: false}}
      - {name: mail, description: Where to write., tags: [pii, contact]}
      - {name: name, description: As in the register.}
      - {name: age, description: In years.}
models:
  - name: a
  - name: b
    columns:
      - {name: person_id, meta: {from: us}}
      - {name: mail, description: For b., tags: [b]}
  - name: c
""",
}
ALL = "models: {+docs: {inherit: true}}\n"


@pytest.fixture
def inherited(project):
    def find(files, settings=ALL):
        loaded = api.load(project(files, settings=settings))
        made = Inheritance(api.lineages(loaded))
        return {node.name: made.of(node) for node in loaded.graph.of_type("model", "seed")}

    return find


def test_copies_have_the_description_of_what_they_are_copies_of(inherited):
    found = inherited(FILES)
    told = {(node, name): (one.description, one.described) for node, columns in found.items() for name, one in columns.items()}
    seed = "seed.p.people"
    assert told == {
        ("a", "id"): ("The number.", (seed, "id")),
        ("a", "mail"): ("Where to write.", (seed, "mail")),
        ("a", "name"): ("As in the register.", (seed, "name")),
        ("a", "age"): ("In years.", (seed, "age")),
        ("b", "person_id"): ("The number.", (seed, "id")),  # by another name, and two steps away
        ("b", "mail"): ("", None),  # it has one of its own; of tags it gets more
        ("c", "person_id"): ("The number.", (seed, "id")),
        ("c", "mail"): ("For b.", ("model.p.b", "mail")),  # the nearer one; what is computed inherits nothing
    }


def test_tags_come_together_and_the_nearer_meta_wins(inherited):
    found = inherited(FILES)
    assert found["b"]["mail"].tags == ("pii", "contact")
    assert found["c"]["mail"].tags == ("b", "pii", "contact")
    assert found["a"]["id"].meta == {"from": "register"}  # that it is not personal was said of another table
    assert found["b"]["person_id"].meta == {}
    assert found["c"]["person_id"].meta == {"from": "us"}


def test_only_where_it_is_asked_for(inherited):
    assert inherited(FILES, settings="") == {"people": {}, "a": {}, "b": {}, "c": {}}
    one = {**FILES, "models/c.sql": "{{ config(docs={'inherit': true}) }}\n" + FILES["models/c.sql"]}
    assert {name for name, columns in inherited(one, settings="").items() if columns} == {"c"}


def test_through_ephemeral_models_unions_and_rings(inherited):
    files = {
        **FILES,
        "models/e.sql": "{{ config(materialized='ephemeral') }}\nselect id, mail from a",
        "models/f.sql": "select id, mail from e",
        "models/g.sql": "select id from a union all select person_id from b",
        "models/h.sql": (
            "{{ config(materialized='incremental') }}\nselect id from a"
            "{% if is_incremental() %} where id > (select max(id) from {{ this }}){% endif %}"
        ),
    }
    found = inherited(files)
    assert found["f"]["id"].described == ("seed.p.people", "id")
    assert "id" not in found["g"]  # two origins: nobody says which
    assert found["h"]["id"].described == ("seed.p.people", "id")


def test_lineage_events_tell_it(eltflow, project):
    root = project(FILES, settings=ALL + "openlineage: {file: o.jsonl}\n")
    assert eltflow("build", cwd=root).code == 0
    events = [json.loads(line) for line in (root / "o.jsonl").read_text().splitlines()]
    (event,) = (e for e in events if e["job"]["name"] == "model.p.c" and e["eventType"] == "COMPLETE")
    fields = {f["name"]: f.get("description") for f in event["outputs"][0]["facets"]["schema"]["fields"]}
    assert fields == {"person_id": "The number.", "mail": "For b.", "either": None}


def test_it_is_true_or_false(eltflow, project):
    root = project(FILES, settings="models: {+docs: {inherit: often}}\n")
    ran = eltflow("parse", cwd=root)
    assert ran.code == 2
    assert "`inherit` must be true or false, not text ('often')" in ran.err
