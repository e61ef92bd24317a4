"""One query over segment files that belong to no table."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from glob import glob, has_magic
from pathlib import Path

from at1 import _at1, errors, report
from at1._progress import Progress
from at1._source import PathLike
from at1.report import Info
from at1.rows import Convert
from at1.scanner import Scanner, ScanResult, Where, asked
from at1.state import BATCH_ROWS


class AT1Catalog(Convert):
    """Segment files, asked as one: a folder, a pattern, or paths in the order of their rows. All must have the same columns.

    Files that cannot match are not read beyond their footers, then row groups and pages are skipped, as in tables. The files of a table
    are asked through `AppendableTable`: in its folder lie files that were replaced, too.

    >>> import at1, tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for day, text in {"monday": b"id,price\\n1,9.50\\n", "tuesday": b"id,price\\n2,11.25\\n"}.items():
    ...     _ = at1.encode(text, folder / f"{day}.at1", keep_queryable=True)
    >>> rows, stats = at1.AT1Catalog(folder).scan(where={"price": (10, None)}, select=["id"])
    >>> rows["id"], stats.segments_total, stats.segments_skipped
    ([2], 2, 1)
    """

    __slots__ = ("_loose", "_paths")

    def __init__(self, segments: PathLike | Iterable[PathLike]) -> None:
        """Opens them all, and looks at their footers.

        Raises:
            InputError: If there are none, or one has other columns than the first.
            IntegrityError: If one is damaged or no segment.
        """
        self._paths = _paths(segments)
        if not self._paths:
            raise errors.of("invalid", f"expected segments, found none in {segments}", str(segments), "segments", "none")
        self._loose = _at1.Loose(self._paths)

    @property
    def paths(self) -> list[str]:
        """The files, in the order of their rows."""
        return list(self._paths)

    def info(self) -> Info:
        """What they are together."""
        return report.read(self._loose.info(), Info)

    @property
    def num_rows(self) -> int:
        """How many records they hold."""
        return self.info().rows

    @property
    def column_names(self) -> list[str]:
        """Their columns, in order."""
        return [column.name for column in self.info().columns]

    def scanner(
        self,
        where: Where | None = None,
        select: Sequence[str] | None = None,
        *,
        limit: int | None = None,
        batch_rows: int = BATCH_ROWS,
        pruning: bool = True,
    ) -> Scanner:
        """A question that is answered lazily, batch by batch. Arguments as in `AppendableTable.scanner`."""
        return Scanner(self._loose.scan(where, asked(select, limit, None, None, batch_rows, pruning)))

    def scan(
        self,
        where: Where | None = None,
        select: Sequence[str] | None = None,
        *,
        limit: int | None = None,
        pruning: bool = True,
        progress: Progress = False,
    ) -> ScanResult:
        """The matching rows in memory, and what it took to find them."""
        return self.scanner(where, select, limit=limit, pruning=pruning).read(progress=progress)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.scanner().__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        return self.scanner().__arrow_c_schema__()

    def __len__(self) -> int:
        return self.num_rows

    def __repr__(self) -> str:
        return f"AT1Catalog({len(self._paths)} segments, {self.num_rows:,} rows, {', '.join(self.column_names)})"


def _paths(segments: PathLike | Iterable[PathLike]) -> list[str]:
    if not isinstance(segments, (str, os.PathLike)):
        return [os.fspath(path) for path in segments]
    text = os.fspath(segments)
    if os.path.isdir(text):
        found = sorted(map(str, Path(text).glob("*.at1")))
    elif has_magic(text) and not os.path.exists(text):
        found = sorted(glob(text))
    else:
        return [text]
    for path in found:
        table = Path(path).resolve().parent.parent
        if (table / "_at1" / "ledger").exists():
            expected, place = "segments that belong to no table", f"{path} of the table {table}"
            message = f"expected {expected}, found {place}; open it as AppendableTable({str(table)!r})"
            raise errors.of("invalid", message, path, expected, place)
    return found
