"""Scans: a question, and the batches of an answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from at1 import _at1, report
from at1._progress import Progress, told
from at1.report import Statistics
from at1.rows import Convert, Rows

Where = str | Mapping[str, object]
"""A condition on rows: text, `"price > 10 and symbol in ('A', 'B')"`, or a mapping of columns of which all must hold:

* `(lo, hi)`: a range; both ends belong to it, None is open
* `[a, b]`: one of these values
* a value: equal to it
* None: null

Values are numbers, text, booleans, `Decimal`, dates and times (of numpy and pandas too). A time without zone is meant as the column's
own kind is, and as UTC where that holds instants.
"""


class ScanResult(NamedTuple):
    """The matching rows, and what it took to find them."""

    rows: Rows
    stats: Statistics


def asked(
    select: Sequence[str] | None,
    limit: int | None,
    last: int | None,
    rows: tuple[int, int] | None,
    batch_rows: int,
    pruning: bool,
) -> Mapping[str, object]:
    """What a scan is told besides the condition, as the extension takes it."""
    return {
        "select": None if select is None else list(select),
        "limit": limit,
        "last": last,
        "rows": rows,
        "batch_rows": batch_rows,
        "pruning": pruning,
    }


class Scanner(Convert):
    """A question to a table, which can be asked any number of times; nothing is read before.

    It stays at its state of the table, whatever is appended meanwhile. Each stream of it reads anew, batch by batch, so results may be
    larger than memory: `duckdb.sql("select … from scanner")`, `pyarrow.RecordBatchReader.from_stream(scanner)`,
    or simply `for rows in scanner`.

    >>> import at1, tempfile
    >>> t = at1.AppendableTable(tempfile.mkdtemp() + "/trades")
    >>> _ = t.append_csv(b"id,price\\n1,9.50\\n2,10.00\\n3,11.25\\n")
    >>> scanner = t.scanner("price >= 10", select=["id"])
    >>> [row["id"] for rows in scanner for row in rows]
    [2, 3]
    >>> rows, stats = scanner.read()
    >>> stats.rows_matched
    2
    """

    __slots__ = ("_scan",)

    def __init__(self, scan: _at1.Scan) -> None:
        self._scan = scan

    @property
    def column_names(self) -> list[str]:
        """The columns of the rows, in order."""
        return self._scan.names

    @property
    def types(self) -> dict[str, str]:
        """The Arrow type of each column, in words."""
        return dict(zip(self._scan.names, self._scan.types))

    @property
    def predicate(self) -> str:
        """The condition, as text."""
        return self._scan.predicate

    def read(self, *, progress: Progress = False) -> ScanResult:
        """All matching rows, in memory."""
        with told(progress, "scanning") as tell:
            rows, stats = self._scan.read(tell)
        return ScanResult(Rows(rows), report.read(stats, Statistics))

    def reader(self) -> Reader:
        """One answer, to be drawn from batch by batch."""
        return Reader(self._scan.reader())

    def __iter__(self) -> Iterator[Rows]:
        return self.reader()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._scan.__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        return self._scan.__arrow_c_schema__()

    def __repr__(self) -> str:
        return f"Scanner({', '.join(self.column_names)} where {self.predicate})"


class Reader(Convert):
    """One answer: an iterator of `Rows`, a batch at a time. What was drawn is gone.

    >>> import at1
    >>> segment = at1.open_segment(at1.encode(b"id\\n1\\n2\\n3\\n", keep_queryable=True))
    >>> reader = segment.scanner(batch_rows=2).reader()
    >>> [len(rows) for rows in reader], reader.stats.rows_matched
    ([2, 1], 3)
    """

    __slots__ = ("_reader",)

    def __init__(self, reader: _at1.Reader) -> None:
        self._reader = reader

    @property
    def stats(self) -> Statistics:
        """What was read so far."""
        return report.read(self._reader.stats(), Statistics)

    def __iter__(self) -> Reader:
        return self

    def __next__(self) -> Rows:
        return Rows(next(self._reader))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._reader.__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        return self._reader.__arrow_c_schema__()
