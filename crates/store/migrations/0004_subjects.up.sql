-- Events are of any subject, of one sequence: a run's, as before, or another's.
ALTER TABLE events RENAME COLUMN run TO subject_id;
ALTER TABLE events ADD COLUMN subject TEXT NOT NULL DEFAULT 'run';
ALTER TABLE events ADD COLUMN project TEXT NOT NULL DEFAULT 'default';
UPDATE events SET project = (SELECT project FROM runs WHERE id = subject_id)
    WHERE subject_id IN (SELECT id FROM runs WHERE project <> 'default');

DROP INDEX events_by_run;
CREATE INDEX events_by_subject ON events (subject_id, id);

-- What was asked of servers that do not lead is found without a walk through all events.
CREATE INDEX cancels_asked ON events (subject_id) WHERE kind = 'cancel-asked';

-- What tells the key that values of this database are sealed with from every other, and says nothing else of it.
ALTER TABLE origin ADD COLUMN key_name TEXT;
