-- Schedules that people made, and what is known of those in specs: since when nobody has looked at one (`since`; what was due before is settled),
-- and whether it is paused. `rhythm` tells whether it is another than before.
CREATE TABLE schedules (
    project TEXT NOT NULL REFERENCES projects (id),
    pipeline TEXT NOT NULL,
    id TEXT NOT NULL,
    source TEXT NOT NULL,
    spec TEXT,
    rhythm TEXT NOT NULL,
    since BIGINT NOT NULL,
    paused_at BIGINT,
    paused_by TEXT,
    paused_why TEXT,
    resumed_at BIGINT,
    PRIMARY KEY (project, pipeline, id)
);

-- Every due time ends as one row: as a run, skipped or missed.
CREATE TABLE fires (
    project TEXT NOT NULL REFERENCES projects (id),
    pipeline TEXT NOT NULL,
    schedule TEXT NOT NULL,
    due BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT,
    run TEXT,
    at BIGINT NOT NULL,
    PRIMARY KEY (project, pipeline, schedule, due)
);
