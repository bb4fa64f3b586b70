-- Keys to the files of a project, for S3's tools. The secret of one is made from its id and the project's key, and stored nowhere.
CREATE TABLE storage_keys (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    rights TEXT NOT NULL,
    person TEXT,
    made_at BIGINT NOT NULL,
    made_by TEXT NOT NULL,
    until BIGINT,
    used_at BIGINT
);
CREATE UNIQUE INDEX storage_keys_by_name ON storage_keys (project, name);
