"""A table of a PostgreSQL server into DuckDB: `pulled.py copy|extension|adbc SOCKET_FOLDER`."""

import importlib.util
import pathlib
import sys

import duckdb

TYPES = {
    "id": "BIGINT",
    "name": "VARCHAR",
    "email": "VARCHAR",
    "amount": "DECIMAL(12,2)",
    "active": "BOOLEAN",
    "born": "DATE",
    "seen": "TIMESTAMP",
    "seen_tz": "TIMESTAMPTZ",
    "note": "VARCHAR",
    "score": "DOUBLE",
}


def by_copy(duck, host):
    """COPY into a file, and one statement that reads it."""
    import psycopg

    with (
        psycopg.connect(host=host, user="postgres", dbname="postgres") as server,
        open("spool", "wb") as file,
        server.cursor().copy("copy t to stdout (format text)") as copy,
    ):
        file.writelines(copy)
    columns = ", ".join(f"'{name}': '{type}'" for name, type in TYPES.items())
    reading = r"header = false, auto_detect = false, delim = '\t', quote = '', escape = '', nullstr = '\N'"
    duck.execute(f"create table t as from read_csv('spool', columns = {{{columns}}}, {reading})")


def by_extension(duck, host):
    folder = importlib.util.find_spec("duckdb_extension_postgres_scanner").submodule_search_locations[0]
    duck.execute(f"load '{next(pathlib.Path(folder).glob('extensions/*/*.duckdb_extension'))}'")
    duck.execute(f"attach 'host={host} user=postgres dbname=postgres' as pg (type postgres, read_only)")
    duck.execute("create table t as from pg.public.t")


def by_adbc(duck, host):
    import adbc_driver_manager
    import adbc_driver_postgresql

    items = ", ".join(f"{name}::text" if name == "amount" else name for name in TYPES)
    uri = f"postgresql:///postgres?host={host}&user=postgres"
    with (
        adbc_driver_manager.AdbcDatabase(driver=adbc_driver_postgresql._driver_path(), uri=uri) as database,
        adbc_driver_manager.AdbcConnection(database) as connection,
        adbc_driver_manager.AdbcStatement(connection) as statement,
    ):
        statement.set_sql_query(f"select {items} from t")
        stream, _ = statement.execute_query()
        duck.register("stream", stream)
        duck.execute("create table t as select * replace (amount::decimal(12,2) as amount) from stream")


way, host = sys.argv[1:]
connection = duckdb.connect("bare.duckdb")
for setting in ("threads = 2", "TimeZone = 'UTC'"):
    connection.execute(f"set {setting}")
{"copy": by_copy, "extension": by_extension, "adbc": by_adbc}[way](connection, host)
connection.close()
