"""Asks the same queries of AT1 and of DuckDB, and compares; with a page to write, also measures, DataFusion on plain Parquet beside.

Values are compared as they are: numbers exactly, doubles up to the last digits (sums are added in another order), times as instants.
"""

import json
import re
import subprocess
import sys
import time
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

import duckdb

ROUNDS = 5


def queries(path):
    for part in ("\n" + Path(path).read_text()).split("\n-- name: ")[1:]:
        name, sql = part.split("\n", 1)
        yield name, "\n".join(line for line in sql.splitlines() if not line.startswith("--")).strip().rstrip(";")


def duckdb_type(ty):
    for pattern, word in [("int64", "BIGINT"), ("double", "DOUBLE"), ("boolean", "BOOLEAN"), ("date", "DATE"), ("timestamp", "TIMESTAMP"), ("text", "VARCHAR")]:
        if ty.startswith(pattern):
            return word
    return ty.upper()  # decimal(p,s)


def duckdb_value(column):
    """What a column's text is in DuckDB."""
    name = f'"{column["name"]}"'
    if column["type"] == "text":
        return name
    if column["reading"].startswith("epoch_ms"):
        return f"make_timestamp(CAST({name} AS BIGINT) * 1000)"
    return f"CAST(nullif({name}, 'NA') AS {duckdb_type(column['type'])})"


def plain_parquet(con, table, scratch):
    """The table's text as DuckDB writes it."""
    path = Path(scratch) / f"{table['name']}.parquet"
    # Null words are null in columns that are not text; in these only an empty field without quotes is.
    words = {c["name"]: "VARCHAR" for c in table["columns"]}
    typed = ", ".join(f'{duckdb_value(c)} AS "{c["name"]}"' for c in table["columns"])
    files = ", ".join(f"'{file}'" for file in table["csv"])
    head = "true" if table["header"] else "false"
    read = f"read_csv([{files}], header = {head}, columns = {words}, nullstr = '', allow_quoted_nulls = false)"
    con.execute(f"COPY (SELECT {typed} FROM {read}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
    return path


def at1(job, first, tables, sql, threads):
    words = [job["at1_sql"], "sql", first, "--json", "--stats", "--threads", str(threads)]
    for table in tables:
        words += ["--table", f"{table['name']}={table['folder']}"]
    done = subprocess.run(words + [sql], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"at1 sql: exit {done.returncode}: {done.stderr}\n{sql}")
    rows = [json.loads(line, parse_float=Decimal) for line in done.stdout.splitlines()]
    told = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    return rows, told


def value(v):
    """A value such that equal ones are equal."""
    if isinstance(v, str):
        if re.fullmatch(r"-?\d{4}-\d\d-\d\d(T[\d:.]+Z?)?", v):
            return datetime.fromisoformat(v.removesuffix("Z")).replace(tzinfo=None)
        return v
    if isinstance(v, datetime):
        return v.astimezone(timezone.utc).replace(tzinfo=None) if v.tzinfo else v
    if isinstance(v, date):
        return datetime(v.year, v.month, v.day)
    if isinstance(v, bool) or v is None:
        return v
    return Decimal(str(v))


def equal(a, b):
    if isinstance(a, Decimal) and isinstance(b, Decimal):
        # A mean of decimals has four digits more than these in DataFusion, and no more; in DuckDB it is a double.
        unit = Decimal(1).scaleb(a.as_tuple().exponent)
        cut = a.as_tuple().exponent <= -4 and abs(a - b) < unit
        return a == b or cut or abs(a - b) <= Decimal("1e-9") * max(abs(a), abs(b))
    return a == b


def compare(name, sql, found, expected):
    found = [[value(v) for v in row.values()] for row in found]
    expected = [[value(v) for v in row] for row in expected]
    if " ORDER BY " not in sql:
        found, expected = sorted(found, key=str), sorted(expected, key=str)
    if len(found) != len(expected):
        sys.exit(f"{name}: {len(found)} rows, DuckDB has {len(expected)}")
    for i, (ours, theirs) in enumerate(zip(found, expected)):
        if len(ours) != len(theirs) or not all(map(equal, ours, theirs)):
            sys.exit(f"{name}: row {i}: {ours}, DuckDB has {theirs}")


def best(run):
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def main(job):
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    known = {table["name"]: table for table in job["tables"]}
    parquet = {name: plain_parquet(con, table, job["scratch"]) for name, table in known.items()}
    for name, path in parquet.items():
        con.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{path}')")
    asked, left_out, lines = 0, 0, []
    for name, sql in queries(job["queries"]):
        used = [known.get(word) for word in ["flights", "trades", "connections", "lineitem", "orders"] if re.search(rf"\b{word}\b", sql)]
        if None in used:
            left_out += 1
            continue
        rows, _ = at1(job, used[0]["folder"], used, sql, 2)
        compare(name, sql, rows, con.execute(sql).fetchall())
        asked += 1
        if job["page"]:
            lines.append(measure(job, con, parquet, name, sql, used))
            print(lines[-1], flush=True)
    print(f"sql: {asked} queries answered as DuckDB {duckdb.__version__} does" + (f", {left_out} left out for want of their tables" if left_out else ""))
    if job["page"]:
        write(job["page"], known, lines)


def measure(job, con, parquet, name, sql, used):
    """Milliseconds of AT1, of DataFusion on plain Parquet, and of DuckDB; the best of some rounds in one process, one thread and two."""
    cells = [name]
    for threads in (1, 2):
        con.execute(f"SET threads = {threads}")
        again = ";".join([sql] * ROUNDS)
        _, told = at1(job, used[0]["folder"], used, again, threads)
        ours = min(t["seconds"] for t in told)
        # The first table is none of the query's: these are read from Parquet under names of their own.
        made = ";".join(f"CREATE EXTERNAL TABLE plain_{t['name']} STORED AS PARQUET LOCATION '{parquet[t['name']]}'" for t in used)
        for table in used:
            again = re.sub(rf"\b{table['name']}\b", f"plain_{table['name']}", again)
        _, told = at1(job, used[0]["folder"], [], made + ";" + again, threads)
        plain = min(t["seconds"] for t in told[len(used):])
        theirs = best(lambda: con.execute(sql).fetchall())
        cells += [ours * 1e3, plain * 1e3, theirs * 1e3]
    return cells


def geomean(values):
    product = 1.0
    for v in values:
        product *= v ** (1 / len(values))
    return product


def write(page, known, lines):
    out = ["| query | AT1, ms | DataFusion | DuckDB | AT1 / DataFusion | AT1 / DuckDB | AT1, 2 threads | DataFusion | DuckDB | AT1 / DataFusion | AT1 / DuckDB |", "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"]
    ratios = [[], [], [], []]
    for name, *ms in lines:
        r = [ms[0] / ms[1], ms[0] / ms[2], ms[3] / ms[4], ms[3] / ms[5]]
        for all_of, one in zip(ratios, r):
            all_of.append(one)
        out.append(f"| {name} | {ms[0]:.1f} | {ms[1]:.1f} | {ms[2]:.1f} | {r[0]:.2f} | {r[1]:.2f} | {ms[3]:.1f} | {ms[4]:.1f} | {ms[5]:.1f} | {r[2]:.2f} | {r[3]:.2f} |")
    g = [geomean(r) for r in ratios]
    out.append(f"| **geometric mean** | | | | **{g[0]:.2f}** | **{g[1]:.2f}** | | | | **{g[2]:.2f}** | **{g[3]:.2f}** |")
    sizes = [f"{name} ({sum(Path(f).stat().st_size for f in t['csv']) / 1e6:.0f} MB of text)" for name, t in known.items()]
    head = f"Tables: {', '.join(sizes)}. DuckDB {duckdb.__version__}. Milliseconds, the best of {ROUNDS} in one process, results fetched and printed.\n\n"
    Path(page).write_text(head + "\n".join(out) + "\n")


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
