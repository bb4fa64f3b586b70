//! What a newcomer needs, and help on everything.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;

use super::session::Session;
use crate::terminal::Failure;
use crate::terminal::exit::{self, Exit};
use crate::terminal::{Colour, say};

/// The five commands that one starts with.
const FIRST: [(&str, &str); 5] = [
    ("rigi init hello", "write a pipeline that works, in the folder `hello`"),
    ("rigi up", "start a server on the pipelines in this folder"),
    ("rigi run hello --follow", "run one and watch it"),
    ("rigi runs list", "see what ran, runs and waits"),
    ("rigi status", "see the server, and a link to its page"),
];

/// `rigi` alone.
///
/// # Errors
/// When standard output cannot be written.
pub fn welcome(session: &Session) -> anyhow::Result<ExitCode> {
    let mut text = "Rigi runs data pipelines on machines their owners control.\n\n".to_owned();
    for (command, words) in FIRST {
        let gap = " ".repeat(26 - command.len());
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {}{gap}{words}", session.terminal.paint(Colour::Blue, command));
    }
    text.push_str("\n`rigi --help` lists everything.");
    say(&text)?;
    Ok(Exit::Ok.into())
}

/// `rigi help`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  rigi help runs logs\n  rigi help exit-codes")]
pub struct Help {
    /// A command, or `exit-codes`
    topic: Vec<String>,
}

impl Help {
    /// Prints the help of a command, or a page.
    ///
    /// # Errors
    /// When there is no such command, or standard output cannot be written.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        if self.topic == ["exit-codes"] {
            say(&exit::page())?;
            return Ok(Exit::Ok.into());
        }
        let mut command = super::command();
        command.build();
        let mut found = &mut command;
        for word in &self.topic {
            found = found.find_subcommand_mut(word).ok_or_else(|| {
                Failure::new(Exit::Usage, format!("there is no help on `{}`", self.topic.join(" ")))
                    .cure("`rigi --help` lists the commands; `rigi help exit-codes` the exit codes")
            })?;
        }
        say(&found.render_long_help().to_string())?;
        Ok(Exit::Ok.into())
    }
}
