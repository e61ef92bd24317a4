"""Segments without a table: text in, an immutable columnar file out, and back to the exact bytes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import overload

from at1 import _at1, report
from at1._progress import Progress, told
from at1._source import BinaryWriter, PathLike, Source, source, whole
from at1.report import EncodeReport, Info
from at1.rows import Convert
from at1.scanner import Scanner, ScanResult, Where, asked
from at1.state import BATCH_ROWS
from at1.table import Header, Profile, Text, Types, reading


class Segment(Convert):
    """A `.at1` file: a Parquet file that also gives back the text that it was made from.

    It is checked against its own seal, which finds damage, not forgery; of a table's segments the ledger knows more.

    >>> import at1
    >>> segment = at1.open_segment(at1.encode(b"id,price\\n1,9.50\\n2,n/a\\n", keep_queryable=True))
    >>> segment.num_rows, [column.type for column in segment.info().columns]
    (2, ['int64', 'decimal(18,2)'])
    >>> segment.restore()
    b'id,price\\n1,9.50\\n2,n/a\\n'
    """

    __slots__ = ("_name", "_segment")

    def __init__(self, segment: _at1.Segment, name: str) -> None:
        self._segment, self._name = segment, name

    def info(self) -> Info:
        """What it is: sizes, columns, batches."""
        return report.read(self._segment.info(), Info)

    @property
    def num_rows(self) -> int:
        """How many records it holds."""
        return self.info().rows

    @property
    def column_names(self) -> list[str]:
        """Its columns, in order."""
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
        return Scanner(self._segment.scan(where, asked(select, limit, None, None, batch_rows, pruning)))

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

    def restore(self, batch: int = 0) -> bytes:
        """The exact bytes of one of its batches."""
        return self._segment.batch(batch)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.scanner().__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        return self.scanner().__arrow_c_schema__()

    def __len__(self) -> int:
        return self.num_rows

    def __repr__(self) -> str:
        return f"Segment({self._name}, {self.num_rows:,} rows, {', '.join(self.column_names)})"


def open_segment(data: Source) -> Segment:
    """Opens a segment: a path, bytes, or a file object.

    Raises:
        IntegrityError: If it is damaged or no segment.
        UnsupportedError: If it is of another version, or RAW and so has no columns.
    """
    kind, given = source(data)
    return Segment(_at1.Segment(kind, given), repr(given) if kind == "path" else kind)


@overload
def encode(
    data: Source,
    output: None = None,
    *,
    keep_queryable: bool = False,
    name: str | None = None,
    text: Text = "auto",
    pattern: str | Sequence[str] | None = None,
    header: Header = "auto",
    names: Sequence[str] | None = None,
    delimiter: str | None = None,
    quote: str | None = None,
    nulls: Sequence[str] | None = None,
    types: Types | None = None,
    profile: Profile = "balanced",
    progress: Progress = False,
) -> bytes: ...
@overload
def encode(
    data: Source,
    output: PathLike,
    *,
    keep_queryable: bool = False,
    name: str | None = None,
    text: Text = "auto",
    pattern: str | Sequence[str] | None = None,
    header: Header = "auto",
    names: Sequence[str] | None = None,
    delimiter: str | None = None,
    quote: str | None = None,
    nulls: Sequence[str] | None = None,
    types: Types | None = None,
    profile: Profile = "balanced",
    progress: Progress = False,
) -> EncodeReport: ...


def encode(
    data: Source,
    output: PathLike | None = None,
    *,
    keep_queryable: bool = False,
    name: str | None = None,
    text: Text = "auto",
    pattern: str | Sequence[str] | None = None,
    header: Header = "auto",
    names: Sequence[str] | None = None,
    delimiter: str | None = None,
    quote: str | None = None,
    nulls: Sequence[str] | None = None,
    types: Types | None = None,
    profile: Profile = "balanced",
    progress: Progress = False,
) -> bytes | EncodeReport:
    """Makes a segment of text: as bytes, or in the file `output`, which appears only when it is whole and synced.

    What was made is decoded and compared with the text before this returns. Where columns would be larger than the packed text, the
    file is RAW, unless `keep_queryable`. The other arguments are those of `AppendableTable.append_csv`.

    >>> import at1
    >>> at1.decode(at1.encode(b"whatever\\x00 it\\r is"))
    b'whatever\\x00 it\\r is'
    """
    kind, given = source(data)
    if name is None and kind == "path":
        name = os.path.basename(given)
    how = reading(text, pattern, header, names, delimiter, quote, nulls, types, profile)
    with told(progress, "encoding") as tell:
        if output is None:
            made, _ = _at1.encode(kind, given, None, name, how, keep_queryable, tell)
            return made or b""
        with whole(output, replace=True) as part:
            _, what = _at1.encode(kind, given, part, name, how, keep_queryable, tell)
        return report.read(what, EncodeReport)


@overload
def decode(data: Source, output: None = None, *, progress: Progress = False) -> bytes: ...
@overload
def decode(data: Source, output: PathLike | BinaryWriter, *, progress: Progress = False) -> int: ...


def decode(data: Source, output: PathLike | BinaryWriter | None = None, *, progress: Progress = False) -> bytes | int:
    """The exact text that a stand-alone file was made from: as bytes, or written to `output`, and then how many bytes.

    Raises:
        IntegrityError: If it is damaged, or not one of ours.
    """
    kind, given = source(data)
    with told(progress, "decoding") as tell:
        if output is None:
            text, _ = _at1.decode(kind, given, None, tell)
            return text or b""
        if isinstance(output, (str, os.PathLike)):
            with whole(output, replace=True) as part, open(part, "wb") as file:
                _, count = _at1.decode(kind, given, file, tell)
                file.flush()
                os.fsync(file.fileno())
            return count
        return _at1.decode(kind, given, output, tell)[1]
