"""A first look: two days of trades go in, are asked about, come back byte for byte, and can prove themselves.

Run it anywhere: `python quickstart.py`. It makes its table in a temporary folder.
"""

from __future__ import annotations

import tempfile
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from at1 import AppendableTable, InputError

MONDAY = b"""ts,symbol,price,qty
2024-01-01T09:30:00.125,BTC,43250.17,0.50
2024-01-01T09:30:00.300,ETH,2281.40,12.00
2024-01-01T09:30:01.007,BTC,43251.00,0.25
"""
# Another column, other line ends, a blank line, quotes in one field, and no line end after the last record.
TUESDAY = b'ts,symbol,price,qty,venue\r\n2024-01-02T08:00:00,"BTC",44012.50,1.25,alpha\r\n\r\n2024-01-02T08:00:02.250,SOL,101.72,7.00,beta'


def main() -> None:
    """Shows what a table does, and checks it."""
    with tempfile.TemporaryDirectory() as folder:
        t = AppendableTable(Path(folder) / "trades")

        # Each append is one immutable segment and one link in a hash chain. Its receipt is worth keeping elsewhere.
        receipt = t.append_csv(MONDAY, name="monday.csv").chain_head
        report = t.append_csv(TUESDAY, name="tuesday.csv", header=True)
        print(f"appended {report.rows} records; new columns: {report.columns_added}")

        # A query reads only what it may need, and says what that was.
        rows, stats = t.scan(where={"price": (44_000, None)}, select=["ts", "symbol", "price"])
        print(rows)
        print(f"{stats.segments_skipped} of {stats.segments_total} segments skipped, {stats.bytes_read} bytes read")
        assert rows["price"] == [Decimal("44012.50")]

        # Conditions may be text, and times Python's own.
        morning = t.scan({"ts": (datetime(2024, 1, 2), None)}, ["symbol", "_source"]).rows
        assert morning.to_pylist()[1] == {"symbol": "SOL", "_source": "tuesday.csv"}
        assert len(t.scan("symbol = 'BTC' and venue is null").rows) == 2

        # What came in is what comes out, whatever was merged since; and every past state is still there.
        t.compact(grace=0)
        assert t.restore(1) == TUESDAY
        assert (t.as_of(0).num_rows, t.num_rows) == (3, 5)

        # What does not fit is refused, and says why.
        try:
            t.append_csv(b"ts,symbol,price,qty\n2024-01-03,BTC,dear,1\n", strict=True)
        except InputError as error:
            print(f"refused: {error}")

        # Nothing was changed, and history is the one that the receipt is of.
        verified = t.verify(rows=True, heads=[receipt])
        print(f"verified: {verified.level}, {verified.events} events")
        assert verified


if __name__ == "__main__":
    main()
