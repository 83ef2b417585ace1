"""Writes TPC-H's eight tables to `data/`, small and the same each time: `python make_data.py [FOLDER]`.

Shapes and value ranges are the specification's (§4.2.3); a few rows are put where a query of so little data would find none.
"""

from __future__ import annotations

import csv
import datetime as dt
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

CUSTOMERS, ORDERS, PARTS, SUPPLIERS = 150, 1200, 200, 50
TYPES = {
    "region": "r_regionkey int, r_name varchar, r_comment varchar",
    "nation": "n_nationkey int, n_name varchar, n_regionkey int, n_comment varchar",
    "supplier": "s_suppkey int, s_name varchar, s_address varchar, s_nationkey int, s_phone varchar, s_acctbal decimal(12,2), "
    "s_comment varchar",
    "customer": "c_custkey int, c_name varchar, c_address varchar, c_nationkey int, c_phone varchar, c_acctbal decimal(12,2), "
    "c_mktsegment varchar, c_comment varchar",
    "part": "p_partkey int, p_name varchar, p_mfgr varchar, p_brand varchar, p_type varchar, p_size int, p_container varchar, "
    "p_retailprice decimal(12,2), p_comment varchar",
    "partsupp": "ps_partkey int, ps_suppkey int, ps_availqty int, ps_supplycost decimal(12,2), ps_comment varchar",
    "orders": "o_orderkey int, o_custkey int, o_orderstatus varchar, o_totalprice decimal(12,2), o_orderdate date, o_orderpriority varchar, "
    "o_clerk varchar, o_shippriority int, o_comment varchar",
    "lineitem": "l_orderkey int, l_partkey int, l_suppkey int, l_linenumber int, l_quantity decimal(12,2), l_extendedprice decimal(12,2), "
    "l_discount decimal(12,2), l_tax decimal(12,2), l_returnflag varchar, l_linestatus varchar, l_shipdate date, l_commitdate date, "
    "l_receiptdate date, l_shipinstruct varchar, l_shipmode varchar, l_comment varchar",
}
REGIONS = ("AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST")
NATIONS = (
    "ALGERIA:0 ARGENTINA:1 BRAZIL:1 CANADA:1 EGYPT:4 ETHIOPIA:0 FRANCE:3 GERMANY:3 INDIA:2 INDONESIA:2 IRAN:4 IRAQ:4 JAPAN:2 JORDAN:4 "
    "KENYA:0 MOROCCO:0 MOZAMBIQUE:0 PERU:1 CHINA:2 ROMANIA:3 SAUDI_ARABIA:4 VIETNAM:2 RUSSIA:3 UNITED_KINGDOM:3 UNITED_STATES:1"
)
SEGMENTS = ("AUTOMOBILE", "BUILDING", "FURNITURE", "MACHINERY", "HOUSEHOLD")
PRIORITIES = ("1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW")
SORTS = ("STANDARD", "SMALL", "MEDIUM", "LARGE", "ECONOMY", "PROMO")
FINISHES = ("ANODIZED", "BURNISHED", "PLATED", "POLISHED", "BRUSHED")
METALS = ("TIN", "NICKEL", "BRASS", "STEEL", "COPPER")
SIZES = ("SM", "LG", "MED", "JUMBO", "WRAP")
BOXES = ("CASE", "BOX", "BAG", "JAR", "PKG", "PACK", "CAN", "DRUM")
MODES = ("REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB")
ORDERS_TO_CARRIERS = ("DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN")
COLOURS = (
    "almond",
    "azure",
    "blush",
    "chocolate",
    "cream",
    "forest",
    "green",
    "ivory",
    "khaki",
    "lemon",
    "navy",
    "orchid",
    "puff",
    "rose",
)
WORDS = (
    "carefully",
    "final",
    "special",
    "ironic",
    "requests",
    "deposits",
    "express",
    "quick",
    "bold",
    "accounts",
    "packages",
    "even",
)
FIRST, LAST, TODAY = dt.date(1992, 1, 1), dt.date(1998, 8, 2), dt.date(1995, 6, 17)

Row = tuple[Any, ...]


def words(chance: random.Random, count: int) -> str:
    return " ".join(chance.choice(WORDS) for _ in range(count))


def phone(chance: random.Random, nation: int) -> str:
    return f"{nation + 10}-{chance.randint(100, 999)}-{chance.randint(100, 999)}-{chance.randint(1000, 9999)}"


def cents(chance: random.Random, low: int, high: int) -> str:
    return f"{chance.randint(low, high) / 100:.2f}"


def suppliers_of(part: int) -> list[int]:
    """The four who sell a part."""
    return [(part + step * (SUPPLIERS // 4 + (part - 1) // SUPPLIERS)) % SUPPLIERS + 1 for step in range(4)]


def people(chance: random.Random) -> Iterator[tuple[str, Row]]:
    for key, name in enumerate(REGIONS):
        yield "region", (key, name, words(chance, 4))
    for key, told in enumerate(NATIONS.split()):
        name, region = told.split(":")
        yield "nation", (key, name.replace("_", " "), int(region), words(chance, 4))
    for key in range(1, SUPPLIERS + 1):
        nation = key % 25
        comment = "Customer slow Complaints" if key % 17 == 0 else words(chance, 6)
        balance = cents(chance, -99999, 999999)
        yield "supplier", (key, f"Supplier#{key:09}", words(chance, 2), nation, phone(chance, nation), balance, comment)
    for key in range(1, CUSTOMERS + 1):
        nation = chance.randrange(25)
        row = (
            words(chance, 2),
            nation,
            phone(chance, nation),
            cents(chance, -99999, 999999),
            chance.choice(SEGMENTS),
            words(chance, 8),
        )
        yield "customer", (key, f"Customer#{key:09}", *row)


def goods(chance: random.Random) -> Iterator[tuple[str, Row]]:
    for key in range(1, PARTS + 1):
        maker = chance.randint(1, 5)
        brand, size = f"Brand#{maker}{chance.randint(1, 5)}", chance.randint(1, 50)
        box = f"{chance.choice(SIZES)} {chance.choice(BOXES)}"
        kind = f"{chance.choice(SORTS)} {chance.choice(FINISHES)} {chance.choice(METALS)}"
        if key % 50 == 17:  # q17
            brand, box = "Brand#23", "MED BOX"
        if key % 50 == 19:  # q19
            brand, box, size = "Brand#12", "SM BOX", 3
        if key % 50 == 2:  # q2
            kind, size = "LARGE PLATED BRASS", 15
        if key % 50 == 8:  # q8
            kind = "ECONOMY ANODIZED STEEL"
        price = f"{(90000 + (key // 10) % 20001 + 100 * (key % 1000)) / 100:.2f}"
        name = " ".join(chance.sample(COLOURS, 5))
        if key % 50 == 2:  # q20: one of Canada sells it
            name = f"forest {name}"
        yield "part", (key, name, f"Manufacturer#{maker}", brand, kind, size, box, price, words(chance, 2))
        for supplier in suppliers_of(key):
            yield "partsupp", (key, supplier, chance.randint(1, 9999), cents(chance, 100, 100000), words(chance, 6))


def sales(chance: random.Random) -> Iterator[tuple[str, Row]]:
    for number in range(1, ORDERS + 1):
        key = (number // 8) * 32 + number % 8
        customer = chance.choice([c for c in range(1, CUSTOMERS + 1) if c % 3])  # a third never orders (§4.2.3)
        day = FIRST + dt.timedelta(chance.randrange((LAST - FIRST).days - 151))
        large = number % 200 == 0  # q18
        states, total = [], 0.0
        for line in range(1, (7 if large else chance.randint(1, 7)) + 1):
            quantity = chance.randint(46, 50) if large else chance.randint(1, 50)
            part = chance.randint(1, PARTS)
            ship = day + dt.timedelta(chance.randint(1, 121))
            receipt = ship + dt.timedelta(chance.randint(1, 30))
            price = round(quantity * (90000 + (part // 10) % 20001 + 100 * (part % 1000)) / 100, 2)
            discount, tax = chance.randint(0, 10) / 100, chance.randint(0, 8) / 100
            total += price * (1 + tax) * (1 - discount)
            states.append("F" if ship <= TODAY else "O")
            returned = chance.choice("RA") if receipt <= TODAY else "N"
            dates = (ship, day + dt.timedelta(chance.randint(30, 90)), receipt)
            how = (chance.choice(ORDERS_TO_CARRIERS), chance.choice(MODES), words(chance, 3))
            money = (quantity, f"{price:.2f}", f"{discount:.2f}", f"{tax:.2f}", returned, states[-1])
            yield "lineitem", (key, part, chance.choice(suppliers_of(part)), line, *money, *dates, *how)
        state = states[0] if len(set(states)) == 1 else "P"
        clerk = f"Clerk#{chance.randint(1, 10):09}"
        yield "orders", (key, customer, state, f"{total:.2f}", day, chance.choice(PRIORITIES), clerk, 0, words(chance, 6))


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(19920101)
    tables: dict[str, list[Row]] = {name: [] for name in TYPES}
    for rows in (people, goods, sales):
        for name, row in rows(chance):
            tables[name].append(row)
    for name, rows_of in tables.items():
        text = folder / f"{name}.csv"
        with text.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows_of)
        columns = ", ".join(f"'{c.split(' ')[0]}': '{c.split(' ')[1]}'" for c in TYPES[name].split(", "))
        path = str(text).replace("'", "''")
        read = f"read_csv('{path}', header = false, columns = {{{columns}}})"
        duckdb.execute(f"copy (select * from {read}) to '{path.removesuffix('.csv')}.parquet' (format parquet)")
        text.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data")
