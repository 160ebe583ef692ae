-- name: snapshot
SELECT coalesce(max(snapshot), 0) AS snapshot, max(committed_at) AS committed_at FROM snapshots

-- name: snapshot_at
SELECT coalesce(max(snapshot), 0) AS snapshot FROM snapshots WHERE committed_at <= $instant

-- name: position_versions
SELECT key, max(version) AS version FROM positions GROUP BY key

-- name: position_items
SELECT p.key AS key, item.key AS item, arg_max(item.value, p.version) AS value
FROM positions AS p, json_each(p.items) AS item
GROUP BY ALL
HAVING arg_max(item.value, p.version) <> 'null'

-- name: floors
SELECT key, arg_max(fields, snapshot) AS fields FROM floors GROUP BY key

-- name: spools
SELECT s.*, coalesce(q.next_seq, 0) AS next_seq
FROM (SELECT * FROM spools QUALIFY row_number() OVER (PARTITION BY spool ORDER BY snapshot DESC) = 1) AS s
LEFT JOIN (SELECT spool, max(first_seq + rows) AS next_seq FROM segments GROUP BY spool) AS q USING (spool)
ORDER BY s.spool

-- name: schemas
SELECT schema_id, fields FROM schemas

-- name: spool_schemas
SELECT spool, max(version) AS version, arg_max(schema_id, version) AS schema_id
FROM spool_schemas GROUP BY spool

-- name: schema_at
SELECT arg_max(schema_id, version) AS schema_id
FROM spool_schemas WHERE spool = $spool AND snapshot <= $at

-- name: batch_numbers
SELECT deployment || '/' || stage AS stage, max(number) AS number FROM batches GROUP BY ALL

-- name: committed_batch
SELECT attempt, snapshot FROM batches WHERE batch = $batch

-- name: claims
SELECT batch, attempt, document, abandoned_at IS NOT NULL AS abandoned
FROM claims WHERE $deployment IS NULL OR deployment = $deployment

-- name: forget_claims
DELETE FROM claims WHERE batch IN (SELECT unnest($batches::VARCHAR[]))

-- name: abandon
UPDATE claims SET abandoned_at = $instant WHERE batch = $batch

-- name: abandon_all
UPDATE claims SET abandoned_at = $instant WHERE deployment = $deployment AND abandoned_at IS NULL

-- name: remove_segments
UPDATE segments SET removed_snapshot = $snapshot
WHERE spool = $spool AND removed_snapshot IS NULL
  AND ($partitions::VARCHAR[] IS NULL
       OR list_contains($partitions::VARCHAR[], coalesce("partition", '')))

-- name: segments
SELECT path, rows, bytes, first_seq, schema_id, "partition", checksum
FROM segments
WHERE spool = $spool
  AND first_seq < $until AND first_seq + rows > $since
  AND added_snapshot <= $at AND (removed_snapshot IS NULL OR removed_snapshot > $at)
  AND ($partitions::VARCHAR[] IS NULL
       OR list_contains($partitions::VARCHAR[], coalesce("partition", '')))
  AND ($event_from IS NULL OR event_max >= $event_from)
  AND ($event_until IS NULL OR event_min < $event_until)
ORDER BY first_seq

-- name: next_seq
SELECT coalesce(max(first_seq + rows), 0) AS next_seq FROM segments
WHERE spool = $spool AND added_snapshot <= $at

-- name: version
SELECT * FROM versions WHERE workflow = $workflow AND ($number IS NULL OR number = $number)
ORDER BY number DESC LIMIT 1

-- name: versions
SELECT * FROM versions WHERE $workflow IS NULL OR workflow = $workflow ORDER BY workflow, number

-- name: run_numbers
SELECT deployment, max(number) AS number FROM runs GROUP BY deployment

-- name: start_runs
UPDATE runs SET status = 'running', started_at = coalesce(started_at, $instant)
WHERE list_contains($runs::VARCHAR[], run) AND status = 'queued'

-- name: end_run
UPDATE runs SET status = $status, note = $note, ended_at = $instant,
    started_at = coalesce(started_at, $instant)
WHERE run = $run

-- name: lose_runs
-- A run by hand does not outlive its owner; a fire is a promise, and the next owner keeps it.
UPDATE runs SET status = 'lost', ended_at = $instant WHERE status = 'running' AND stage IS NULL

-- name: runs
SELECT * EXCLUDE (number) FROM runs
WHERE ($deployment IS NULL OR deployment = $deployment) AND ($stage IS NULL OR stage = $stage)
ORDER BY coalesce(started_at, fired_at) DESC, number DESC LIMIT $limit

-- name: open_runs
SELECT * EXCLUDE (number) FROM runs
WHERE deployment = $deployment AND stage IS NOT NULL AND status IN ('queued', 'running')
ORDER BY number

-- name: trigger_states
SELECT key, arg_max(state, number) AS state, max(number) AS number FROM trigger_states GROUP BY key

-- name: forget_triggers
DELETE FROM trigger_states WHERE list_contains($keys::VARCHAR[], key)

-- name: emit_parts
SELECT "index", rows, partial FROM emit_parts WHERE key = $key

-- name: forget_emit_parts
DELETE FROM emit_parts WHERE list_contains($keys::VARCHAR[], key)

-- name: sizes
SELECT spool, sum(rows)::BIGINT AS rows, sum(bytes)::BIGINT AS bytes, count(*) AS segments
FROM segments
WHERE removed_snapshot IS NULL AND ($spool IS NULL OR spool = $spool)
GROUP BY spool

-- name: history
SELECT s.snapshot, s.committed_at, s.batch,
       coalesce(sum(g.rows) FILTER (g.added_snapshot = s.snapshot), 0)::BIGINT AS rows_added,
       coalesce(sum(g.rows) FILTER (g.removed_snapshot = s.snapshot), 0)::BIGINT AS rows_removed
FROM snapshots AS s
JOIN segments AS g ON g.spool = $spool AND s.snapshot IN (g.added_snapshot, g.removed_snapshot)
GROUP BY ALL ORDER BY s.snapshot

-- name: pending_publications
SELECT publication, step, kind, group_name, payload FROM publications
WHERE published_at IS NULL AND starts_with(batch, $deployment || '/')
ORDER BY snapshot, publication

-- name: published
UPDATE publications SET published_at = $instant
WHERE published_at IS NULL AND list_contains($ids::VARCHAR[], publication)

-- name: state_versions
SELECT workflow || '@' || number AS ref, * FROM versions ORDER BY workflow, number

-- name: state_runs
SELECT * FROM runs ORDER BY coalesce(started_at, fired_at), number

-- name: state_triggers
SELECT key, state, changed_at FROM trigger_states ORDER BY key

-- name: state_batches
SELECT * EXCLUDE (counts) FROM batches ORDER BY snapshot

-- name: state_steps
SELECT batch, snapshot, unnest(counts, recursive := true) FROM batches

-- name: state_snapshots
SELECT * FROM snapshots ORDER BY snapshot

-- name: state_positions
SELECT * FROM positions ORDER BY key, version

-- name: state_spools
SELECT * FROM spools QUALIFY row_number() OVER (PARTITION BY spool ORDER BY snapshot DESC) = 1

-- name: state_schemas
SELECT h.spool, h.version, h.snapshot, s.fields
FROM spool_schemas AS h JOIN schemas AS s USING (schema_id) ORDER BY h.spool, h.version

-- name: state_segments
SELECT * FROM segments ORDER BY spool, first_seq

-- name: state_publications
SELECT * FROM publications ORDER BY snapshot, publication

-- name: named_segments
SELECT path, spool, batch, rows, bytes, checksum, removed_snapshot IS NULL AS live
FROM segments WHERE $spool IS NULL OR spool = $spool ORDER BY spool, first_seq

-- name: named_paths
SELECT path FROM segments WHERE path IN (SELECT unnest($paths::VARCHAR[]))
