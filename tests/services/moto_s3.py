"""A server that speaks S3 on loopback: moto, in memory. Run by its own environment's Python. It prints its port, and serves until it is
stopped."""

from __future__ import annotations

import time

from moto.server import ThreadedMotoServer

server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
while True:
    time.sleep(3600)
