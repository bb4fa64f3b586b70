-- Secrets of projects. A row stays when its secret is removed, without a value, so that no version is given twice.
CREATE TABLE secrets (
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    sealed TEXT,
    set_by TEXT NOT NULL,
    set_at BIGINT NOT NULL,
    PRIMARY KEY (project, name)
);

-- What a project's secrets are sealed with, itself sealed with the server's key.
CREATE TABLE project_keys (
    project TEXT PRIMARY KEY REFERENCES projects (id),
    sealed TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- The keys that the server had before, each sealed with the one that it has: what runs were given is still sealed with these.
CREATE TABLE former_keys (
    number BIGINT PRIMARY KEY,
    sealed TEXT NOT NULL,
    retired_at BIGINT NOT NULL
);
