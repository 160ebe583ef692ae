-- A batch that was given up and passed by: why, and the claim, which says what it would have read.
ALTER TABLE batches ADD COLUMN skipped VARCHAR;
ALTER TABLE batches ADD COLUMN claim JSON;
