-- A batch is a snapshot of its own, so that a commit appends to one table less. `resets` holds the snapshots of no
-- batch; `snapshots` shows all.
UPDATE batches SET committed_at = s.committed_at FROM snapshots AS s WHERE s.snapshot = batches.snapshot;
CREATE TABLE resets AS SELECT snapshot, committed_at FROM snapshots WHERE batch IS NULL;
DROP TABLE snapshots;
CREATE VIEW snapshots AS
SELECT snapshot, committed_at, batch FROM batches
UNION ALL
SELECT snapshot, committed_at, NULL FROM resets;
