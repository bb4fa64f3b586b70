-- Signed webhooks: an address, whose sender has a secret. A secret that was replaced counts for a while.
CREATE TABLE webhooks (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    spec TEXT NOT NULL,
    secret TEXT NOT NULL,
    former_secret TEXT,
    former_until BIGINT,
    paused_at BIGINT,
    made_at BIGINT NOT NULL,
    made_by TEXT NOT NULL,
    UNIQUE (project, name)
);

-- What came to them: each delivery once.
CREATE TABLE deliveries (
    webhook TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event TEXT NOT NULL,
    project TEXT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT,
    outcome TEXT NOT NULL,
    reason TEXT,
    run TEXT,
    headers TEXT,
    body TEXT,
    again_of TEXT,
    PRIMARY KEY (webhook, event)
);
CREATE INDEX deliveries_by_time ON deliveries (webhook, at);
