DROP TABLE project_names;
DROP INDEX projects_by_name;
ALTER TABLE projects DROP COLUMN deleted_at;
ALTER TABLE projects DROP COLUMN made_by;
ALTER TABLE projects DROP COLUMN settings;
ALTER TABLE projects DROP COLUMN state;
ALTER TABLE projects DROP COLUMN name;
