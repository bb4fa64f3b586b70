//! What keeps a server from starting, in words, with a code.

use rigi_model::ErrorCode;

use crate::trouble::Trouble;

/// What the store says, for people who start a server.
pub fn of_store(error: &rigi_store::Error) -> Trouble {
    use rigi_store::Error as E;
    let text = error.to_string();
    match error {
        E::Key(_) => Trouble::new(
            ErrorCode::KeyWrong,
            text,
            "give the key of this database; one that is to take its place needs it as `secrets.former_key`",
        ),
        E::Newer { .. } => Trouble::new(
            ErrorCode::DatabaseNewer,
            text,
            "use the version of Rigi that wrote it, or a newer one; or restore a backup from before",
        ),
        E::Damaged { .. } => Trouble::new(
            ErrorCode::DatabaseDamaged,
            text,
            "restore a backup; `rigi doctor --deep` names what is damaged",
        ),
        E::InUse { .. } => Trouble::new(
            ErrorCode::DataFolderInUse,
            text,
            "use that server (`rigi status`), stop it with `rigi down`, or choose another folder with `--data`",
        ),
        E::Lost { part, .. } => Trouble::new(
            ErrorCode::DataFolderIncomplete,
            text,
            &format!(
                "restore a backup, bring the {part} back that the folder had, or begin anew without it: `rigi up --renew {part}`"
            ),
        ),
        E::Full(_) => {
            Trouble::new(ErrorCode::StorageUnavailable, text, "make room on the disk of the data folder")
        }
        E::Database { cure, .. } => Trouble::new(ErrorCode::ConfigInvalid, text, cure),
        E::Storage { cure, .. } => Trouble::new(ErrorCode::StorageUnavailable, text, cure),
        E::ReadOnly(_) => Trouble::new(
            ErrorCode::DataFolderReadOnly,
            text,
            "make the data folder writable for you, or choose another with `--data`",
        ),
        E::Io { source, .. } if is_read_only(source) => Trouble::new(
            ErrorCode::DataFolderReadOnly,
            text,
            "make the data folder writable for you, or choose another with `--data`",
        ),
        _ => Trouble::new(
            ErrorCode::StorageUnavailable,
            text,
            "check the address, the rights and the disk of the database",
        ),
    }
}

/// What keeps processes from being started.
pub(crate) fn of_executor(error: &rigi_local::process::Error) -> Trouble {
    match error {
        rigi_local::process::Error::Version { version, .. } => Trouble::new(
            ErrorCode::SupervisorVersion,
            error.to_string(),
            &format!(
                "start Rigi {version} again until they have ended, or end them with its `rigi down --cancel`; nothing was changed"
            ),
        ),
        rigi_local::process::Error::Superseded => {
            Trouble::new(ErrorCode::DataFolderInUse, error.to_string(), "use that server (`rigi status`)")
        }
        _ => Trouble::new(
            ErrorCode::Internal,
            format!("the supervisor of processes does not start: {error}"),
            "`rigi doctor` says more",
        ),
    }
}

pub(crate) fn is_read_only(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem)
}
