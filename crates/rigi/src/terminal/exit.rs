//! Exit codes: the numbers that scripts rely on.

use std::process::ExitCode;

use rigi_model::{ErrorCode, RunState};

/// How a command ended. Numbers from 64 on are those of `sysexits.h`, 124 that of `timeout`, 130 that of Ctrl-C.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything is well.
    Ok = 0,
    /// The run failed, or a check found something wrong.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// A parameter, an input or a request is wrong.
    BadInput = 64,
    /// A pipeline's spec has a mistake.
    BadSpec = 65,
    /// There is no such thing.
    NotFound = 66,
    /// No server answers, or it cannot do it now.
    Unavailable = 69,
    /// A mistake of Rigi's.
    Internal = 70,
    /// A file or folder cannot be written.
    CannotCreate = 73,
    /// It does not fit the state it is in.
    Conflict = 75,
    /// Not signed in, or not allowed.
    NotSignedIn = 77,
    /// The configuration has a mistake.
    Config = 78,
    /// The run took longer than it may.
    TimedOut = 124,
    /// The run was cancelled, or you stopped watching.
    Cancelled = 130,
}

/// Every code with its meaning, for the help.
pub const MEANINGS: &[(Exit, &str)] = &[
    (Exit::Ok, "it worked; with `--wait` or `--follow`: the run succeeded (or was skipped by its own rules)"),
    (
        Exit::Failed,
        "the run failed; `rigi doctor`, `rigi backup verify` or `rigi packages audit` found something wrong",
    ),
    (Exit::Usage, "the command line is wrong"),
    (Exit::BadInput, "a parameter, an input or another value is wrong; nothing was started"),
    (Exit::BadSpec, "a pipeline's spec has a mistake"),
    (Exit::NotFound, "there is no such run, pipeline or file"),
    (
        Exit::Unavailable,
        "no server answers, or it cannot do this now; `rigi packages audit` could not check all packages",
    ),
    (Exit::Internal, "a mistake of Rigi's"),
    (Exit::CannotCreate, "a file or folder cannot be written, or is there already"),
    (
        Exit::Conflict,
        "it does not fit the state it is in: the run ended already, the data folder or port is in use",
    ),
    (Exit::NotSignedIn, "not signed in, or not allowed; the key of a backup is missing or wrong"),
    (Exit::Config, "the configuration has a mistake"),
    (Exit::TimedOut, "the run took longer than it may"),
    (Exit::Cancelled, "the run was cancelled, or you stopped watching it with Ctrl-C (it goes on)"),
];

impl Exit {
    /// The code of an error.
    #[must_use]
    pub const fn of_error(code: ErrorCode) -> Self {
        use ErrorCode as E;
        match code {
            E::ParameterInvalid
            | E::InputInvalid
            | E::RequestInvalid
            | E::SecretInvalid
            | E::TooLarge
            | E::Ambiguous => Self::BadInput,
            E::NotFound => Self::NotFound,
            E::PipelineInvalid => Self::BadSpec,
            E::PipelineDisabled
            | E::StateConflict
            | E::MailUnavailable
            | E::SecretMissing
            | E::IdempotencyConflict
            | E::DataFolderInUse
            | E::SupervisorVersion
            | E::TooManyRequests
            | E::QuotaExceeded
            | E::LastAdministrator
            | E::PortInUse => Self::Conflict,
            E::Unauthenticated | E::SecondFactorNeeded | E::Forbidden | E::KeyWrong => Self::NotSignedIn,
            E::TargetUnavailable
            | E::StorageUnavailable
            | E::MailFailed
            | E::SyncFailed
            | E::OutcomeUnknown
            | E::TooSlow
            | E::Unavailable
            | E::ServerUnreachable => Self::Unavailable,
            E::StorageDamaged | E::Internal | E::DatabaseNewer | E::DatabaseDamaged => Self::Internal,
            E::ConfigInvalid => Self::Config,
            E::DataFolderIncomplete => Self::Conflict,
            E::DataFolderReadOnly => Self::CannotCreate,
        }
    }

    /// The code of a run's end.
    #[must_use]
    pub const fn of_run(state: RunState) -> Self {
        match state {
            RunState::Failed => Self::Failed,
            RunState::TimedOut => Self::TimedOut,
            RunState::Cancelled => Self::Cancelled,
            RunState::Succeeded
            | RunState::Skipped
            | RunState::Queued
            | RunState::Starting
            | RunState::Running
            | RunState::Retrying => Self::Ok,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The page of `rigi help exit-codes`.
#[must_use]
pub fn page() -> String {
    let lines = MEANINGS.iter().map(|(exit, words)| format!("  {:>3}  {words}\n", *exit as u8));
    format!("Exit codes:\n{}", lines.collect::<String>())
}
