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

-- name: committed_batches
SELECT batch, attempt, snapshot FROM batches WHERE batch IN (SELECT unnest($batches::VARCHAR[]))

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
WHERE list_contains($spools::VARCHAR[], spool) AND removed_snapshot IS NULL
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

-- name: backlogs
-- What was removed since counts too for when the first row came: it may only be in another file now.
SELECT b.at, b.bytes, s.committed_at
FROM (
    SELECT a.at, min(g.added_snapshot) AS snapshot,
           coalesce(sum(g.bytes) FILTER (g.removed_snapshot IS NULL), 0)::BIGINT AS bytes
    FROM (
        SELECT unnest($spools::VARCHAR[]) AS spool, unnest($since::BIGINT[]) AS since,
               unnest(range(len($spools::VARCHAR[]))) AS at
    ) AS a
    JOIN segments AS g ON g.spool = a.spool AND g.first_seq + g.rows > a.since
    GROUP BY a.at
) AS b
JOIN snapshots AS s USING (snapshot)

-- name: next_seq
SELECT coalesce(max(first_seq + rows), 0) AS next_seq FROM segments
WHERE spool = $spool AND added_snapshot <= $at

-- name: version
SELECT * FROM versions WHERE workflow = $workflow AND ($number IS NULL OR number = $number)
ORDER BY number DESC LIMIT 1

-- name: versions
SELECT * FROM versions WHERE $workflow IS NULL OR workflow = $workflow ORDER BY workflow, number

-- name: run_numbers
-- A run that data brought about may have a claim and no row yet.
SELECT deployment, coalesce(max(number), 0) AS number
FROM (
    SELECT deployment, number FROM runs
    UNION ALL
    SELECT deployment, TRY_CAST(regexp_extract(document ->> 'run', '\d+$') AS BIGINT) FROM claims
)
GROUP BY deployment

-- name: start_runs
UPDATE runs SET status = 'running', started_at = $instant
WHERE run IN (SELECT unnest($runs::VARCHAR[])) AND status = 'queued' RETURNING run

-- name: end_runs
UPDATE runs SET status = ended.status, note = ended.note, ended_at = $instant,
    started_at = coalesce(started_at, $instant)
FROM (
    SELECT unnest($runs::VARCHAR[]) AS run, unnest($statuses::VARCHAR[]) AS status,
        unnest($notes::VARCHAR[]) AS note
) AS ended
WHERE runs.run = ended.run

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
SELECT key, state FROM trigger_states

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
WHERE published_at IS NULL AND skipped IS NULL AND starts_with(batch, $deployment || '/')
ORDER BY snapshot, publication

-- name: skip_publications
UPDATE publications SET skipped = $why, skipped_at = $instant
WHERE published_at IS NULL AND list_contains($ids::VARCHAR[], publication)

-- name: skip_all_publications
UPDATE publications SET skipped = $why, skipped_at = $instant
WHERE published_at IS NULL AND skipped IS NULL AND starts_with(batch, $prefix)
RETURNING publication

-- name: unswept_publications
SELECT publication, step, kind, group_name, payload FROM publications
WHERE published_at IS NULL AND swept_at IS NULL AND skipped_at < $before
ORDER BY snapshot, publication

-- name: swept_publications
UPDATE publications SET swept_at = $instant
WHERE list_contains($ids::VARCHAR[], publication)

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

-- name: numbers
SELECT reserved FROM numbers

-- name: reserve_numbers
UPDATE numbers SET reserved = $reserved

-- name: queue_settings
SELECT queue, max_attempts, id_retention_s FROM queues

-- name: set_queue
UPDATE queues SET max_attempts = $max_attempts, id_retention_s = $id_retention_s
WHERE queue = $queue

-- name: known_ids
SELECT DISTINCT g.place
FROM given AS g JOIN (
    SELECT i.queue, i.id FROM queue_ids AS i JOIN queues AS q USING (queue)
    WHERE i.enqueued_at > $now - to_seconds(q.id_retention_s)
    UNION ALL
    SELECT queue, id FROM queue_items WHERE id IS NOT NULL
) AS known ON known.queue = g.queue AND known.id = g.id

-- name: forget_ids
DELETE FROM queue_ids USING queues AS q
WHERE queue_ids.queue = q.queue AND enqueued_at <= $now - to_seconds(q.id_retention_s)
RETURNING id

-- name: expired_leases
-- A lease has run out at its time, or if the clock has since been set back by more than its length.
-- Leased alone, the item has failed; in company it may be another's fault, so they come back in
-- leases of half as many, until whoever is to blame stands alone.
UPDATE queue_items
SET token = NULL, holder = NULL,
    hidden_at = least(hidden_until, $now), hidden_until = least(hidden_until, $now),
    at_most = greatest(company // 2, 1),
    attempts = attempts + (company = 1)::INTEGER,
    dead_at = CASE WHEN company = 1 AND attempts + 1 >= $max_attempts THEN $now END,
    reason = coalesce(holder, 'its holder') || ' let the lease run out'
WHERE queue = $queue AND token IS NOT NULL
  AND (hidden_until <= $now OR hidden_at > $now + (hidden_until - hidden_at))
RETURNING item, dead_at IS NOT NULL AS is_dead

-- name: first_expiry
SELECT min(hidden_until) AS instant FROM queue_items WHERE queue = $queue AND token IS NOT NULL

-- name: ready_items
SELECT item, payload, attempts, enqueued_at, id, at_most
FROM queue_items
WHERE queue = $queue AND dead_at IS NULL AND token IS NULL
  AND (hidden_until <= $now OR hidden_at > $now + (hidden_until - hidden_at))
ORDER BY priority DESC, hidden_until, item
LIMIT $limit

-- name: lease_items
UPDATE queue_items
SET token = $token, holder = $holder, company = $company, hidden_at = $now, hidden_until = $until
FROM given WHERE queue_items.item = given.item
RETURNING item

-- name: current_leases
SELECT q.item FROM queue_items AS q JOIN given AS g ON q.item = g.item AND q.token = g.token

-- name: leased_items
SELECT q.item, q.token, q.queue, q.payload, q.attempts, q.enqueued_at, q.id
FROM queue_items AS q JOIN given AS g ON q.item = g.item AND q.token = g.token

-- name: leases_of
SELECT item, token FROM queue_items
WHERE queue = $queue AND holder = $holder AND token IS NOT NULL

-- name: renew_leases
UPDATE queue_items SET hidden_at = $now, hidden_until = $until
FROM given AS g WHERE queue_items.item = g.item AND queue_items.token = g.token
RETURNING item

-- name: ack_items
DELETE FROM queue_items USING given AS g
WHERE queue_items.item = g.item AND queue_items.token = g.token
RETURNING item

-- name: nack_items
UPDATE queue_items
SET token = NULL, holder = NULL, hidden_at = $now, hidden_until = $until,
    at_most = least(at_most, $at_most),
    attempts = attempts + $failures,
    dead_at = CASE WHEN $failures > 0 AND attempts + $failures >= $max_attempts THEN $now END,
    reason = coalesce($reason, reason)
FROM given AS g WHERE queue_items.item = g.item AND queue_items.token = g.token
RETURNING item, dead_at IS NOT NULL AS is_dead

-- name: bury_items
UPDATE queue_items
SET token = NULL, holder = NULL, hidden_at = $now, hidden_until = $now, attempts = attempts + 1,
    dead_at = $now, reason = $reason
FROM given AS g WHERE queue_items.item = g.item AND queue_items.token = g.token
RETURNING item

-- name: redrive_items
UPDATE queue_items
SET dead_at = NULL, attempts = 0, at_most = NULL, hidden_at = $now, hidden_until = $now
WHERE queue = $queue AND dead_at IS NOT NULL
  AND ($items::BIGINT[] IS NULL OR list_contains($items::BIGINT[], item))
RETURNING item

-- name: purge_items
DELETE FROM queue_items WHERE queue = $queue AND (dead_at IS NOT NULL) = $dead RETURNING item

-- name: peek_items
SELECT queue, item, payload, id, priority, attempts, enqueued_at, hidden_until AS available_at,
       holder, dead_at, reason
FROM queue_items WHERE queue = $queue AND (dead_at IS NOT NULL) = $dead
ORDER BY dead_at, priority DESC, hidden_until, item
LIMIT $limit

-- name: state_queues
SELECT q.queue,
       count(*) FILTER (i.dead_at IS NULL AND NOT is_hidden) AS ready,
       count(*) FILTER (is_hidden AND token IS NULL) AS delayed,
       count(*) FILTER (is_hidden AND token IS NOT NULL) AS leased,
       count(i.dead_at) AS dead,
       min(i.enqueued_at) FILTER (i.dead_at IS NULL) AS oldest_at,
       min(i.hidden_until) FILTER (is_hidden) AS next_at,
       q.max_attempts
FROM queues AS q LEFT JOIN (
    SELECT *, dead_at IS NULL AND hidden_until > $now
              AND hidden_at <= $now + (hidden_until - hidden_at) AS is_hidden
    FROM queue_items WHERE $queue IS NULL OR queue = $queue
) AS i USING (queue)
WHERE $queue IS NULL OR q.queue = $queue
GROUP BY ALL ORDER BY q.queue

-- name: state_queue_items
SELECT queue, item, id, payload, priority, attempts, enqueued_at, hidden_until AS available_at,
       token, holder, reason
FROM queue_items WHERE dead_at IS NULL ORDER BY queue, priority DESC, hidden_until, item

-- name: state_dead_letters
SELECT queue, item, id, payload, priority, attempts, enqueued_at, dead_at, reason
FROM queue_items WHERE dead_at IS NOT NULL ORDER BY queue, dead_at, item

-- name: empty_queues
DELETE FROM queue_items WHERE starts_with(queue, $prefix)

-- name: empty_queue_ids
DELETE FROM queue_ids WHERE starts_with(queue, $prefix)

-- name: newest_message
SELECT coalesce(max(id), 0) AS id FROM messages

-- name: messages
SELECT * FROM messages
WHERE id > $after AND id <= $until
  AND ($kind IS NULL OR kind = $kind) AND ($tag IS NULL OR tag = $tag)
  AND ($type IS NULL OR type = $type) AND ($source IS NULL OR source = $source)
  AND ($job IS NULL OR job = $job)
ORDER BY id LIMIT $limit

-- name: recent_messages
SELECT * FROM messages
WHERE ($kind IS NULL OR kind = $kind) AND ($tag IS NULL OR tag = $tag)
  AND ($type IS NULL OR type = $type) AND ($source IS NULL OR source = $source)
  AND ($job IS NULL OR job = $job)
ORDER BY id DESC LIMIT $limit

-- name: subscription
SELECT position FROM subscriptions WHERE name = $reader

-- name: advance_subscription
UPDATE subscriptions SET position = greatest(position, $id), moved_at = $now
WHERE name = $reader RETURNING name

-- name: end_subscription
DELETE FROM subscriptions WHERE name = $reader RETURNING name

-- name: expire_messages
DELETE FROM messages
WHERE published_at < $before AND id < (SELECT max(id) FROM messages)
  AND (published_at < $held OR id <= coalesce((SELECT min(position) FROM subscriptions), id))
RETURNING id

-- name: state_messages
SELECT * FROM messages ORDER BY id

-- name: state_subscriptions
SELECT * FROM subscriptions ORDER BY name

-- name: open_issues
SELECT i.issue, i.code, i.place, i.count, i.first_at
FROM issues AS i JOIN given AS g ON i.code = g.code AND i.place = g.place
WHERE i.closed_at IS NULL

-- name: raise_again
UPDATE issues
SET severity = g.severity, cause = g.cause, hint = g.hint, facts = g.facts, count = g.count,
    last_at = g.last_at
FROM given AS g WHERE issues.issue = g.issue
RETURNING issue

-- name: close_issue
UPDATE issues SET closed_at = $now
WHERE closed_at IS NULL AND code = $code AND place = $place
RETURNING *

-- name: close_issues
UPDATE issues SET closed_at = $now
WHERE closed_at IS NULL AND NOT list_contains($except_codes::VARCHAR[], code)
  AND ($prefix = '' OR place = $prefix
       OR starts_with(place, $prefix || '/') OR starts_with(place, $prefix || '.'))
RETURNING *

-- name: issues
SELECT * FROM issues
WHERE (NOT $open OR closed_at IS NULL) AND ($code IS NULL OR code = $code)
  AND ($prefix = '' OR place = $prefix
       OR starts_with(place, $prefix || '/') OR starts_with(place, $prefix || '.'))
ORDER BY last_at DESC, issue DESC LIMIT $limit

-- name: expire_issues
DELETE FROM issues WHERE closed_at < $before RETURNING issue

-- name: state_issues
SELECT * FROM issues ORDER BY last_at DESC, issue DESC

-- name: namespaces
SELECT namespace, max(version) AS version
FROM (SELECT namespace, version FROM namespaces UNION ALL SELECT namespace, version FROM kv)
GROUP BY namespace

-- name: key_rows
SELECT (SELECT count(*) FROM kv) + (SELECT count(*) FROM set_members) AS rows,
       coalesce((SELECT sum(rows) FROM namespaces), 0)::BIGINT AS kept

-- name: kv_entry
SELECT namespace, key, version, value, set_since, expires_at FROM kv
WHERE hash = $hash AND namespace = $namespace AND key = $key

-- name: kv_entries
-- In two steps: rows are found by the one narrow column, and only theirs are read of the others
-- (measured on a million keys: 9 ms for 32 keys, 40 ms in one step).
SELECT namespace, key, version, value, set_since, expires_at FROM kv
WHERE rowid IN (SELECT rowid FROM kv WHERE hash IN (SELECT hash FROM given))

-- name: kv_scan
SELECT key, newest.* FROM (
    SELECT key, arg_max({'version': version, 'value': value, 'set_since': set_since, 'expires_at': expires_at}, version) AS newest
    FROM kv
    WHERE namespace = $namespace AND starts_with(key, $prefix) AND key > $after
    GROUP BY key)
WHERE (newest.value IS NOT NULL OR newest.set_since IS NOT NULL)
  AND (newest.expires_at IS NULL OR newest.expires_at > $now)
ORDER BY key LIMIT $limit

-- name: set_members
SELECT namespace, key, member, arg_max(present, version) AS present, max(version) AS version
FROM set_members SEMI JOIN given USING (hash, namespace, key)
GROUP BY ALL

-- name: kv_namespaces
SELECT namespace, count(*) AS entries FROM (
    SELECT namespace, arg_max({'value': value, 'set_since': set_since, 'expires_at': expires_at}, version) AS newest
    FROM kv GROUP BY hash, namespace, key)
WHERE (newest.value IS NOT NULL OR newest.set_since IS NOT NULL)
  AND (newest.expires_at IS NULL OR newest.expires_at > $now)
GROUP BY namespace ORDER BY namespace

-- name: append_kv
INSERT INTO kv BY NAME FROM given

-- name: append_set_members
INSERT INTO set_members BY NAME FROM given

-- name: append_keys
INSERT INTO kv
SELECT md5_number_lower(namespace || key), namespace, key,
       CASE WHEN op = 'put' THEN value END, NULL, $version,
       CASE WHEN op = 'put' THEN expires_at END
FROM given

-- name: keep_keys
CREATE TEMP TABLE kept_keys AS
SELECT * FROM (
    SELECT * FROM kv
    QUALIFY row_number() OVER (PARTITION BY hash, namespace, key ORDER BY version DESC) = 1)
WHERE (value IS NOT NULL OR set_since IS NOT NULL) AND (expires_at IS NULL OR expires_at > $now)

-- name: keep_members
CREATE TEMP TABLE kept_members AS
SELECT m.* FROM (
    SELECT * FROM set_members
    QUALIFY row_number() OVER (PARTITION BY hash, namespace, key, member ORDER BY version DESC) = 1
) AS m JOIN kept_keys AS k USING (hash, namespace, key)
WHERE m.present AND m.version >= k.set_since

-- name: clear_keys
DELETE FROM kv

-- name: clear_members
DELETE FROM set_members

-- name: refill_keys
INSERT INTO kv FROM kept_keys ORDER BY hash

-- name: refill_members
INSERT INTO set_members FROM kept_members ORDER BY hash

-- name: drop_keys
DROP TABLE kept_keys

-- name: drop_members
DROP TABLE kept_members

-- name: rows_by_namespace
SELECT namespace, count(*) AS rows
FROM (SELECT namespace FROM kv UNION ALL SELECT namespace FROM set_members) GROUP BY namespace

-- name: clear_namespaces
DELETE FROM namespaces

-- name: malformed_changes
-- The first change that could not be read again, or breaks a limit.
SELECT namespace, key, op,
       CASE WHEN NOT list_contains($ops::VARCHAR[], op) OR op IS NULL THEN 'op'
            WHEN NOT regexp_full_match(namespace, $names) OR namespace IS NULL THEN 'namespace'
            WHEN key IS NULL OR strlen(key) NOT BETWEEN 1 AND $key_bytes THEN 'key'
            ELSE 'value' END AS wrong
FROM given
WHERE op IS NULL OR NOT list_contains($ops::VARCHAR[], op)
   OR namespace IS NULL OR NOT regexp_full_match(namespace, $names)
   OR key IS NULL OR strlen(key) NOT BETWEEN 1 AND $key_bytes
   OR (op <> 'delete' AND (value IS NULL OR strlen(value) > $value_bytes OR NOT json_valid(value)))
LIMIT 1

-- name: doubtful_changes
-- Values that DuckDB may take for JSON and others do not: NaN, infinities, a comma at the end, numbers
-- beyond all bounds. Text that only looks so is among them.
SELECT namespace, key, op, value FROM given
WHERE op <> 'delete'
  AND regexp_matches(value, '(?i)nan|inf|,\s*[\]}]|[0-9]{1000}')

-- name: locks
SELECT name, token, holder, acquired_at, expires_at FROM locks

-- name: forget_lock
DELETE FROM locks WHERE name = $lock

-- name: marked
SELECT high, low FROM marks
WHERE scope = $scope AND (expires_at IS NULL OR expires_at > $now)
  AND high IN (SELECT high FROM given)

-- name: append_marks
INSERT INTO marks BY NAME FROM given

-- name: expired_marks
SELECT count(*) AS expired FROM marks WHERE expires_at <= $now

-- name: drop_expired_marks
DELETE FROM marks WHERE expires_at <= $now

-- name: expired_keys
SELECT count(*) AS expired FROM kv WHERE expires_at <= $now

-- name: keys_of
SELECT DISTINCT namespace, key, NULL::VARCHAR AS value, NULL::TIMESTAMPTZ AS expires_at
FROM kv WHERE starts_with(namespace, $prefix)

-- name: forget_marks
DELETE FROM marks WHERE starts_with(scope, $deployment || '/')

-- name: state_kv
SELECT namespace, key, newest.value::JSON AS value, newest.version, newest.expires_at FROM (
    SELECT namespace, key, arg_max({'version': version, 'value': value, 'expires_at': expires_at}, version) AS newest
    FROM kv GROUP BY hash, namespace, key)
WHERE newest.value IS NOT NULL AND (newest.expires_at IS NULL OR newest.expires_at > $now)
ORDER BY namespace, key

-- name: state_sets
SELECT m.namespace, m.key, m.member::JSON AS member, m.version, s.newest.expires_at FROM (
    SELECT hash, namespace, key, member, arg_max(present, version) AS present,
           max(version) AS version
    FROM set_members GROUP BY ALL
) AS m JOIN (
    SELECT hash, namespace, key,
           arg_max({'set_since': set_since, 'expires_at': expires_at}, version) AS newest
    FROM kv GROUP BY ALL
) AS s USING (hash, namespace, key)
WHERE m.present AND m.version >= s.newest.set_since
  AND (s.newest.expires_at IS NULL OR s.newest.expires_at > $now)
ORDER BY m.namespace, m.key, m.member

-- name: state_marks
SELECT scope, count(*) AS marks, min(expires_at) AS next_expiry, max(expires_at) AS last_expiry
FROM marks WHERE expires_at IS NULL OR expires_at > $now GROUP BY scope ORDER BY scope

-- name: state_locks
SELECT name, holder, token, acquired_at, expires_at
FROM locks WHERE holder IS NOT NULL AND expires_at > $now ORDER BY name

-- name: runbook
SELECT * FROM runbooks WHERE runbook = $runbook AND ($number IS NULL OR number = $number)
ORDER BY number DESC LIMIT 1

-- name: runbooks
SELECT * FROM runbooks WHERE $runbook IS NULL OR runbook = $runbook ORDER BY runbook, number

-- name: invocation
SELECT * FROM invocations WHERE invocation = $invocation

-- name: invocation_of_key
SELECT * FROM invocations WHERE runbook = $runbook AND key = $key

-- name: invocations
SELECT * FROM invocations
WHERE ($runbook IS NULL OR runbook = $runbook) AND ($status IS NULL OR status = $status)
ORDER BY invoked_at DESC, invocation DESC LIMIT $limit

-- name: next_invocation
SELECT coalesce(max(CAST(regexp_extract(invocation, '\d+$') AS BIGINT)), 0) + 1 AS number
FROM invocations WHERE runbook = $runbook

-- name: requeue_invocation
UPDATE invocations SET status = 'queued', attempts = attempts + 1, ended_at = NULL, error = NULL
WHERE invocation = $invocation AND status NOT IN ('queued', 'running', 'done')
RETURNING *

-- name: begin_invocation
UPDATE invocations SET status = 'running', run = $run, started_at = coalesce(started_at, $instant)
WHERE invocation = $invocation

-- name: end_invocation
UPDATE invocations SET status = $status, error = $error, ended_at = $instant
WHERE invocation = $invocation AND status IN ('queued', 'running')
RETURNING *

-- name: lose_invocations
-- None outlives its owner. Of one that had begun, its run tells how far it came.
UPDATE invocations
SET status = CASE WHEN status = 'queued' THEN 'lost'
                  ELSE coalesce((SELECT r.status FROM runs AS r WHERE r.run = invocations.run), 'lost')
             END,
    ended_at = $instant
WHERE status IN ('queued', 'running')

-- name: invocation_counts
SELECT step, sum(rows_in)::BIGINT AS rows_in, sum(rows_out)::BIGINT AS rows_out,
       sum(rejects)::BIGINT AS rejects, sum(dropped)::BIGINT AS dropped
FROM (
    SELECT b.snapshot, unnest(b.counts, recursive := true)
    FROM batches AS b JOIN runs AS r USING (run) WHERE r.correlation = $invocation
)
GROUP BY step ORDER BY min(snapshot), step

-- name: state_runbooks
SELECT runbook || '@' || number AS ref, * FROM runbooks ORDER BY runbook, number

-- name: state_invocations
SELECT * FROM invocations ORDER BY invoked_at, invocation

-- name: contexts
SELECT * FROM contexts ORDER BY layer

-- name: remove_context
DELETE FROM contexts WHERE layer = $layer

-- name: last_context_change
SELECT coalesce(max(change), 0) AS change FROM context_changes

-- name: context_changes
SELECT * FROM context_changes WHERE $layer IS NULL OR layer = $layer
ORDER BY change DESC LIMIT $limit

-- name: state_contexts
SELECT * FROM contexts ORDER BY layer

-- name: state_context_changes
SELECT * FROM context_changes ORDER BY change

-- name: secrets
SELECT * FROM secrets ORDER BY secret

-- name: remove_secrets
DELETE FROM secrets WHERE list_contains($names::VARCHAR[], secret)

-- name: state_secrets
SELECT secret, version, key_id, created_at, rotated_at FROM secrets ORDER BY secret

-- name: state_secret_changes
SELECT * FROM secret_changes ORDER BY changed_at

-- name: deployments
SELECT * FROM deployments WHERE $deployment IS NULL OR deployment = $deployment ORDER BY deployment

-- name: remove_deployment
DELETE FROM deployments WHERE deployment = $deployment

-- name: revisions
SELECT * FROM revisions
WHERE deployment = $deployment AND ($revision IS NULL OR revision = $revision)
ORDER BY revision DESC

-- name: last_revision
SELECT coalesce(max(revision), 0) AS revision FROM revisions WHERE deployment = $deployment

-- name: last_workflow
SELECT workflow FROM revisions WHERE deployment = $deployment ORDER BY revision DESC LIMIT 1

-- name: holds_rows
SELECT count(*) > 0 AS held
FROM segments WHERE removed_snapshot IS NULL AND starts_with(spool, $deployment || '.')

-- name: outcomes_after
-- The first batches after a snapshot.
SELECT coalesce(list_sum([c.rows_in for c in counts]), 0)::BIGINT AS rows,
       coalesce(list_sum([c.rejects for c in counts]), 0)::BIGINT AS rejects,
       attempt - 1 + (skipped IS NOT NULL)::INTEGER AS failures
FROM batches WHERE deployment = $deployment AND snapshot > $snapshot
ORDER BY snapshot LIMIT $limit

-- name: outcomes_until
-- The last batches up to a snapshot.
SELECT coalesce(list_sum([c.rows_in for c in counts]), 0)::BIGINT AS rows,
       coalesce(list_sum([c.rejects for c in counts]), 0)::BIGINT AS rejects,
       attempt - 1 + (skipped IS NOT NULL)::INTEGER AS failures
FROM batches WHERE deployment = $deployment AND snapshot <= $snapshot
ORDER BY snapshot DESC LIMIT $limit

-- name: plan
SELECT * FROM plans WHERE plan = $plan ORDER BY made_at DESC LIMIT 1

-- name: plan_ids
SELECT DISTINCT plan FROM plans ORDER BY plan

-- name: remove_plan
DELETE FROM plans WHERE plan = $plan

-- name: expire_plans
DELETE FROM plans
WHERE made_at < $before
   OR plan NOT IN (SELECT plan FROM plans ORDER BY made_at DESC, plan LIMIT $kept)
RETURNING plan

-- name: last_audit_entry
SELECT coalesce(max(entry), 0) AS entry FROM audit

-- name: audit
SELECT * FROM audit
WHERE ($ref IS NULL OR ref = $ref OR starts_with(ref, $ref || '@')) AND ($who IS NULL OR who = $who)
ORDER BY entry DESC LIMIT $limit

-- name: mark_scopes
SELECT DISTINCT scope FROM marks WHERE starts_with(scope, $deployment || '/')

-- name: forget_scopes
DELETE FROM marks WHERE list_contains($scopes::VARCHAR[], scope)

-- name: move_scope
UPDATE marks SET scope = $new WHERE scope = $old

-- name: rename_segments
UPDATE segments SET spool = $new WHERE spool = $old

-- name: rename_spool
UPDATE spools SET spool = $new WHERE spool = $old

-- name: rename_schemas
UPDATE spool_schemas SET spool = $new WHERE spool = $old

-- name: rename_emit_parts
UPDATE emit_parts SET key = $new WHERE key = $old

-- name: rename_open_runs
UPDATE runs SET stage = $new, trigger = replace(trigger, $old_key, $new_key)
WHERE deployment = $deployment AND stage = $old AND status IN ('queued', 'running')

-- name: cancel_open_runs
UPDATE runs SET status = 'cancelled', note = $note, ended_at = $instant
WHERE deployment = $deployment AND list_contains($stages::VARCHAR[], stage)
  AND status IN ('queued', 'running')

-- name: abandon_stages
UPDATE claims SET abandoned_at = $instant
WHERE deployment = $deployment AND list_contains($stages::VARCHAR[], stage)
  AND abandoned_at IS NULL

-- name: state_deployments
SELECT * FROM deployments ORDER BY deployment

-- name: state_revisions
SELECT * EXCLUDE (plan) FROM revisions ORDER BY deployment, revision

-- name: state_plans
SELECT plan, deployment, request, document, made_at, made_by FROM plans ORDER BY made_at, plan

-- name: state_audit
SELECT * FROM audit ORDER BY entry
