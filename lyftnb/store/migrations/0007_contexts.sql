-- Contexts: one row each layer, replaced when it changes; and who changed what, appended.
CREATE TABLE contexts (
    layer VARCHAR, "values" JSON, parent VARCHAR, changed_at TIMESTAMPTZ, changed_by VARCHAR
);
CREATE TABLE context_changes (
    change BIGINT, layer VARCHAR, edit VARCHAR, path VARCHAR, "before" JSON, "after" JSON,
    changed_at TIMESTAMPTZ, changed_by VARCHAR
);

-- Secrets: the present value of each, sealed by the master key that `key_id` tells.
CREATE TABLE secrets (
    secret VARCHAR, version INTEGER, key_id VARCHAR, sealed BLOB,
    created_at TIMESTAMPTZ, rotated_at TIMESTAMPTZ
);
CREATE TABLE secret_changes (
    secret VARCHAR, version INTEGER, edit VARCHAR, key_id VARCHAR,
    changed_at TIMESTAMPTZ, changed_by VARCHAR
);
