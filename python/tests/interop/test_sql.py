"""SQL, and DataFusion's own Python package, with the answers that scans and duckdb give."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import at1
import datafusion
import duckdb
import pyarrow as pa
import pytest
from conftest import ROWS


def test_queries_answer_as_duckdb_does(kinds: at1.AppendableTable) -> None:
    query = "SELECT word, count(*) AS n, sum(price) AS total, min(\"at\") AS earliest FROM t WHERE id > 0 GROUP BY word ORDER BY word"
    t = kinds.to_pyarrow()
    expected = duckdb.sql(query.replace("ORDER BY word", "ORDER BY word NULLS LAST")).fetchall()
    assert [tuple(row.values()) for row in kinds.sql(query)] == expected
    assert t.num_rows == ROWS
    both = kinds.sql("SELECT count(*) AS n FROM t JOIN other ON t.id = other.id", other=kinds.as_of(0)).to_pylist()
    assert both == [{"n": 500}]
    assert kinds.as_of(1).sql("SELECT count(*) AS n FROM t")["n"] == [1000]
    assert kinds.sql("SELECT count(*) AS n FROM t FOR SYSTEM_TIME AS OF 2")["n"] == [1500]
    assert kinds.sql("SELECT _batch, count(*) AS n FROM t GROUP BY _batch ORDER BY 1")["n"] == [500] * 4
    assert kinds.sql("SELECT count(*) AS n FROM x", x=kinds.path)["n"] == [ROWS]


def test_answers_are_streams(kinds: at1.AppendableTable) -> None:
    answer = kinds.sql_stream("SELECT id, price FROM t WHERE price > 5")
    assert (answer.names, pa.schema(answer).names) == (["id", "price"], ["id", "price"])
    for _ in range(2):
        assert pa.table(answer).num_rows == kinds.scan("price > 5").stats.rows_matched


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELEC 1", "SELEC"),
        ("SELECT nothing FROM t", "nothing"),
        ("SELECT 1; SELECT 2", "expected one statement, found 2"),
        ("DROP TABLE t", "DDL"),
        ("CREATE VIEW v AS SELECT 1", "DDL"),
        ("SELECT count(*) FROM t FOR SYSTEM_TIME AS OF 99", "at most"),
    ],
)
def test_what_makes_no_sense(kinds: at1.AppendableTable, query: str, message: str) -> None:
    with pytest.raises(at1.InputError, match=message):
        kinds.sql(query)


def test_damage_is_damage(folder: Path) -> None:
    table = at1.AppendableTable(folder)
    table.append_csv(b"id\n" + b"".join(b"%d\n" % n for n in range(5000)))
    segment = Path(table.files()[0].path)
    content = bytearray(segment.read_bytes())
    content[40] ^= 1
    segment.chmod(0o644)
    segment.write_bytes(content)
    with pytest.raises(at1.IntegrityError, match="expected sha256"):
        table.sql("SELECT sum(id * 2) AS s FROM t")


def test_files_that_go_are_found_again(folder: Path) -> None:
    table = at1.AppendableTable(folder)
    for number in range(4):
        table.append_csv(b"id\n%d\n" % number)
    answer = table.sql_stream("SELECT sum(id) AS s FROM t WHERE id >= 0")
    table.compact(grace=0)
    assert at1.Rows(answer)["s"] == [6]


def test_answers_stay_at_their_state(folder: Path) -> None:
    table = at1.AppendableTable(folder)
    table.append_csv(b"v\n1\n2\n")
    rows, count = table.sql_stream("SELECT v FROM t ORDER BY v"), table.sql_stream("SELECT count(*) AS n FROM t")
    table.append_csv(b"v\n1.5\nabc\n")
    table.compact(how="retype", grace=0)
    assert (at1.Rows(rows)["v"], at1.Rows(count)["n"]) == ([1, 2], [2])
    assert table.sql("SELECT count(*) AS n FROM t")["n"] == [4]


def test_past_states_know_their_system_tables(kinds: at1.AppendableTable) -> None:
    past = kinds.as_of(1)
    assert past.sql("SELECT count(*) AS n FROM t FOR SYSTEM_TIME AS OF 0")["n"] == [500]
    assert past.sql("SELECT count(*) AS n FROM at1_columns('t')")["n"] == [8]


ABANDONED = """
import at1, resource, sys, threading, time
t = at1.AppendableTable(sys.argv[1])
import pyarrow as pa
reader = pa.RecordBatchReader.from_stream(t.sql_stream("SELECT a.id FROM t a, t b, t c"))
time.sleep(0.5)
reader.close()
del reader
time.sleep(1)
def used(): return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
before = used()
time.sleep(2)
print(used() - before < 1)
"""


def test_abandoned_queries_end(kinds: at1.AppendableTable) -> None:
    done = subprocess.run([sys.executable, "-c", ABANDONED, kinds.path], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "True\n"


INTERRUPTED = """
import at1, os, signal, sys, threading, time
t = at1.AppendableTable(sys.argv[1])
threading.Timer(1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
start = time.monotonic()
try:
    t.sql("SELECT count(*) AS n FROM t a, t b, t c WHERE a.id + b.id + c.id = 1")
except KeyboardInterrupt:
    assert time.monotonic() - start < 5
    assert t.sql("SELECT count(*) AS n FROM t")["n"] == [2000]
    print("interrupted")
"""


def test_ctrl_c(kinds: at1.AppendableTable) -> None:
    command = [sys.executable, "-c", INTERRUPTED, kinds.path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "interrupted\n", done.stderr


FORKED = """
import at1, os, sys
t = at1.AppendableTable(sys.argv[1])
t.sql("SELECT 1 AS n")
if (child := os.fork()) == 0:
    try:
        t.sql("SELECT 1 AS n")
    except at1.UnsupportedError as error:
        os._exit(0 if "spawn" in str(error) and t.num_rows == 2000 else 1)
    os._exit(2)
print(os.waitpid(child, 0)[1])
"""


def test_forked_children_are_told(kinds: at1.AppendableTable) -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKED, kinds.path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "0\n", done.stderr


def test_tables_of_datafusions_own_package(kinds: at1.AppendableTable) -> None:
    context = datafusion.SessionContext()
    context.register_table("t", kinds)
    context.register_table("past", kinds.as_of(0))

    def ask(query: str) -> list[dict[str, object]]:
        return context.sql(query).to_arrow_table().to_pylist()

    assert ask("SELECT count(*) AS n FROM t") == [{"n": ROWS}]
    assert ask("SELECT count(*) AS n FROM past") == [{"n": 500}]
    assert ask("SELECT max(price) AS m FROM t WHERE price < 5 AND flag") == [
        {"m": max(kinds.scan("price < 5 and flag").rows["price"])}
    ]
    assert ask("SELECT t.id FROM t JOIN past ON t.id = past.id ORDER BY 1 LIMIT 2") == [
        {"id": -(10**18)},
        {"id": 10**15 - 10**18},
    ]
    assert isinstance(ask("SELECT price FROM t WHERE price IS NOT NULL LIMIT 1")[0]["price"], Decimal)
    assert os.path.exists(kinds.path)
