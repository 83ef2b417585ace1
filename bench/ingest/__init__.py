"""What an ingestion step costs, beside one statement of the engine for the same rows, dlt and ingestr.

    python -m bench.ingest.peers                     # once: dlt and ingestr, each in an environment of its own
    python -m bench.ingest                           # every path, nine pairs: an hour; writes bench/INGEST.md
    python -m bench.ingest --only csv,merge --pairs 3 --rows 200000 --out /tmp/quick.md
    python -m bench.ingest --memory                  # ten million rows by each path, with the engine's memory_limit at 256 MB

Each way runs in processes of its own, the ways of a path in turn; CPU is user and system time of the process and its children, servers not in
it. Ratios are medians of those within a round. Servers are started for it.
"""
