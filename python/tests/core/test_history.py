"""Every past state is still there, whatever was merged and removed since."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import at1
import pytest


def test_past_states(trades: at1.AppendableTable) -> None:
    trades.compact(grace=timedelta(0))
    trades.append_csv(b"ts,symbol,price,qty\n2024-01-03T00:00:00,XRP,1,1\n")
    history = trades.history()
    assert [event.op for event in history] == ["append", "vacuum", "compact", "append", "append"]
    assert trades.history(1) == history[:1]
    assert (trades.version(), trades.num_rows, len(trades)) == (3, 5, 5)

    first = trades.as_of(0)
    assert (first.event, first.num_rows, first.column_names) == (0, 2, ["ts", "symbol", "price", "qty"])
    assert first.scan("price > 10000").rows["symbol"] == ["BTC"]
    assert "as of event 0" in repr(first)
    assert trades.scan_as_of(1, {"symbol": "SOL"}, ["venue"]).rows["venue"] == ["beta"]
    assert [file.rows_as_of for file in trades.segments_as_of(0)] == [2]
    with pytest.raises(at1.InputError, match="at most 4"):
        trades.as_of(99)


def test_times_without_zone_are_utc(trades: at1.AppendableTable) -> None:
    newest = datetime.fromisoformat(trades.history(1)[0].ts[:26]).replace(tzinfo=timezone.utc) + timedelta(microseconds=1)
    elsewhere = newest.astimezone(timezone(timedelta(hours=5)))
    for at in (newest, elsewhere, newest.replace(tzinfo=None), newest.isoformat()):
        assert trades.as_of(at).event == 1
    assert trades.as_of(date.today() + timedelta(days=2)).event == 1
    with pytest.raises(at1.InputError, match="at least"):
        trades.as_of(date(2001, 1, 1))
    with pytest.raises(TypeError):
        trades.as_of(1.5)


def test_vacuum_deletes_no_data(trades: at1.AppendableTable) -> None:
    trades.compact()
    assert trades.vacuum().waiting == 2
    would = trades.vacuum(0, dry_run=True)
    assert (len(would.removed), would.chain_head) == (2, None)
    assert len(trades.vacuum(0).removed) == 2
    assert trades.num_rows == 4
    assert trades.verify(rows=True)
    with pytest.raises(at1.InputError, match="not negative"):
        trades.vacuum(-1)


def test_compact_a_prefix(folder: object) -> None:
    table = at1.AppendableTable(folder)
    for number in range(5):
        table.append_csv(b"id\n%d\n" % number)
    step = table.compact(upto=3).steps[0]
    assert (step.segments_replaced, step.rows, len(table.files())) == (3, 3, 3)
    assert table.compact(how="tiered").steps == []
    with pytest.raises(at1.InputError, match="all, tiered or retype"):
        table.compact(how="some")
