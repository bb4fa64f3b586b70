ALTER TABLE origin DROP COLUMN key_name;
DROP INDEX cancels_asked;
-- Before, every event was a run's.
DELETE FROM events WHERE subject <> 'run';
DROP INDEX events_by_subject;
ALTER TABLE events DROP COLUMN project;
ALTER TABLE events DROP COLUMN subject;
ALTER TABLE events RENAME COLUMN subject_id TO run;
CREATE INDEX events_by_run ON events (run, id);
