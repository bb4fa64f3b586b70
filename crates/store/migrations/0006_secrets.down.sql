DROP TABLE former_keys;
DROP TABLE project_keys;
DROP TABLE secrets;
