//! `rigi completion`.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use clap_complete::env::Shells;
use clap_complete::{CompleteEnv, Shell};

use crate::terminal::Exit;
use crate::terminal::hand_on;

/// By this variable the scripts of shells ask what to offer.
const VARIABLE: &str = "_RIGI_COMPLETE";

/// Answers a shell that asks what to offer, and ends the process; does nothing where none asks.
pub fn answer() {
    CompleteEnv::with_factory(super::command).var(VARIABLE).complete();
}

/// `rigi completion`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi completion bash > ~/.local/share/bash-completion/completions/rigi
  rigi completion zsh > ~/.zfunc/_rigi
  rigi completion fish > ~/.config/fish/completions/rigi.fish")]
pub struct Completion {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completion {
    /// Prints the script.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let (shells, name) = (Shells::builtins(), self.shell.to_string());
        let shell = shells.completer(&name).with_context(|| format!("{name} is no shell that is known"))?;
        let mut script = Vec::new();
        shell.write_registration(VARIABLE, "rigi", "rigi", "rigi", &mut script)?;
        hand_on(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Ok.into())
    }
}
