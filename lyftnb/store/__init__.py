"""The book and the data: one DuckDB ledger, Parquet spools beside it, and the one commit that
moves both.

A segment is written under its final unique name before the commit; a file that no row names is
garbage, and `sweep` takes it. Workers use `write_segments`, `parts`, `conform` and `scan`, which
know files and frames but no ledger; the owner uses `Ledger`. Knows nothing of steps, actions or
clusters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lyftnb.lazy import lazy

if TYPE_CHECKING:
    from lyftnb.store.conforming import REASON, Conformed, conform
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
    from lyftnb.store.scanning import cut, scan
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

_HOMES = {
    "Conformed": "lyftnb.store.conforming",
    "Damage": "lyftnb.store.verify",
    "Ledger": "lyftnb.store.ledger",
    "Listing": "lyftnb.store.records",
    "Lock": "lyftnb.store.records",
    "MANAGER_FILE": "lyftnb.store.owner",
    "MasterKeys": "lyftnb.store.master_keys",
    "REASON": "lyftnb.store.conforming",
    "RunbookVersion": "lyftnb.store.records",
    "SecretInfo": "lyftnb.store.records",
    "SpoolInfo": "lyftnb.store.records",
    "SweepReport": "lyftnb.store.sweep",
    "TidyReport": "lyftnb.store.records",
    "Version": "lyftnb.store.records",
    "conform": "lyftnb.store.conforming",
    "cut": "lyftnb.store.scanning",
    "is_alive": "lyftnb.store.owner",
    "owner_of": "lyftnb.store.owner",
    "parts": "lyftnb.store.partitions",
    "query": "lyftnb.store.sql",
    "scan": "lyftnb.store.scanning",
    "stage_state": "lyftnb.store.staged_state",
    "this_process": "lyftnb.store.owner",
    "write_segments": "lyftnb.store.segments",
}

__getattr__ = lazy(__name__, _HOMES)
