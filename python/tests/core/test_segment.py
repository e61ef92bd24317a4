"""Segments alone, and many of them asked as one."""

from __future__ import annotations

import io
from pathlib import Path

import at1
import pytest

TEXT = b"id,price\n" + b"".join(b"%d,%d.50\n" % (n, n) for n in range(1000))


def test_text_and_back(tmp_path: Path) -> None:
    source, output, back = tmp_path / "in.csv", tmp_path / "out.at1", tmp_path / "back.csv"
    source.write_bytes(TEXT)
    report = at1.encode(source, output)
    assert (report.form, report.rows, report.segment_bytes) == ("segment", 1000, output.stat().st_size)
    assert at1.decode(output) == at1.decode(output.read_bytes()) == TEXT
    assert at1.decode(output, back) == len(TEXT) and back.read_bytes() == TEXT
    out = io.BytesIO()
    assert at1.decode(io.BytesIO(output.read_bytes()), out) == len(TEXT) and out.getvalue() == TEXT
    assert at1.open_segment(output).info().batches[0].name == "in.csv"
    assert at1.encode(io.BytesIO(TEXT), name="in.csv") == output.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back.csv", "in.csv", "out.at1"]


def test_short_texts_are_raw_unless_asked() -> None:
    raw, queryable = at1.encode(b"a\n1\n"), at1.encode(b"a\n1\n", keep_queryable=True)
    assert at1.decode(raw) == at1.decode(queryable) == b"a\n1\n"
    assert at1.open_segment(queryable).scan().rows.to_pydict() == {"a": [1]}
    with pytest.raises(at1.UnsupportedError, match="RAW"):
        at1.open_segment(raw)


def test_damage_and_strangers(tmp_path: Path) -> None:
    segment = bytearray(at1.encode(TEXT))
    segment[100] ^= 1
    with pytest.raises(at1.IntegrityError):
        at1.decode(segment)
    with pytest.raises(at1.Error):
        at1.open_segment(b"AT1\x02 of another product")
    with pytest.raises(at1.StorageError) as caught:
        at1.open_segment(tmp_path / "nothing.at1")
    assert isinstance(caught.value, OSError) and "nothing.at1" in str(caught.value)
    with pytest.raises(at1.StorageError):
        at1.encode(TEXT, tmp_path / "no/folder.at1")


def test_many_segments_as_one(tmp_path: Path) -> None:
    for number in range(4):
        lines = b"".join(b"%d,x%d\n" % (number * 100 + n, n) for n in range(100))
        at1.encode(b"id,word\n" + lines, tmp_path / f"{number}.at1", keep_queryable=True)
    for segments in (tmp_path, str(tmp_path / "*.at1"), [tmp_path / f"{number}.at1" for number in range(4)]):
        catalog = at1.AT1Catalog(segments)
        rows, stats = catalog.scan(where={"id": (150, 151)}, select=["word"])
        assert rows["word"] == ["x50", "x51"]
        assert (stats.segments_total, stats.segments_skipped, stats.segments_scanned) == (4, 3, 1)
        assert (len(catalog), catalog.info().segments) == (400, 4)
        assert sum(len(rows) for rows in catalog.scanner(limit=250)) == 250
    at1.encode(b"id,other\n1,2\n", tmp_path / "z.at1", keep_queryable=True)
    with pytest.raises(at1.InputError, match=r"z\.at1: expected column word of text, as in .*0\.at1, found column other"):
        at1.AT1Catalog(tmp_path)
    with pytest.raises(at1.InputError, match="expected segments, found none"):
        at1.AT1Catalog(tmp_path / "*.nothing")


def test_a_table_is_no_loose_folder(trades: at1.AppendableTable, tmp_path: Path) -> None:
    with pytest.raises(at1.InputError, match="segments that belong to no table"):
        at1.AT1Catalog(Path(trades.path) / "segments")
    report = trades.extract(tmp_path / "dear.at1", "price > 40000")
    assert report.rows == 2
    assert at1.AT1Catalog(tmp_path / "dear.at1").scan().rows["symbol"] == ["BTC", "BTC"]
    with pytest.raises(at1.TableExistsError):
        trades.extract(tmp_path / "dear.at1")
