-- Uploads that come in pieces. Their bytes are in files of the server that takes them until all are there; so many of them are known to last.
CREATE TABLE open_uploads (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    person TEXT,
    name TEXT NOT NULL,
    metadata TEXT NOT NULL,
    concat TEXT NOT NULL,
    length BIGINT NOT NULL,
    held BIGINT NOT NULL,
    content TEXT,
    stored BIGINT NOT NULL,
    began_at BIGINT NOT NULL,
    until BIGINT NOT NULL
);
CREATE INDEX open_uploads_by_project ON open_uploads (project, stored);
