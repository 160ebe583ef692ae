-- A spool that holds what an action keeps from batch to batch: the digest of the parameters that it
-- depends on; null for all other spools.
ALTER TABLE spools ADD COLUMN state VARCHAR;
