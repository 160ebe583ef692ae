-- A publication that was given up and passed by: why. Its payload says what it would have revealed.
ALTER TABLE publications ADD COLUMN skipped VARCHAR;
