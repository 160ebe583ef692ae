-- The lookup files that a batch read, each with a fingerprint of its content.
ALTER TABLE batches ADD COLUMN files STRUCT(step VARCHAR, path VARCHAR, fingerprint VARCHAR)[];
