-- Git repositories that pipelines come from. What opens them is sealed; the key of a host is known from the first sync on.
CREATE TABLE repositories (
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    spec TEXT NOT NULL,
    token TEXT,
    private_key TEXT,
    hook_secret TEXT,
    public_key TEXT,
    host_key TEXT,
    made_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    PRIMARY KEY (project, name)
);

-- What each of them holds of pipelines since its last sync that changed something: `files` are those of all its pipelines, each below the
-- name of its own.
CREATE TABLE repository_trees (
    project TEXT NOT NULL,
    repository TEXT NOT NULL,
    number BIGINT NOT NULL,
    commit_id TEXT NOT NULL,
    spec TEXT NOT NULL,
    files TEXT NOT NULL,
    told TEXT NOT NULL,
    synced_at BIGINT NOT NULL,
    PRIMARY KEY (project, repository),
    FOREIGN KEY (project, repository) REFERENCES repositories (project, name)
);

-- Syncs that changed something or went wrong. Of two servers that give one the same number, the second is refused.
CREATE TABLE syncs (
    project TEXT NOT NULL,
    repository TEXT NOT NULL,
    number BIGINT NOT NULL,
    begun_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    cause TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    outcome TEXT NOT NULL,
    commit_id TEXT,
    plan TEXT,
    message TEXT,
    PRIMARY KEY (project, repository, number),
    FOREIGN KEY (project, repository) REFERENCES repositories (project, name)
);
