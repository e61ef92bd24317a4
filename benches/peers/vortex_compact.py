"""A CSV as DuckDB reads it, written by Vortex with its compact encodings. Prints the size of the file in bytes.

Usage: vortex_compact.py CSV VORTEX
"""

import os
import sys

import duckdb
import vortex.io

source, target = sys.argv[1:]
table = duckdb.connect().sql("from read_csv(?)", params=[source]).to_arrow_table()
vortex.io.VortexWriteOptions.compact().write(table, target)
print(os.path.getsize(target))
