"""The same tables through DuckDB's extension for Iceberg, which is on the package index for an older DuckDB than the one in check.py.

Usage: iceberg_duckdb.py JOBS, as for iceberg.py

* By the folder and its hint: names, rows and values of `at1 scan`; each snapshot as of its event.
* Segments with integers or decimals that are stored by split streams of bytes are beyond that DuckDB's Parquet reader, which says so;
  then only the count of rows, which needs no such column, is compared.
"""

import glob
import json
import os
import sys

import duckdb
import duckdb_extension_avro
import duckdb_extension_iceberg
import pyarrow as pa

UNREAD = "BYTE_STREAM_SPLIT encoding is only supported for FLOAT or DOUBLE data"


def fail(job, what, expected, found):
    sys.exit(f"{job['name']}: duckdb iceberg: {what}: expected {str(expected)[:300]}, found {str(found)[:300]}")


def rows(table):
    return sorted(map(repr, zip(*(column.to_pylist() for column in table.columns))))


def main():
    db = duckdb.connect()
    for module in (duckdb_extension_avro, duckdb_extension_iceberg):
        folder = os.path.dirname(module.__file__)
        for path in glob.glob(f"{folder}/**/*.duckdb_extension", recursive=True):
            db.execute(f"load '{path}'")
    db.execute("set TimeZone = 'UTC'")
    read, counted = 0, 0
    for line in open(sys.argv[1], encoding="utf-8"):
        job = json.loads(line)
        with pa.OSFile(job["arrow"], "rb") as file:
            expected = pa.ipc.open_stream(file).read_all()
        states = [("", expected)]
        listed = db.execute("select snapshot_id, sequence_number from iceberg_snapshots(?)", [job["table"]]).fetchall()
        ids = [id for id, _ in sorted(listed, key=lambda pair: pair[1])]
        for id, (event, path) in zip(ids, sorted(job["past"].items(), key=lambda pair: int(pair[0])), strict=True):
            with pa.OSFile(path, "rb") as file:
                states.append((f", snapshot_from_id = {id}", pa.ipc.open_stream(file).read_all()))
        for how, ours in states:
            source = f"from iceberg_scan('{job['table']}'{how})"
            count = db.execute(f"select count(*) {source}").fetchone()[0]
            if count != ours.num_rows:
                fail(job, f"rows{how}", ours.num_rows, count)
            try:
                theirs = db.execute(f"select * {source}").to_arrow_table()
            except duckdb.Error as error:
                if UNREAD not in str(error):
                    raise
                counted += 1
                continue
            if theirs.column_names != ours.column_names:
                fail(job, f"columns{how}", ours.column_names, theirs.column_names)
            if rows(theirs) != rows(ours):
                fail(job, f"values{how}", rows(ours), rows(theirs))
            read += 1
    print(f"iceberg: DuckDB {duckdb.__version__} agrees on {read} states, and on the rows of {counted} that it cannot read whole")


main()
