-- Work queues, the message bus and issues.

-- Numbers that are given out once: of items, of leases (as tokens), of issues. All below `reserved`
-- may have been given out; it is raised in place, far enough ahead to be raised seldom.
CREATE TABLE numbers (reserved BIGINT);
INSERT INTO numbers VALUES (1);

-- Queues that have had an item or a setting; settings change in place.
CREATE TABLE queues (
    queue VARCHAR, max_attempts INTEGER, id_retention_s DOUBLE, created_at TIMESTAMPTZ
);

-- Work items until they are acked. In place: a lease sets `token`, `holder` and `company` (of how many
-- items it is), and hides the item from `hidden_at` to `hidden_until`, as a delay does. `at_most`: in
-- a lease of no more items than that. `dead_at`: a dead letter since then. `payload` is JSON.
CREATE TABLE queue_items (
    item BIGINT, queue VARCHAR, id VARCHAR, payload VARCHAR, priority INTEGER,
    enqueued_at TIMESTAMPTZ, hidden_at TIMESTAMPTZ, hidden_until TIMESTAMPTZ,
    token BIGINT, holder VARCHAR, company INTEGER, at_most INTEGER,
    attempts INTEGER, dead_at TIMESTAMPTZ, reason VARCHAR
);

-- Ids that a queue has had.
CREATE TABLE queue_ids (queue VARCHAR, id VARCHAR, enqueued_at TIMESTAMPTZ);

-- The message bus. Ids count 1, 2, 3, … in the order in which messages became visible; the newest is
-- never removed, so that the count goes on. `payload` is JSON.
CREATE TABLE messages (
    id BIGINT, published_at TIMESTAMPTZ, kind VARCHAR, source VARCHAR, type VARCHAR, tag VARCHAR,
    payload VARCHAR, job VARCHAR, batch VARCHAR, run VARCHAR, correlation VARCHAR, depth INTEGER
);

-- Named readers of the bus, and the id up to which each has read; `position` and `moved_at` are set
-- in place.
CREATE TABLE subscriptions (
    name VARCHAR, position BIGINT, created_at TIMESTAMPTZ, moved_at TIMESTAMPTZ
);

-- Issues: one open row for each code and place. While it is open, raising it again changes it in
-- place; closing it sets `closed_at`. `facts` is JSON.
CREATE TABLE issues (
    issue BIGINT, code VARCHAR, place VARCHAR, severity VARCHAR, cause VARCHAR, hint VARCHAR,
    facts VARCHAR, count BIGINT, first_at TIMESTAMPTZ, last_at TIMESTAMPTZ, closed_at TIMESTAMPTZ
);
