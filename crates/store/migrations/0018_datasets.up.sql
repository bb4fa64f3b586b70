-- Named sets of files by content, in versions that never change.
CREATE TABLE datasets (
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    description TEXT,
    labels TEXT NOT NULL,
    protected BIGINT NOT NULL,
    newest BIGINT NOT NULL,
    made_at BIGINT NOT NULL,
    made_by TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (project, name)
);

CREATE TABLE dataset_versions (
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    file_count BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    own_bytes BIGINT NOT NULL,
    made_from TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    made_by TEXT NOT NULL,
    note TEXT,
    from_run TEXT,
    from_output TEXT,
    PRIMARY KEY (project, name, version)
);
CREATE INDEX dataset_versions_by_run ON dataset_versions (from_run) WHERE from_run IS NOT NULL;

CREATE TABLE dataset_tags (
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    tag TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (project, name, tag)
);

-- Which version an input file of a run is of.
ALTER TABLE run_inputs ADD COLUMN dataset TEXT;
CREATE INDEX run_inputs_by_dataset ON run_inputs (project, dataset) WHERE dataset IS NOT NULL;
