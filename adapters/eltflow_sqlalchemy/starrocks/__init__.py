"""StarRocks, by MySQL's protocol: golden SQL only. No server was there to try it on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from eltflow.base.plugins import driver
from eltflow.warehouse import Database, Target
from eltflow_sqlalchemy.mysql import MySQLAdapter
from eltflow_sqlalchemy.starrocks.dialect import StarRocksDialect


class StarRocksAdapter(MySQLAdapter):
    """Targets of `type: starrocks`: a frontend's query port."""

    port = 9030
    extra = "starrocks"
    target_fields: Mapping[str, str] = {
        **{key: told for key, told in MySQLAdapter.target_fields.items() if key != "unix_socket"},
        "port": "the frontend's query port; 9030 unless told",
    }

    def __init__(self) -> None:
        super().__init__(StarRocksDialect())
        self.starter = self.starter.replace("MYSQL_", "STARROCKS_").replace("'3306'", "'9030'")

    def open(self, target: Target, root: Path, *, read_only: bool = False) -> Database:
        with driver("starrocks targets", "'eltflow[starrocks]'"):
            from eltflow_sqlalchemy.session import SQLDatabase
            from eltflow_sqlalchemy.starrocks.engine import StarRocksDriver
        return SQLDatabase(StarRocksDriver(target, root, read_only=read_only), target, root, read_only=read_only)


ADAPTER = StarRocksAdapter()
