"""Every code that the source can say is documented once, and every one documented can be said."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from error_cases import HERE, POOR, cases

ROOT = HERE.parent.parent
DOCUMENTED = re.compile(r"^- \*\*([EW]\d{4})\*\* (.+)$", re.MULTILINE)
SAID = re.compile(r'"([EW]\d{4})"')
#: Which rooms may say the codes of a hundred; a code said by others would mean a second thing.
ROOMS = {
    "E01": {"api", "base", "cli", "compile", "graph", "native", "project", "serve"},
    "E02": {"api", "compile", "graph", "native", "project"},
    "E03": {"api", "compile", "graph", "jinja", "project", "serve"},
    "E04": {"api", "compile", "graph"},
    "E05": {"graph"},
    "E06": {"api"},
    "E07": {"base", "project", "schedule", "serve"},
    "E08": {"api", "cli", "eltflow_postgres", "engine", "serve", "state"},
    "E09": {"api", "cli", "native", "serve"},
    "W02": {"api", "compile", "graph"},
    "W03": {"api"},
    "W04": {"compile"},
    "W05": {"graph"},
    "W06": {"api"},
    "W09": {"api"},
}


def documented() -> list[tuple[str, str]]:
    return DOCUMENTED.findall((ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8"))


def said() -> dict[str, set[str]]:
    """Code → the rooms whose source says it."""
    found: dict[str, set[str]] = defaultdict(set)
    for folder in (ROOT / "eltflow", ROOT / "adapters"):
        for path in folder.rglob("*.py"):
            room = path.relative_to(folder).parts[0].removesuffix(".py")
            for code in SAID.findall(path.read_text(encoding="utf-8")):
                found[code].add(room)
    return found


def test_what_is_said_is_documented_and_the_other_way_round() -> None:
    codes = [code for code, _ in documented()]
    assert len(codes) == len(set(codes)), "a code is documented twice"
    assert set(codes) == set(said())
    assert codes == sorted(codes, key=lambda code: (code[0] == "W", code))


def test_each_code_says_what_it_means_and_how_to_mend_it() -> None:
    sentences = [text for _, text in documented()]
    assert len(set(sentences)) == len(sentences)
    for code, text in documented():
        meaning, colon, remedy = text.partition(": ")
        assert meaning, code
        assert colon, code
        assert remedy.endswith("."), code


def test_a_code_is_said_only_where_its_subject_is() -> None:
    for code, rooms in said().items():
        assert rooms <= ROOMS[code[:3]], (code, rooms)


def test_every_code_has_a_case() -> None:
    shown = {code for case in [*cases(), *cases(POOR)] for code in re.findall(r"\[([EW]\d{4})\]", case.expected)}
    elsewhere = {
        "E0807",  # tests/postgres/test_lease.py: it takes a server
        "E0808",  # tests/serve/test_shared_state.py: it takes a server, as the next does
        "E0809",
        "E0810",  # tests/serve/test_serve_process.py: it takes a service
        "E0914",  # tests/serve/test_inputs_of_jobs.py
        "E0916",  # the same: it takes a service
        "E0120",  # tests/site/test_docs_serve.py: it takes a port that somebody else has
    }
    assert {code for code, _ in documented()} <= shown | elsewhere


def test_no_message_tells_of_this_machine() -> None:
    for path in HERE.rglob("message.txt"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"/(?:home|root|tmp|work|Users)/", text), path
        assert str(Path.home()) not in text
