-- State beside rows: keys, sets, marks of what was seen, locks. As in the rest of the ledger there are
-- no keys and no indexes.

-- Keys. Rows are appended, the newest version of a key counts: `value` (JSON) for a plain one, the
-- version at which it was begun for a set, neither for a key that was deleted. Compaction keeps what
-- counts, ordered by `hash` (the lower half of MD5 of namespace and key), so that zone maps lead a
-- look-up to its rows.
CREATE TABLE kv (
    hash UBIGINT, namespace VARCHAR, key VARCHAR, value VARCHAR, set_since BIGINT, version BIGINT,
    expires_at TIMESTAMPTZ
);

-- Members of sets, as JSON. Rows are appended, the newest version of a member counts; those from
-- before their set was begun belong to an earlier set of the same key and count no more.
CREATE TABLE set_members (
    hash UBIGINT, namespace VARCHAR, key VARCHAR, member VARCHAR, present BOOLEAN, version BIGINT
);

-- What the last compaction found: versions go on from here, although the rows that bore them are gone.
CREATE TABLE namespaces (namespace VARCHAR, version BIGINT, rows BIGINT);

-- Fingerprints of keys that were seen, until they expire.
CREATE TABLE marks (scope VARCHAR, high UBIGINT, low UBIGINT, expires_at TIMESTAMPTZ);

-- Locks, held or not: a row stays for its token, which only grows. Set in place.
CREATE TABLE locks (
    name VARCHAR, holder VARCHAR, token BIGINT, acquired_at TIMESTAMPTZ, expires_at TIMESTAMPTZ
);
