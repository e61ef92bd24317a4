"""The same data in pyarrow, polars, pandas and duckdb: out, and in again, without copies, and larger than memory."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import at1
import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from conftest import ROWS

WHERE = "price between 2 and 5 and flag = true and word is not null"


def test_everyone_sees_the_same(kinds: at1.AppendableTable) -> None:
    rows = kinds.scan(WHERE).rows
    expected = rows.to_pylist()
    assert len(expected) > 100
    table = rows.to_pyarrow()
    assert table.to_pylist() == expected
    assert table.equals(pa.table(kinds.scanner(WHERE)))
    assert table.equals(pa.RecordBatchReader.from_stream(kinds.scanner(WHERE)).read_all())
    assert rows.to_polars().to_dicts() == expected
    assert pl.DataFrame(kinds.scanner(WHERE)).to_dicts() == expected
    assert pa.Table.from_pandas(rows.to_pandas(), schema=table.schema).to_pylist() == expected
    scanner = kinds.scanner(WHERE)
    for _ in range(2):  # The same object, read anew.
        found = duckdb.sql("select * from scanner").to_arrow_table()
        assert found.cast(table.schema).to_pylist() == expected
    whole = kinds
    assert duckdb.sql("select count(*), sum(price) from whole").fetchall() == [
        (ROWS, kinds.to_pyarrow().column("price").combine_chunks().sum().as_py())
    ]
    assert kinds.to_pandas().shape == (ROWS, 8)
    assert kinds.to_polars().schema == rows.to_polars().schema


def test_datasets_read_the_segments_themselves(kinds: at1.AppendableTable) -> None:
    dataset = kinds.to_pyarrow_dataset()
    assert dataset.count_rows() == ROWS
    condition = (pc.field("price") >= Decimal("2.00")) & (pc.field("price") <= Decimal("5.00"))
    ours = kinds.scan({"price": (2, 5)}).rows.to_pyarrow()
    assert dataset.to_table(filter=condition).to_pylist() == ours.to_pylist()
    assert kinds.as_of(3).to_pyarrow_dataset().count_rows() == ROWS


def test_datasets_that_would_mislead_are_refused(folder: Path) -> None:
    table = at1.AppendableTable(folder)
    for text in (b"a\n1\n", b"a\n2.5\n"):
        table.append_csv(text)
    with pytest.raises(at1.UnsupportedError, match="column a: expected decimal"):
        table.to_pyarrow_dataset()
    table.compact(grace=0)
    assert table.to_pyarrow_dataset().to_table().to_pydict() == {"a": [Decimal("1.0"), Decimal("2.5")]}
    with pytest.raises(at1.UnsupportedError, match="1 of 2 rows"):
        table.as_of(0).to_pyarrow_dataset()
    assert table.as_of(0).scan().rows["a"] == [1]


def test_nothing_is_copied(kinds: at1.AppendableTable) -> None:
    def addresses(table: pa.Table) -> list[int]:
        chunks = [chunk for column in table.columns for chunk in column.chunks]
        return [buffer.address for chunk in chunks for buffer in chunk.buffers() if buffer is not None]

    rows = kinds.scan().rows
    assert addresses(pa.table(rows)) == addresses(pa.table(rows))
    table = pa.table({"a": list(range(10_000)), "b": ["x"] * 10_000})
    assert addresses(pa.table(at1.Rows(table))) == addresses(table)


def frame() -> pa.Table:
    """Values of many Arrow types, nulls among them, in chunks."""
    half = {
        "i": pa.array([1, None, -(2**63)], pa.int64()),
        "u": pa.array([2**64 - 1, 0, None], pa.uint64()),
        "f": pa.array([0.1, float("nan"), None]),
        "f32": pa.array([0.1, None, -0.0], pa.float32()),
        "d": pa.array([Decimal("1.50"), None, Decimal("-0.01")], pa.decimal128(10, 2)),
        "b": pa.array([True, None, False]),
        "s": pa.array(["007", None, ""]),
        "cat": pa.array(["a,b", "a,b", None]).dictionary_encode(),
        "bytes": pa.array([b"\xff\x00", None, b""]),
        "day": pa.array([0, None, 20_000], pa.date32()),
        "ms": pa.array([1_700_000_000_123, None, -1], pa.timestamp("ms")),
        "tz": pa.array([1_700_000_000_123_456, None, 0], pa.timestamp("us", "Europe/Berlin")),
        "ns": pa.array([1, None, 2**62], pa.timestamp("ns")),
    }
    return pa.concat_tables([pa.table(half), pa.table(half).slice(1)])


def test_arrow_data_reads_back_as_it_was(folder: Path) -> None:
    data = frame()
    table = at1.AppendableTable(folder)
    report = table.append(data, name="frame")
    assert (report.rows, report.rejects) == (5, 0)
    back = table.to_pyarrow()
    for name in data.column_names:
        column = data.column(name)
        if pa.types.is_dictionary(column.type):
            column = column.cast(pa.string())
        assert str(back.column(name).to_pylist()) == str(column.cast(back.schema.field(name).type).to_pylist()), name
    text = table.restore(0)
    assert text.startswith(b"i,u,f,f32,d,b,s,cat,bytes,day,ms,tz,ns\n")
    again = at1.AppendableTable(folder.with_name("again"))
    again.append(pa.RecordBatchReader.from_stream(data.combine_chunks()))
    assert again.restore(0) == text
    with pytest.raises(at1.InputError, match="column l: expected numbers, .*; cast it first, found List"):
        table.append(pa.table({"l": [[1]]}))
    with pytest.raises(at1.InputError, match="an object that exports Arrow data"):
        table.append([1, 2])
    assert table.version() == 1


@pytest.mark.parametrize("library", ["pyarrow", "batch", "polars", "pandas", "duckdb", "rows", "scanner"])
def test_every_library_appends(folder: Path, library: str, kinds: at1.AppendableTable) -> None:
    data = kinds.scan({"id": (None, 0)}).rows.to_pyarrow()
    given = {
        "pyarrow": lambda: data,
        "batch": lambda: data.combine_chunks().to_batches()[0],
        "polars": lambda: pl.from_arrow(data),
        "pandas": lambda: data.to_pandas(types_mapper=pd.ArrowDtype),
        "duckdb": lambda: duckdb.from_arrow(data),
        "rows": lambda: at1.Rows(data),
        "scanner": lambda: kinds.scanner({"id": (None, 0)}),
    }[library]()
    table = at1.AppendableTable(folder)
    table.append(given)
    assert table.scan().rows.to_pylist() == data.to_pylist()
    assert table.verify(rows=True)


def test_conditions_in_the_values_of_numpy_and_pandas(kinds: at1.AppendableTable) -> None:
    def count(where: dict[str, object]) -> int:
        return kinds.scan(where).stats.rows_matched

    assert count({"price": (np.float64(2), np.int32(5))}) == count({"price": (2, 5)}) > 0
    instant = datetime(2024, 1, 5, 9, 0, tzinfo=timezone.utc)
    expected = count({"instant": (instant, None)})
    assert 0 < expected < ROWS
    for start in (pd.Timestamp(instant), np.datetime64("2024-01-05T09:00"), instant.replace(tzinfo=None)):
        assert count({"instant": (start, None)}) == expected
    assert count({"flag": np.bool_(True)}) == count({"flag": True}) > 0


def test_progress_bars(kinds: at1.AppendableTable, capsys: pytest.CaptureFixture[str]) -> None:
    assert kinds.verify(progress=True)
    assert "verifying" in capsys.readouterr().err


LARGER = """
import at1, pyarrow as pa
t = at1.AppendableTable("table", create=False)
def peak(): return 1024 * int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
before, rows, size = peak(), 0, 0  # What importing took is not the result
for batch in pa.RecordBatchReader.from_stream(t.scanner()):
    rows += batch.num_rows
    size += batch.nbytes
print(rows, size, peak() - before)
"""


def test_results_larger_than_the_memory_they_take(tmp_path: Path) -> None:
    table = at1.AppendableTable(tmp_path / "table")
    text = "".join(f"{n},{n * 31 % 1009}.25,word {n % 77}\n" for n in range(200_000)).encode()
    for _ in range(20):
        table.append_csv(text)
    done = subprocess.run([sys.executable, "-c", LARGER], cwd=tmp_path, capture_output=True, text=True, check=True)
    rows, size, grown = map(int, done.stdout.split())
    assert rows == 4_000_000
    assert grown < size / 2, (size, grown)
