-- What rows and files carry is a project's id, which stays; its name may change. `made_by` is empty where the configuration says that it is
-- there. Who is gone keeps its row, so that no id is given twice.
ALTER TABLE projects ADD COLUMN name TEXT;
ALTER TABLE projects ADD COLUMN state TEXT NOT NULL DEFAULT 'open';
ALTER TABLE projects ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
ALTER TABLE projects ADD COLUMN made_by TEXT;
ALTER TABLE projects ADD COLUMN deleted_at BIGINT;
UPDATE projects SET name = id;
CREATE UNIQUE INDEX projects_by_name ON projects (name) WHERE made_by IS NOT NULL;

-- The names of projects that were made here: those that they have and those that they had, which lead to them until another takes them.
CREATE TABLE project_names (
    name TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id)
);
CREATE INDEX project_names_by_project ON project_names (project);
