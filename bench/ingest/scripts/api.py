"""An API on loopback that sends pages which it has made before: `api.py RECORDS RECORDS_A_PAGE`. It says its port first."""

import json
import sys
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
