"""Whatever is appended comes back, byte for byte; what is refused leaves no trace."""

from __future__ import annotations

import gzip
import io
import threading
from pathlib import Path

import at1
import pytest
from conftest import MONDAY, TUESDAY

ODD = b'a,b\n1,"x\ny"\r\n"torn,\x00\xff\n\n3'


@pytest.mark.parametrize("how", ["path", "str", "bytes", "bytearray", "memoryview", "file", "buffer"])
def test_every_kind_of_source(tmp_path: Path, folder: Path, how: str) -> None:
    file = tmp_path / "odd.csv"
    file.write_bytes(ODD)
    table = at1.AppendableTable(folder)
    with file.open("rb") as opened:
        given = {
            "path": file,
            "str": str(file),
            "bytes": ODD,
            "bytearray": bytearray(ODD),
            "memoryview": memoryview(ODD),
            "file": opened,
            "buffer": io.BytesIO(ODD),
        }[how]
        report = table.append_csv(given)
    assert (report.event, report.batch, report.source_bytes) == (0, 0, len(ODD))
    assert table.restore(0) == ODD
    assert table.batches()[0].name == ("odd.csv" if how in ("path", "str") else None)


def test_packed_sources_are_expanded(folder: Path) -> None:
    table = at1.AppendableTable(folder)
    report = table.append_csv(gzip.compress(MONDAY), name="monday.csv.gz")
    assert report.packed_sha256 is not None
    assert table.restore(0) == MONDAY


def test_compaction_and_backup_lose_nothing(trades: at1.AppendableTable, tmp_path: Path) -> None:
    report = trades.compact(grace=0)
    assert (len(report.steps), len(report.vacuum.removed)) == (1, 2)
    copy = tmp_path / "copy"
    assert trades.backup(copy).segments_copied == 1
    for table in (trades, at1.AppendableTable(copy, create=False)):
        assert [table.restore(batch) for batch in (0, 1)] == [MONDAY, TUESDAY]
        out = io.BytesIO()
        table.cat(out)
        assert out.getvalue() == MONDAY + TUESDAY
        out = io.BytesIO()
        table.cat(out, rows=(1, 3))
        assert out.getvalue().startswith(b"2024-01-01T09:30:00.300,ETH")
    restored = trades.restore_all(tmp_path / "out")
    assert [(tmp_path / "out" / file.file).read_bytes() for file in restored] == [MONDAY, TUESDAY]


def test_reports_are_what_the_command_prints(trades: at1.AppendableTable) -> None:
    report = trades.append_csv(b"ts,symbol,price,qty\n2024-01-03T00:00:00,BTC,dear,1\n", types={"price": "decimal(18,2)"})
    assert (report["rows"], report.rejects, report.columns_missing) == (1, 1, ["venue"])
    assert report.misfits[0].column == "price"
    assert trades.rejects()[0].text == "dear"
    with pytest.raises(AttributeError, match="it has event, batch"):
        _ = report.nothing
    assert "<th>rows</th><td>1</td>" in report._repr_html_()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"max_rejects": 0}, at1.InputError, "at most 0 rejects"),
        ({"strict": True}, at1.InputError, "a batch like those before"),
        ({"sha256": "00" * 32}, at1.InputError, "expected sha256 0000"),
        ({"sha256": "word"}, at1.InputError, "64 hexadecimal digits"),
        ({"expected_version": 7}, at1.ConditionError, "7"),
        ({"types": {"nothing": "int64"}}, at1.InputError, "nothing"),
        ({"types": {"price": "money"}}, at1.InputError, "unknown type"),
        ({"delimiter": "ab"}, at1.InputError, "one ASCII character"),
        ({"profile": "tiny"}, at1.InputError, "fast, balanced or max"),
        ({"header": "maybe"}, at1.InputError, "auto, yes or no"),
    ],
)
def test_what_is_refused_is_not_there(trades: at1.AppendableTable, options: dict, error: type, message: str) -> None:
    batch = b"ts,symbol,price,qty\n2024-01-03T00:00:00,BTC,dear,1\n"
    with pytest.raises(error, match=message) as caught:
        trades.append_csv(batch, **{"types": {"price": "decimal(18,2)"}, **options})
    assert isinstance(caught.value, at1.Error)
    assert (trades.version(), trades.num_rows) == (2, 4)


def test_a_repeated_number_appends_nothing(trades: at1.AppendableTable) -> None:
    first = trades.append_csv(MONDAY, idempotency_key=("feed", 1))
    again = trades.append_csv(MONDAY, idempotency_key=("feed", 1))
    assert (first.repeated, again.repeated, again.batch) == (False, True, first.batch)
    assert [found.batch for found in trades.has(MONDAY)] == [0, 2]
    with pytest.raises(at1.ConditionError):
        trades.append_csv(TUESDAY, idempotency_key=("feed", 1))


def test_errors_of_a_file_object_are_its_own(folder: Path) -> None:
    class Breaks(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise ZeroDivisionError("in the middle")

    table = at1.AppendableTable(folder)
    with pytest.raises(ZeroDivisionError, match="in the middle"):
        table.append_csv(Breaks())
    with pytest.raises(at1.InputError, match="expected a file that gives bytes .*, found str"):
        table.append_csv(io.StringIO("a\n1\n"))
    with pytest.raises(at1.InputError, match="expected a path, bytes or a file object, found int"):
        table.append_csv(5)
    assert table.num_rows == 0


def test_a_table_is_made_by_its_first_append(folder: Path) -> None:
    table = at1.AppendableTable(folder)
    assert not folder.exists()
    assert "not made yet" in repr(table)
    assert "not made yet" in table._repr_html_()
    with pytest.raises(at1.TableNotFoundError, match="expected a table, found none") as caught:
        table.scan()
    assert isinstance(caught.value, FileNotFoundError)
    assert (caught.value.kind, caught.value.place, caught.value.found) == ("no_table", str(folder), "none")
    with pytest.raises(at1.TableNotFoundError):
        at1.AppendableTable(folder, create=False)
    other = at1.AppendableTable(f"file://{folder}", origin="example.com/trades", types={"a": "text"})
    other.append_csv(b"a\n1\n")
    assert table.exists
    assert (table.origin, table.columns[0].type) == ("example.com/trades", "text")
    with pytest.raises(at1.UnsupportedError, match="expected a folder of this machine, found s3://"):
        at1.AppendableTable("s3://bucket/trades")


def test_threads_append_at_once(folder: Path) -> None:
    table = at1.AppendableTable(folder)
    table.append_csv(b"id\n0\n")

    def work(first: int) -> None:
        for number in range(first, first + 20):
            table.append_csv(b"id\n%d\n" % number)

    threads = [threading.Thread(target=work, args=(first,)) for first in (100, 200, 300, 400)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(table.scan().rows["id"]) == [0, *(base + n for base in (100, 200, 300, 400) for n in range(20))]
    assert table.verify(rows=True)
