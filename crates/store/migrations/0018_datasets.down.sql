DROP INDEX run_inputs_by_dataset;
ALTER TABLE run_inputs DROP COLUMN dataset;
DROP TABLE dataset_tags;
DROP TABLE dataset_versions;
DROP TABLE datasets;
