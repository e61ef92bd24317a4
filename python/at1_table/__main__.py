"""`python -m at1_table DIR append FILE...` and `python -m at1_table DIR scan [COL:LO:HI]...`.

Records go to stdout as CSV, everything else to stderr; exit codes are those of the `at1` command, which can do more.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence

from at1 import AppendableTable, ConditionError, Error, InputError, IntegrityError, Rows
from at1._at1 import words


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what the command line says; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m at1_table", description="Append to a table, and scan it.")
    parser.add_argument("dir", help="the table's folder")
    commands = parser.add_subparsers(dest="command", required=True)
    append = commands.add_parser("append", help="append files, one batch each; makes the table if there is none")
    append.add_argument("files", nargs="+", metavar="FILE")
    scan = commands.add_parser("scan", help="print the records within all ranges, as CSV")
    scan.add_argument("ranges", nargs="*", metavar="COL:LO:HI", help="both ends belong to it, an empty side is open")
    scan.add_argument("--select", metavar="A,B", help="these columns, in this order")
    given = parser.parse_args(arguments)
    try:
        if given.command == "append":
            _append(given.dir, given.files)
        else:
            _scan(given.dir, given.ranges, given.select)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has read enough. What is buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    except Error as error:
        print(f"at1_table: {error}", file=sys.stderr)
        return _exit_code(error)
    return 0


def _append(folder: str, files: Iterable[str]) -> None:
    table = AppendableTable(folder)
    for file in files:
        report = table.append_csv(file)
        print(f"{file}: event {report.event}, batch {report.batch}, segment {report.segment}: {report.rows} rows")
        print(f"  chain head {report.chain_head}")


def _scan(folder: str, ranges: Sequence[str], select: str | None) -> None:
    table = AppendableTable(folder, create=False)
    reader = table.scanner(words(None, ranges), select.split(",") if select else None).reader()
    first = True
    for rows in reader:
        _print(rows, header=first)
        first = False
    stats = reader.stats
    print(
        f"segments {stats.segments_scanned} of {stats.segments_total} scanned, {stats.segments_skipped} skipped; "
        f"{stats.bytes_read} of {stats.bytes_total} bytes read; {stats.rows_matched} rows",
        file=sys.stderr,
    )


def _print(rows: Rows, *, header: bool) -> None:
    names = rows.column_names
    if header:
        sys.stdout.write(",".join(map(_field, names)) + "\n")
    for line in rows.texts():
        sys.stdout.write(",".join("" if text is None else _field(text) for text in line) + "\n")


def _field(text: str) -> str:
    """In quotes if it is empty, which null is not, or a reader would take it apart."""
    if text and not any(mark in text for mark in ',"\r\n'):
        return text
    return '"' + text.replace('"', '""') + '"'


def _exit_code(error: Error) -> int:
    by_class = {InputError: 2, IntegrityError: 1, ConditionError: 8}
    return next((code for kind, code in by_class.items() if isinstance(error, kind)), 3)


if __name__ == "__main__":
    sys.exit(main())
