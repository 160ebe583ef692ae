-- Published runbook versions.
CREATE TABLE runbooks (
    runbook VARCHAR, number INTEGER, digest VARCHAR, document JSON, published_at TIMESTAMPTZ
);

-- One row per invocation; `invocation` is `RUNBOOK-NUMBER`. In place: `status`, `attempts`, `run`,
-- `started_at`, `ended_at`, `error`. What its runs did is counted from their batches: all runs that it
-- led to have it as their correlation.
CREATE TABLE invocations (
    invocation VARCHAR, runbook VARCHAR, version INTEGER, workflow VARCHAR, deployment VARCHAR,
    parameters JSON, key VARCHAR, status VARCHAR, attempts INTEGER, run VARCHAR,
    invoked_at TIMESTAMPTZ, started_at TIMESTAMPTZ, ended_at TIMESTAMPTZ, error JSON
);
