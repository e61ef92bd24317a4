"""Reads what AT1 wrote with three engines that know nothing of it, and compares with what AT1 itself says.

Usage: check.py JOBS, a file with one JSON object a line:
  {"name", "csv": the source or null, "segments": [paths], "arrow": path, "scan_csv": path,
   "past": [{"arrow": path, "duckdb": what stands after FROM}]}

* Each engine opens every segment as the plain Parquet file it is.
* Columns, types, rows and values must be those of `at1 scan --format arrow`.
* Past states, read by DuckDB with the query of `at1 files --as-of`, must be those of `at1 scan --as-of`; types may be newer.
* Where a source is named, DuckDB reads the CSV by itself, as text, and each value must be the text's.
"""

import csv
import json
import sys

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq


def fail(job, engine, what, expected, found):
    sys.exit(f"{job['name']}: {engine}: {what}: expected {str(expected)[:300]}, found {str(found)[:300]}")


def same(job, engine, expected, found):
    """Tables are equal in names, number of rows, and every value; types may be wider on the way, never other."""
    if not expected.column_names and found.num_rows == 0:
        return  # a table that knows no columns yet; its empty segment has one, for Parquet has no files without
    if expected.column_names != found.column_names:
        fail(job, engine, "columns", expected.column_names, found.column_names)
    if expected.num_rows != found.num_rows:
        fail(job, engine, "rows", expected.num_rows, found.num_rows)
    for name, field in zip(expected.column_names, expected.schema):
        ours = expected.column(name).combine_chunks()
        theirs = found.column(name).combine_chunks()
        kinds = (pa.types.is_decimal, pa.types.is_floating, pa.types.is_integer, pa.types.is_boolean, pa.types.is_temporal)
        for kind in kinds:
            if kind(ours.type) != kind(theirs.type):
                fail(job, engine, f"type of {name}", ours.type, theirs.type)
        theirs = theirs.cast(field.type)
        if ours.equals(theirs):
            continue
        # NaN is unequal to itself: compare doubles by their bits, through text.
        if pa.types.is_floating(field.type):
            if [repr(v) for v in ours.to_pylist()] == [repr(v) for v in theirs.to_pylist()]:
                continue
        for row, (a, b) in enumerate(zip(ours.to_pylist(), theirs.to_pylist())):
            if a != b:
                fail(job, engine, f"{name}, row {row}", repr(a), repr(b))
        fail(job, engine, name, ours, theirs)


def read(job):
    with pa.OSFile(job["arrow"], "rb") as file:
        ours = pa.ipc.open_stream(file).read_all()
    yield "at1", ours
    paths = job["segments"]
    if not paths:
        return
    yield "pyarrow", pa.concat_tables((pq.read_table(path) for path in paths), promote_options="default")
    yield "polars", polars.concat([polars.read_parquet(path, glob=False) for path in paths], how="diagonal").to_arrow()
    with duckdb.connect() as db:
        db.execute("set TimeZone = 'UTC'")
        yield "duckdb", db.sql("select * from read_parquet(?, union_by_name = true)", params=[paths]).to_arrow_table()


def check_past(job):
    """DuckDB finds the rows and values of each past state, whatever the layout is by now."""
    for event, then in enumerate(job["past"]):
        with pa.OSFile(then["arrow"], "rb") as file:
            ours = pa.ipc.open_stream(file).read_all()
        with duckdb.connect() as db:
            db.execute("set TimeZone = 'UTC'")
            theirs = db.sql("select * from " + then["duckdb"]).to_arrow_table()
        # Its columns may have wider types since.
        wider = pa.table({field.name: ours.column(field.name).cast(theirs.schema.field(field.name).type) for field in ours.schema})
        same(job, f"duckdb as of event {event}", wider, theirs)


def check_print(job, ours):
    """`--format csv` holds the same rows: text as it is, null as nothing, everything else as Python prints it, near enough to count."""
    with open(job["scan_csv"], newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file)) or [[]]
    if lines[0] != ours.column_names:
        fail(job, "scan --format csv", "header", ours.column_names, lines[0])
    if len(lines) - 1 != ours.num_rows:
        fail(job, "scan --format csv", "rows", ours.num_rows, len(lines) - 1)
    for i, field in enumerate(ours.schema):
        column = ours.column(i)
        # Python's own times stop at microseconds.
        values = (column.cast(pa.int64()) if pa.types.is_timestamp(field.type) else column).to_pylist()
        for row, value in enumerate(values):
            text = lines[row + 1][i]
            if value is None:
                good = text == ""
            elif pa.types.is_decimal(field.type) or pa.types.is_integer(field.type):
                good = text == str(value)
            elif pa.types.is_floating(field.type):
                good = repr(float(text)) == repr(value)
            elif pa.types.is_boolean(field.type):
                good = text == str(value).lower()
            elif pa.types.is_date(field.type):
                good = text == value.isoformat()
            elif pa.types.is_timestamp(field.type):
                good = text.endswith("Z") == (field.type.tz is not None)
            else:
                good = text == value
            if not good:
                fail(job, "scan --format csv", f"{field.name}, row {row}", value, text)


def check_source(job, ours):
    """DuckDB's own reading of the source text, value by value."""
    with duckdb.connect() as db:
        db.execute("set TimeZone = 'UTC'")
        texts = db.sql(
            "select * from read_csv(?, all_varchar = true, header = true, delim = ',', quote = '\"', escape = '\"', nullstr = '', auto_detect = false, columns = $columns)"
            .replace("$columns", "{" + ", ".join(f"'{n}': 'VARCHAR'" for n in ours.column_names) + "}"),
            params=[job["csv"]],
        ).to_arrow_table()
        if texts.num_rows != ours.num_rows:
            fail(job, "duckdb on the source", "rows", texts.num_rows, ours.num_rows)
        for name, field in zip(ours.column_names, ours.schema):
            pair = pa.table({"text": texts.column(name), "ours": ours.column(name)})  # noqa: F841, read by name below
            wrong = db.execute(
                "select text, ours from (select text, ours, try_cast(text as " + sql_type(field.type) + ") as theirs from pair) "
                "where theirs is distinct from ours limit 1"
            ).fetchall()
            if wrong:
                fail(job, "duckdb on the source", name, wrong[0][0], wrong[0][1])


def sql_type(kind):
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision}, {kind.scale})"
    if pa.types.is_timestamp(kind):
        return "timestamptz" if kind.tz else ("timestamp_ns" if kind.unit == "ns" else "timestamp")
    if pa.types.is_floating(kind):
        return "double"
    if pa.types.is_integer(kind):
        return "bigint"
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_date(kind):
        return "date"
    return "varchar"


def main():
    segments = rows = 0
    with open(sys.argv[1], encoding="utf-8") as jobs:
        for job in map(json.loads, jobs):
            (_, ours), *others = read(job)
            for engine, theirs in others:
                same(job, engine, ours, theirs)
            check_print(job, ours)
            check_past(job)
            if job["csv"]:
                check_source(job, ours)
            segments += len(job["segments"])
            rows += ours.num_rows
            print(f"  {job['name']}: {ours.num_rows} rows, {len(ours.column_names)} columns, {len(job['segments'])} segments")
    print(f"{segments} segments, {rows} rows: pyarrow {pa.__version__}, polars {polars.__version__} and duckdb {duckdb.__version__} read what AT1 reads")


main()
