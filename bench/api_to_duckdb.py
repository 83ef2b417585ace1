"""Records of an API into DuckDB: what a step does, beside a bare loop of urllib3 that spools pages and one `read_json`.

python -m bench.api_to_duckdb [PAIRS] [RECORDS]      starts a server of its own on loopback

The server is a process of its own, which is not in the figures, and sends pages that it has made before. Each way runs in a process of its own,
the two in turn; what is told is the median of user and system seconds, of the ratios within a pair, and the peak in MB. No types are declared
on either side.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.process import Usage, usage

BARE = """
import sys, urllib3, duckdb
url, spool, pages = sys.argv[1], sys.argv[2], int(sys.argv[3])
http = urllib3.PoolManager()
with open(spool, "wb") as file:
    for page in range(1, pages + 1):
        file.write(http.request("GET", f"{url}?page={page}").data + b"\\n")
con = duckdb.connect("bare.duckdb")
con.execute("set threads = 2")
records = f"select unnest(rows) as r from read_json('{spool}', maximum_object_size = 100000000)"
con.execute(f"create table orders as select unnest(r, recursive := false) from ({records})")
"""
SERVER = """
import json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
records, size = int(sys.argv[1]), int(sys.argv[2])
def record(i):
    at = f"2013-{1 + i % 12:02}-{1 + i % 28:02}T{i % 24:02}:00:00Z"
    customer = {"id": i % 977, "name": f"name {i % 977}", "tags": ["a", f"t{i % 7}"]}
    items = [{"sku": f"s{i % 101}", "quantity": i % 5, "price": (i % 1000) / 100}]
    note = None if i % 5 == 0 else f"note number {i}"
    return {"id": i, "created_at": at, "amount": i * 7.13, "customer": customer, "items": items, "note": note}
def page(first):
    return json.dumps({"rows": [record(i) for i in range(first, min(first + size, records))]}).encode()
PAGES = [page(first) for first in range(0, records, size)]
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    def do_GET(self):
        number = int(parse_qs(urlsplit(self.path).query)["page"][0])
        body = PAGES[number - 1] if number <= len(PAGES) else b'{"rows": []}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


def project(root: Path, url: str, size: int) -> None:
    (root / "models").mkdir()
    (root / "ingest").mkdir()
    target = {"type": "duckdb", "path": "own.duckdb", "schema": "s", "threads": 2}
    settings = {"name": "p", "targets": {"dev": target}, "connections": {"api": {"type": "rest", "url": url}}}
    (root / "eltflow.yml").write_text(json.dumps(settings))
    paging = {"type": "page", "size_param": "ignored", "size": size}
    source = {"kind": "rest", "connection": "api", "path": "/orders", "records": "rows", "pagination": paging}
    (root / "ingest/i.yml").write_text(json.dumps({"steps": [{"name": "orders", "source": source, "into": "raw.orders"}]}))


def pair(root: Path, url: str, pages: int) -> tuple[Usage, Usage]:
    """The bare way and ours, once each, into databases of their own."""
    for name in ("bare.duckdb", "own.duckdb"):
        (root / name).unlink(missing_ok=True)
    bare = [sys.executable, "-c", BARE, f"{url}/orders", str(root / "spool.json"), str(pages)]
    own = [str(Path(sys.executable).parent / "eltflow"), "ingest"]
    return usage(bare, root, {}, 600), usage(own, root, {}, 600)


def main() -> None:
    pairs, records = (
        (int(word) for word in [*sys.argv[1:], "9", "100000"][:2]) if len(sys.argv) != 2 else (int(sys.argv[1]), 100_000)
    )
    print("| records a page | way | CPU s | wall s | peak MB | to bare |\n|--:|---|--:|--:|--:|--:|")
    for size in (100, 1000):
        root = Path(tempfile.mkdtemp(prefix="eltflow-bench-"))
        server = subprocess.Popen([sys.executable, "-c", SERVER, str(records), str(size)], stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{int(server.stdout.readline())}"
            project(root, url, size)
            usage([str(Path(sys.executable).parent / "eltflow"), "parse"], root, {}, 60)
            found = [pair(root, url, -(-records // size)) for _ in range(pairs)]
        finally:
            server.kill()
            server.wait()
            shutil.rmtree(root)
        for name, runs in (("bare", [b for b, _ in found]), ("eltflow", [o for _, o in found])):
            problem = next((run.problem for run in runs if run.problem), "")
            ratio = statistics.median(o.cpu / b.cpu for b, o in found) if name == "eltflow" and not problem else 1.0
            cpu, wall, peak = (statistics.median(getattr(run, what) for run in runs) for what in ("cpu", "wall", "peak"))
            print(f"| {size:,} | {name} | {cpu:.2f} | {wall:.2f} | {peak:,.0f} | {problem or f'{ratio:.2f}'} |")


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    main()
