"""deltalake over the segments of a table: the same files, their statistics in one checkpoint, as a table of so many appends has it.

Usage: scale_delta.py make TABLE SEGMENTS DELTA
       scale_delta.py first|all|count DELTA LO HI

`make` takes sizes and statistics out of the ledger. Queries print the milliseconds of opening and of the query.
"""

import json
import os
import sys
import time

COLUMNS = [("time", "timestamp"), ("symbol", "string"), ("id", "string"), ("price", "decimal(18,2)"), ("size", "long")]


def statistics(segment):
    """A segment's zones as Delta writes them."""
    low, high, nulls = {}, {}, {}
    for position, (name, kind) in enumerate(COLUMNS):
        least, most, nulls[name] = segment["zones"][f"c{position}"]
        number = int if kind == "long" else float if kind.startswith("decimal") else str
        low[name], high[name] = number(least), number(most)
    return json.dumps({"numRecords": segment["rows"], "minValues": low, "maxValues": high, "nullCount": nulls})


def make(table, segments, delta):
    import pyarrow as pa
    import pyarrow.parquet as pq

    log = os.path.join(delta, "_delta_log")
    os.makedirs(log)
    os.symlink(os.path.join(os.path.abspath(table), "segments"), os.path.join(delta, "segments"))
    fields = [{"name": name, "type": kind, "nullable": True, "metadata": {}} for name, kind in COLUMNS]
    schema = json.dumps({"type": "struct", "fields": fields})
    paths, sizes, stats = [], [], []
    with open(os.path.join(table, "_at1", "ledger"), encoding="utf-8") as ledger:
        next(ledger)
        for line, _ in zip(ledger, range(segments)):
            (segment,) = json.loads(line[line.index("{") : line.rindex("}") + 1])["seg"]
            paths.append("segments/" + segment["name"])
            sizes.append(segment["bytes"])
            stats.append(statistics(segment))
    n = len(paths)
    words = pa.map_(pa.string(), pa.string())
    add = pa.StructArray.from_arrays(
        [
            pa.array(paths),
            pa.array([[]] * n, words),
            pa.array(sizes, pa.int64()),
            pa.array([0] * n, pa.int64()),
            pa.array([False] * n),
            pa.array(stats),
        ],
        ["path", "partitionValues", "size", "modificationTime", "dataChange", "stats"],
    )
    protocol = pa.struct([("minReaderVersion", pa.int32()), ("minWriterVersion", pa.int32())])
    form = pa.struct([("provider", pa.string()), ("options", words)])
    names = pa.list_(pa.string())
    metadata = pa.struct(
        [
            ("id", pa.string()),
            ("format", form),
            ("schemaString", pa.string()),
            ("partitionColumns", names),
            ("configuration", words),
        ]
    )
    described = {
        "id": "6174312d-7465-4374-8b69-743a6d616465",
        "format": {"provider": "parquet", "options": []},
        "schemaString": schema,
        "partitionColumns": [],
        "configuration": [],
    }
    versions = {"minReaderVersion": 1, "minWriterVersion": 2}
    head = pa.table(
        {
            "protocol": pa.array([versions, None], protocol),
            "metaData": pa.array([None, described], metadata),
            "add": pa.nulls(2, add.type),
        }
    )
    body = pa.table({"protocol": pa.nulls(n, protocol), "metaData": pa.nulls(n, metadata), "add": add})
    with open(os.path.join(log, f"{0:020}.json"), "w") as commit:
        plain = {**described, "format": {"provider": "parquet", "options": {}}, "configuration": {}}
        commit.write(json.dumps({"protocol": versions}) + "\n" + json.dumps({"metaData": plain}) + "\n")
    checkpoint = os.path.join(log, f"{0:020}.checkpoint.parquet")
    pq.write_table(pa.concat_tables([head, body]), checkpoint)
    with open(os.path.join(log, "_last_checkpoint"), "w") as last:
        json.dump({"version": 0, "size": n + 2}, last)
    print(json.dumps({"checkpoint_bytes": os.path.getsize(checkpoint)}))


def query(what, delta, low, high):
    from deltalake import DeltaTable, QueryBuilder

    columns, limit = {"first": ("*", "limit 1"), "all": ("*", ""), "count": ("count(*) as n", "")}[what]
    where = "" if what == "count" else f"where time between '{low}' and '{high}'"
    start = time.perf_counter()
    table = DeltaTable(delta)
    opened = time.perf_counter()
    found = QueryBuilder().register("t", table).execute(f"select {columns} from t {where} {limit}").read_all()
    done = time.perf_counter()
    answer = found.num_rows if what != "count" else found.column("n")[0].as_py()
    print(json.dumps({"open_ms": (opened - start) * 1e3, "inside_ms": (done - start) * 1e3, "answer": answer}))


if sys.argv[1] == "make":
    make(sys.argv[2], int(sys.argv[3]), sys.argv[4])
else:
    query(*sys.argv[1:])
