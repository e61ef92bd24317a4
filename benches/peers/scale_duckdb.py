"""DuckDB over the segments of a table, as people use it: a glob. Prints the milliseconds of the statement alone, and its answer.

Usage: scale_duckdb.py first|all|count GLOB LO HI
"""

import json
import sys
import time

import duckdb

what, glob, low, high = sys.argv[1:]
columns, limit = {"first": ("*", "limit 1"), "all": ("*", ""), "count": ("count(*)", "")}[what]
where, bounds = ("", []) if what == "count" else ("where time between ?::timestamptz and ?::timestamptz", [low, high])
db = duckdb.connect()
start = time.perf_counter()
query = f"select {columns} from read_parquet(?) {where} {limit}"
found = db.sql(query, params=[glob, *bounds]).to_arrow_table()
took = time.perf_counter() - start
print(json.dumps({"inside_ms": took * 1e3, "answer": found.column(0)[0].as_py() if what == "count" else found.num_rows}))
