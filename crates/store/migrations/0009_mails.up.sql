-- Mails, written in the commit of what they tell. The text is sealed, and erased when it was sent or given up. `next_at`: when it is
-- looked at next; none once it is over. `until`: what it brings counts no longer.
CREATE TABLE mails (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    recipient TEXT NOT NULL,
    sealed TEXT,
    state TEXT NOT NULL,
    tries BIGINT NOT NULL,
    next_at BIGINT,
    error TEXT,
    created_at BIGINT NOT NULL,
    until BIGINT,
    ended_at BIGINT
);
CREATE INDEX mails_by_next ON mails (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX mails_by_time ON mails (created_at);

-- The address, as `mail_key` has it, that is known to reach the account: by a link that came there, or by a provider's word.
ALTER TABLE people ADD COLUMN mail_proven TEXT;
