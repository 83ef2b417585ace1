"""StarRocks by PyMySQL: as MariaDB's driver, without what only that has."""

from __future__ import annotations

from typing import Any

from eltflow_sqlalchemy.mysql.engine import MySQLDriver

# A materialized view is a view to information_schema.tables.
_CATALOG = """
select t.table_schema, t.table_name, case when m.table_name is not null then 'MATERIALIZED VIEW' else t.table_type end, t.table_rows,
  c.column_name, c.column_type, c.is_nullable
from information_schema.tables as t
left join information_schema.columns as c on c.table_schema = t.table_schema and c.table_name = t.table_name
left join information_schema.materialized_views as m on m.table_schema = t.table_schema and m.table_name = t.table_name
where t.table_schema in ({schemas}){names}
order by t.table_schema, t.table_name, c.ordinal_position
"""


class StarRocksDriver(MySQLDriver):
    """Nothing of a session is set: it is strict by itself, and texts are compared by their bytes."""

    port = 9030
    listed = _CATALOG

    def prepare(self, connection: Any) -> None:
        pass

    def open_transaction(self, connection: Any) -> bool:
        return False
