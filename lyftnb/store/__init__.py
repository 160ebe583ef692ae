"""The book and the data: one DuckDB ledger, Parquet spools beside it, and the one commit that
moves both.

A segment is written under its final unique name before the commit; a file that no row names is
garbage, and `sweep` takes it. Workers use `write_segments`, `parts`, `conform` and `scan`, which
know files and frames but no ledger; the owner uses `Ledger`. Knows nothing of steps, actions or
clusters.
"""

from lyftnb.store.conform import REASON, Conformed, conform
from lyftnb.store.ledger import Ledger
from lyftnb.store.master_keys import MasterKeys
from lyftnb.store.owner import MANAGER_FILE, is_alive, owner_of, this_process
from lyftnb.store.partitions import parts
from lyftnb.store.records import (
    Listing,
    Lock,
    RunbookVersion,
    SecretInfo,
    SpoolInfo,
    TidyReport,
    Version,
)
from lyftnb.store.scan import cut, scan
from lyftnb.store.segments import write_segments
from lyftnb.store.sql import query
from lyftnb.store.staged_state import stage_state
from lyftnb.store.sweep import SweepReport
from lyftnb.store.verify import Damage

__all__ = [
    "MANAGER_FILE",
    "REASON",
    "Conformed",
    "Damage",
    "Ledger",
    "Listing",
    "Lock",
    "MasterKeys",
    "RunbookVersion",
    "SecretInfo",
    "SpoolInfo",
    "SweepReport",
    "TidyReport",
    "Version",
    "conform",
    "cut",
    "is_alive",
    "owner_of",
    "parts",
    "query",
    "scan",
    "stage_state",
    "this_process",
    "write_segments",
]
