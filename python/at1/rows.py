"""Rows in memory, and what other libraries make of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, overload

from at1 import _at1, errors
from at1._optional import need
from at1._source import ArrowArray, ArrowStream

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

SHOWN_ROWS = 10
SHOWN_CHARACTERS = 40
WHOLE = sys.maxsize


class Convert:
    """What anything that exports an Arrow stream can be turned into."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        raise NotImplementedError

    def to_pyarrow(self) -> pyarrow.Table:  # pyright: ignore[reportUnknownParameterType, reportUnknownMemberType]
        """As a `pyarrow.Table`, without a copy."""
        return need("pyarrow", "to_pyarrow()", "'at1[pyarrow]'").table(self)

    def to_pandas(self, **options: Any) -> pandas.DataFrame:
        """As a `pandas.DataFrame`; `options` are those of `pyarrow.Table.to_pandas`."""
        need("pandas", "to_pandas()", "'at1[pandas]'")
        return need("pyarrow", "to_pandas()", "'at1[pandas]'").table(self).to_pandas(**options)

    def to_polars(self) -> polars.DataFrame:
        """As a `polars.DataFrame`."""
        return need("polars", "to_polars()", "'at1[polars]'").DataFrame(self)


class Rows(Convert):
    """Rows in memory, as Arrow arrays.

    Any library that speaks Arrow takes them over without a copy: `pyarrow.table(rows)`, `polars.DataFrame(rows)`,
    `duckdb.sql("from rows")`. Without one, they are a sequence of dictionaries.

    >>> import at1
    >>> rows, _ = at1.open_segment(at1.encode(b"id,price\\n1,9.50\\n2,10.00\\n", keep_queryable=True)).scan()
    >>> len(rows), rows.column_names
    (2, ['id', 'price'])
    >>> rows[0]
    {'id': 1, 'price': Decimal('9.50')}
    >>> rows["id"]
    [1, 2]
    >>> [row["price"] for row in rows[1:]]
    [Decimal('10.00')]
    """

    __slots__ = ("_rows",)

    def __init__(self, data: ArrowStream | ArrowArray) -> None:
        """All of what `data` exports as Arrow data, without a copy."""
        self._rows = data if isinstance(data, _at1.Rows) else _at1.Rows(data)

    @property
    def num_rows(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    @property
    def num_columns(self) -> int:
        """How many columns there are."""
        return len(self.column_names)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.num_rows, self.num_columns

    @property
    def column_names(self) -> list[str]:
        """The columns, in order."""
        return self._rows.names

    @property
    def types(self) -> dict[str, str]:
        """The Arrow type of each column, in words."""
        return dict(zip(self._rows.names, self._rows.types))

    @property
    def nbytes(self) -> int:
        """The size of the Arrow buffers, in bytes."""
        return self._rows.nbytes

    def column(self, name: str) -> list[Any]:
        """The values of a column, exactly: `Decimal`, `datetime` …; None for null."""
        return self._rows.values(self._position(name), 0, len(self))

    def to_pylist(self) -> list[dict[str, Any]]:
        """The rows, as dictionaries."""
        return list(self)

    def to_pydict(self) -> dict[str, list[Any]]:
        """The columns, as lists."""
        return {name: self.column(name) for name in self.column_names}

    def texts(self) -> Iterator[tuple[str | None, ...]]:
        """The rows as text, as values are printed everywhere: exact, instants in UTC; None for null."""
        columns = [self._rows.texts(column, 0, len(self), WHOLE) for column in range(self.num_columns)]
        return zip(*columns)

    def __len__(self) -> int:
        return self.num_rows

    def __iter__(self) -> Iterator[dict[str, Any]]:
        names = self.column_names
        for start in range(0, len(self), 8192):
            columns = [self._rows.values(column, start, 8192) for column in range(len(names))]
            for row in range(min(8192, len(self) - start)):
                yield {name: values[row] for name, values in zip(names, columns)}

    @overload
    def __getitem__(self, key: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, key: slice) -> Rows: ...
    @overload
    def __getitem__(self, key: str) -> list[Any]: ...

    def __getitem__(self, key: int | slice | str) -> dict[str, Any] | Rows | list[Any]:
        if isinstance(key, str):
            return self.column(key)
        if isinstance(key, slice):
            start, stop, step = key.indices(len(self))
            if step != 1:
                raise errors.of("invalid", f"expected a step of 1, found {step}", "slice", "a step of 1", str(step))
            return Rows(self._rows.slice(start, max(0, stop - start)))
        row = key + len(self) if key < 0 else key
        if not 0 <= row < len(self):
            raise IndexError(f"row {key} of {len(self)}")
        names = self.column_names
        return {name: self._rows.values(column, row, 1)[0] for column, name in enumerate(names)}

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._rows.__arrow_c_stream__(requested_schema)

    def __arrow_c_schema__(self) -> object:
        return self._rows.__arrow_c_schema__()

    def __repr__(self) -> str:
        titles = [f"{name} ({kind})" for name, kind in zip(self._rows.names, self._rows.types)]
        columns = [[title, *(text or "" for text in texts)] for title, texts in zip(titles, self._shown())]
        widths = [max(map(len, column)) for column in columns]
        lines = ["  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip() for line in zip(*columns)]
        return "\n".join([*lines, self._counted()])

    def _repr_html_(self) -> str:
        return self.to_html()

    def to_html(self) -> str:
        """The first rows as a table in HTML, as notebooks show them."""
        names = "".join(f"<th>{escape(name)}</th>" for name in self._rows.names)
        kinds = "".join(f"<td><i>{escape(kind)}</i></td>" for kind in self._rows.types)
        body = "".join(
            "<tr>" + "".join("<td></td>" if text is None else f"<td>{escape(text)}</td>" for text in row) + "</tr>"
            for row in zip(*self._shown())
        )
        head = f"<thead><tr>{names}</tr><tr>{kinds}</tr></thead>"
        return f"<table>{head}<tbody>{body}</tbody></table><p>{self._counted()}</p>"

    def _position(self, name: str) -> int:
        names = self.column_names
        if name not in names:
            raise KeyError(f"no column {name!r}; there are {', '.join(names)}")
        return names.index(name)

    def _shown(self) -> Sequence[Sequence[str | None]]:
        return [self._rows.texts(column, 0, SHOWN_ROWS, SHOWN_CHARACTERS) for column in range(self.num_columns)]

    def _counted(self) -> str:
        count = f"{len(self):,} row{'' if len(self) == 1 else 's'}"
        return f"({count})" if len(self) <= SHOWN_ROWS else f"({count}; the first {SHOWN_ROWS} shown)"
