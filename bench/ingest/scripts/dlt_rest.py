"""Records of an API into DuckDB by dlt's own source, nested ones kept as JSON and written as Parquet: `dlt_rest.py URL RECORDS_A_PAGE`."""

import sys

import dlt
from dlt.sources.rest_api import rest_api_source

url = sys.argv[1]
paging = {"type": "page_number", "base_page": 1, "total_path": None, "stop_after_empty_page": True}
endpoint = {"path": "orders", "data_selector": "rows", "paginator": paging}
resource = {"name": "t", "endpoint": endpoint, "max_table_nesting": 0, "write_disposition": "replace"}
source = rest_api_source({"client": {"base_url": url}, "resources": [resource]})
pipeline = dlt.pipeline("bench", pipelines_dir="pipelines", destination=dlt.destinations.duckdb("peer.duckdb"), dataset_name="raw")
pipeline.run(source, loader_file_format="parquet").raise_on_failed_jobs()
