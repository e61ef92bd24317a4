"""The name under which the first users knew `at1`: `from at1_table import AppendableTable` goes on working.

As a program: `python -m at1_table DIR append FILE...` and `python -m at1_table DIR scan COL:LO:HI...`.
"""

from at1 import AppendableTable, AT1Catalog

__all__ = ["AT1Catalog", "AppendableTable"]
