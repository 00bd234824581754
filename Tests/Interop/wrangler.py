"""Run by test_s3.py: awswrangler writes a data set, lists it in the catalog, reads and removes it."""
import pathlib
import sys

import awswrangler as wr
import pandas as pd

bucket = sys.argv[1]
base = f"s3://{bucket}/wrangler"
frame = pd.DataFrame({"id": range(1000), "kind": ["a", "b"] * 500, "price": [i / 4 for i in range(1000)]})


def same(found, wanted):
    found = found.sort_values("id").reset_index(drop=True)
    pd.testing.assert_frame_equal(found[wanted.columns], wanted.reset_index(drop=True), check_dtype=False, check_categorical=False)


# Files alone.
wr.s3.to_csv(frame, f"{base}/one.csv", index=False)
same(wr.s3.read_csv(f"{base}/one.csv"), frame)
wr.s3.to_json(frame, f"{base}/lines.json", orient="records", lines=True)
same(wr.s3.read_json(f"{base}/lines.json", orient="records", lines=True), frame)
assert wr.s3.does_object_exist(f"{base}/one.csv") and not wr.s3.does_object_exist(f"{base}/two.csv")
assert wr.s3.size_objects(f"{base}/one.csv")[f"{base}/one.csv"] > 1000
wr.s3.copy_objects([f"{base}/one.csv"], source_path=base, target_path=f"{base}/copied")
same(wr.s3.read_csv(f"{base}/copied/one.csv"), frame)
wr.s3.upload(__file__, f"{base}/script")
assert wr.s3.size_objects(f"{base}/script")[f"{base}/script"] == pathlib.Path(__file__).stat().st_size

# A data set with partitions, in the Glue catalog.
wr.catalog.create_database("wrangler", exist_ok=True)
table = dict(path=f"{base}/sales/", dataset=True, database="wrangler", table="sales", partition_cols=["kind"])
written = wr.s3.to_parquet(frame, mode="overwrite", **table)
assert len(written["paths"]) == 2 and set(written["partitions_values"]) == {f"{base}/sales/kind=a/", f"{base}/sales/kind=b/"}
same(wr.s3.read_parquet(f"{base}/sales/", dataset=True), frame)
wr.s3.to_parquet(frame.assign(id=frame["id"] + 1000), mode="append", **table)
same(wr.s3.read_parquet_table(database="wrangler", table="sales"), pd.concat([frame, frame.assign(id=frame["id"] + 1000)]))
types = wr.catalog.get_table_types("wrangler", "sales")
assert types == {"id": "bigint", "price": "double", "kind": "string"}, types
assert len(wr.catalog.get_partitions("wrangler", "sales")) == 2
wr.s3.to_parquet(frame[frame["kind"] == "a"], mode="overwrite_partitions", **table)
assert len(wr.s3.read_parquet_table(database="wrangler", table="sales")) == 500 + 1000
assert wr.catalog.delete_table_if_exists("wrangler", "sales")
wr.catalog.delete_database("wrangler")

wr.s3.delete_objects(f"{base}/")
assert wr.s3.list_objects(f"{base}/") == []
