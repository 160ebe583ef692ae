-- When a publication was passed by, and when what was staged for it was removed.
ALTER TABLE publications ADD COLUMN skipped_at TIMESTAMPTZ;
ALTER TABLE publications ADD COLUMN swept_at TIMESTAMPTZ;
