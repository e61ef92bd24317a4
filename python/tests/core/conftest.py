"""What the tests share: tables in folders of their own."""

from __future__ import annotations

from pathlib import Path

import at1
import pytest

MONDAY = b"ts,symbol,price,qty\n2024-01-01T09:30:00.125,BTC,43250.17,0.50\n2024-01-01T09:30:00.300,ETH,2281.40,12.00\n"
TUESDAY = b'ts,symbol,price,qty,venue\r\n2024-01-02T08:00:00,"BTC",44012.50,1.25,alpha\r\n\r\n2024-01-02T08:00:02.250,SOL,101.72,7.00,beta'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a table may be made."""
    return tmp_path / "trades"


@pytest.fixture
def trades(folder: Path) -> at1.AppendableTable:
    """Two batches of trades, the second with a column more."""
    table = at1.AppendableTable(folder)
    table.append_csv(MONDAY, name="monday.csv")
    table.append_csv(TUESDAY, name="tuesday.csv", header=True)
    return table
