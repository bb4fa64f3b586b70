-- One row: what tells this database from every other, and since when it remembers. Files that are older than it are not its to
-- remove. A database that held runs before it had this row remembers all of them.
CREATE TABLE origin (
    id TEXT PRIMARY KEY,
    created_at BIGINT NOT NULL
);
