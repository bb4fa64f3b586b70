-- What starts runs when something has happened: those that people made beside specs, and what is known of all of them.
CREATE TABLE triggers (
    project TEXT NOT NULL REFERENCES projects (id),
    pipeline TEXT NOT NULL,
    id TEXT NOT NULL,
    spec TEXT,
    made_by TEXT,
    watched TEXT,
    looked_at BIGINT,
    problem TEXT,
    paused_at BIGINT,
    paused_by TEXT,
    PRIMARY KEY (project, pipeline, id)
);

-- What has happened, each event once, and what became of it.
CREATE TABLE trigger_events (
    project TEXT NOT NULL REFERENCES projects (id),
    pipeline TEXT NOT NULL,
    id TEXT NOT NULL,
    event TEXT NOT NULL,
    at BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT,
    run TEXT,
    PRIMARY KEY (project, pipeline, id, event)
);
CREATE INDEX trigger_events_by_time ON trigger_events (project, pipeline, id, at);

-- Ends of runs that wait for those of other pipelines.
CREATE TABLE trigger_arrivals (
    project TEXT NOT NULL REFERENCES projects (id),
    pipeline TEXT NOT NULL,
    id TEXT NOT NULL,
    match_key TEXT NOT NULL,
    source TEXT NOT NULL,
    run TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (project, pipeline, id, match_key, source)
);

-- Where sensors go on.
CREATE TABLE cursors (
    project TEXT NOT NULL REFERENCES projects (id),
    pipeline TEXT NOT NULL,
    value TEXT NOT NULL,
    at BIGINT NOT NULL,
    run TEXT,
    PRIMARY KEY (project, pipeline)
);
