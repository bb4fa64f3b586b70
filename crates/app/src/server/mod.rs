//! The running server: its data folder, its parts, its door.

pub mod backup;
mod check;
mod daemon;
mod damage;
mod data_folder;
mod error;
mod here;
mod listen;
mod parts;
mod runners;
pub mod targets;
mod up;

pub use check::{doctor, gc, migrate, validate};
pub use damage::damage;
pub use error::of_store as storage_failure;
pub use here::{Aside, aside, run_here};
pub use up::{UpOptions, up};

use std::ffi::OsString;
use std::process::ExitCode;

use rigi_exec::supervisor::SupervisorConfig;

/// The hidden subcommand that runs the supervisor: `rigi supervisor DATA [FOLDER]`.
#[must_use]
pub fn supervisor(args: Vec<OsString>) -> ExitCode {
    let mut args = args.into_iter().peekable();
    let contained = args.next_if(|arg| arg == "--contained").is_some();
    let Some(data) = args.next() else {
        eprintln!("usage: rigi supervisor [--contained] DATA [FOLDER]");
        return ExitCode::from(64);
    };
    let open = args.next().map(Into::into);
    rigi_exec::supervisor::main(&SupervisorConfig { open, contained, ..SupervisorConfig::new(data.into()) })
}
