"""State changes on their way: written by a task on a worker, read by the owner's commit.

A file is read once, by the commit, which copies its rows into the ledger; so it is not flushed to
the disk. Its name is a segment's, in the folder `DEPLOYMENT.~state`, so that the sweep knows it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from lyftnb.errors import BadData, StorageError
from lyftnb.model import PAYLOAD_BYTES, STAGED_COLUMNS, Commit, Family, StagedState
from lyftnb.store.engines import pl
from lyftnb.store.segments import Origin, staged_name

_FOLDER = "~state"


def stage_state(
    frame: pl.DataFrame, root: str | Path, family: Family, **origin: Unpack[Origin]
) -> tuple[StagedState, ...]:
    """Stage state changes; nothing if there are none.

    Args:
        frame: changes in the columns of the family (`STAGED_COLUMNS`); those left out are null.
        root: the storage root.
        family: what kind of state they change.
        origin: the batch and task that they come from.

    Raises:
        BadData: a work item has no queue, or a payload is too large.
        StorageError: the disk is full or cannot be written.
    """
    if frame.is_empty():
        return ()
    from lyftnb.dtypes import from_schema

    columns = from_schema(STAGED_COLUMNS[family])
    missing = [pl.lit(None, dtype).alias(n) for n, dtype in columns.items() if n not in frame]
    whole = frame.with_columns(missing).select(columns.keys()).cast(columns)
    _check(whole, family, f"batch {origin['batch']}")
    deployment = origin["batch"].partition("/")[0]
    path = staged_name(f"{deployment}.{_FOLDER}", origin, part=list(STAGED_COLUMNS).index(family))
    try:
        (Path(root) / path).parent.mkdir(parents=True, exist_ok=True)
        whole.write_parquet(Path(root) / path, compression="uncompressed")
    except OSError as error:
        raise StorageError(
            f"state changes cannot be staged: {error.strerror or error}",
            where=f"batch {origin['batch']}",
            hint=f"free some space under {root} or check its permissions; nothing was committed",
        ) from error
    return (StagedState(family, path, whole.height, order=(origin["split"], 0)),)


def read_state(staged: StagedState, root: Path) -> pl.DataFrame:
    """The changes that a file holds."""
    return pl.read_parquet(root / staged.path)


def changes_of(commit: Commit, family: Family, root: Path) -> pl.DataFrame:
    """The changes of a family that a commit brings, in their order; without columns if none."""
    staged = [state for state in commit.state if state.family == family]
    frames = [read_state(s, root) for s in sorted(staged, key=lambda state: state.order)]
    return pl.concat(frames) if frames else pl.DataFrame()


def _check(whole: pl.DataFrame, family: Family, where: str) -> None:
    """Refuse here what the commit could only stumble over."""
    if family == "items" and whole["queue"].null_count():
        raise BadData("a work item names no queue", where=where)
    if family in ("items", "messages"):
        largest = whole["payload"].str.len_bytes().max()
        if isinstance(largest, int) and largest > PAYLOAD_BYTES:
            raise BadData(
                f"a payload has {largest:,} bytes as JSON; at most {PAYLOAD_BYTES:,} are allowed",
                where=where,
                hint="put the bulk into a spool or a file and name it in the payload",
            )
