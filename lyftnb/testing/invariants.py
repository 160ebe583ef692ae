"""What must hold of every ledger at all times, as named functions. `check` runs them all.

Each gives sentences about what does not hold; none means that it does. They read the tables with
their own SQL, so that a wrong query of the store cannot hide its own mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from lyftnb.model import Schema, united
from lyftnb.store import Ledger
from lyftnb.store.entries import NOTHING, Entry, hash_of
from lyftnb.store.mirror import Mirror, from_json, load


def check(ledger: Ledger) -> None:
    """Assert that all invariants hold.

    Raises:
        AssertionError: with every sentence, under the name of its invariant.
    """
    broken = [f"{rule.__name__}: {text}" for rule in INVARIANTS for text in rule(ledger)]
    assert not broken, "\n".join(broken)


def sequences_are_contiguous(ledger: Ledger) -> Iterator[str]:
    """Each segment of a spool begins where the one before it ends; the first begins at 0."""
    rows = _rows(
        ledger,
        """
        SELECT spool, path, first_seq,
               lag(first_seq + rows, 1, 0) OVER (PARTITION BY spool ORDER BY first_seq) AS due
        FROM segments QUALIFY first_seq <> due
        """,
    )
    for spool, path, first, due in rows:
        yield f"{spool}: {path} begins at {first}, not at {due}"


def rows_are_unique(ledger: Ledger) -> Iterator[str]:
    """Names that stand for one thing have one row: nothing is doubled."""
    keys = {
        "segments": "path",
        "snapshots": "snapshot",
        "batches": "batch",
        "schemas": "schema_id",
        "claims": "batch",
        "publications": "publication",
        "positions": "key || '#' || version",
        "spool_schemas": "spool || '#' || version",
        "versions": "workflow || '@' || number",
        "runs": "run",
        "runbooks": "runbook || '@' || number",
        "invocations": "invocation",
        "queues": "queue",
        "queue_items": "item",
        "messages": "id",
        "subscriptions": "name",
        "issues": "issue",
        "kv": "namespace || '/' || key || '#' || version",
        "set_members": "namespace || '/' || key || '#' || version || member",
        "namespaces": "namespace",
        "locks": "name",
    }
    # One statement for all tables: this is checked after most tests.
    names = " UNION ALL ".join(
        f"SELECT '{table}' AS t, ({key})::VARCHAR AS k FROM {table}" for table, key in keys.items()
    )
    query = f"SELECT t, k, count(*) FROM ({names}) GROUP BY ALL HAVING count(*) > 1"
    for table, name, count in _rows(ledger, query):
        yield f"{table}: {name} has {count} rows"


def snapshots_are_batches(ledger: Ledger) -> Iterator[str]:
    """Every committed batch is one snapshot, under the same number; snapshots have no gap and
    their times do not go back.
    """
    rows = _rows(
        ledger,
        """
        SELECT coalesce(s.batch, b.batch) FROM snapshots AS s FULL JOIN batches AS b USING (batch)
        WHERE s.snapshot IS DISTINCT FROM b.snapshot AND coalesce(s.batch, b.batch) IS NOT NULL
        """,
    )
    for (batch,) in rows:
        yield f"{batch} is not exactly one snapshot"
    order = """
        SELECT snapshot FROM (
            SELECT snapshot, committed_at, row_number() OVER (ORDER BY snapshot) AS place,
                   lag(committed_at) OVER (ORDER BY snapshot) AS before
            FROM snapshots)
        WHERE snapshot <> place OR committed_at < before
        """
    for (snapshot,) in _rows(ledger, order):
        yield f"snapshot {snapshot} is out of order"


def segments_belong_to_commits(ledger: Ledger) -> Iterator[str]:
    """A segment was added by its batch's snapshot, and removed by a later one that exists."""
    rows = _rows(
        ledger,
        """
        SELECT g.path FROM segments AS g LEFT JOIN batches AS b
            ON b.batch = g.batch AND b.snapshot = g.added_snapshot
        WHERE b.batch IS NULL OR g.removed_snapshot <= g.added_snapshot
           OR g.removed_snapshot > (SELECT max(snapshot) FROM snapshots)
        """,
    )
    for (path,) in rows:
        yield f"{path} was not added by a commit, or removed before it was added"


def positions_move_by_commits(ledger: Ledger) -> Iterator[str]:
    """The versions of a position count 1, 2, 3, … in the order of their snapshots."""
    rows = _rows(
        ledger,
        """
        SELECT p.key, p.version FROM positions AS p LEFT JOIN snapshots AS s USING (snapshot)
        QUALIFY s.snapshot IS NULL
             OR p.version <> row_number() OVER (PARTITION BY p.key ORDER BY p.snapshot)
        """,
    )
    for key, version in rows:
        yield f"{key} has version {version} out of turn"


def publications_are_of_commits(ledger: Ledger) -> Iterator[str]:
    """No publication of a batch that is not committed."""
    query = "SELECT publication FROM publications ANTI JOIN batches USING (batch, snapshot)"
    for (publication,) in _rows(ledger, query):
        yield f"{publication} belongs to no committed batch"


def no_claim_of_a_commit(ledger: Ledger) -> Iterator[str]:
    """A committed batch has no claim left."""
    for (batch,) in _rows(ledger, "SELECT batch FROM claims SEMI JOIN batches USING (batch)"):
        yield f"{batch} is committed and claimed"


def schemas_grow(ledger: Ledger) -> Iterator[str]:
    """A later schema of a spool holds the earlier one, unless the spool was emptied between; and
    every segment fits the schema its spool had when it was added.
    """
    with ledger.opened() as database:
        schemas = {row["schema_id"]: from_json(row["fields"]) for row in database.rows("schemas")}
    history = _rows(ledger, "SELECT spool, schema_id FROM spool_schemas ORDER BY spool, version")
    before: dict[str, Schema] = {}
    for spool, schema_id in history:
        schema = schemas.get(schema_id, Schema())
        if schema and united(schema, before.get(spool, Schema())) != (schema, {}):
            yield f"{spool}: {schema} does not hold {before[spool]}"
        before[spool] = schema
    segments = _rows(
        ledger,
        """
        SELECT s.spool, s.schema_id, arg_max(h.schema_id, h.version)
        FROM (SELECT DISTINCT spool, schema_id, added_snapshot FROM segments) s
        LEFT JOIN spool_schemas h ON h.spool = s.spool AND h.snapshot <= s.added_snapshot
        GROUP BY s.spool, s.schema_id, s.added_snapshot
        """,
    )
    for spool, schema_id, schema_then in set(segments):
        whole, own = schemas.get(schema_then, Schema()), schemas[schema_id]
        if united(whole, own) != (whole, {}):
            yield f"{spool}: a segment has {own}, but the spool {whole}"


def files_are_there(ledger: Ledger) -> Iterator[str]:
    """Every named segment's file holds what was committed, byte for byte and row for row."""
    for damage in ledger.verify():
        yield str(damage)


def memory_equals_tables(ledger: Ledger) -> Iterator[str]:
    """What the owner keeps in memory is what a restart would read."""
    with ledger.opened() as database:
        kept, read = ledger.mirror, load(database)
    for name in ("snapshot", "committed_at", "spools", "committed"):
        if getattr(kept, name) != getattr(read, name):
            yield f"{name}: {getattr(kept, name)} in memory, {getattr(read, name)} in the tables"
    with ledger.opened() as database:
        tail, known = kept.tail, dict.fromkeys(("kind", "tag", "type", "source", "job"))
        rows = database.rows("messages", after=tail.after, until=kept.message, limit=1000, **known)
    for spool, newest in kept.newest.items():
        refs, since = newest.refs, None
        if refs and not newest.whole:
            since = min(ref.first_seq for ref in refs)
        if (refs or newest.whole) and refs != ledger.segments(spool, since=since, at=kept.snapshot):
            yield f"segments of {spool}: {refs} are in memory, and others in the table"
    if list(tail.rows) != rows:
        yield f"messages: {tail.rows} in memory, {rows} in the tables"
    if dict(kept.positions) != read.positions:
        yield f"positions: {kept.positions} in memory, {read.positions} in the tables"
    if {k: v for k, v in kept.floors.items() if v} != {k: v for k, v in read.floors.items() if v}:
        yield f"floors: {kept.floors} in memory, {read.floors} in the tables"
    for name in ("queues", "message", "reserved"):
        if getattr(kept, name) != getattr(read, name):
            yield f"{name}: {getattr(kept, name)} in memory, {getattr(read, name)} in the tables"
    yield from _state_in_memory(kept, read)
    durable = {batch: fence for batch, fence in kept.fences.items() if fence.durable}
    if durable != read.fences:
        yield f"fences: {durable} in memory, {read.fences} in the tables"


def items_are_in_one_state(ledger: Ledger) -> Iterator[str]:
    """An item is of a queue that exists; a dead one is not leased; what is leased says until when
    and in which company; numbers and tokens were given out, tokens after their items.
    """
    rows = _rows(
        ledger,
        """
        SELECT i.item FROM queue_items AS i LEFT JOIN queues AS q USING (queue), numbers
        WHERE q.queue IS NULL OR i.item >= reserved OR i.token >= reserved OR i.token <= i.item
           OR (i.token IS NOT NULL AND (i.dead_at IS NOT NULL OR i.company IS NULL))
           OR i.hidden_at > i.hidden_until OR i.payload IS NULL OR NOT json_valid(i.payload)
        """,
    )
    for (item,) in rows:
        yield f"item {item} is in no proper state"


def ids_are_taken_once(ledger: Ledger) -> Iterator[str]:
    """No two items of a queue have the same id."""
    named = "SELECT queue, id FROM queue_items WHERE id IS NOT NULL"
    for queue, name in _rows(ledger, f"{named} GROUP BY ALL HAVING count(*) > 1"):
        yield f"{queue}: two items have the id {name}"


def messages_of_jobs_are_of_commits(ledger: Ledger) -> Iterator[str]:
    """What a job says of a batch is heard only once the batch is committed."""
    query = """
        SELECT id, batch FROM messages ANTI JOIN batches USING (batch)
        WHERE source = 'job' AND batch IS NOT NULL
    """
    for number, batch in _rows(ledger, query):
        yield f"message {number} is of {batch}, which is not committed"


def one_issue_is_open(ledger: Ledger) -> Iterator[str]:
    """For each code and place at most one issue is open."""
    query = """
        SELECT code, place FROM issues GROUP BY ALL
        HAVING count(*) FILTER (closed_at IS NULL) > 1 OR min(count) < 1
    """
    for code, place in _rows(ledger, query):
        yield f"{code} at {place} is open twice, or was never raised"


def keys_are_found(ledger: Ledger) -> Iterator[str]:
    """A key stands under the hash by which it is looked for, and no row is of a version to come."""
    newest = ledger.mirror.version
    for table in ("kv", "set_members"):
        query = f"SELECT DISTINCT hash, namespace, key, version FROM {table}"
        for hash_, namespace, key, version in _rows(ledger, query):
            if hash_ != hash_of((namespace, key)):
                yield f"{table}: {namespace}:{key} has hash {hash_}"
            if not 0 < version <= newest:
                yield f"{table}: {namespace}:{key} has version {version} of {newest}"


def members_have_sets(ledger: Ledger) -> Iterator[str]:
    """A member came in with a change of its set: no row of it is newer than its key's."""
    query = """
        SELECT m.namespace, m.key, m.member FROM set_members AS m LEFT JOIN (
            SELECT namespace, key, max(version) AS version FROM kv GROUP BY ALL
        ) AS k USING (namespace, key)
        WHERE k.version IS NULL OR k.version < m.version
        """
    for namespace, key, member in _rows(ledger, query):
        yield f"{namespace}:{key} has member {member}, but was not changed with it"


def remembered_keys_are_true(ledger: Ledger) -> Iterator[str]:
    """Keys that are answered from memory are as the tables have them."""
    query = """
        SELECT namespace, key, version, value, set_since, expires_at FROM kv
        QUALIFY row_number() OVER (PARTITION BY namespace, key ORDER BY version DESC) = 1
        """
    stored = {(row[0], row[1]): Entry(*row[2:]) for row in _rows(ledger, query)}
    now = ledger.clock.now()
    with ledger.opened():
        recent = ledger.mirror.recent
        for address in list(recent):
            kept, found = recent.get(address), stored.get(address, NOTHING)
            if kept != found and (kept is None or kept.alive(now) or found.alive(now)):
                yield f"{address}: {kept} in memory, {found} in the tables"


def marks_are_whole(ledger: Ledger) -> Iterator[str]:
    """A mark has a scope and both halves of its fingerprint."""
    query = "SELECT count(*) FROM marks WHERE scope IS NULL OR high IS NULL OR low IS NULL"
    ((count,),) = _rows(ledger, query)
    if count:
        yield f"{count} marks lack something"


def _state_in_memory(kept: Mirror, read: Mirror) -> Iterator[str]:
    for name in ("version", "namespaces", "locks", "key_rows", "key_rows_kept"):
        if getattr(kept, name) != getattr(read, name):
            yield f"{name}: {getattr(kept, name)} in memory, {getattr(read, name)} in the tables"


INVARIANTS: tuple[Callable[[Ledger], Iterator[str]], ...] = (
    sequences_are_contiguous,
    rows_are_unique,
    snapshots_are_batches,
    segments_belong_to_commits,
    positions_move_by_commits,
    publications_are_of_commits,
    no_claim_of_a_commit,
    schemas_grow,
    files_are_there,
    items_are_in_one_state,
    ids_are_taken_once,
    messages_of_jobs_are_of_commits,
    one_issue_is_open,
    memory_equals_tables,
    keys_are_found,
    members_have_sets,
    remembered_keys_are_true,
    marks_are_whole,
)


def _rows(ledger: Ledger, query: str) -> list[tuple[Any, ...]]:
    with ledger.opened() as database:
        return list(database.connection.execute(query).fetchall())
