"""A table with every kind of column, for the libraries beside us."""

from __future__ import annotations

from pathlib import Path

import at1
import pytest

ROWS = 2000


def line(n: int) -> str:
    """A record: a null in every seventh field of each column but the first."""
    fields = [
        f"{n * 10**15 - 10**18}",
        f"{n / 100:.2f}",
        repr(n / 7) if n % 50 else "1e300",
        "true" if n % 3 else "false",
        f"{1950 + n % 100}-0{1 + n % 9}-1{n % 10}",
        f"2024-01-{1 + n % 28:02}T09:{n % 60:02}:00.{n % 1000:03}000",
        f"2024-01-{1 + n % 28:02}T09:{n % 60:02}:00.{n % 1000:03}000Z",
        ['"a,b"', "Zürich", '""', "plain"][n % 4],
    ]
    return ",".join(field if i == 0 or (n + i) % 7 else "" for i, field in enumerate(fields))


@pytest.fixture(scope="session")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> at1.AppendableTable:
    """Four batches, two of them in one segment."""
    table = at1.AppendableTable(tmp_path_factory.mktemp("kinds") / "table")
    for start in range(0, ROWS, 500):
        text = "\n".join(line(n) for n in range(start, start + 500))
        table.append_csv(f"id,price,ratio,flag,day,at,instant,word\n{text}\n".encode())
    table.compact(upto=2)
    return table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a table may be made."""
    return tmp_path / "table"
