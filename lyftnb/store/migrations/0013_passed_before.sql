-- What was passed by before its time was noted counts from now on, so that it goes after its retention too.
UPDATE publications SET skipped_at = now() WHERE skipped IS NOT NULL AND skipped_at IS NULL;
