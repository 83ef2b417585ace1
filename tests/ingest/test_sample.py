"""Some rows of each source of one target in another, where the project is built then."""

from __future__ import annotations

import contextlib
import datetime
import hmac
import json
import sqlite3
from decimal import Decimal

import duckdb
import pytest
from eltflow_bigquery import ADAPTER as BIGQUERY
from eltflow_snowflake import ADAPTER as SNOWFLAKE
from eltflow_spark import ADAPTER as SPARK

from eltflow.testing.bench import Subject
from eltflow.transfer.astext import as_text
from eltflow.warehouse.values import Statement

SECRET = {"ELTFLOW_HASH_SECRET": "0123456789abcdef0123456789abcdef"}
FILES = {
    "models/orders_by_customer.sql": (
        "{{ config(materialized='table') }}\n"
        "select c.email, count(*) as orders, sum(o.amount)::numeric(12, 2) as amount\n"
        "from shop.orders as o join shop.customers as c on c.id = o.customer_id group by c.email"
    ),
    "models/s.yml": (
        "sources:\n"
        "  - name: shop\n"
        "    schema: shop\n"
        "    tables:\n"
        "      - name: orders\n"
        "      - name: customers\n"
        "        columns:\n"
        "          - {name: email, tags: [pii]}\n"
        "          - {name: phone, tags: [pii], meta: {mask: empty}}\n"
    ),
}
MADE = """
drop schema if exists shop cascade;
drop schema if exists eltflow_meta cascade;
create schema shop;
create table shop.customers (id int primary key, email text, phone text, joined timestamptz, tags text[], note json, worth numeric);
insert into shop.customers select i, case i when 7 then null else 'c' || i || '@x.org' end, '+49' || i,
  timestamptz '2026-01-01 00:00+01' + i * interval '1 hour', array['a', 'b' || i], json_build_object('i', i), i / 3.0
from generate_series(1, 500) as i;
create table shop.orders (id bigint, customer_id int, amount numeric(10, 2), paid boolean, day date, raw bytea);
insert into shop.orders select i, 1 + i % 500, i / 4.0, i % 2 = 0, date '2026-01-01' + i, decode(to_hex(i % 16 + 16), 'hex')
  from generate_series(1, 3000) as i;
insert into shop.orders select * from shop.orders where id <= 5;
"""


@pytest.fixture
def shop(postgres, project):
    """A project of a PostgreSQL server with a DuckDB target beside it."""
    with postgres.connect() as connection:
        connection.execute(MADE)

    def make(local=None, secret=True, files=FILES):
        targets = {"prod": postgres.target(), "local": {"type": "duckdb", "path": "local.duckdb", "schema": "s", **(local or {})}}
        settings = {"name": "p", "default_target": "prod", "dialect": "postgres", "targets": targets}
        if secret:
            settings["hash_secret"] = "{{ env_var('ELTFLOW_HASH_SECRET') }}"
        return project({"eltflow.yml": json.dumps(settings, indent=1), **files})

    return make


def rows(root, sql):
    with duckdb.connect(str(root / "local.duckdb"), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        return connection.execute(sql).fetchall()


def test_a_project_of_postgres_is_built_on_duckdb(shop, eltflow, postgres):
    root = shop()
    ran = eltflow("sample", "--from", "prod", "--rows", "400", cwd=root, env=SECRET)
    assert ran.code == 0, ran.text
    assert "sample    shop.customers           400 rows · masked: email, phone" in ran.out
    assert "2 tables of `prod` in `local` · next: eltflow build --target local" in ran.out
    assert "note: shop.customers: `worth` is numeric, and comes as text" in ran.err
    before = rows(root, "from shop.customers"), rows(root, "from shop.orders")
    assert (len(before[0]), len({row[0] for row in before[0]}), len(before[1])) == (400, 400, 400)
    assert rows(root, "select count(*) from shop.customers where phone is not null or email like '%@%'") == [(0,)]
    assert rows(root, "select count(distinct email), count(*) - count(email) from shop.customers")[0] in ((399, 1), (400, 0))
    types = dict(
        rows(root, "select column_name, data_type from duckdb_columns() where table_name = 'customers' and schema_name = 'shop'")
    )
    assert types == {
        **{"id": "INTEGER", "email": "VARCHAR", "phone": "VARCHAR", "joined": "TIMESTAMP WITH TIME ZONE"},
        **{"tags": "VARCHAR[]", "note": "JSON", "worth": "VARCHAR"},
    }
    again = eltflow("sample", "--from", "prod", "--rows", "400", cwd=root, env=SECRET)
    assert again.code == 0, again.text
    assert (rows(root, "from shop.customers"), rows(root, "from shop.orders")) == before
    built = eltflow("build", "--target", "local", cwd=root, env=SECRET)
    assert built.code == 0, built.text
    joined = "select count(*) from shop.orders as o join shop.customers as c on c.id = o.customer_id"
    assert rows(root, "select sum(orders) from s.orders_by_customer") == rows(root, joined)
    with postgres.connect() as connection:  # which rows come hangs on their keys, not on where they lie
        connection.execute("update shop.customers set note = '{}' where id <= 250")
        assert connection.execute(
            "select count(*) from information_schema.schemata where schema_name = 'eltflow_meta'"
        ).fetchone() == (0,)
    assert eltflow("sample", "--from", "prod", "--rows", "400", "--select", "source:shop.customers", cwd=root, env=SECRET).code == 0
    assert rows(root, "select id from shop.customers") == [(row[0],) for row in before[0]]


def test_a_smaller_sample_is_part_of_a_larger_one(shop, eltflow):
    root = shop()
    kept = []
    for count in ("20", "40"):
        assert eltflow("sample", "--from", "prod", "--rows", count, "-s", "source:shop.orders", cwd=root, env=SECRET).code == 0
        kept.append(rows(root, "select id, customer_id, amount, paid, day, raw from shop.orders"))
    assert kept[1][:20] == kept[0]
    ids = sorted(row[0] for row in kept[1])
    assert ids[0] < 600 < 2400 < ids[-1], "they are not drawn from all over the table"


def test_personal_columns_are_hashed_as_steps_hash_them(shop, eltflow):
    root = shop()
    ran = eltflow("sample", "--from", "prod", "--where", "id in (3, 7)", "-s", "source:shop.customers", cwd=root, env=SECRET)
    assert ran.code == 0, ran.text
    known = hmac.digest(SECRET["ELTFLOW_HASH_SECRET"].encode(), b"c3@x.org", "sha256").hex()
    assert rows(root, "select id, email, phone from shop.customers order by id") == [(3, known, None), (7, None, None)]


def test_mariadb_into_duckdb(shop, eltflow, mariadb, project):
    with mariadb.connect() as connection, connection.cursor() as cursor:
        for statement in (
            "create database if not exists shop",
            "create or replace table shop.orders (id int, t varchar(20), n decimal(10, 2))",
            "insert into shop.orders select seq, nullif(concat('t', seq), 't7'), seq / 4 from shop.seq_1_to_500",
        ):
            cursor.execute(statement)
        connection.commit()
    targets = {"prod": mariadb.target(), "local": {"type": "duckdb", "path": "local.duckdb", "schema": "s"}}
    root = project({"eltflow.yml": json.dumps({"name": "p", "default_target": "prod", "targets": targets}), **FILES})
    kept = []
    for _ in range(2):
        ran = eltflow("sample", "--from", "prod", "--rows", "50", "-s", "source:shop.orders", cwd=root)
        assert ran.code == 0, ran.text
        kept.append(rows(root, "from shop.orders"))
    assert kept[0] == kept[1]
    assert len({row[0] for row in kept[0]}) == 50
    assert min(row[0] for row in kept[0]) < 100 < 400 < max(row[0] for row in kept[0])


def _local(project, prod, files=FILES, **more):
    """A project of a target, with a DuckDB file beside it."""
    targets = {"prod": prod, "local": {"type": "duckdb", "path": "local.duckdb", "schema": "s"}}
    return project({"eltflow.yml": json.dumps({"name": "p", "default_target": "prod", "targets": targets, **more}), **files})


def _twice(eltflow, root, count=40):
    """What two samples bring, which is the same."""
    kept = []
    for _ in range(2):
        ran = eltflow("sample", "--from", "prod", "--rows", str(count), "-s", "source:shop.orders", cwd=root, env=SECRET)
        assert ran.code == 0, ran.text
        kept.append(rows(root, "from shop.orders"))
    assert kept[0] == kept[1]
    assert len({row[0] for row in kept[0]}) == count
    return ran


def test_sqlite_into_duckdb(project, eltflow):
    root = _local(project, {"type": "sqlite", "path": "prod.sqlite"})
    with contextlib.closing(sqlite3.connect(root / "prod.shop.sqlite")) as other:
        other.execute("create table orders (id integer primary key, t text, n decimal(10, 2))")
        other.executemany("insert into orders values (?, ?, ?)", [(i, f"t{i}" if i != 7 else None, i / 4) for i in range(300)])
        other.commit()
    sqlite3.connect(root / "prod.sqlite").close()
    _twice(eltflow, root)
    ids = sorted(row[0] for row in rows(root, "select id from shop.orders where n = id / 4"))
    assert len(ids) == 40
    assert ids[0] < 60 < 240 < ids[-1]


def test_duckdb_into_sqlite(project, eltflow):
    targets = {
        "prod": {"type": "duckdb", "path": "prod.duckdb"},
        "local": {"type": "sqlite", "path": "local.sqlite", "schema": "s"},
    }
    root = project({"eltflow.yml": json.dumps({"name": "p", "default_target": "prod", "targets": targets}), **FILES})
    with duckdb.connect(str(root / "prod.duckdb")) as connection:
        connection.execute("create schema shop; create table shop.orders as select range as id, 'x' || range as t from range(30)")
    for count in ("4", "6"):
        ran = eltflow("sample", "--from", "prod", "--rows", count, "-s", "source:shop.orders", cwd=root)
        assert ran.code == 0, ran.text
    assert "6 rows" in ran.out
    shown = eltflow("show", "--inline", "select count(*) as n from shop.orders", "--target", "local", "--json", cwd=root)
    assert shown.code == 0, shown.text
    assert json.loads(shown.out) == [{"n": 6}]


def test_snowflake_into_duckdb(snowflake, eltflow, project):
    settings = {"name": "p", "default_target": "prod", "hash_secret": "{{ env_var('ELTFLOW_HASH_SECRET') }}"}
    settings["targets"] = {"prod": snowflake.target(), "local": {"type": "duckdb", "path": "local.duckdb", "schema": "s"}}
    sources = "sources: [{name: shop, tables: [{name: orders, columns: [{name: mail, tags: [pii]}]}]}]\n"
    root = project(
        {"eltflow.yml": json.dumps(settings), "models/s.yml": sources, "models/m.sql": "select id, mail from shop.orders"}
    )
    made = (
        "create schema if not exists shop",
        "create or replace table shop.orders"
        " (id int, mail varchar, n number(10, 2), day date, seen timestamp_tz, paid boolean, v variant, f float)",
        "insert into shop.orders select seq4(), 'm' || seq4(), 1.25, '2026-01-31'::date, '2026-01-31 10:00:00 +0200'::timestamp_tz, true,"
        ' parse_json(\'{"a": "x\\\\ty"}\'), 0.1 from table(generator(rowcount => 300))',
    )
    with contextlib.closing(
        SNOWFLAKE.open(Subject(adapter=SNOWFLAKE, target=snowflake.target(), root=root).values(), root)
    ) as database:
        session = database.session()
        for statement in made:
            session.execute(Statement(statement))
    kept = []
    for _ in range(2):
        ran = eltflow("sample", "--from", "prod", "--rows", "40", cwd=root, env=SECRET)
        assert ran.code == 0, ran.text
        kept.append(rows(root, "from shop.orders"))
    assert kept[0] == kept[1]
    assert len({row[0] for row in kept[0]}) == 40
    moment = datetime.datetime(2026, 1, 31, 8, tzinfo=datetime.UTC)
    shown = rows(root, "select distinct length(mail), n, day, seen, paid, v, f from shop.orders")
    assert shown == [(64, Decimal("1.25"), datetime.date(2026, 1, 31), moment, True, '{"a":"x\\ty"}', 0.1)]
    assert eltflow("build", "--target", "local", cwd=root, env=SECRET).code == 0


@pytest.mark.xdist_group("spark")
def test_spark_into_duckdb(spark, eltflow, project):
    root = _local(project, spark.target())
    subject = Subject(adapter=SPARK, target=spark.target(), root=root)
    with contextlib.closing(SPARK.open(subject.values(), root)) as database, contextlib.closing(database.session()) as session:
        for statement in (
            "create schema if not exists shop",
            "drop table if exists shop.orders",
            "create table shop.orders using parquet as select id, concat('t', id) as t, cast(1.25 as decimal(10, 2)) as n,"
            " map('k', id) as m, date '2026-01-31' as day from range(300)",
        ):
            session.execute(Statement(statement))
    ran = _twice(eltflow, root)
    assert "note: shop.orders: `m` is map<string,bigint>, and comes as JSON" in ran.err
    assert rows(root, "select distinct n, day, json_keys(m) from shop.orders") == [
        (Decimal("1.25"), datetime.date(2026, 1, 31), ["k"])
    ]
    with contextlib.closing(SPARK.open(subject.values(), root)) as database, contextlib.closing(database.session()) as session:
        session.execute(Statement("drop table shop.orders"))


def test_bigquery_into_duckdb(bigquery, eltflow, project):
    """A project of BigQuery is built on DuckDB with rows of its own."""
    sources = "sources: [{name: shop, tables: [{name: orders, columns: [{name: mail, tags: [pii]}]}]}]\n"
    model = "select id, mail, n * 2 as double, v.a from shop.orders"
    files = {"models/s.yml": sources, "models/m.sql": model}
    secret = {"hash_secret": "{{ env_var('ELTFLOW_HASH_SECRET') }}"}
    root = _local(project, bigquery.target(), files, dialect="bigquery", **secret)
    made = (
        "create schema if not exists shop",
        "create or replace table shop.orders as select id, concat('m', cast(id as string)) as mail, numeric '1.25' as n,"
        " date '2026-01-31' as day, timestamp '2026-01-31 10:00:00+02' as seen, true as paid, struct('x\\ty' as a, [1, 2] as b) as v,"
        " 0.1 as f, bignumeric '2.5' as big, [struct(numeric '12345678901234567890.123456789' as n, timestamp '2026-01-31 08:00:00+00' as t)]"
        " as list, struct(b'x' as raw) as coded from unnest(generate_array(1, 300)) as id",
    )
    subject = Subject(adapter=BIGQUERY, target=bigquery.target(), root=root)
    with contextlib.closing(BIGQUERY.open(subject.values(), root)) as database:
        session = database.session()
        for statement in made:
            session.execute(Statement(statement))
    ran = _twice(eltflow, root)
    assert "note: shop.orders: `big` is BIGNUMERIC, and comes as text" in ran.err
    assert "note: shop.orders: `coded` is STRUCT<raw BYTES>, and comes as text" in ran.err
    moment = datetime.datetime(2026, 1, 31, 8, tzinfo=datetime.UTC)
    shown = rows(root, "select distinct length(mail), n, day, seen, paid, v, f, big::double, list from shop.orders")
    nested = {"a": "x\ty", "b": [1, 2]}, [{"n": Decimal("12345678901234567890.123456789"), "t": moment}]
    assert shown == [(64, Decimal("1.25"), datetime.date(2026, 1, 31), moment, True, nested[0], 0.1, 2.5, nested[1])]
    built = eltflow("build", "--target", "local", cwd=root, env=SECRET)
    assert built.code == 0, built.text
    assert rows(root, "select double, a from s.m limit 1") == [(Decimal("2.500000000"), "x\ty")]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "\\N"),
        ("a\tb\\c\r\n", "a\\tb\\\\c\\r\\n"),
        (b"\x00\xff", "\\\\x00ff"),
        (True, "true"),
        (Decimal("1E+3"), "1000"),
        (datetime.timedelta(days=2, seconds=1), "2 days 00:00:01"),
        ([1, {"a": None}], '[1, {"a": null}]'),
        (datetime.datetime(2026, 1, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=2))), "2025-12-31 23:00:00+00:00"),
    ],
)
def test_values_of_drivers_as_text(value, text):
    assert as_text(value) == text


def test_a_condition(shop, eltflow, postgres):
    root = shop()
    where = "day >= date '2026-02-01' and amount::text not like '%.25'"
    ran = eltflow(
        "sample", "--from", "prod", "--rows", "9000", "--where", where, "-s", "source:shop.orders", "--json", cwd=root, env=SECRET
    )
    assert ran.code == 0, ran.text
    with postgres.connect() as connection:
        (count,) = connection.execute(f"select count(*) from shop.orders where {where}").fetchone()
    told = json.loads(ran.out)
    assert (told["from"], told["into"], [t["rows"] for t in told["tables"]]) == ("prod", "local", [count])
    assert rows(root, "select min(day) >= date '2026-02-01', count(*) from shop.orders") == [(True, count)]


def test_tables_of_steps_are_sampled_as_they_stand(shop, eltflow, postgres):
    step = "steps: [{name: pay, source: {kind: files, path: pay.csv}, into: raw.pay, columns: {iban: {tags: [pii]}}}]\n"
    files = {"ingest/pay.yml": step, "pay.csv": "id,iban\n1,DE1\n2,DE2\n3,DE3\n", "models/m.sql": "select id, iban from raw.pay"}
    root = shop(files=files)
    assert eltflow("build", "--target", "prod", cwd=root, env=SECRET).code == 0
    ran = eltflow("sample", "--from", "prod", "--rows", "2", cwd=root, env=SECRET)
    assert ran.code == 0, ran.text
    assert "sample    raw.pay                  2 rows · masked: iban" in ran.out
    assert [len(iban) for _, iban in rows(root, "select id, iban from s_raw.pay")] == [64, 64]
    assert eltflow("run", "--target", "local", cwd=root, env=SECRET).code == 0
    assert rows(root, "select count(*) from s.m") == [(2,)]


def test_duckdb_into_postgres(shop, eltflow, postgres):
    root = shop()
    with duckdb.connect(str(root / "local.duckdb")) as connection:
        connection.execute(
            "create schema shop; create table shop.orders as select range as id, [range] as l, 'x' || range as t from range(100)"
        )
    ran = eltflow("sample", "--from", "local", "--target", "prod", "--rows", "10", "-s", "source:shop.orders", cwd=root, env=SECRET)
    assert ran.code == 0, ran.text
    with postgres.connect() as connection:
        assert connection.execute("select count(*), count(distinct t) from shop.orders").fetchone() == (10, 10)


# -- what cannot be ------------------------------------------------------------------------------------------------------------------


def refused(eltflow, root, *options, code=2):
    ran = eltflow("sample", *options, cwd=root, env=SECRET)
    assert ran.code == code, ran.text
    assert not (root / "local.duckdb").exists()
    return ran.err


def test_personal_columns_that_nothing_masks(shop, eltflow):
    err = refused(eltflow, shop(secret=False), "--from", "prod")
    assert err == (
        "error[E0126]: `shop.customers` has personal columns, and nothing masks them: `email`\n"
        " --> models/s.yml:6:15\n"
        "  |\n"
        "6 |       - name: customers\n"
        "  |               ^^^^^^^^^\n"
        "  = help: write `hash_secret: \"{{ env_var('ELTFLOW_HASH_SECRET') }}\"` in eltflow.yml, and set that variable; "
        "or give each `meta: {mask: empty}`\n\n"
    )


def test_a_mask_that_is_none(shop, eltflow):
    files = {**FILES, "models/s.yml": FILES["models/s.yml"].replace("mask: empty", "mask: sha1")}
    err = refused(eltflow, shop(files=files), "--from", "prod")
    assert "error[E0126]: `shop.customers`: `phone` has the mask `sha1`\n --> models/s.yml:6:15\n" in err
    assert "  = help: a mask is hash or empty\n" in err


def test_a_personal_column_that_has_another_name(shop, eltflow):
    files = {**FILES, "models/s.yml": FILES["models/s.yml"].replace("name: email", "name: mail")}
    err = refused(eltflow, shop(files=files), "--from", "prod")
    assert "error[E0126]: `shop.customers` has no column `mail` on the target `prod`, and it is to be masked\n" in err
    assert "  = help: see whether it has another name now\n" in err


def test_a_source_that_is_not_there(shop, eltflow, postgres):
    root = shop()
    with postgres.connect() as connection:
        connection.execute("drop table shop.orders")
    err = refused(eltflow, root, "--from", "prod")
    assert err == (
        f"error[E0126]: `shop.orders` is not on the target `prod`: there is no {postgres.dbname}.shop.orders\n"
        " --> models/s.yml:5:15\n"
        "  |\n"
        "5 |       - name: orders\n"
        "  |               ^^^^^^\n"
        "  = help: correct the entry, load that table there, or leave it out with --exclude\n\n"
    )


def test_targets_that_do_not_go_together(shop, eltflow):
    root = shop()
    same = refused(eltflow, root, "--from", "local")
    assert same == (
        "error[E0112]: --from local is where the sample would go: `local`\n  = help: name another target with --from, or with --target\n\n"
    )
    assert "error[E0107]: there is no target `prd`" in refused(eltflow, root, "--from", "prd")
    assert "help: did you mean `prod`?" in refused(eltflow, root, "--from", "prd")
    assert "there is no target `locl`" in refused(eltflow, root, "--from", "prod", "--target", "locl")
    assert "'--rows': 0 is not in the range x>=1" in refused(eltflow, root, "--from", "prod", "--rows", "0")
    assert "missing option '--from'" in refused(eltflow, root)


def test_a_condition_that_is_wrong(shop, eltflow):
    err = refused(eltflow, shop(), "--from", "prod", "--where", "dy > 1")
    assert err.startswith('error[E0601]: `shop.orders` on the target `prod`: column "dy" does not exist'), err
    assert " --> models/s.yml:5:15\n" in err


def test_nothing_is_written_where_the_rows_come_from(shop, eltflow, postgres):
    root = shop()
    with postgres.connect() as connection:
        connection.execute(
            "create function shop.grow() returns int language sql as 'insert into shop.orders (id) values (-1) returning 1'"
        )
        ran = eltflow(
            "sample", "--from", "prod", "--where", "(select shop.grow()) > 0", "-s", "source:shop.orders", cwd=root, env=SECRET
        )
        assert connection.execute("select count(*) from shop.orders where id = -1").fetchone() == (0,)
    assert ran.code == 1, ran.text
    assert "cannot execute INSERT in a read-only transaction" in ran.err


def test_a_table_that_fails_keeps_what_stood_there(shop, eltflow, postgres):
    root = shop()
    assert eltflow("sample", "--from", "prod", "--rows", "5", "-s", "source:shop.orders", cwd=root, env=SECRET).code == 0
    with postgres.connect() as connection:
        connection.execute(
            "create view shop.bad as select id, customer_id, 1 / (id - 4) as amount, paid, day, raw from shop.orders"
        )
    text = FILES["models/s.yml"].replace("- name: orders\n", "- {name: orders, identifier: bad}\n")
    (root / "models/s.yml").write_text(text)
    with duckdb.connect(str(root / "local.duckdb")) as connection:
        connection.execute("alter table shop.orders rename to bad")
    ran = eltflow("sample", "--from", "prod", "-s", "source:shop.orders", cwd=root, env=SECRET)
    assert ran.code == 1, ran.text
    assert "error[E0601]: `shop.orders` on the target `prod`: division by zero" in ran.err
    assert rows(root, "select count(*) from shop.bad") == [(5,)]


def test_a_name_that_the_other_engine_cuts(shop, eltflow):
    root = shop(local={"settings": {"threads": 1}})
    with duckdb.connect(str(root / "local.duckdb")) as connection:
        connection.execute(f"create schema shop; create table shop.orders as select 1 as {'n' * 70}")
    ran = eltflow("sample", "--from", "local", "--target", "prod", "-s", "source:shop.orders", cwd=root, env=SECRET)
    assert ran.code == 1, ran.text
    assert ran.err == (
        f"error[E0602]: `shop.orders`: the column `{'n' * 70}` has 70 bytes, and postgres keeps 63 of a name\n"
        " --> models/s.yml:5:15\n"
        "  |\n"
        "5 |       - name: orders\n"
        "  |               ^^^^^^\n"
        "  = help: leave it out with --exclude\n\n"
    )


def test_a_target_that_no_sample_goes_into(project, eltflow):
    lite = {"type": "mariadb", "host": "127.0.0.1", "user": "me", "schema": "s"}
    targets = {"prod": {"type": "duckdb", "path": "prod.duckdb"}, "lake": lite}
    root = project({"eltflow.yml": json.dumps({"name": "p", "default_target": "prod", "targets": targets}), **FILES})
    assert refused(eltflow, root, "--from", "prod", "--target", "lake") == (
        "error[E0112]: no sample can go into the target `lake`, of type mariadb, whose DDL takes no part in transactions\n"
        "  = help: name one of DuckDB, PostgreSQL or SQLite with --target\n\n"
    )
