//! `rigi completion`.

use std::process::ExitCode;

use clap::Args;
use clap_complete::Shell;

use super::exit::Exit;
use super::terminal::hand_on;

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
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::command(), "rigi", &mut script);
        hand_on(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Ok.into())
    }
}
