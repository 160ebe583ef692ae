-- The ledger. No keys and no indexes: one owner writes, uniqueness is its duty (and an invariant that
-- the tests check), and zone maps answer the range queries. Rows are appended; what changes in place
-- is noted. Times are UTC.

-- Published workflow versions.
CREATE TABLE versions (
    workflow VARCHAR, number INTEGER, digest VARCHAR, document JSON, published_at TIMESTAMPTZ
);

-- One row per run; `run` is `DEPLOYMENT-NUMBER`. `status` and `ended_at` are set in place.
CREATE TABLE runs (
    run VARCHAR, deployment VARCHAR, number BIGINT, status VARCHAR,
    started_at TIMESTAMPTZ, ended_at TIMESTAMPTZ
);

-- Claims that must survive the owner: of batches with effects outside the ledger. A newer attempt
-- takes the older one's place; the commit removes the row, abandoning it sets `abandoned_at`.
CREATE TABLE claims (
    batch VARCHAR, attempt INTEGER, deployment VARCHAR, stage VARCHAR, document JSON,
    claimed_at TIMESTAMPTZ, abandoned_at TIMESTAMPTZ
);

-- Every committed batch, with what its steps did.
CREATE TABLE batches (
    batch VARCHAR, attempt INTEGER, number BIGINT, run VARCHAR, deployment VARCHAR, stage VARCHAR,
    snapshot BIGINT, claimed_at TIMESTAMPTZ, started_at TIMESTAMPTZ, bytes_read BIGINT,
    counts STRUCT(step VARCHAR, rows_in BIGINT, rows_out BIGINT, rejects BIGINT, dropped BIGINT)[]
);

-- The state of all spools after one commit.
CREATE TABLE snapshots (snapshot BIGINT, committed_at TIMESTAMPTZ, batch VARCHAR);

-- How far inputs have been read, as steps: `items` holds what the version changed (null: removed).
CREATE TABLE positions (key VARCHAR, version BIGINT, snapshot BIGINT, items JSON);

-- What outside inputs have been seen to look like; the newest snapshot counts.
CREATE TABLE floors (key VARCHAR, snapshot BIGINT, fields JSON);

-- Spools and how they are written; the newest snapshot counts.
CREATE TABLE spools (
    spool VARCHAR, snapshot BIGINT, event_time VARCHAR, "partition" VARCHAR, policy VARCHAR,
    replaced BOOLEAN, rejects BOOLEAN
);

-- Distinct schemas, and which one each spool has had from which snapshot on.
CREATE TABLE schemas (schema_id BIGINT, fields JSON);
CREATE TABLE spool_schemas (spool VARCHAR, version BIGINT, schema_id BIGINT, snapshot BIGINT);

-- Parquet files of the spools; `removed_snapshot` is set in place.
CREATE TABLE segments (
    path VARCHAR, spool VARCHAR, batch VARCHAR, kind VARCHAR, "partition" VARCHAR, rows BIGINT,
    bytes BIGINT, schema_id BIGINT, checksum VARCHAR, first_seq BIGINT,
    event_min TIMESTAMPTZ, event_max TIMESTAMPTZ, added_snapshot BIGINT, removed_snapshot BIGINT
);

-- What outsiders are to see after the commit; `published_at` is set in place.
CREATE TABLE publications (
    publication VARCHAR, batch VARCHAR, snapshot BIGINT, step VARCHAR, kind VARCHAR,
    group_name VARCHAR, payload JSON, published_at TIMESTAMPTZ
);
