-- Who wants to be in a project that lets people ask. A row goes with the answer, or with the person or the project.
CREATE TABLE join_requests (
    project TEXT NOT NULL REFERENCES projects (id),
    person TEXT NOT NULL,
    note TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    PRIMARY KEY (project, person)
);
CREATE INDEX join_requests_by_person ON join_requests (person);
