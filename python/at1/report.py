"""Reports: what an operation did, what a table is.

A report is a `dict` whose keys are those that the `at1` command prints with `--json`; they can be read as attributes too.

>>> import at1
>>> report = at1.Report(rows=2, rejects=0)
>>> report["rows"], report.rejects
(2, 0)
>>> report
Report(rows=2, rejects=0)
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from typing import Any, TypeVar

__all__ = [
    "AppendReport",
    "BackupReport",
    "Batch",
    "CatReport",
    "Column",
    "CompactReport",
    "EncodeReport",
    "Event",
    "ExtractReport",
    "File",
    "Found",
    "Info",
    "ProofReport",
    "Reject",
    "Report",
    "Restored",
    "Statistics",
    "VacuumReport",
    "VerifyReport",
]


class Report(dict[str, Any]):
    """Something that was found out, under stable names."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            known = ", ".join(self)
            raise AttributeError(f"{type(self).__name__} has no {name!r}; it has {known}") from None

    def __dir__(self) -> Iterable[str]:
        return [*super().__dir__(), *self]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in self.items())})"

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><th>{escape(key)}</th><td>{escape(str(value))}</td></tr>" for key, value in self.items())
        return f"<table><caption>{type(self).__name__}</caption>{rows}</table>"


R = TypeVar("R", bound=Report)


def read(text: str, kind: type[R]) -> R:
    """A report that came as JSON."""
    return _ordered(json.loads(text, object_hook=Report), kind)


def read_all(text: str, kind: type[R]) -> list[R]:
    """Reports that came as a JSON array."""
    return [_ordered(report, kind) for report in json.loads(text, object_hook=Report)]


def _ordered(found: dict[str, Any], kind: type[R]) -> R:
    """The keys that the class names first, in its order."""
    known = [key for key in kind.__annotations__ if key in found]
    return kind({key: found[key] for key in [*known, *(key for key in found if key not in known)]})


class AppendReport(Report):
    """What an append did. `chain_head` is its receipt: kept elsewhere, it shows later that history is still the same."""

    event: int
    batch: int
    group: int
    segment: str
    rows: int
    source_bytes: int
    segment_bytes: int
    source_sha256: str
    packed_sha256: str | None
    segment_sha256: str
    rejects: int
    ragged: int
    columns_added: list[str]
    columns_missing: list[str]
    columns_widened: list[Report]
    misfits: list[Report]
    notes: list[str]
    repeated: bool
    chain_head: str


class Statistics(Report):
    """What a scan read, and what it could leave unread; every byte is counted."""

    segments_total: int
    segments_skipped: int
    segments_answered: int
    segments_scanned: int
    row_groups_total: int
    row_groups_skipped: int
    row_groups_skipped_by_bloom: int
    row_groups_skipped_by_dictionary: int
    row_groups_answered: int
    row_groups_scanned: int
    pages_total: int
    pages_skipped: int
    pages_scanned: int
    bytes_total: int
    bytes_read: int
    bytes_read_planning: int
    bytes_read_opening: int
    bytes_read_data: int
    bytes_unpacked: int
    reads: int
    rows_matched: int
    rejects: int
    as_of_event: int | None


class CompactReport(Report):
    """What a compaction did: its steps, each one event, and what was vacuumed after them."""

    steps: list[Report]
    vacuum: Report


class VacuumReport(Report):
    """Which replaced files were removed, or would be. No data is among them."""

    removed: list[Report]
    bytes: int
    waiting: int
    waiting_until: str | None
    blocks: int
    block_bytes: int
    chain_head: str | None


class VerifyReport(Report):
    """What a verification found. True if everything that was asked for was checked and held.

    `chain`, `immutable` and `rows` are True, False, or None where it was not asked for or could not be decided.
    """

    verdict: str
    exit_code: int
    chain: bool | None
    immutable: bool | None
    rows: bool | None
    level: str
    levels: list[str]
    findings: list[Report]
    evidence: list[Report]
    chain_head: str | None

    def __bool__(self) -> bool:
        return self.exit_code == 0


class Column(Report):
    """A column of a table: its physical name, its name in the header, its type."""

    name: str
    header: str | None
    type: str


class Info(Report):
    """What a table is, or was, or what a segment is."""

    origin: str
    events: int
    version: int
    segments: int
    batches: int
    rows: int
    source_bytes: int
    segment_bytes: int
    rejects: int
    columns: list[Column]
    text: str | None
    delimiter: str | None
    row_tree: str
    ts: str | None
    chain_head: str | None


class File(Report):
    """A live segment."""

    path: str
    name: str
    bytes: int
    sha256: str
    rows: int
    rows_as_of: int
    first_batch: int
    batches: int
    event: int


class Batch(Report):
    """A batch: the bytes of one append."""

    batch: int
    event: int
    ts: str | None
    name: str | None
    note: str | None
    first_row: int
    rows: int
    source_bytes: int
    source_sha256: str
    packed_sha256: str | None
    rejects: int
    segment: str


class Event(Report):
    """A ledger event. What else it has depends on `op`."""

    event: int
    op: str
    ts: str
    chain: str
    batches_total: int
    rows_total: int
    bytes_total: int


class Reject(Report):
    """A field that its column's type cannot hold; it reads as null, and this is its text."""

    row: int
    batch: int
    record: int
    column: str
    type: str
    text: str | None


class Restored(Report):
    """A batch that was written to a file again."""

    batch: int
    name: str | None
    file: str
    renamed: bool
    source_bytes: int
    source_sha256: str


class Found(Report):
    """A batch that is exactly the bytes that were looked for; its stored copy was decoded and hashed."""

    batch: int
    event: int
    segment: str
    name: str | None
    rows: int
    source_bytes: int
    source_sha256: str


class CatReport(Report):
    """What source bytes were written."""

    batches: int
    source_bytes: int
    line_feeds: int


class ExtractReport(Report):
    """A segment that was made of matching records."""

    as_of_event: int | None
    rows: int
    batches: int
    source_bytes: int
    segment_bytes: int
    segment_sha256: str


class EncodeReport(Report):
    """A stand-alone file that was made. `form` is *segment*, or *raw* where columns would have been larger than the packed text."""

    form: str
    source_bytes: int
    segment_bytes: int


class BackupReport(Report):
    """What a backup copied."""

    events: int
    events_copied: int
    segments_copied: int
    bytes_copied: int
    segments_present: int
    segments_replaced: int
    files_removed: int
    chain_head: str | None


class ProofReport(Report):
    """What a proof shows. `of` is *event*, *rows*, *growth* or *checkpoint*; of rows, `rows` are their exact bytes."""

    of: str
    summary: str
    origin: str
    events: int
    root: str
    signed: list[str]
    cosigned: list[str]
    weakness: str | None
    rows: list[bytes]
