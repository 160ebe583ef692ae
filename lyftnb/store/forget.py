"""Forgetting a deployment: its inputs start over, its spools, marks, own namespaces and queues are
empty, in one snapshot.

History stays: older snapshots can be read, batch and sequence numbers go on, so that nothing that
another deployment has read is ever numbered again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from lyftnb.model import Schema
from lyftnb.store.database import Database
from lyftnb.store.engines import pl
from lyftnb.store.keybook import KeyBook
from lyftnb.store.mirror import NO_SCHEMA, Mirror, Spool, Standing
from lyftnb.store.newest import Newest

_WHY = "the deployment was started over"


def forget(database: Database, mirror: Mirror, deployment: str, now: datetime) -> tuple[str, ...]:
    """Reset positions, floors, schemas, segments, marks and own keys of a deployment; abandon its
    open claims and its pending publications, which it gives.
    """
    state = mirror.overlay()
    state.snapshot += 1
    state.committed_at = max(now, state.committed_at)
    mine = f"{deployment}/"
    rows: dict[str, list[dict[str, Any]]] = {
        "resets": [{"committed_at": state.committed_at}],
        "positions": [restart(state, key) for key in mirror.positions if key.startswith(mine)],
        "floors": [lower(state, key) for key in mirror.floors if key.startswith(mine)],
    }
    spools = [spool for name, spool in mirror.spools.items() if name.startswith(f"{deployment}.")]
    rows["spool_schemas"] = [empty(state, spool) for spool in spools if spool.schema]
    state.newest.update((spool.name, Newest(whole=True)) for spool in spools)
    for batch, fence in mirror.fences.items():
        if batch.startswith(mine):
            state.fences[batch] = replace(fence, abandoned=True)
    with database.transaction():
        for table, changed in rows.items():
            database.append(table, [row | {"snapshot": state.snapshot} for row in changed])
        emptied = [spool.name for spool in spools]
        database.run("remove_segments", spools=emptied, partitions=None, snapshot=state.snapshot)
        database.run("abandon_all", deployment=deployment, instant=now)
        skipped = database.rows("skip_all_publications", prefix=mine, why=_WHY, instant=now)
        # Its own queues are called `DEPLOYMENT/NAME`; an id may then come again.
        database.run("empty_queues", prefix=mine)
        database.run("empty_queue_ids", prefix=mine)
        database.run("forget_marks", deployment=deployment)
        _forget_keys(database, state, mine, now)
    mirror.absorb(state)
    return tuple(row["publication"] for row in skipped)


def _forget_keys(database: Database, state: Mirror, mine: str, now: datetime) -> None:
    """Delete all keys of the namespaces that are the deployment's own."""
    keys = database.frame("keys_of", prefix=mine).with_columns(op=pl.lit("delete"))
    if not keys.is_empty():
        KeyBook(database, state, now).put_columns(keys)


def restart(state: Mirror, key: str) -> dict[str, Any]:
    """Put a position back to the beginning; the row that says so."""
    standing = state.positions[key]
    state.positions[key] = Standing(standing.version + 1)
    return {"key": key, "version": standing.version + 1, "items": dict.fromkeys(standing.items)}


def lower(state: Mirror, key: str) -> dict[str, Any]:
    """Forget what an input looked like; the row that says so."""
    state.floors[key] = Schema()
    return {"key": key, "fields": []}


def empty(state: Mirror, spool: Spool) -> dict[str, Any]:
    """Forget the schema of a spool that is emptied; the row that says so."""
    version = spool.schema_version + 1
    spec = replace(spool.spec, schema=None)
    state.spools[spool.name] = replace(spool, spec=spec, schema_version=version)
    return {"spool": spool.name, "version": version, "schema_id": NO_SCHEMA}
