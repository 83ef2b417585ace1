"""Every broken project in this folder says what `message.txt` holds. `ELTFLOW_REWRITE=1 pytest tests/errors` writes the messages anew."""

from __future__ import annotations

import os
import re

import pytest
from error_cases import HERE, POOR, Case, cases, compared, rewrite, run_case

ALL = [*cases(), *cases(POOR)]


@pytest.mark.parametrize("case", ALL, ids=lambda case: str(case.folder.relative_to(HERE)))
def test_message(case: Case) -> None:
    ran = run_case(case)
    if os.environ.get("ELTFLOW_REWRITE"):
        rewrite(case, ran)
    assert ran.code in (0, 1, 2, 130), ran.message
    assert "Traceback" not in ran.err
    assert "eltflow itself failed" not in ran.err, ran.err
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", ran.err), "a control character reaches the terminal"
    if ran.code == 2:
        assert not ran.touched, f"nothing could start, but {ran.touched} changed"
    assert compared(ran.message) == compared(case.expected)


def test_every_poor_message_is_explained() -> None:
    explained = (POOR / "README.md").read_text(encoding="utf-8")
    for case in cases(POOR):
        assert f"`{case.name}`" in explained


def test_every_error_says_what_to_do() -> None:
    for case in ALL:
        for block in re.split(r"\n\n", case.expected.partition("\n")[2]):
            if block.startswith("error"):
                assert "= help: " in block, f"{case.name}: {block.splitlines()[0]}"
