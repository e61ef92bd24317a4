"""DuckDB as people use it: CSV to Parquet, and Parquet to Arrow. Prints the seconds of the statement alone.

Usage: duckdb_parquet.py write|read CSV PARQUET LEVEL THREADS
"""

import sys
import time

import duckdb

verb, source, parquet, level, threads = sys.argv[1:]
db = duckdb.connect()
db.execute(f"set threads = {int(threads)}")
if verb == "write":
    statement = f"copy (from read_csv(?)) to '{parquet}' (format parquet, compression zstd, compression_level {int(level)})"
    start = time.perf_counter()
    db.execute(statement, [source])
else:
    start = time.perf_counter()
    db.sql("from read_parquet(?)", params=[parquet]).to_arrow_table()
print(time.perf_counter() - start)
