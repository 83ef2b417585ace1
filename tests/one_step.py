"""A project of one step of files, `x` into raw.x, on DuckDB or PostgreSQL."""

from __future__ import annotations

import json
from contextlib import closing

import duckdb
import pytest


class World:
    def __init__(self, root, eltflow, request):
        self.root, self._eltflow, self._request = root, eltflow, request
        self.target = "duckdb"
        for name in ("ingest", "models", "data"):
            (root / name).mkdir(exist_ok=True)

    def project(self, source, target="duckdb", *, connections=None, **step):
        self.target = target
        own = {"type": "duckdb", "path": "p.duckdb", "schema": "s"}
        if target == "postgres":
            postgres = self._request.getfixturevalue("postgres")
            own = postgres.target()
            with closing(postgres.connect()) as con:
                con.execute("drop schema if exists s_raw, eltflow_meta cascade")
        (self.root / "eltflow.yml").write_text(json.dumps({"name": "p", "targets": {"dev": own}, "connections": connections or {}}))
        one = {"name": "x", "source": {"kind": "files", **source}, "into": "raw.x", **step}
        (self.root / "ingest/i.yml").write_text(json.dumps({"steps": [one]}, indent=1))
        return self

    def run(self, *arguments, code=0, env=None):
        ran = self._eltflow(*(arguments or ("ingest",)), cwd=self.root, env=env)
        assert ran.code == code, ran.text
        return ran.text

    def fails(self, *arguments, code=1, env=None):
        """The first error, as it is shown."""
        text = self.run(*arguments, code=code, env=env)
        return text[text.index("error[") :].split("\n\n")[0].rstrip()

    def says(self, message, help, *arguments, code=1):
        """Fails with an error of this message and help."""
        found = self.fails(*arguments, code=code).split("\n")
        said = (found[0].partition(": ")[2].removeprefix("ingest `x`: "), found[-1].strip().removeprefix("= help: "))
        assert said == (message, help), said

    def rows(self, sql="select * from s_raw.x order by 1"):
        if self.target == "postgres":
            with closing(self._request.getfixturevalue("postgres").connect()) as con:
                return con.execute(sql).fetchall()
        with duckdb.connect(str(self.root / "p.duckdb"), read_only=True) as con:
            return con.execute(sql).fetchall()

    def types(self):
        """Of the columns of raw.x, on DuckDB."""
        return {name: type for name, type, *_ in self.rows("describe s_raw.x")}


@pytest.fixture
def world(tmp_path, eltflow, request):
    return World(tmp_path, eltflow, request)
