-- What became of each step of a flow when it was looked at: it begins for so many items, is skipped, or cannot be done. What follows is in its runs.
CREATE TABLE flow_steps (
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    step TEXT NOT NULL,
    project TEXT NOT NULL,
    outcome TEXT NOT NULL,
    message TEXT,
    items BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (run, step)
);

-- What a person answered to a step that waits for one.
CREATE TABLE approvals (
    run TEXT PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    project TEXT NOT NULL,
    outcome TEXT NOT NULL,
    answered_by TEXT NOT NULL,
    note TEXT,
    at BIGINT NOT NULL
);

-- Runs whose success may count again: what they were made of, part by part.
CREATE TABLE step_cache (
    run TEXT PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    project TEXT NOT NULL,
    pipeline TEXT NOT NULL,
    step TEXT NOT NULL,
    key TEXT NOT NULL,
    parts TEXT NOT NULL
);
CREATE INDEX step_cache_by_key ON step_cache (project, key, run);

-- What is still to be done because a run has ended: `downstream`, `restart`. Written with its end, and gone when it is done.
CREATE TABLE follow_ups (
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    project TEXT NOT NULL,
    due BIGINT NOT NULL,
    PRIMARY KEY (run, kind)
);

-- Runs that others have started: `downstream`, `restart`.
CREATE TABLE run_links (
    child TEXT PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    parent TEXT NOT NULL,
    project TEXT NOT NULL,
    kind TEXT NOT NULL
);
CREATE INDEX run_links_by_parent ON run_links (parent, child);
