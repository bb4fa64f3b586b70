-- What audits of pipelines' packages came to: `packages` are those that were looked at, `findings` what is known against them, `standing`
-- what was told and is not over. Of two servers that give one the same number, the second is refused.
CREATE TABLE package_audits (
    project TEXT NOT NULL REFERENCES projects (id),
    pipeline TEXT NOT NULL,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    cause TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    source TEXT NOT NULL,
    origin TEXT NOT NULL,
    environment TEXT,
    label TEXT,
    outcome TEXT NOT NULL,
    message TEXT,
    packages TEXT NOT NULL,
    findings TEXT NOT NULL,
    standing TEXT NOT NULL,
    PRIMARY KEY (project, pipeline, number)
);
