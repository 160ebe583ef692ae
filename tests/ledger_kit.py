"""New ledgers for tests that begin with one each."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from lyftnb.clock import ManualClock
from lyftnb.store import Ledger
from lyftnb.store.database import FILE


def blank(state_dir: Path) -> Path:
    """A state directory with a ledger that was made, and holds nothing yet: to copy its file takes
    half of what it takes to make one.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    (state_dir / FILE).write_bytes(_made())
    return state_dir


@cache
def _made() -> bytes:
    with TemporaryDirectory() as folder:
        Ledger.open(Path(folder), ManualClock()).close()
        return (Path(folder) / FILE).read_bytes()
