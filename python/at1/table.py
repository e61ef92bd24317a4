"""Tables that grow by appends, and never lose anything."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from at1 import _at1, errors, report
from at1._progress import Progress, told
from at1._source import ArrowArray, ArrowStream, PathLike, Source, folder, source, whole
from at1.ledger import Proof, outside
from at1.report import AppendReport, BackupReport, CompactReport, Event, File, Found, VacuumReport, VerifyReport
from at1.scanner import ScanResult, Where
from at1.state import Point, Snapshot, State, point

Header = Literal["auto", "yes", "no"] | bool
Profile = Literal["fast", "balanced", "max"]
Text = Literal["auto", "csv", "ndjson", "lines"]
Types = Mapping[str, str]

GRACE = timedelta(hours=24)
"""How long replaced files stay: long enough for whoever still reads them."""


def reading(
    text: str,
    pattern: str | Sequence[str] | None,
    header: Header,
    names: Sequence[str] | None,
    delimiter: str | None,
    quote: str | None,
    nulls: Sequence[str] | None,
    types: Types | None,
    profile: str,
) -> Mapping[str, object]:
    """How text is read, as the extension takes it."""
    return {
        "text": text,
        "pattern": [pattern] if isinstance(pattern, str) else None if pattern is None else list(pattern),
        "header": {True: "yes", False: "no"}.get(header, header) if isinstance(header, bool) else header,
        "names": None if names is None else list(names),
        "delimiter": delimiter,
        "quote": quote,
        "nulls": None if nulls is None else list(nulls),
        "types": list((types or {}).items()),
        "profile": profile,
    }


def seconds(span: timedelta | float) -> float:
    """A span of time, in seconds."""
    return span.total_seconds() if isinstance(span, timedelta) else float(span)


class AppendableTable(State):
    """A table in a folder of this machine. It is made by the first append if there is none.

    Any number of processes and threads may append, compact and read at once.

    >>> import at1, tempfile
    >>> t = at1.AppendableTable(tempfile.mkdtemp() + "/trades")
    >>> t.append_csv(b"ts,price\\n1704067200000,9.50\\n1704067205000,10.25\\n").rows
    2
    >>> rows, stats = t.scan(where={"c0": (1704067200000, 1704067201000)}, select=["c0", "c1"])
    >>> rows[0]
    {'ts': 1704067200000, 'price': Decimal('9.50')}
    >>> t.verify_chain(), t.verify_immutable()
    (True, True)
    """

    __slots__ = ("_create", "_folder", "_origin", "_row_tree", "_table", "_types")

    def __init__(
        self,
        path: PathLike,
        *,
        create: bool = True,
        origin: str | None = None,
        types: Types | None = None,
        row_tree: bool = True,
    ) -> None:
        """Looks for the table in the folder `path` (or `file://` URL).

        Args:
            path: The table's folder.
            create: Whether the first append makes the table if there is none.
            origin: A new table's name towards the world, such as `example.com/trades`; made from random bytes without.
            types: Types of a new table's columns, by header, name or `c0`; see docs/python.md for the words.
            row_tree: Whether single records of a new table can be proved.

        Raises:
            TableNotFoundError: If there is none and `create` is false.
            IntegrityError: If its ledger is damaged.
        """
        self._folder = folder(path)
        self._create, self._origin, self._types, self._row_tree = create, origin, dict(types or {}), row_tree
        self._table = _at1.Table.open(self._folder)
        if self._table is None and not create:
            raise self._none()

    @property
    def path(self) -> str:
        """The table's folder."""
        return self._folder

    @property
    def exists(self) -> bool:
        """Whether there is a table yet."""
        return self._found() is not None

    @property
    def origin(self) -> str:
        """The table's name towards the world, which checkpoints start with."""
        return self._there().origin()

    # What adds.

    def append_csv(
        self,
        data: Source,
        *,
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
        note: str | None = None,
        sha256: str | None = None,
        max_rejects: int | None = None,
        strict: bool = False,
        idempotency_key: tuple[str, int] | None = None,
        expected_version: int | None = None,
        progress: Progress = False,
    ) -> AppendReport:
        """Appends the bytes of a file, a buffer or a file object as one batch; gzip, zstd and xz are expanded first.

        When it returns, the batch is durable; when it raises, it is not in the table (but for `kind` *poisoned*). The bytes come back
        exactly, by `restore`, whatever they are.

        Args:
            data: A path, bytes, or a file object opened for bytes.
            name: What the batch is called; a path's own name without.
            text: *csv*: fields between delimiters; *ndjson*: lines of JSON, each an object whose keys become columns, those of
                objects inside by their path (`request.id`); *lines*: lines of a log, cut by a pattern. *auto*: as the first batch,
                which is found out.
            pattern: How lines are cut, such as `{time:time} {level:level} {message:text}`, one or several; found out without.
            header: Whether line 1 names the columns. *auto*: the first batch decides by its types; later, line 1 is a header if
                its names are those of a header that the table knows.
            names: Names for the columns, instead of a header's.
            delimiter: Between fields, one character; found out without.
            quote: Around fields, one character or "none"; found out without.
            nulls: Words that mean null in columns that are not text. The first batch fixes them.
            types: Types of columns from this batch on, by header, name or `c0`.
            profile: Speed against size.
            note: A remark for the ledger.
            sha256: What the bytes must hash to, as they come or expanded.
            max_rejects: Refuse a batch with more fields than this that their columns cannot hold.
            strict: Refuse rejects, ragged records, and columns that are new, missing or of a wider type.
            idempotency_key: The producer's name and its own number for the batch: the same number again appends nothing.
            expected_version: Append only if so many append events came before.
            progress: True for a bar (tqdm), or a function that is called with bytes.

        Raises:
            InputError: If the batch does not meet these demands, or an option does not fit the table.
            ConditionError: If a commit condition fails.
        """
        kind, given = source(data)
        terms = _terms(note, sha256, max_rejects, strict, idempotency_key, expected_version)
        how = reading(text, pattern, header, names, delimiter, quote, nulls, types, profile)
        return self._append(kind, given, name, how, terms, progress)

    def append(
        self,
        data: ArrowStream | ArrowArray,
        *,
        name: str | None = None,
        types: Types | None = None,
        profile: Profile = "balanced",
        note: str | None = None,
        max_rejects: int | None = None,
        strict: bool = False,
        idempotency_key: tuple[str, int] | None = None,
        expected_version: int | None = None,
        progress: Progress = False,
    ) -> AppendReport:
        """Appends Arrow data of any library (pyarrow, polars, pandas, duckdb …) as one batch.

        Arrow data has no source text. AT1 writes it as CSV first, in one documented way (docs/spec/arrow.md); that text is the batch's
        source, which `restore` gives back exactly. Every value reads back as the value that was appended, in the table's type; data
        for which that would not hold is refused.

        >>> import at1, tempfile
        >>> t = at1.AppendableTable(tempfile.mkdtemp() + "/copy")
        >>> some = at1.open_segment(at1.encode(b"id,word\\n1,one\\n2,\\n", keep_queryable=True)).scan().rows
        >>> report = t.append(some)
        >>> t.restore(report.batch)
        b'id,word\\n1,one\\n2,\\n'
        """
        terms = _terms(note, None, max_rejects, strict, idempotency_key, expected_version)
        return self._append("arrow", data, name, reading("auto", None, "auto", None, None, None, None, types, profile), terms, progress)

    def _append(
        self,
        kind: str,
        data: object,
        name: str | None,
        how: Mapping[str, object],
        terms: Mapping[str, object],
        progress: Progress,
    ) -> AppendReport:
        table = self._made()
        with told(progress, "appending") as tell:
            return report.read(table.append(kind, data, name, how, terms, tell), AppendReport)

    # What tidies up, and loses nothing.

    def compact(
        self,
        upto: int | None = None,
        *,
        profile: Profile = "balanced",
        how: Literal["all", "tiered", "retype"] = "all",
        grace: timedelta | float = GRACE,
        progress: Progress = False,
    ) -> CompactReport:
        """Merges segments, then removes replaced files that are past the grace period.

        Every batch stays recoverable byte for byte, and the table as of any past event.

        >>> import at1, tempfile
        >>> t = at1.AppendableTable(tempfile.mkdtemp() + "/trades")
        >>> for price in (b"9.50", b"10.00", b"11.25"):
        ...     _ = t.append_csv(b"price\\n" + price + b"\\n")
        >>> t.compact(upto=2).steps[0].rows
        2
        >>> len(t.files()), t.restore(1)
        (2, b'price\\n10.00\\n')

        Args:
            upto: Merge the first so many segments only.
            profile: Speed against size.
            how: *all* into one; *tiered*: neighbours of like size, so that no byte is written again more than a few times (for a timer);
                *retype*: those that are written in other types than the table's.
            grace: How long replaced files stay, as a timedelta or in seconds.
        """
        with told(progress, "compacting") as tell:
            return report.read(self._there().compact(upto, profile, how, seconds(grace), tell), CompactReport)

    def vacuum(self, grace: timedelta | float = GRACE, *, dry_run: bool = False) -> VacuumReport:
        """Removes files that a compaction replaced longer ago than the grace period. It deletes no data.

        A reader that meets a removed file goes on where its rows are now.
        """
        return report.read(self._there().vacuum(seconds(grace), dry_run), VacuumReport)

    def backup(self, to: PathLike, *, full_check: bool = False, progress: Progress = False) -> BackupReport:
        """Brings the copy in the folder `to` up to this table's newest event, or makes it there.

        Args:
            full_check: Whether files that are there already are hashed, not only measured.
        """
        with told(progress, "copying") as tell:
            return report.read(self._there().backup(folder(to), full_check, tell), BackupReport)

    # What was.

    def as_of(self, at: Point) -> Snapshot:
        """The table as it was after an event, or at a time (UTC, if it names no zone). It stays so, whatever happens.

        >>> import at1, tempfile
        >>> t = at1.AppendableTable(tempfile.mkdtemp() + "/trades")
        >>> _ = t.append_csv(b"id\\n1\\n"); _ = t.append_csv(b"id\\n2\\n")
        >>> t.as_of(0).num_rows, t.num_rows
        (1, 2)

        Raises:
            InputError: If there is no such event, or none so early.
        """
        return Snapshot(self._there().snapshot(point(at)), self._folder)

    def snapshot(self) -> Snapshot:
        """The table as it is now; it stays so, whatever happens."""
        return Snapshot(self._there().snapshot(None), self._folder)

    def scan_as_of(self, at: Point, where: Where | None = None, select: Sequence[str] | None = None, **options: Any) -> ScanResult:
        """`scan` of a past state; `options` are those of `scan`."""
        return self.as_of(at).scan(where, select, **options)

    def segments_as_of(self, at: Point) -> list[File]:
        """`files` of a past state."""
        return self.as_of(at).files()

    def history(self, limit: int | None = None) -> list[Event]:
        """The newest ledger events, newest first; all without a limit."""
        return report.read_all(self._there().history(limit), Event)

    def version(self) -> int:
        """How many append events there are: what `expected_version` counts."""
        return self.info().version

    def has(self, data: Source) -> list[Found]:
        """The batches that are exactly these bytes (expanded, if they are packed). Each stored copy is decoded and hashed first."""
        return report.read_all(self._there().has(*source(data)), Found)

    # What proves.

    def verify_chain(self) -> bool:
        """Whether the history recomputes from its first line to its last."""
        return self._there().verify_chain()

    def verify_immutable(self) -> bool:
        """Whether every live segment is the very file that was committed; every byte is hashed."""
        return self._there().verify_immutable()

    def verify(
        self,
        *,
        rows: bool = False,
        heads: Sequence[str] = (),
        policy: PathLike | bytes | None = None,
        memory: PathLike | None = None,
        new_only: bool = False,
        progress: Progress = False,
    ) -> VerifyReport:
        """Checks everything that can be checked, and reports all of it; the report is true if it held.

        From the folder alone nothing shows that the folder was not replaced; something kept elsewhere does.

        Args:
            rows: Whether every segment is decoded and every batch derived again.
            heads: Receipts (`chain_head`) that were kept elsewhere.
            policy: Whose signatures count: a C2SP tlog-policy, as a path or as bytes.
            memory: A file outside the table, which remembers what was seen; made if it is not there, moved on if all held.
            new_only: Hash only files that came since the memory's last whole verification.
        """
        demands = {
            "rows": rows,
            "heads": [heads] if isinstance(heads, str) else list(heads),
            "policy": None if policy is None else outside(policy, "a policy"),
            "memory": None,
            "new_only": new_only,
        }
        if memory is not None and os.path.exists(memory):
            demands["memory"] = outside(memory, "a memory")
        with told(progress, "verifying") as tell:
            found, to_remember = _at1.Table.verify(self._folder, demands, tell)
        if memory is not None and to_remember is not None:
            outside(Path(memory).absolute().parent, "a memory")
            with whole(memory, replace=True) as part, open(part, "w", encoding="utf-8") as file:
                file.write(to_remember)
                # Its name must not come before its content.
                file.flush()
                os.fsync(file.fileno())
        return report.read(found, VerifyReport)

    def prove(
        self,
        *,
        event: int | None = None,
        row: int | None = None,
        rows: tuple[int, int] | None = None,
        batch: int | None = None,
    ) -> list[Proof]:
        """Proves that something is in the table, to whoever trusts the signatures of its newest checkpoint.

        One of the arguments says what: an event, a record, the records of a range (one proof for each batch that they are in), or
        those of a batch. `at1.verify_proof` checks it, and needs no table.

        Raises:
            InputError: If there is no such thing, or no signed checkpoint that covers it (`at1 ledger checkpoint`).
        """
        asked = {"event": event, "row": row, "rows": rows, "batch": batch}
        given = [(of, what) for of, what in asked.items() if what is not None]
        if len(given) != 1:
            found = " and ".join(of for of, _ in given) or "none"
            raise errors.of("invalid", f"prove: expected one of event, row, rows, batch, found {found}", "prove", "one", found)
        of, what = given[0]
        start, end = what if isinstance(what, tuple) else (what, what)
        return [Proof(event, rows, dict(files)) for event, rows, files in self._there().prove(of, start, end)]

    # Where it is.

    def _found(self) -> _at1.Table | None:
        """The table, which another process may have made since."""
        if self._table is None:
            self._table = _at1.Table.open(self._folder)
        return self._table

    def _there(self) -> _at1.Table:
        table = self._found()
        if table is None:
            raise self._none()
        return table

    def _made(self) -> _at1.Table:
        if (table := self._found()) is not None:
            return table
        if not self._create:
            raise self._none()
        self._table, _ = _at1.Table.create(self._folder, self._origin, list(self._types.items()), self._row_tree)
        return self._table

    def _none(self) -> errors.Error:
        return errors.of("no_table", f"{self._folder}: expected a table, found none", self._folder, "a table", "none")

    def _snapshot(self) -> _at1.Snapshot:
        return self._there().snapshot(None)

    def _place(self) -> str:
        return self._folder

    def __repr__(self) -> str:
        return f"AppendableTable({self._folder!r})" if self.exists else f"AppendableTable({self._folder!r}, not made yet)"

    def _repr_html_(self) -> str:
        return super()._repr_html_() if self.exists else f"<p>{self!r}</p>"


def _terms(
    note: str | None,
    sha256: str | None,
    max_rejects: int | None,
    strict: bool,
    idempotency_key: tuple[str, int] | None,
    expected_version: int | None,
) -> Mapping[str, object]:
    return {
        "note": note,
        "sha256": sha256,
        "max_rejects": max_rejects,
        "strict": strict,
        "idempotency_key": idempotency_key,
        "expected_version": expected_version,
    }
