"""What can be asked of a table in one of its states: the newest, or a past one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import date
from html import escape
from operator import index
from typing import TYPE_CHECKING, Any

from at1 import _at1, errors, report
from at1._optional import need
from at1._progress import Progress, told
from at1._source import BinaryWriter, PathLike, folder, whole
from at1.report import Batch, CatReport, Column, ExtractReport, File, Info, Reject, Restored, Statistics
from at1.rows import Convert, Rows
from at1.scanner import Scanner, ScanResult, Where, asked

if TYPE_CHECKING:
    import pyarrow.dataset

BATCH_ROWS = 65_536
"""How many rows a batch of a scan has at most, unless told."""

Point = int | str | date
"""A past state: an event's number, or a time: the state after the newest event that is not later. Without zone, times are UTC."""


def point(at: Point) -> str:
    """A past state as the extension takes it."""
    if isinstance(at, str):
        return at
    if isinstance(at, date):
        return at.isoformat()
    return str(index(at))


class State(Convert):
    """What a table and its past states have in common. Everything here reads, and needs no right to write."""

    __slots__ = ()

    def _snapshot(self) -> _at1.Snapshot:
        raise NotImplementedError

    def _place(self) -> str:
        raise NotImplementedError

    def scanner(
        self,
        where: Where | None = None,
        select: Sequence[str] | None = None,
        *,
        limit: int | None = None,
        last: int | None = None,
        rows: tuple[int, int] | None = None,
        batch_rows: int = BATCH_ROWS,
        pruning: bool = True,
    ) -> Scanner:
        """A question that is answered lazily, batch by batch; for results that are larger than memory.

        Args:
            where: Which rows, see `at1.Where`. All without.
            select: Which columns, by header, physical name or `c0`, `c1` …; `_row`, `_batch`, `_event` and `_source` tell where a row
                is and where it came from. All of the table's without.
            limit: At most so many rows, the first ones.
            last: At most so many rows, the last ones; not with `limit`.
            rows: Only rows from the first of these ordinals to before the second.
            batch_rows: At most so many rows in a batch.
            pruning: Whether zones are used. Without, everything is read and tested; the answer is the same.

        Raises:
            InputError: If the condition or a column does not fit the table.
        """
        return Scanner(self._snapshot().scan(where, asked(select, limit, last, rows, batch_rows, pruning)))

    def scan(
        self,
        where: Where | None = None,
        select: Sequence[str] | None = None,
        *,
        limit: int | None = None,
        last: int | None = None,
        rows: tuple[int, int] | None = None,
        pruning: bool = True,
        progress: Progress = False,
    ) -> ScanResult:
        """The matching rows in memory, and what it took to find them. Arguments as in `scanner`.

        >>> import at1, tempfile
        >>> t = at1.AppendableTable(tempfile.mkdtemp() + "/trades")
        >>> _ = t.append_csv(b"id,price\\n1,9.50\\n2,10.00\\n")
        >>> _ = t.append_csv(b"id,price\\n3,11.25\\n")
        >>> rows, stats = t.scan(where={"price": (10, None)}, select=["id"])
        >>> rows["id"]
        [2, 3]
        >>> t.scan("price > 11").stats.segments_skipped
        1
        """
        scanner = self.scanner(where, select, limit=limit, last=last, rows=rows, pruning=pruning)
        return scanner.read(progress=progress)

    def aggregate(self, wanted: str, where: Where | None = None) -> ScanResult:
        """What the matching rows come to, as one row: `"count(*), min(price), max(price)"`. Zones answer where they can.

        >>> import at1, tempfile
        >>> t = at1.AppendableTable(tempfile.mkdtemp() + "/trades")
        >>> _ = t.append_csv(b"id,price\\n1,9.50\\n2,10.00\\n")
        >>> t.aggregate("count(*), max(price)").rows[0]
        {'count(*)': 2, 'max(price)': Decimal('10.00')}
        """
        rows, stats = self._snapshot().aggregate(where, wanted)
        return ScanResult(Rows(rows), report.read(stats, Statistics))

    def info(self) -> Info:
        """What the table is: sizes, columns, and the receipt of its newest event."""
        return report.read(self._snapshot().info(), Info)

    def files(self) -> list[File]:
        """The live segments, each a Parquet file. Files of one table can differ in types: see `to_pyarrow_dataset`."""
        return report.read_all(self._snapshot().files(), File)

    def batches(self) -> list[Batch]:
        """Every batch, oldest first: where rows came from."""
        return report.read_all(self._snapshot().batches(), Batch)

    def rejects(self, limit: int = 1000) -> list[Reject]:
        """Fields that their column's type cannot hold, the first ones; they read as null, and this is their text."""
        return report.read_all(self._snapshot().rejects(limit), Reject)

    @property
    def columns(self) -> list[Column]:
        """The columns, in order."""
        return [Column(column) for column in self.info().columns]

    @property
    def column_names(self) -> list[str]:
        """The columns' physical names, in order."""
        return [column.name for column in self.columns]

    @property
    def num_rows(self) -> int:
        """How many records there are."""
        return self.info().rows

    def restore(self, batch: int) -> bytes:
        """The exact bytes of a batch, as they were appended; whatever was compacted since.

        >>> import at1, tempfile
        >>> t = at1.AppendableTable(tempfile.mkdtemp() + "/trades")
        >>> report = t.append_csv(b'id,name\\r\\n1,"ada"\\r\\n\\r\\n2,bob')
        >>> t.restore(report.batch)
        b'id,name\\r\\n1,"ada"\\r\\n\\r\\n2,bob'

        Raises:
            InputError: If there is no such batch.
            IntegrityError: If its segment is damaged.
        """
        return self._snapshot().batch(batch)

    def restore_all(self, into: PathLike, *, progress: Progress = False) -> list[Restored]:
        """Writes every batch into a folder, under its own name. Nothing is written if one of the names is taken."""
        with told(progress, "restoring") as tell:
            return report.read_all(self._snapshot().restore(os.fspath(into), tell), Restored)

    def cat(
        self,
        out: BinaryWriter,
        *,
        batch: int | None = None,
        rows: tuple[int, int] | None = None,
        exact: bool = False,
        progress: Progress = False,
    ) -> CatReport:
        """Writes exact source bytes into a file object: all batches, one, or the records of a range without headers.

        A line feed is put between batches where one lacks it, so that records never fuse; not if `exact`.
        """
        with told(progress, "writing") as tell:
            return report.read(self._snapshot().cat(out, batch, rows, exact, tell), CatReport)

    def extract(
        self,
        path: PathLike,
        where: Where | None = None,
        *,
        limit: int | None = None,
        last: int | None = None,
        profile: str = "balanced",
        progress: Progress = False,
    ) -> ExtractReport:
        """Makes a new segment of the matching records, in a file that must not be there yet.

        By itself it proves neither where its records came from nor that none is missing.
        """
        options = asked(None, limit, last, None, BATCH_ROWS, True)
        with whole(path, replace=False) as part, told(progress, "extracting") as tell:
            return report.read(self._snapshot().extract(part, where, options, profile, tell), ExtractReport)

    def to_pyarrow_dataset(  # pyright: ignore[reportUnknownParameterType]
        self,
    ) -> pyarrow.dataset.Dataset:  # pyright: ignore[reportUnknownMemberType]
        """The live segments as a `pyarrow.dataset`, which reads them by itself: in parallel, skipping by Parquet's statistics.

        Bytes are not hashed on the way, as they are in `scan`.

        Raises:
            UnsupportedError: If a column has another type in some segments: engines would cast without a word. `compact(how="retype")`
                rewrites them. Or if a past state ends within a segment that was merged since; `scanner` reads it.
        """
        snapshot = self._snapshot()
        files = report.read_all(snapshot.uniform_files(), File)
        for file in files:
            if file.rows_as_of < file.rows:
                expected, found = "a state that ends where a segment does", f"{file.rows_as_of} of {file.rows} rows"
                message = f"{file.path}: expected {expected}, found {found}; scanner() reads it"
                raise errors.of("unsupported", message, file.path, expected, found)
        dataset = need("pyarrow.dataset", "to_pyarrow_dataset()", "'at1[pyarrow]'")
        schema = need("pyarrow", "to_pyarrow_dataset()", "'at1[pyarrow]'").schema(
            snapshot.scan(None, asked(None, None, None, None, BATCH_ROWS, True))
        )
        return dataset.dataset([file.path for file in files], schema=schema, format="parquet")

    def sql(self, query: str, /, **tables: State | PathLike) -> Rows:
        """The answer to a query in SQL, in memory. This table is `t`; others are given by name: tables, past states, or folders.

        Needs the package `at1-sql`, which is large. See docs/sql.md for what it can do: past states by `FOR SYSTEM_TIME AS OF`,
        system tables and columns.
        """
        answer = self.sql_stream(query, **tables)
        try:
            return Rows(answer)
        except errors.Error:
            # A stream tells only in words why it ended.
            answer.check()
            raise

    def sql_stream(self, query: str, /, **tables: State | PathLike) -> Any:
        """As `sql`, lazily: an object that exports the answer as an Arrow stream, batch by batch, each time anew."""
        sql = need("at1_sql", "sql()", "'at1[sql]'")
        known: dict[str, str] = {}
        states: dict[str, str] = {}
        for name, table in {"t": self, **tables}.items():
            if isinstance(table, State):
                known[name] = table._place()
                if (event := table._event()) is not None:
                    states[name] = event
            else:
                known[name] = folder(table)
        return sql.query(query, known, as_of=states)

    def _event(self) -> str | None:
        """The event that a past state is after."""
        return None

    def __datafusion_table_provider__(self, session: object = None) -> object:
        """Registers the table with DataFusion's own Python package; needs `at1-sql`."""
        sql = need("at1_sql", "a table of datafusion", "'at1[sql]'")
        return sql.provider(self._place(), as_of=self._event())

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.scanner().__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        return self.scanner().__arrow_c_schema__()

    def __len__(self) -> int:
        return self.num_rows

    def _described(self) -> Mapping[str, str]:
        info = self.info()
        return {
            "rows": f"{info.rows:,}",
            "batches": f"{info.batches:,}",
            "segments": f"{info.segments:,}",
            "events": f"{info.events:,}",
            "text": size(info.source_bytes),
            "stored": size(info.segment_bytes),
            "rejects": f"{info.rejects:,}",
            "newest event": info.ts or "none",
        }

    def _repr_html_(self) -> str:
        shape = "".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in self._described().items())
        kinds = "".join(
            f"<tr><td>{escape(column.header or column.name)}</td><td>{escape(column.type)}</td></tr>" for column in self.columns
        )
        preview = self.scan(last=5).rows.to_html() if self.num_rows else ""
        title = escape(repr(self))
        columns = f"<table><caption>columns</caption>{kinds}</table>"
        return f"<h4>{title}</h4><table>{shape}</table>{columns}<p>the last rows:</p>{preview}"


def size(count: int) -> str:
    """So many bytes, for people."""
    scaled = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if scaled < 1000:
            return f"{scaled:.0f} {unit}" if unit == "B" else f"{scaled:.1f} {unit}"
        scaled /= 1000
    return f"{scaled:.1f} TB"


class Snapshot(State):
    """A table as it was after some event, whatever was appended, compacted or vacuumed since."""

    __slots__ = ("_at", "_folder")

    def __init__(self, at: _at1.Snapshot, place: str) -> None:
        self._at, self._folder = at, place

    @property
    def event(self) -> int | None:
        """The event whose state this is; None for a table without events."""
        return self._at.event

    @property
    def ts(self) -> str | None:
        """That event's time, in UTC."""
        return self._at.ts

    def _snapshot(self) -> _at1.Snapshot:
        return self._at

    def _place(self) -> str:
        return self._folder

    def _event(self) -> str | None:
        return None if self.event is None else str(self.event)

    def __repr__(self) -> str:
        return f"Snapshot({self._folder!r}, as of event {self.event}, {self.ts})"
