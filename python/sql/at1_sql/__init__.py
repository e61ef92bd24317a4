"""SQL over tables of the package `at1`, by Apache DataFusion. `AppendableTable.sql` is the way in."""

from __future__ import annotations

import os
from collections.abc import Mapping

from at1_sql._at1_sql import Answer
from at1_sql._at1_sql import provider as _provider
from at1_sql._at1_sql import query as _query

__all__ = ["Answer", "provider", "query"]


def query(
    text: str,
    tables: Mapping[str, str | os.PathLike[str]],
    *,
    as_of: Mapping[str, str] | None = None,
    memory_bytes: int | None = None,
) -> Answer:
    """The answer to one query, which is worked out, lazily and each time anew, by whoever draws from it as an Arrow stream.

    Args:
        text: One statement that gives rows; it sees one state of each table from beginning to end.
        tables: Names, and the folders of the tables.
        as_of: Past states of some of them: events or times.
        memory_bytes: About so much memory; what takes more is spilled to disk.

    Raises:
        at1.InputError: If the query makes no sense, or would change something.
        at1.IntegrityError: If a table is damaged.
    """
    states = as_of or {}
    named = [(name, os.fspath(folder), states.get(name)) for name, folder in tables.items()]
    return _query(text, named, memory_bytes)


def provider(folder: str | os.PathLike[str], *, as_of: str | None = None) -> object:
    """A table for DataFusion's own Python package, of the same major version: a capsule for `__datafusion_table_provider__`.

    It is one state of the table, the newest or a past one. Zones are used, and what is read is hashed, as by `query`.
    """
    return _provider(os.fspath(folder), as_of)
