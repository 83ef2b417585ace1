"""A service that kills itself: python dies.py ROOT RUNS POINT NTH. At the NTH time that it comes to POINT (one of the service's, or
`seconds`, NTH hundredths of them after it began) it is gone by SIGKILL. It ends in order when RUNS runs have ended."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

from eltflow import api
from eltflow.engine.run import utc_now
from eltflow.serve.service import Service, serving
from eltflow.state.jobs import ENDED, JobStore


def main(root: Path, runs: int, point: str, nth: int) -> None:
    seen = 0

    def at(here: str) -> None:
        nonlocal seen
        seen += here == point
        if here == point and seen == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    options = api.new_options()
    with serving(root, options, utc_now):
        service = Service(root, options, now=utc_now, say=lambda text: print(text, flush=True), at=at)
        if point == "seconds":
            threading.Timer(nth / 100, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()

        def watch() -> None:
            store = JobStore(service.jobs.store)
            while not service.stopping.is_set():
                if len(store.runs(states=ENDED, job="often")) >= runs and not store.alerts(utc_now()):
                    service.stop()
                time.sleep(0.05)

        threading.Thread(target=watch, daemon=True).start()
        service.serve()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
