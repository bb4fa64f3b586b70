-- Due times of the past (or to come) that somebody wants runs for.
CREATE TABLE backfills (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    pipeline TEXT NOT NULL,
    schedule TEXT NOT NULL,
    spec TEXT NOT NULL,
    state TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    made_by TEXT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX backfills_by_project ON backfills (project, id);

-- Each of its due times, and the run that came of it. `tries` counts how often one was wanted.
CREATE TABLE backfill_times (
    backfill TEXT NOT NULL REFERENCES backfills (id) ON DELETE CASCADE,
    place BIGINT NOT NULL,
    due BIGINT NOT NULL,
    state TEXT NOT NULL,
    tries BIGINT NOT NULL,
    run TEXT,
    reason TEXT,
    PRIMARY KEY (backfill, place)
);
CREATE INDEX backfill_times_waiting ON backfill_times (backfill, state, place);
