//! `rigi status`.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use rigi_api::view::{SeatView, SystemView};
use rigi_model::quantity::show_duration;
use serde::Deserialize;
use serde_json::json;

use super::output::{OutputArgs, facts, print_value};
use super::session::Session;
use super::words::count;
use crate::terminal::Exit;
use crate::terminal::{Colour, say};

/// A link that signs a browser in, once.
#[derive(Debug, Deserialize)]
struct LinkView {
    /// Path and query behind the server's address.
    path: String,
}

/// `rigi status`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi status           what the server does
  rigi status --link    a fresh link that signs a browser in")]
pub struct Status {
    /// Print a fresh link that signs a browser in
    #[arg(long)]
    link: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl Status {
    /// Prints what the server does.
    ///
    /// # Errors
    /// When there is no server, or it does not answer.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        session.block_on(async {
            if self.link {
                let link: LinkView = client.act(&["links"], &[]).await?;
                let url = format!("{}{}", client.public(), link.path);
                if self.output.is_for_people() {
                    say(&url)?;
                } else {
                    print_value(&json!({ "url": url }), self.output, || vec![url.clone()])?;
                }
                return Ok(Exit::Ok.into());
            }
            let system: SystemView = client.get(&["system"], &[]).await?;
            if self.output.is_for_people() {
                say(&show(&system, client.public(), session))?;
            } else {
                print_value(&system, self.output, || vec![client.public().to_owned()])?;
            }
            Ok(Exit::Ok.into())
        })
    }
}

/// What it is among the servers of its database.
const fn seat_words(seat: SeatView) -> &'static str {
    match seat {
        SeatView::Leader => "",
        SeatView::Follower => ", which another server leads",
    }
}

fn show(system: &SystemView, url: &str, session: &Session) -> String {
    let runs = &system.runs;
    let mistakes = match system.pipelines_with_mistakes {
        0 => String::new(),
        1 => ", 1 with a mistake (`rigi validate`)".to_owned(),
        many => format!(", {many} with mistakes (`rigi validate`)"),
    };
    let active = format!(
        "{} active of at most {}, {} waiting, {} between attempts",
        count(runs.active),
        count(system.max_active_runs),
        count(runs.queued),
        count(runs.retrying)
    );
    let uptime = show_duration(system.now.since(system.started_at));
    let mut text = facts(&[
        ("server", format!("{url}  (`rigi status --link` prints a link that signs in)")),
        ("version", format!("{}, up {uptime}", system.version)),
        ("pipelines", format!("{} in {}{mistakes}", count(system.pipelines), system.pipelines_folder)),
        ("runs", active),
        ("database", format!("{}{}", system.database, seat_words(system.seat))),
    ]);
    for warning in &system.warnings {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{} {warning}", session.terminal.paint(Colour::Amber, "warning:"));
    }
    text
}
