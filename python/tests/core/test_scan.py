"""Conditions in Python's own values, rows as Python's own objects, and what a scan left unread."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import at1
import pytest

UTC = timezone.utc

KINDS = b"""id,price,ratio,flag,day,at,instant,word
1,1.50,0.1,true,2024-02-29,2024-01-01 09:30:00.5,2024-01-01T09:30:00Z,one
2,-2.25,1e300,false,1969-12-31,1950-06-01 00:00:00,2024-01-01T10:30:00Z,"two, quoted"
3,,,,,,,
4,0.00,-0.0,true,2000-01-01,2024-01-01 09:30:01,2024-01-01T09:30:01Z,""
"""


@pytest.fixture
def kinds(folder: Path) -> at1.AppendableTable:
    table = at1.AppendableTable(folder)
    table.append_csv(KINDS)
    return table


def test_values_are_python_objects(kinds: at1.AppendableTable) -> None:
    rows = kinds.scan().rows
    assert rows[0] == {
        "id": 1,
        "price": Decimal("1.50"),
        "ratio": 0.1,
        "flag": True,
        "day": date(2024, 2, 29),
        "at": datetime(2024, 1, 1, 9, 30, 0, 500_000),
        "instant": datetime(2024, 1, 1, 9, 30, tzinfo=UTC),
        "word": "one",
    }
    assert set(rows[2].values()) == {3, None}
    assert (rows[-1]["word"], rows[1]["at"], rows[1]["day"]) == ("", datetime(1950, 6, 1), date(1969, 12, 31))
    assert rows.to_pydict()["id"] == [1, 2, 3, 4]
    assert rows.to_pylist() == list(rows)
    assert (rows.shape, len(rows[1:3]), rows[1:3]["id"]) == ((4, 8), 2, [2, 3])
    assert list(rows.texts())[1][5:] == ("1950-06-01T00:00:00", "2024-01-01T10:30:00Z", "two, quoted")
    for key, error in [(4, IndexError), ("nothing", KeyError), (slice(0, 4, 2), at1.InputError)]:
        with pytest.raises(error):
            _ = rows[key]


def test_what_an_object_cannot_hold_is_said(folder: Path) -> None:
    table = at1.AppendableTable(folder)
    table.append_csv(b"fine,day\n2001-09-09T01:46:40.123456789,2024-01-01\n2001-09-09T01:46:40.000000001,+12024-01-01\n")
    rows = table.scan().rows
    with pytest.raises(at1.InputError, match="whole microseconds"):
        rows["fine"]
    assert list(rows.texts())[0][0] == "2001-09-09T01:46:40.123456789"


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (None, [1, 2, 3, 4]),
        ({}, [1, 2, 3, 4]),
        ("price > 0 or word like 'two%'", [1, 2]),
        ({"id": 2}, [2]),
        ({"id": (2, 3)}, [2, 3]),
        ({"id": (None, 2)}, [1, 2]),
        ({"id": (3, None)}, [3, 4]),
        ({"price": (None, None)}, [1, 2, 4]),
        ({"price": None}, [3]),
        ({"id": [1, 4, 9]}, [1, 4]),
        ({"id": {1, 4}}, [1, 4]),
        ({"id": []}, []),
        ({"price": Decimal("1.5")}, [1]),
        ({"price": 1.5}, [1]),
        ({"price": (-3, 0)}, [2, 4]),
        ({"ratio": 0.1}, [1]),
        ({"ratio": (None, float("inf"))}, [1, 2, 4]),
        ({"ratio": 0}, [4]),
        ({"flag": True, "id": (2, None)}, [4]),
        ({"word": "two, quoted"}, [2]),
        ({"word": ""}, [4]),
        ({"day": date(2000, 1, 1)}, [4]),
        ({"day": (date(2000, 1, 1), None)}, [1, 4]),
        ({"c0": (4, 4)}, [4]),
        # A time without zone is the column's own kind of time, UTC where that holds instants.
        ({"at": (datetime(2024, 1, 1, 9, 30), datetime(2024, 1, 1, 9, 30, 0, 500_000))}, [1]),
        ({"instant": datetime(2024, 1, 1, 9, 30)}, [1]),
        ({"instant": datetime(2024, 1, 1, 11, 30, tzinfo=timezone(timedelta(hours=1)))}, [2]),
        ({"instant": (datetime(2024, 1, 1, 9, 30, 1), None)}, [2, 4]),
        ({"at": (date(2024, 1, 1), None)}, [1, 4]),
    ],
)
def test_conditions(kinds: at1.AppendableTable, where: object, found: list[int]) -> None:
    for pruning in (True, False):
        rows, stats = kinds.scan(where, select=["id"], pruning=pruning)
        assert rows["id"] == found, where
        assert stats.rows_matched == len(found)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("price >", "character 8"),
        ("nothing = 1", "nothing"),
        ({"nothing": 1}, "nothing"),
        ({"id": (1, 2, 3)}, "a tuple of 3"),
        ({"id": object()}, "where id: expected a number.*found object"),
        ({"id": b"1"}, "found bytes"),
        ({5: 1}, "columns by name"),
        (5, "a condition as text, or a mapping of columns, found int"),
    ],
)
def test_conditions_that_make_no_sense(kinds: at1.AppendableTable, where: object, message: str) -> None:
    with pytest.raises(at1.InputError, match=message):
        kinds.scan(where)


def test_select_and_bounds(trades: at1.AppendableTable) -> None:
    rows = trades.scan(select=["symbol", "_row", "_batch", "_event", "_source"]).rows
    assert rows.column_names == ["symbol", "_row", "_batch", "_event", "_source"]
    assert rows[3] == {"symbol": "SOL", "_row": 3, "_batch": 1, "_event": 1, "_source": "tuesday.csv"}
    assert trades.scan(limit=1, select=["symbol"]).rows["symbol"] == ["BTC"]
    assert trades.scan(last=1, select=["symbol"]).rows["symbol"] == ["SOL"]
    assert trades.scan(rows=(1, 3), select=["symbol"]).rows["symbol"] == ["ETH", "BTC"]
    assert trades.aggregate("count(*), max(price)", {"symbol": "BTC"}).rows[0] == {
        "count(*)": 2,
        "max(price)": Decimal("44012.50"),
    }
    with pytest.raises(at1.InputError, match="limit or last"):
        trades.scan(limit=1, last=1)
    with pytest.raises(at1.InputError, match="nothing"):
        trades.scan(select=["nothing"])


def test_both_levels_skip(folder: Path) -> None:
    table = at1.AppendableTable(folder)
    for batch in range(10):
        table.append_csv("".join(f"{batch * 1000 + n},{n}\n" for n in range(1000)).encode())
    rows, stats = table.scan(where={"c0": (3100, 3200)}, select=["c0"])
    assert rows["c0"] == list(range(3100, 3201))
    assert (stats.segments_total, stats.segments_skipped, stats.segments_scanned) == (10, 9, 1)
    assert stats["bytes_read"] < stats["bytes_total"] / 2


def test_scanners_stay_where_they_are(trades: at1.AppendableTable) -> None:
    scanner = trades.scanner(select=["symbol"], batch_rows=1)
    trades.append_csv(b"ts,symbol,price,qty\n2024-01-03T00:00:00,XRP,1,1\n")
    for _ in range(2):
        assert [len(rows) for rows in scanner] == [1, 1, 1, 1]
    assert (scanner.column_names, scanner.predicate) == (["symbol"], "true")
    reader = trades.scanner().reader()
    assert next(reader).num_rows == 2
    assert reader.stats.segments_scanned == 1
    assert sum(len(rows) for rows in reader) == 3
    with pytest.raises(StopIteration):
        next(reader)
    # Arrow from our own stream: what is taken over is the same.
    assert at1.Rows(scanner).to_pylist() == scanner.read().rows.to_pylist()
    with pytest.raises(at1.InputError, match="expected an object that exports Arrow data .*, found list"):
        at1.Rows([1])


def test_how_things_look(trades: at1.AppendableTable) -> None:
    assert repr(trades.scan(select=["symbol", "venue"]).rows).splitlines() == [
        "symbol (Utf8)  venue (Utf8)",
        "BTC",
        "ETH",
        "BTC            alpha",
        "SOL            beta",
        "(4 rows)",
    ]
    for part in ("AppendableTable", "<th>rows</th><td>4</td>", "<td>price</td><td>decimal(18,2)</td>", "<td>101.72</td>"):
        assert part in trades._repr_html_()
    wide = at1.open_segment(at1.encode(b"a\n" + b"<b>\n" * 100, keep_queryable=True))
    html = wide.scan().rows._repr_html_()
    assert "&lt;b&gt;" in html and "<b>" not in html and "100 rows; the first 10 shown" in html
