-- What is to run: one row for each deployment, replaced when it changes; it goes when it is destroyed.
CREATE TABLE deployments (
    deployment VARCHAR, workflow VARCHAR, version INTEGER, context VARCHAR, revision INTEGER,
    settings JSON, pauses JSON, gate JSON, applied_at TIMESTAMPTZ, applied_by VARCHAR
);

-- Every apply, for good; `plan` is what it was compiled to, and runs.
CREATE TABLE revisions (
    deployment VARCHAR, revision INTEGER, workflow VARCHAR, version INTEGER, context VARCHAR,
    settings JSON, plan JSON, renames JSON, cause VARCHAR, plan_id VARCHAR, changes JSON,
    applied_at TIMESTAMPTZ, applied_by VARCHAR
);

-- Plans of deployments, to be applied by their ids: what was asked for, and what was answered.
CREATE TABLE plans (
    plan VARCHAR, deployment VARCHAR, digest VARCHAR, request JSON, document JSON,
    made_at TIMESTAMPTZ, made_by VARCHAR
);

-- Every change of what is desired: written in the transaction that makes it.
CREATE TABLE audit (
    entry BIGINT, changed_at TIMESTAMPTZ, who VARCHAR, what VARCHAR, ref VARCHAR, detail JSON
);
