"""Builds the program of the docs site from `docs_site/` into the package, with the locked packages: `python tests/services/build_site.py`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import make

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "docs_site"
        shutil.copytree(make.SITE, copy, ignore=shutil.ignore_patterns("node_modules"))
        (copy / "node_modules").symlink_to(make.packages())
        out = make.SITE.parent / "eltflow" / "report" / "site" / "assets"
        done = make.node("node_modules/vite/bin/vite.js", "build", cwd=copy, env={"SITE_OUT": str(out)})
        print(done.stdout, done.stderr)
        sys.exit(done.returncode)
