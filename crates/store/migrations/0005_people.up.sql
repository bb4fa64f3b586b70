-- Accounts of people and of programs. A key is the name or address as people take it for the same (case, Unicode form); who is deleted has
-- none, so that both are free again.
CREATE TABLE people (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT UNIQUE,
    mail TEXT,
    mail_key TEXT UNIQUE,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    seen_at BIGINT
);

CREATE TABLE passwords (
    person TEXT PRIMARY KEY,
    phc TEXT NOT NULL,
    changed_at BIGINT NOT NULL
);

-- The second factor: a sealed secret, in use when it is confirmed. A recovery code serves once.
CREATE TABLE factors (
    person TEXT PRIMARY KEY,
    sealed TEXT NOT NULL,
    confirmed_at BIGINT
);
CREATE TABLE recovery_codes (
    person TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (person, hash)
);

-- Who somebody is at a provider. A mail address links nothing by itself.
CREATE TABLE identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    person TEXT NOT NULL,
    mail_seen TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX identities_by_person ON identities (person);

CREATE TABLE people_groups (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);
CREATE TABLE group_members (
    person TEXT NOT NULL,
    people_group TEXT NOT NULL,
    source TEXT NOT NULL,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (person, people_group, source)
);
CREATE INDEX group_members_by_group ON group_members (people_group, person);

-- Who is what where, and why: a principal is a person or a group, and the project `*` with the role `administrator` is the whole server.
CREATE TABLE grants (
    principal TEXT NOT NULL,
    project TEXT NOT NULL,
    source TEXT NOT NULL,
    role TEXT NOT NULL,
    granted_by TEXT NOT NULL,
    granted_at BIGINT NOT NULL,
    PRIMARY KEY (principal, project, source)
);
CREATE INDEX grants_by_project ON grants (project, principal);

-- Of sessions, tokens and links, hashes alone.
CREATE TABLE sessions (
    hash TEXT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    person TEXT NOT NULL,
    way TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    until BIGINT NOT NULL,
    address TEXT,
    agent TEXT,
    provider_session TEXT
);
CREATE INDEX sessions_by_person ON sessions (person, created_at);
CREATE INDEX sessions_by_end ON sessions (until);
CREATE INDEX sessions_by_provider ON sessions (provider_session) WHERE provider_session IS NOT NULL;

CREATE TABLE tokens (
    hash TEXT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    person TEXT NOT NULL,
    name TEXT NOT NULL,
    hint TEXT NOT NULL,
    project TEXT,
    role TEXT,
    created_at BIGINT NOT NULL,
    until BIGINT,
    used_at BIGINT
);
CREATE INDEX tokens_by_person ON tokens (person, created_at);

CREATE TABLE links (
    hash TEXT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    person TEXT,
    mail TEXT,
    project TEXT,
    role TEXT,
    uses BIGINT NOT NULL,
    made_by TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    until BIGINT NOT NULL
);
CREATE INDEX links_by_kind ON links (kind, made_at);

-- Terminals that want to be let in: the short code is typed by somebody who has signed in.
CREATE TABLE device_codes (
    hash TEXT PRIMARY KEY,
    user_code TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    address TEXT,
    created_at BIGINT NOT NULL,
    until BIGINT NOT NULL,
    person TEXT,
    answer TEXT
);

-- What happens once: whoever writes the row first did it, and is in the same commit as what follows from it.
CREATE TABLE claims (
    what TEXT PRIMARY KEY,
    at BIGINT NOT NULL
);

-- Sign-ins that failed, for as long as they slow the next ones down.
CREATE TABLE failed_sign_ins (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    network TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX failed_sign_ins_by_account ON failed_sign_ins (account, network, at);
CREATE INDEX failed_sign_ins_by_network ON failed_sign_ins (network, at);
CREATE INDEX failed_sign_ins_by_time ON failed_sign_ins (at);

-- Who did what, written with what was done. `before` and `after` are JSON without values that are secret.
CREATE TABLE audit (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    actor_id TEXT,
    via TEXT NOT NULL,
    action TEXT NOT NULL,
    project TEXT,
    subject TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    before TEXT,
    after TEXT,
    address TEXT,
    request TEXT,
    result TEXT NOT NULL,
    seal BIGINT
);
CREATE INDEX audit_by_project ON audit (project, id);
CREATE INDEX audit_by_actor ON audit (actor_id, id);
CREATE INDEX audit_by_seal ON audit (seal, id);

-- Lines are sealed in batches: each hash covers the lines of its batch and the hash before it, and is signed with a key that is not in
-- the database.
CREATE TABLE audit_seals (
    number BIGINT PRIMARY KEY,
    lines BIGINT NOT NULL,
    hash TEXT NOT NULL,
    signature TEXT NOT NULL,
    at BIGINT NOT NULL
);
