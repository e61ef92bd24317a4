"""Append-only tables of records that arrive as text: the exact bytes, a table to query, and a record that can prove itself.

>>> import at1, tempfile
>>> t = at1.AppendableTable(tempfile.mkdtemp() + "/trades")
>>> receipt = t.append_csv(b"symbol,price\\nBTC,43250.17\\nETH,2281.40\\n").chain_head
>>> t.scan("price > 10000", select=["symbol"]).rows["symbol"]
['BTC']
>>> t.restore(0)
b'symbol,price\\nBTC,43250.17\\nETH,2281.40\\n'
>>> bool(t.verify(heads=[receipt]))
True

`AppendableTable` is the way in; `AT1Catalog` asks segment files that belong to no table; `encode`, `decode` and `open_segment` are
about single segments, `verify_proof` about proofs. Results are `Rows`, which pyarrow, polars, pandas and duckdb take over without a copy.
"""

from at1._at1 import __version__
from at1.catalog import AT1Catalog
from at1.errors import (
    ConditionError,
    Error,
    InputError,
    IntegrityError,
    StorageError,
    TableExistsError,
    TableNotFoundError,
    UnsupportedError,
)
from at1.ledger import Proof, verify_proof
from at1.report import Report
from at1.rows import Rows
from at1.scanner import Reader, Scanner, ScanResult, Where
from at1.segment import Segment, decode, encode, open_segment
from at1.state import Snapshot
from at1.table import AppendableTable

__all__ = [
    "AT1Catalog",
    "AppendableTable",
    "ConditionError",
    "Error",
    "InputError",
    "IntegrityError",
    "Proof",
    "Reader",
    "Report",
    "Rows",
    "ScanResult",
    "Scanner",
    "Segment",
    "Snapshot",
    "StorageError",
    "TableExistsError",
    "TableNotFoundError",
    "UnsupportedError",
    "Where",
    "__version__",
    "decode",
    "encode",
    "open_segment",
    "verify_proof",
]
