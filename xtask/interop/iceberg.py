"""Reads tables through the Iceberg metadata that AT1 wrote, with readers that know nothing of AT1, and compares with `at1 scan`.

Usage: iceberg.py JOBS, a file with one JSON object a line:
  {"name", "table": folder, "arrow": path, "past": {event: arrow path}, "filters": [{"where", "files", "arrow"}], "version"}

* PyIceberg finds the table by its metadata file and by its folder and hint; columns, types and values are those of `at1 scan`.
* Filters give the rows that `at1 scan` gives, and plan no more than the files whose bounds let them.
* Each snapshot is the table as it was after the event that its summary names.
* Polars reads the same. fastavro, which shares no code with PyIceberg, reads every manifest by the schema in it.
"""

import glob
import json
import os
import sys
import warnings

warnings.filterwarnings("ignore")

import fastavro
import polars
import pyarrow as pa
from pyiceberg.table import StaticTable


def fail(job, reader, what, expected, found):
    sys.exit(f"{job['name']}: {reader}: {what}: expected {str(expected)[:300]}, found {str(found)[:300]}")


def arrow(path):
    with pa.OSFile(path, "rb") as file:
        return pa.ipc.open_stream(file).read_all()


def plain(table):
    """The same table whatever a reader calls text and bytes of which there may be more than 2 GB."""
    kinds = [(pa.types.is_large_string, pa.string()), (pa.types.is_large_binary, pa.binary())]
    kinds += [(pa.types.is_string_view, pa.string()), (pa.types.is_binary_view, pa.binary())]
    types = [next((to for of, to in kinds if of(field.type)), field.type) for field in table.schema]
    return table.cast(pa.schema([pa.field(field.name, ty) for field, ty in zip(table.schema, types)]))


def same(job, reader, expected, found):
    """Names, types, rows and values; files come in any order, so rows are sorted by all columns."""
    expected, found = plain(expected), plain(found)
    if expected.schema != found.schema:
        fail(job, reader, "columns", expected.schema, found.schema)
    # NaN is unequal to itself: compare values by their words.
    ours, theirs = (sorted(map(repr, zip(*(c.to_pylist() for c in t.columns)))) for t in (expected, found))
    if ours != theirs:
        pair = next(((a, b) for a, b in zip(ours, theirs) if a != b), (len(ours), len(theirs)))
        fail(job, reader, "values", *pair)


def check_avro(job):
    """Every manifest list and manifest is Avro to a reader of Avro alone; bounds are there for what has them."""
    for path in glob.glob(os.path.join(job["table"], "metadata", "*.avro")):
        with open(path, "rb") as file:
            reader = fastavro.reader(file)
            records = list(reader)
        if "at1-manifest-" in path:
            if reader.metadata["format-version"] != "2" or not json.loads(reader.metadata["schema"])["fields"]:
                fail(job, "fastavro", path, "a manifest of version 2 with its schema", reader.metadata)
            for record in records:
                data = record["data_file"]
                sizes = sum(pair["value"] for pair in data["column_sizes"])
                if not 0 < sizes < data["file_size_in_bytes"] or data["split_offsets"][0] != 4:
                    fail(job, "fastavro", path, "sizes of columns, and row groups from byte 4", data)


def main():
    planned, files = 0, 0
    for line in open(sys.argv[1], encoding="utf-8"):
        job = json.loads(line)
        root = "file://" + job["table"]
        expected = arrow(job["arrow"])
        table = StaticTable.from_metadata(root)
        file = f"{root}/metadata/v{job['version']}.metadata.json"
        if table.metadata != StaticTable.from_metadata(file).metadata:
            fail(job, "pyiceberg", "the hint", file, table.metadata_location)
        same(job, "pyiceberg", expected, table.scan().to_arrow())
        same(job, "polars", expected, polars.scan_iceberg(file).collect().to_arrow())
        same(job, "polars, from PyIceberg's table", expected, polars.scan_iceberg(table).collect().to_arrow())
        for asked in job["filters"]:
            scan = table.scan(row_filter=asked["where"])
            plans = len(list(scan.plan_files()))
            if plans != asked["files"]:
                fail(job, "pyiceberg", f"files planned for {asked['where']}", asked["files"], plans)
            same(job, f"pyiceberg where {asked['where']}", arrow(asked["arrow"]), scan.to_arrow())
            planned, files = planned + plans, files + len(list(table.scan().plan_files()))
        events = {s.summary["at1.event"]: s.snapshot_id for s in table.metadata.snapshots}
        if set(events) != set(job["past"]):
            fail(job, "pyiceberg", "snapshots of events", sorted(job["past"]), sorted(events))
        for event, path in job["past"].items():
            same(job, f"pyiceberg as of event {event}", arrow(path), table.scan(snapshot_id=events[event]).to_arrow())
        check_avro(job)
        print(f"{job['name']}: {expected.num_rows} rows, {len(events)} snapshots")
    print(f"iceberg: filters planned {planned} of {files} files")


main()
