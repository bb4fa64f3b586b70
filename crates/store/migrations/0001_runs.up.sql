-- One text for SQLite and PostgreSQL; {blob} and {rowid} are the only words that differ. Times are microseconds since 1970, ids
-- and JSON are text, and every row carries its project.

CREATE TABLE projects (
    id TEXT PRIMARY KEY,
    created_at BIGINT NOT NULL
);

INSERT INTO projects (id, created_at) VALUES ('default', 0);

-- Captured code: `files` lists path, mode, size and content hash; `spec` is the spec with its defaults.
CREATE TABLE versions (
    project TEXT NOT NULL REFERENCES projects (id),
    hash TEXT NOT NULL,
    pipeline TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    spec TEXT NOT NULL,
    files TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    git TEXT,
    PRIMARY KEY (project, hash)
);

-- The writer has looked its project and version up: to look again for each run would cost PostgreSQL a sixth of the row.
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    pipeline TEXT NOT NULL,
    version TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    message TEXT,
    priority BIGINT NOT NULL,
    max_attempts BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    queued_at BIGINT NOT NULL,
    queued_us BIGINT NOT NULL,
    claimed_at BIGINT,
    started_at BIGINT,
    ended_at BIGINT,
    next_attempt_at BIGINT,
    cancel_requested_at BIGINT,
    trigger_kind TEXT NOT NULL,
    trigger_by TEXT NOT NULL,
    rerun_of TEXT,
    target TEXT NOT NULL,
    parameters TEXT NOT NULL,
    inputs TEXT NOT NULL,
    env TEXT NOT NULL,
    labels TEXT NOT NULL,
    environment TEXT,
    exit_code BIGINT,
    signal BIGINT,
    cpu_us BIGINT NOT NULL,
    max_memory BIGINT NOT NULL,
    log_lines BIGINT NOT NULL,
    log_cut BIGINT NOT NULL,
    artifacts BIGINT NOT NULL,
    artifact_bytes BIGINT NOT NULL,
    stored_bytes BIGINT NOT NULL
);

-- Every index is paid for by each new run and each change of its state, so there are as few as answer every list: they are
-- newest first and page by id, which sorts by time. A list without a pipeline, or without a state, is the newest of several
-- ranges of these.
CREATE INDEX runs_by_state ON runs (project, state, id);
CREATE INDEX runs_by_pipeline ON runs (project, pipeline, state, id);
-- People say the last four characters of an id.
CREATE INDEX runs_by_tail ON runs (substr(id, 27, 4));

-- Ended attempts. A short log lies in `log` (blocks, compressed); a longer one in the object `log_object`.
CREATE TABLE attempts (
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    message TEXT,
    exit_code BIGINT,
    signal BIGINT,
    claimed_at BIGINT NOT NULL,
    started_at BIGINT,
    ended_at BIGINT NOT NULL,
    cpu_us BIGINT NOT NULL,
    max_memory BIGINT NOT NULL,
    log_lines BIGINT NOT NULL,
    log_cut BIGINT NOT NULL,
    log {blob},
    log_object TEXT,
    samples TEXT,
    PRIMARY KEY (run, number)
);

-- Of runs that are there: whoever removes a run removes its events first. To look each one's run up would cost PostgreSQL
-- twice what the event itself does.
CREATE TABLE events (
    id {rowid} PRIMARY KEY,
    run TEXT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    reason TEXT,
    message TEXT
);

CREATE INDEX events_by_run ON events (run, id);

CREATE TABLE artifacts (
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    output TEXT,
    attempt BIGINT NOT NULL,
    size BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (run, path)
);

CREATE INDEX artifacts_by_content ON artifacts (sha256);

CREATE TABLE uploads (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    size BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX uploads_by_content ON uploads (sha256);

-- Input files of runs by content, so that a collection sees what is in use.
CREATE TABLE run_inputs (
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    input TEXT NOT NULL,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (run, input, name)
);

CREATE INDEX run_inputs_by_content ON run_inputs (sha256);

CREATE TABLE labels (
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, key)
);

CREATE INDEX labels_by_value ON labels (key, value, run);

CREATE TABLE idempotency (
    project TEXT NOT NULL REFERENCES projects (id),
    key TEXT NOT NULL,
    request TEXT NOT NULL,
    answer TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (project, key)
);
