"""The engines under the store, each loaded with its first use.

The verbs of the ledger are also what other processes call from afar (`remote`), and these load none
of them: a command that asks the owner something takes a third less time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lyftnb.lazy import late

if TYPE_CHECKING:
    import duckdb
    import polars as pl
    import pyarrow as pa
    from pyarrow import parquet as pq
else:
    duckdb = late("duckdb")
    pa = late("pyarrow")
    pl = late("polars")
    pq = late("pyarrow.parquet")

__all__ = ["duckdb", "pa", "pl", "pq"]
