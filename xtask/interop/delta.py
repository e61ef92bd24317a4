"""Reads AT1 tables through their Delta logs with readers that know nothing of AT1, and compares with what AT1 itself says.

Usage: delta.py JOBS, a file with one JSON object a line:
  {"name", "table": folder, "states": [{"version", "event", "arrow": what `at1 scan --as-of` says}]}

* deltalake reads by DataFusion and by pyarrow, Polars by scan_delta, DuckDB and Spark by the files that the log lists: their own Delta
  readers come from places that this check does not ask. Where DuckDB's is installed it reads too.
* Every version must have the columns, rows and values of its event. A version whose files a vacuum removed cannot be read by anybody.
* Comparisons are asked of every column, at values around those that are there: a wrong bound would hide rows.
* A reader who begins with a checkpoint must see the same.
* Writers must be refused, and leave the table as it was.
"""

import hashlib
import json
import math
import os
import shutil
import sys
import warnings

import duckdb
import polars
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, QueryBuilder, write_deltalake

warnings.filterwarnings("ignore")

QUERIES = 0


def fail(job, engine, what, expected, found):
    sys.exit(f"delta {job['name']}: {engine}: {what}: expected {str(expected)[:400]}, found {str(found)[:400]}")


def plain(value):
    """A value of any engine as one of Python; NaN equals itself."""
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else value
    return value


def rows(table, names):
    columns = []
    for name in names:
        column = table.column(name)
        if pa.types.is_timestamp(column.type):
            # One unit and one name of the zone for all.
            column = column.cast(pa.timestamp("us", "UTC" if column.type.tz else None))
        columns.append([plain(value) for value in column.to_pylist()])
    key = lambda row: [(value is not None, str(type(value)), str(value)) for value in row]  # noqa: E731
    return sorted(zip(*columns), key=key)


KINDS = [
    pa.types.is_decimal,
    pa.types.is_floating,
    pa.types.is_integer,
    pa.types.is_boolean,
    pa.types.is_date,
    lambda t: pa.types.is_timestamp(t) and t.tz is None,
    lambda t: pa.types.is_timestamp(t) and t.tz is not None,
]


def same(job, engine, ours, theirs):
    if sorted(ours.column_names) != sorted(theirs.column_names):
        fail(job, engine, "columns", ours.column_names, theirs.column_names)
    for field in ours.schema:
        other = theirs.schema.field(field.name).type
        for kind in KINDS:
            if kind(field.type) != kind(other):
                fail(job, engine, f"type of {field.name}", field.type, other)
        if pa.types.is_decimal(field.type) and (field.type.precision, field.type.scale) != (other.precision, other.scale):
            fail(job, engine, f"type of {field.name}", field.type, other)
    if ours.num_rows != theirs.num_rows:
        fail(job, engine, "rows", ours.num_rows, theirs.num_rows)
    a, b = rows(ours, ours.column_names), rows(theirs, ours.column_names)
    if a != b:
        pair = next((x, y) for x, y in zip(a, b) if x != y)
        fail(job, engine, "a row", *pair)


def query(table, sql):
    return pa.table(QueryBuilder().register("t", table).execute(sql).read_all())


def is_whole(table):
    return all(os.path.exists(uri.removeprefix("file://")) for uri in table.file_uris())


def check_states(job):
    """Each version is the table after its event."""
    read = 0
    for state in job["states"]:
        with pa.OSFile(state["arrow"], "rb") as file:
            ours = pa.ipc.open_stream(file).read_all()
        version, at = state["version"], f" version {state['version']}, event {state['event']}"
        table = DeltaTable(job["table"], version=version)
        if str(table.transaction_version(app_of(table))) != state["event"]:
            fail(job, "deltalake" + at, "the transaction's version", state["event"], table.transaction_version(app_of(table)))
        if not is_whole(table):
            continue
        read += 1
        same(job, "deltalake by DataFusion" + at, ours, query(table, "select * from t"))
        same(job, "deltalake by pyarrow" + at, ours, table.to_pyarrow_table())
        same(job, "polars" + at, ours, polars.scan_delta(job["table"], version=version).collect().to_arrow())
        same_files(job, at, table, ours)
    if job["states"] and not is_whole(DeltaTable(job["table"])):
        fail(job, "deltalake", "the files of the newest version", "all", "some")
    return read


def app_of(table):
    """Who writes the log, as its newest entry says."""
    folder = table.table_uri.removeprefix("file://")
    with open(os.path.join(folder, "_delta_log", f"{table.version():020}.json"), encoding="utf-8") as entry:
        actions = [json.loads(line) for line in entry]
    return next(action["txn"]["appId"] for action in actions if "txn" in action)


def same_files(job, at, table, ours):
    """DuckDB reads the files that the log lists; columns that came later are missing from older files, and are null."""
    files = [uri.removeprefix("file://") for uri in table.file_uris()]
    if not files:
        return
    with duckdb.connect() as db:
        db.execute("set TimeZone = 'UTC'")
        theirs = db.sql("select * from read_parquet(?, union_by_name = true)", params=[files]).to_arrow_table()
    theirs = theirs.select([name for name in theirs.column_names if name in ours.column_names])
    for name in ours.column_names:
        if name not in theirs.column_names:
            theirs = theirs.append_column(name, pa.nulls(theirs.num_rows, ours.schema.field(name).type))
    same(job, "duckdb by the log's files" + at, ours, theirs)


def literal(value, kind):
    if pa.types.is_timestamp(kind):
        zone = 'Some("UTC")' if kind.tz else "None"
        return f"arrow_cast('{value.isoformat()}', 'Timestamp(Microsecond, {zone})')"
    if pa.types.is_date(kind):
        return f"date '{value.isoformat()}'"
    if pa.types.is_decimal(kind):
        return f"arrow_cast('{value}', 'Decimal128({kind.precision}, {kind.scale})')"
    if pa.types.is_floating(kind):
        return f"arrow_cast('{value!r}', 'Float64')"
    if pa.types.is_integer(kind):
        return str(value)
    return "'" + value.replace("'", "''") + "'"


def check_pruning(job):
    """Comparisons count what they count without a log: no bound hides a row."""
    global QUERIES
    with pa.OSFile(job["states"][-1]["arrow"], "rb") as file:
        ours = pa.ipc.open_stream(file).read_all()
    table = DeltaTable(job["table"])
    lazy = polars.scan_delta(job["table"])
    for field in ours.schema:
        column = ours.column(field.name)
        QUERIES += 1
        nulls = {
            "deltalake by DataFusion": query(table, f'select count(*) as n from t where "{field.name}" is null').column("n")[0].as_py(),
            "deltalake by pyarrow": table.to_pyarrow_dataset().count_rows(filter=pc.field(field.name).is_null()),
            "polars": lazy.filter(polars.col(field.name).is_null()).select(polars.len()).collect().item(),
        }
        for engine, found in nulls.items():
            if found != column.null_count:
                fail(job, engine, f"{field.name} is null", column.null_count, found)
        if pa.types.is_boolean(field.type) or pa.types.is_binary(field.type):
            continue
        known = pc.drop_null(column)
        if pa.types.is_floating(field.type):
            known = known.filter(pc.is_finite(known))
        known = pc.unique(known)
        known = known.take(pc.sort_indices(known))
        # The ends, where bounds are, and a few between.
        picked = sorted({0, 1, len(known) // 2, len(known) - 2, len(known) - 1} & set(range(len(known))))
        for value in known.take(pa.array(picked, pa.int64())).to_pylist() if picked else []:
            for sign, compare in ((">=", pc.greater_equal), ("<=", pc.less_equal), ("=", pc.equal)):
                expected = pc.sum(compare(column, pa.scalar(value, field.type))).as_py() or 0
                QUERIES += 1
                sql = f'select count(*) as n from t where "{field.name}" {sign} {literal(value, field.type)}'
                # DataFusion puts NaN above all numbers; then >= finds it too.
                nan = 0
                if pa.types.is_floating(field.type) and sign == ">=":
                    nan = pc.sum(pc.is_nan(column)).as_py() or 0
                found = query(table, sql).column("n")[0].as_py()
                if found != expected + nan:
                    fail(job, "deltalake by DataFusion", sql, expected + nan, found)
                found = table.to_pyarrow_dataset().count_rows(filter=comparison(field.name, sign, value, field.type))
                if found != expected:
                    fail(job, "deltalake by pyarrow", sql, expected, found)
                found = lazy.filter(polar(field.name, sign, value, field.type)).select(polars.len()).collect().item()
                if found not in (expected, expected + nan):
                    fail(job, "polars", sql, expected, found)


def comparison(name, sign, value, kind):
    column, value = pc.field(name), pa.scalar(value, kind)
    return {">=": column >= value, "<=": column <= value, "=": column == value}[sign]


def polar(name, sign, value, kind):
    column = polars.col(name)
    value = polars.lit(polars.from_arrow(pa.array([value], kind))).first()
    return {">=": column >= value, "<=": column <= value, "=": column == value}[sign]


def digests(folder):
    found = {}
    for at, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(at, name)
            found[os.path.relpath(path, folder)] = hashlib.sha256(open(path, "rb").read()).hexdigest()
    return found


def check_checkpoint(job):
    """The newest version is the same to a reader who has the checkpoint and not the entries before it."""
    last = os.path.join(job["table"], "_delta_log", "_last_checkpoint")
    if not os.path.exists(last):
        return False
    with open(last, encoding="utf-8") as file:
        version = json.load(file)["version"]
    copy = job["table"] + "-from-checkpoint"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(job["table"], copy)
    for name in os.listdir(os.path.join(copy, "_delta_log")):
        if name.endswith(".json") and int(name.removesuffix(".json")) < version:
            os.remove(os.path.join(copy, "_delta_log", name))
    with pa.OSFile(job["states"][-1]["arrow"], "rb") as file:
        ours = pa.ipc.open_stream(file).read_all()
    same(job, "deltalake from the checkpoint, by DataFusion", ours, query(DeltaTable(copy), "select * from t"))
    same(job, "deltalake from the checkpoint, by pyarrow", ours, DeltaTable(copy).to_pyarrow_table())
    same(job, "polars from the checkpoint", ours, polars.scan_delta(copy).collect().to_arrow())
    check_pruning({**job, "table": copy})
    return True


def removed(job):
    """The names of files that some version removed."""
    names = set()
    for state in job["states"]:
        with open(os.path.join(job["table"], "_delta_log", f"{state['version']:020}.json"), encoding="utf-8") as entry:
            actions = [json.loads(line) for line in entry]
        names |= {os.path.basename(action["remove"]["path"]) for action in actions if "remove" in action}
    return names


def check_fence(job):
    """Nobody but AT1 writes."""
    before = digests(job["table"])
    table = DeltaTable(job["table"])
    one = query(table, "select * from t limit 1")
    listed = {os.path.basename(uri) for uri in table.file_uris()}
    unlisted = set(os.listdir(os.path.join(job["table"], "segments"))) - listed
    removable = {"full vacuum": unlisted, "vacuum": unlisted & removed(job)}
    deeds = {
        "append": lambda: write_deltalake(job["table"], one, mode="append"),
        "overwrite": lambda: write_deltalake(job["table"], one, mode="overwrite"),
        "delete": lambda: DeltaTable(job["table"]).delete("id = 1"),
        "update": lambda: DeltaTable(job["table"]).update(new_values={"id": 2}),
        "optimize": lambda: DeltaTable(job["table"]).optimize.compact(),
        "vacuum": lambda: DeltaTable(job["table"]).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False),
        "full vacuum": lambda: DeltaTable(job["table"]).vacuum(
            retention_hours=0, enforce_retention_duration=False, dry_run=False, full=True
        ),
    }
    for name, deed in deeds.items():
        try:
            done = deed()
        except Exception as error:  # noqa: BLE001, any refusal will do
            told = str(error)
            if "feature" not in told.lower() and "append" not in told.lower():
                fail(job, "deltalake", f"{name} is refused for its features", "a word of them", told)
        else:
            # A vacuum that finds nothing to remove writes nothing, and so is not asked what it may write.
            if "vacuum" not in name or done or removable[name]:
                fail(job, "deltalake", name, "to be refused", f"done: {done}")
    after = digests(job["table"])
    if before != after:
        changed = sorted(set(before.items()) ^ set(after.items()))
        fail(job, "deltalake", "the table after what was refused", "unchanged", changed)


def check_spark(jobs):
    """Spark's own Parquet reader, on the files that the log lists."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[1]").appName("at1")
    for key, value in {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.shuffle.partitions": "1",
    }.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    read = 0
    for job in jobs:
        files = DeltaTable(job["table"]).file_uris()
        with pa.OSFile(job["states"][-1]["arrow"], "rb") as file:
            ours = pa.ipc.open_stream(file).read_all()
        frame = spark.read.option("mergeSchema", "true").parquet(*files)
        theirs = frame.select([f"`{name}`" for name in ours.column_names]).toArrow()
        same(job, f"spark {spark.version} by the log's files", ours, theirs)
        read += 1
    version = spark.version
    spark.stop()
    return read, version


def check_duckdb_extension(jobs):
    """DuckDB's Delta reader is fetched from a server of its own; it is asked where it is installed already."""
    with duckdb.connect() as db:
        try:
            db.execute("load delta")
        except duckdb.Error:
            return "NOT CHECKED: duckdb's extension delta is not installed"
        for job in jobs:
            with pa.OSFile(job["states"][-1]["arrow"], "rb") as file:
                ours = pa.ipc.open_stream(file).read_all()
            db.execute("set TimeZone = 'UTC'")
            same(job, "duckdb by delta_scan", ours, db.sql("select * from delta_scan(?)", params=[job["table"]]).to_arrow_table())
        return f"duckdb's delta_scan agrees on {len(jobs)} tables"


def main():
    with open(sys.argv[1], encoding="utf-8") as lines:
        jobs = [json.loads(line) for line in lines]
    versions = checkpoints = 0
    for job in jobs:
        read = check_states(job)
        check_pruning(job)
        checkpoints += check_checkpoint(job)
        check_fence(job)
        versions += read
        print(f"  delta {job['name']}: {read} of {len(job['states'])} versions")
    if not checkpoints:
        sys.exit("delta: no table has a checkpoint, so none was read")
    print(check_duckdb_extension(jobs))
    try:
        import pyspark  # noqa: F401
    except ImportError:
        print("NOT CHECKED: pyspark is not there")
    else:
        read, version = check_spark(jobs)
        print(f"spark {version} reads the files of {read} logs")
    from importlib.metadata import version as installed

    readers = f"deltalake {installed('deltalake')} (DataFusion, pyarrow), polars {polars.__version__}, duckdb {duckdb.__version__}"
    print(f"{versions} versions of {len(jobs)} Delta logs, {QUERIES} comparisons: {readers} read what AT1 reads, and writers are refused")


main()
