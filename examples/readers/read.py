#!/usr/bin/env python3
"""Reads one Delta table with deltalake, Polars and DuckDB, and compares what they see.

    eval "$(millrace env)"
    pip install deltalake duckdb polars pyarrow
    python examples/readers/read.py s3://lake/warehouse/gold/top_products
"""
import os, sys

import duckdb, polars
from deltalake import DeltaTable, QueryBuilder


def main(location):
    # http, and the bucket in the path: what a store on one's own machine needs. Keys come from the environment.
    options = {"AWS_ALLOW_HTTP": "true", "AWS_S3_ADDRESSING_STYLE": "path"}
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        options[name] = os.environ[name]

    table = DeltaTable(location, storage_options=options)
    print(f"{location} is at version {table.version()}, {len(table.file_uris())} files")
    for field in table.schema().fields:
        print(f"  {field.name}: {field.type.type if hasattr(field.type, 'type') else field.type}")

    frame = polars.read_delta(location, storage_options=options)
    print(frame.head(5))

    # DuckDB on Arrow data that deltalake reads: no extension has to be fetched. `INSTALL delta` is the other way.
    rows = QueryBuilder().register("t", table).execute("SELECT * FROM t").read_all()  # DuckDB finds it by this name
    total = duckdb.sql("SELECT count(*) FROM rows").fetchall()[0][0]
    print(f"{total} rows by DuckDB, {frame.height} by Polars, {rows.num_rows} by deltalake")
    return 0 if total == frame.height == rows.num_rows else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
