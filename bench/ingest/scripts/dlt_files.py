"""A file into DuckDB by dlt, in Arrow tables, its quickest form: `dlt_files.py FILE`."""

import sys

import dlt
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

path = sys.argv[1]


@dlt.resource(name="t", write_disposition="replace")
def rows():
    if path.endswith(".csv"):
        yield from pyarrow.csv.open_csv(path)
    elif path.endswith(".parquet"):
        yield from pyarrow.parquet.ParquetFile(path).iter_batches(65536)
    else:
        yield pyarrow.json.read_json(path)


pipeline = dlt.pipeline("bench", pipelines_dir="pipelines", destination=dlt.destinations.duckdb("peer.duckdb"), dataset_name="raw")
pipeline.run(rows(), loader_file_format="parquet").raise_on_failed_jobs()
