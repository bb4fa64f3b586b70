//! `rigi runs open`.

use std::process::{Command, ExitCode, Stdio};

use clap::Args;
use clap_complete::ArgValueCompleter;
use rigi_api::view::RunView;
use serde_json::json;

use crate::cli::complete;
use crate::cli::output::{OutputArgs, print_value};
use crate::cli::session::Session;
use crate::terminal::Exit;
use crate::terminal::say;

/// Programs that show an address in the browser.
const OPENERS: [&str; 3] = ["xdg-open", "open", "wslview"];

/// `rigi runs open`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi runs open 7Q2A           show it in the browser, which must be signed in
  rigi runs open 7Q2A --link    print an address that signs a browser in, once")]
pub struct Open {
    /// The run: its id, or a part of it
    #[arg(value_name = "RUN", add = ArgValueCompleter::new(complete::runs))]
    run: String,
    /// Print an address that signs a browser in, and start none
    #[arg(long)]
    link: bool,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, serde::Deserialize)]
struct LinkView {
    /// Path and query behind the server's address.
    path: String,
}

impl Open {
    /// Prints the address of the run's page, and shows it where there is somebody to see it.
    ///
    /// # Errors
    /// When there is no such run.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        let url = session.block_on(async {
            let run: RunView = client.get(&["runs", &self.run], &[]).await?;
            let page = client.page(&format!("/runs/{}", run.summary.id));
            if !self.link {
                return Ok(page);
            }
            let link: LinkView = client.act(&["links"], &[]).await?;
            Ok(format!("{page}{}", link.path.trim_start_matches('/')))
        })?;
        if self.output.is_for_people() {
            say(&url)?;
        } else {
            print_value(&json!({ "url": url }), self.output, || vec![url.clone()])?;
        }
        // A link is not handed to a program: others can see the arguments of a process.
        if self.output.is_for_people() && session.terminal.out && !self.link {
            show(&url);
        }
        Ok(Exit::Ok.into())
    }
}

/// Starts what shows addresses, if there is such a thing; the address was printed.
fn show(url: &str) {
    let start = |program: &&str| {
        let mut command = Command::new(program);
        command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().is_ok()
    };
    let _ = OPENERS.iter().any(start);
}
