//! The running server: its data folder, its parts, its door.

pub mod backup;
mod check;
mod daemon;
mod damage;
pub mod data_folder;
pub(crate) mod directly;
mod elsewhere;
pub mod error;
mod keys;
pub(crate) mod listen;
mod open_files;
pub mod parts;
mod people;
pub mod runners;
mod seats;
pub mod surroundings;
pub mod targets;
mod tls;
pub mod up;

pub use check::{doctor, gc, migrate, not_configured, validate};
pub use damage::damage;
pub use error::of_store as storage_failure;
use rigi_local::supervisor::SupervisorConfig;
pub use up::{UpOptions, up};

use std::ffi::OsString;
use std::process::ExitCode;

/// The hidden subcommand that runs the supervisor: `rigi supervisor [--contained] [--open-files=N] DATA [FOLDER]`.
#[must_use]
pub fn supervisor(args: Vec<OsString>) -> ExitCode {
    let mut args = args.into_iter().peekable();
    let contained = args.next_if(|arg| arg == "--contained").is_some();
    let limit = |arg: &OsString| arg.to_str()?.strip_prefix("--open-files=")?.parse().ok();
    let open_files = args.peek().and_then(limit);
    if open_files.is_some() {
        args.next();
    }
    let Some(data) = args.next() else {
        eprintln!("usage: rigi supervisor [--contained] [--open-files=N] DATA [FOLDER]");
        return ExitCode::from(64);
    };
    let open = args.next().map(Into::into);
    let config = SupervisorConfig::new(data.into());
    rigi_local::supervisor::main(&SupervisorConfig { open, contained, open_files, ..config })
}
