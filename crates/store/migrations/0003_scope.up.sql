-- Everything of a run that is found without it carries its project: labels in searches, content and logs for what collects them.
ALTER TABLE labels ADD COLUMN project TEXT NOT NULL DEFAULT 'default';
ALTER TABLE artifacts ADD COLUMN project TEXT NOT NULL DEFAULT 'default';
ALTER TABLE run_inputs ADD COLUMN project TEXT NOT NULL DEFAULT 'default';
ALTER TABLE attempts ADD COLUMN project TEXT NOT NULL DEFAULT 'default';

-- Where this was taken back before, there may be runs of others: what they keep is not to count as nobody's.
UPDATE labels SET project = (SELECT project FROM runs WHERE id = run) WHERE run IN (SELECT id FROM runs WHERE project <> 'default');
UPDATE artifacts SET project = (SELECT project FROM runs WHERE id = run) WHERE run IN (SELECT id FROM runs WHERE project <> 'default');
UPDATE run_inputs SET project = (SELECT project FROM runs WHERE id = run) WHERE run IN (SELECT id FROM runs WHERE project <> 'default');
UPDATE attempts SET project = (SELECT project FROM runs WHERE id = run) WHERE run IN (SELECT id FROM runs WHERE project <> 'default');

DROP INDEX labels_by_value;
CREATE INDEX labels_by_value ON labels (project, key, value, run);
DROP INDEX artifacts_by_content;
CREATE INDEX artifacts_by_content ON artifacts (project, sha256);
DROP INDEX run_inputs_by_content;
CREATE INDEX run_inputs_by_content ON run_inputs (project, sha256);
DROP INDEX uploads_by_content;
CREATE INDEX uploads_by_content ON uploads (project, sha256);

-- Steps of flows are runs with a parent: `step` is the step's name in the flow's spec, `item` its place among the items of a step that is
-- done for several. Lists show runs without a parent unless they are asked for one's steps: their indexes hold those alone, so that a flow of
-- ten thousand steps makes no list slower, and a run without a parent pays for nothing. Steps have no rows in `labels` for the same reason.
ALTER TABLE runs ADD COLUMN parent TEXT;
ALTER TABLE runs ADD COLUMN step TEXT;
ALTER TABLE runs ADD COLUMN item BIGINT;

DROP INDEX runs_by_state;
CREATE INDEX runs_by_state ON runs (project, state, id) WHERE parent IS NULL;
DROP INDEX runs_by_pipeline;
CREATE INDEX runs_by_pipeline ON runs (project, pipeline, state, id) WHERE parent IS NULL;
CREATE INDEX steps_by_parent ON runs (parent, id) WHERE parent IS NOT NULL;
CREATE INDEX steps_by_state ON runs (project, state, id) WHERE parent IS NOT NULL;
