-- Fires: a run row is made by the fire, once, in the transaction that moves the trigger.
ALTER TABLE runs ADD COLUMN stage VARCHAR;
ALTER TABLE runs ADD COLUMN cause VARCHAR;
ALTER TABLE runs ADD COLUMN trigger VARCHAR;
ALTER TABLE runs ADD COLUMN fired_at TIMESTAMPTZ;
ALTER TABLE runs ADD COLUMN window_start TIMESTAMPTZ;
ALTER TABLE runs ADD COLUMN window_end TIMESTAMPTZ;
ALTER TABLE runs ADD COLUMN snapshot BIGINT;
ALTER TABLE runs ADD COLUMN messages JSON;
ALTER TABLE runs ADD COLUMN correlation VARCHAR;
ALTER TABLE runs ADD COLUMN depth INTEGER;
ALTER TABLE runs ADD COLUMN note VARCHAR;
UPDATE runs SET cause = 'hand', fired_at = started_at, messages = '[]', depth = 0;

-- Where triggers stand: one row each, replaced when it moves.
CREATE TABLE trigger_states (key VARCHAR, state JSON, changed_at TIMESTAMPTZ);

-- What batches add to the message at their run's end; rows go when the message goes out.
CREATE TABLE emit_parts (key VARCHAR, batch VARCHAR, "index" INTEGER, rows BIGINT, partial VARCHAR);
