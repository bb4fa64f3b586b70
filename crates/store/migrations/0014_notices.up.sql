-- Where somebody is told: an address is sealed.
CREATE TABLE channels (
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    made_by TEXT NOT NULL,
    PRIMARY KEY (project, name)
);

-- What is told, and to whom.
CREATE TABLE rules (
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    spec TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    made_by TEXT NOT NULL,
    PRIMARY KEY (project, name)
);

-- Trouble that goes on, or went on: of one kind and pipeline, one is open at a time.
CREATE TABLE incidents (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    kind TEXT NOT NULL,
    pipeline TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    count BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    last_run TEXT,
    closed_at BIGINT
);
CREATE UNIQUE INDEX open_incidents ON incidents (project, kind, pipeline) WHERE closed_at IS NULL;
CREATE INDEX incidents_by_time ON incidents (project, opened_at);

-- What is to be told, and what became of that. `dedupe` says what of: the same is told once.
CREATE TABLE notices (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    rule TEXT NOT NULL,
    channel TEXT NOT NULL,
    dedupe TEXT NOT NULL,
    kind TEXT NOT NULL,
    pipeline TEXT,
    run TEXT,
    message TEXT NOT NULL,
    state TEXT NOT NULL,
    tries BIGINT NOT NULL,
    next_at BIGINT,
    error TEXT,
    created_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE UNIQUE INDEX notices_once ON notices (project, rule, channel, dedupe);
CREATE INDEX notices_due ON notices (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX notices_by_project ON notices (project, id);

-- What happened beside runs, until it was seen whether anybody wants to know.
CREATE TABLE occurrences (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    kind TEXT NOT NULL,
    pipeline TEXT,
    facts TEXT NOT NULL,
    at BIGINT NOT NULL
);

-- Keys of programs that send notices.
CREATE TABLE notice_keys (
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    sha256_of_key TEXT NOT NULL UNIQUE,
    made_at BIGINT NOT NULL,
    made_by TEXT NOT NULL,
    PRIMARY KEY (project, name)
);
