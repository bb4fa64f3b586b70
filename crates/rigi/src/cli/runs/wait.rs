//! `rigi runs wait`.

use std::process::ExitCode;

use clap::Args;
use clap_complete::ArgValueCompleter;
use rigi_api::view::RunView;

use crate::cli::complete;
use crate::cli::follow::{Follow, Interrupt, Show, Style, watch};
use crate::cli::output::OutputArgs;
use crate::cli::pairs::Given;
use crate::cli::session::Session;
use crate::terminal::Exit;

/// `rigi runs wait`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi runs wait 7Q2A            the exit code is its result
  rigi runs wait 7Q2A 7Q19 -q    of several: that of the first that did not succeed")]
pub struct Wait {
    /// The runs: their ids, or parts of them
    #[arg(value_name = "RUN", required = true, add = ArgValueCompleter::new(complete::runs))]
    runs: Vec<String>,
    #[command(flatten)]
    output: OutputArgs,
}

impl Wait {
    /// Waits for the end of each.
    ///
    /// # Errors
    /// When there is no such run, or the server goes away for good.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        let follow = Follow {
            kept_in: None,
            show: Show::End,
            style: Style::of(self.output),
            interrupt: Interrupt::Leave,
            given: Given::default(),
            idempotency_key: None,
        };
        session.block_on(async {
            let mut result = ExitCode::from(Exit::Ok);
            for name in &self.runs {
                let run: RunView = client.get(&["runs", name], &[]).await?;
                let ended = watch(&client, &session.terminal, run, &follow).await?;
                if result == ExitCode::SUCCESS {
                    result = ended;
                }
            }
            Ok(result)
        })
    }
}
