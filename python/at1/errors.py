"""What can go wrong, as exceptions.

All are `at1.Error`. Each is also the built-in exception that one would expect of its kind (`ValueError`, `OSError`,
`FileNotFoundError`, `FileExistsError`), so code that knows nothing of this package catches it too.

>>> import at1
>>> try:
...     at1.decode(b"no segment")
... except at1.UnsupportedError as error:
...     print(error.kind)
unsupported
"""

from __future__ import annotations

__all__ = [
    "ConditionError",
    "Error",
    "InputError",
    "IntegrityError",
    "StorageError",
    "TableExistsError",
    "TableNotFoundError",
    "UnsupportedError",
]


class Error(Exception):
    """Anything that this package could not do, or found to be wrong."""

    kind: str = ""
    """What a caller can do about it, as one word: those of `--json` of the `at1` command."""
    place: str = ""
    """Where it was: a path within the table, a batch, a column."""
    expected: str = ""
    """What should have been there; empty if the message says it."""
    found: str = ""
    """What was there; empty if the message says it."""


class IntegrityError(Error):
    """Bytes are not what they were, contradict each other, or are not vouched for as was asked. Retrying cannot help."""


class UnsupportedError(Error):
    """Another version or another program wrote this, or it cannot be done here."""


class InputError(Error, ValueError):
    """What was asked or given does not fit: a condition, a column, an option, an input."""


class ConditionError(Error):
    """A condition of the commit did not hold: somebody else appended, or a sequence number was skipped."""


class TableNotFoundError(Error, FileNotFoundError):
    """There is no table here."""


class TableExistsError(Error, FileExistsError):
    """There is something of this name already."""


class StorageError(Error, OSError):
    """The storage refused. After `kind` *poisoned* it failed in a way that could not be undone, and writers stop."""


_CLASSES: dict[str, type[Error]] = {
    "condition": ConditionError,
    "corrupt": IntegrityError,
    "exists": TableExistsError,
    "invalid": InputError,
    "io": StorageError,
    "no_table": TableNotFoundError,
    "poisoned": StorageError,
    "refused": InputError,
    "rollback": IntegrityError,
    "unsupported": UnsupportedError,
    "untrusted": IntegrityError,
}


def of(kind: str, message: str, place: str = "", expected: str = "", found: str = "") -> Error:
    """The exception of a kind; the extension raises what this gives."""
    error = _CLASSES.get(kind, Error)(message)
    error.kind, error.place, error.expected, error.found = kind, place, expected, found
    return error
