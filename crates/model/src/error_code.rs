//! Stable codes of every error that people and scripts can meet, each with a page in `docs/reference/errors.md`.

crate::state::text_enum! {
    /// A stable code, the same in the API, the terminal and the page.
    ErrorCode {
        /// A parameter breaks the pipeline's schema.
        ParameterInvalid = "parameter-invalid",
        /// An input is missing, unknown or too many.
        InputInvalid = "input-invalid",
        /// The request's body, query or path is not what the call takes.
        RequestInvalid = "request-invalid",
        /// The body is larger than the call takes.
        TooLarge = "too-large",
        /// The request's body did not come to its end in time.
        TooSlow = "too-slow",
        /// There is no such thing.
        NotFound = "not-found",
        /// A short id fits more than one.
        Ambiguous = "ambiguous",
        /// The pipeline's spec has a mistake, so that it cannot run.
        PipelineInvalid = "pipeline-invalid",
        /// The pipeline is switched off in its spec.
        PipelineDisabled = "pipeline-disabled",
        /// What was asked for does not fit the state it is in.
        StateConflict = "state-conflict",
        /// The same idempotency key came with another request.
        IdempotencyConflict = "idempotency-conflict",
        /// No sign-in, or one that is not valid.
        Unauthenticated = "unauthenticated",
        /// Signed in, but not allowed; or a request from a foreign page.
        Forbidden = "forbidden",
        /// The password is right, and the account has a second factor: its code is missing, wrong or was used.
        SecondFactorNeeded = "second-factor-needed",
        /// Too many tries, or too many at a time; `Retry-After` says when to come back.
        TooManyRequests = "too-many-requests",
        /// Nobody would be an administrator any more.
        LastAdministrator = "last-administrator",
        /// A quota of the project does not let it in.
        QuotaExceeded = "quota-exceeded",
        /// A secret's name or value cannot be one.
        SecretInvalid = "secret-invalid",
        /// The pipeline asks for secrets that are not set.
        SecretMissing = "secret-missing",
        /// A repository cannot be reached, or holds what is not taken; nothing has changed.
        SyncFailed = "sync-failed",
        /// The server sends no mail: no mail server is set up.
        MailUnavailable = "mail-unavailable",
        /// The mail server did not take a mail.
        MailFailed = "mail-failed",
        /// The target is not set up on this server.
        TargetUnavailable = "target-unavailable",
        /// The disk is full or the storage does not answer; nothing was accepted.
        StorageUnavailable = "storage-unavailable",
        /// The database stopped answering while this was written: it may have been accepted.
        OutcomeUnknown = "outcome-unknown",
        /// What is stored is damaged.
        StorageDamaged = "storage-damaged",
        /// The server is starting or stopping.
        Unavailable = "unavailable",
        /// A mistake of Rigi's.
        Internal = "internal",
        /// A configuration key or value is wrong.
        ConfigInvalid = "config-invalid",
        /// Another server holds the data folder.
        DataFolderInUse = "data-folder-in-use",
        /// The data folder cannot be written.
        DataFolderReadOnly = "data-folder-read-only",
        /// The data folder was in use and has lost its database or its key, or has another's.
        DataFolderIncomplete = "data-folder-incomplete",
        /// The database is newer than this binary.
        DatabaseNewer = "database-newer",
        /// Runs go on under another version, which this one cannot take over.
        SupervisorVersion = "supervisor-version",
        /// The database is damaged.
        DatabaseDamaged = "database-damaged",
        /// The key that sealed secrets is missing, or another.
        KeyWrong = "key-wrong",
        /// The port is taken.
        PortInUse = "port-in-use",
        /// No server answers.
        ServerUnreachable = "server-unreachable",
    }
}
