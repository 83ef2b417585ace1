"""How a command of a test ended."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


def everything(root: Path, ran: Ran) -> str:
    """All that a command printed, and wrote beside the settings."""
    files = [p for p in root.rglob("*") if p.is_file() and p.name != "eltflow.yml"]
    return ran.text + "".join(p.read_bytes().decode(errors="replace") for p in files)
