-- When a batch was committed: the time of its snapshot.
ALTER TABLE batches ADD COLUMN committed_at TIMESTAMPTZ;
