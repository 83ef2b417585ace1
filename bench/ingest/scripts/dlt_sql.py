"""A table of a database into DuckDB by dlt's own source, in Arrow tables: `dlt_sql.py URL`."""

import sys

import dlt
from dlt.sources.sql_database import sql_table

source = sql_table(sys.argv[1].replace("postgresql://", "postgresql+psycopg2://"), table="t", backend="pyarrow", chunk_size=50_000)
pipeline = dlt.pipeline("bench", pipelines_dir="pipelines", destination=dlt.destinations.duckdb("peer.duckdb"), dataset_name="raw")
pipeline.run(source, write_disposition="replace", loader_file_format="parquet").raise_on_failed_jobs()
