#!/usr/bin/env python3
"""Compares with peers in the same run and verifies what they computed. Prints one line for each measure.

    make bench            all of it
    run.py start ingest   some of it

start   process start to `SELECT 1`, against DuckDB
ingest  CSV to Delta on local files, against DuckDB + deltalake and Polars
"""
import pathlib, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BIN = ROOT / ".build/release/millrace"


def best(body, times=5):
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        body()
        taken.append(time.perf_counter() - begin)
    return min(taken)


def report(name, ours, theirs, unit="s"):
    peers = ", ".join(f"{peer} {value:.3f} {unit} ({value / ours:.2f} x ours)" for peer, value in theirs.items())
    print(f"{name}: {ours:.3f} {unit}; {peers}", flush=True)


def bench_start():
    def ours():
        assert "1" in subprocess.run([BIN, "sql", "SELECT 1 AS one", "--format", "csv"], capture_output=True, text=True, check=True).stdout

    def duckdb():
        subprocess.run([sys.executable, "-c", "import duckdb; assert duckdb.sql('select 1').fetchall() == [(1,)]"], check=True)

    report("start/select-1/process", best(ours), {"duckdb": best(duckdb)})


def bench_ingest():
    import deltalake, duckdb, polars

    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([BIN, "datagen", "retail", "--rows", "3000000", "--days", "30", "--out", f"{folder}/csv"], check=True, capture_output=True)
        size = sum(f.stat().st_size for f in pathlib.Path(folder, "csv").iterdir()) / 1e6
        count = iter(range(100))
        schema = "InvoiceNo STRING, StockCode STRING, Description STRING, Quantity INT, InvoiceDate TIMESTAMP, UnitPrice DOUBLE, CustomerID DOUBLE, Country STRING"
        tables = {}

        def ours():
            tables["millrace"] = f"{folder}/m{next(count)}"
            script = f"""
                CREATE TEMPORARY VIEW c ({schema}) USING csv OPTIONS (path '{folder}/csv', header 'true', escape '"', mode 'DROPMALFORMED');
                CREATE TABLE t USING delta LOCATION '{tables["millrace"]}' AS SELECT * FROM c"""
            subprocess.run([BIN, "sql", script], check=True, capture_output=True)

        columns = {"InvoiceNo": "VARCHAR", "StockCode": "VARCHAR", "Description": "VARCHAR", "Quantity": "INTEGER", "InvoiceDate": "TIMESTAMP",
                   "UnitPrice": "DOUBLE", "CustomerID": "DOUBLE", "Country": "VARCHAR"}

        def duck():
            tables["duckdb + deltalake"] = f"{folder}/d{next(count)}"
            rows = duckdb.connect().execute(
                "select * from read_csv($f, header=true, columns=$c, quote='\"', escape='\"', ignore_errors=true)",
                {"f": f"{folder}/csv/*.csv", "c": columns}).to_arrow_reader(1_000_000)
            deltalake.write_deltalake(tables["duckdb + deltalake"], rows)

        def pl():
            tables["polars"] = f"{folder}/p{next(count)}"
            polars.read_csv(f"{folder}/csv/*.csv", infer_schema=False, truncate_ragged_lines=True).write_delta(tables["polars"])

        taken = {"ours": best(ours, 3), "duckdb + deltalake": best(duck, 3), "polars (all text)": best(pl, 3)}
        ours_taken = taken.pop("ours")
        report(f"ingest/csv-to-delta/{size:.0f}MB", ours_taken, taken)
        print(f"  {size / ours_taken:.0f} MB/s ours")
        rows = {name: deltalake.DeltaTable(path).to_pyarrow_table(columns=["Quantity"]).num_rows for name, path in tables.items()}
        assert rows["millrace"] == rows["duckdb + deltalake"], rows


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["start", "ingest"]
    for name in wanted:
        globals()[f"bench_{name}"]()
