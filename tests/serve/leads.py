"""A service with a lease of few seconds, which prints what it says: python leads.py ROOT SECONDS. It ends in order by SIGTERM."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from eltflow import api
from eltflow.engine.run import utc_now
from eltflow.serve.leading import Leading
from eltflow.serve.service import Service, serving


def main(root: Path, seconds: float) -> None:
    options = api.new_options()
    with serving(root, options, utc_now):
        service = Service(root, options, now=utc_now, say=lambda text: print(text, flush=True))
        service.leading = Leading(service.jobs.store, seconds=seconds, renew=seconds / 4)
        signal.signal(signal.SIGTERM, lambda *_: service.stop())
        service.serve()


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
