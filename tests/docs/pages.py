"""The pages of the documentation, taken apart: links, fenced blocks and what their info strings ask for.

A fenced block is run by the tests if the line that opens it says so, after the language:

    ```sh run             run it in the page's folder, in the order of the page; `run=NAME` in a folder of its own
    ```sh run exit=1      the exit code it must end with (0 unless told)
    ```text output        lines that the block run last must have printed, in this order; a line with only … leaves some out
    ```sql file=PATH      write it to a file in the page's folder; also `file=PATH run=NAME`
    ```yaml file=PATH     the same

A YAML block without `file=` is read strictly by the shape that its keys show, unless it says `foreign`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```\s*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]\n]*\]\((?!https?:|mailto:)([^)\s#]*)(?:#([^)\s]*))?\)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page; `line` is that of its fence."""

    page: Path
    line: int
    language: str
    marks: dict[str, str]
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Every page: README, CONTRIBUTING, CHANGELOG, docs/, and the READMEs of the projects."""
    top = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    projects = [ROOT / "project_template/README.md", ROOT / "examples/flights/README.md"]
    return [*top, *sorted((ROOT / "docs").rglob("*.md")), *projects]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    made = []
    for fence in _FENCE.finditer(text):
        words = fence.group("info").split()
        indent = fence.group("indent")
        body = "".join(line.removeprefix(indent) for line in fence.group("body").splitlines(keepends=True))
        marks = {name: value for name, _, value in (word.partition("=") for word in words[1:])}
        line = text.count("\n", 0, fence.start()) + 1
        made.append(Block(page, line, words[0] if words else "", marks, body))
    return made


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[tuple[str, str]]:
    """Relative links of a page: (path, anchor), either of which may be empty."""
    return [(m.group(1), m.group(2) or "") for m in _LINK.finditer(re.sub(r"`[^`\n]*`", "", prose(page)))]


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings make."""
    heads = re.findall(r"^#+ +(.+?)\s*$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
