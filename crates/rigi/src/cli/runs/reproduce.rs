//! `rigi runs reproduce`: the same again, and whether the same comes of it.

use std::process::ExitCode;

use clap::Args;
use clap_complete::ArgValueCompleter;
use rigi_api::view::{Comparison, FileVerdict, RunView};
use serde::Serialize;

use crate::cli::complete;
use crate::cli::follow::{Follow, Interrupt, Show, Style, watch};
use crate::cli::output::{OutputArgs, print_value};
use crate::cli::pairs::Given;
use crate::cli::session::Session;
use crate::cli::words::many;
use crate::client::{Client, RunStream};
use crate::terminal::{Exit, Failure, say};

/// `rigi runs reproduce`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi runs reproduce 7Q2A              run it again, wait, and compare what it left
  rigi runs reproduce 7Q2A --with 7Q19  compare with a run that is there

The exit code is 0 if every file is equal by content, 1 if one is not.")]
pub struct Reproduce {
    /// The run: its id, or a part of it
    #[arg(value_name = "RUN", add = ArgValueCompleter::new(complete::runs))]
    run: String,
    /// Compare with this run, and start none
    #[arg(long, value_name = "OTHER", add = ArgValueCompleter::new(complete::runs))]
    with: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

/// What is printed for programs.
#[derive(Serialize)]
struct Answer {
    run: String,
    other: String,
    #[serde(flatten)]
    comparison: Comparison,
}

impl Reproduce {
    /// Starts it, waits, and compares.
    ///
    /// # Errors
    /// When there is no such run, it has not ended, or the server goes away for good.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        session.block_on(async {
            let refused = |error| Failure::from(error).doing(&format!("{} was not reproduced", self.run));
            let other = match &self.with {
                Some(other) => other.clone(),
                None => {
                    let path = ["runs", self.run.as_str(), "reproduce"];
                    let run: RunView = client.act(&path, &[]).await.map_err(refused)?;
                    let id = run.summary.id.to_string();
                    self.wait(&client, session, run).await?;
                    id
                }
            };
            let path = ["runs", self.run.as_str(), "compare", other.as_str()];
            let comparison: Comparison = client.get(&path, &[]).await.map_err(refused)?;
            let equal = comparison.equal;
            match self.output.is_for_people() {
                true => say(&words(&comparison))?,
                false => {
                    let names = || differing(&comparison).map(|file| file.path.clone()).collect();
                    let answer = Answer {
                        run: self.run.clone(),
                        other: other.clone(),
                        comparison: comparison.clone(),
                    };
                    print_value(&answer, self.output, names)?;
                }
            }
            Ok(if equal { Exit::Ok } else { Exit::Failed }.into())
        })
    }

    /// Until its end. People are told how it goes.
    async fn wait(&self, client: &Client, session: &Session, run: RunView) -> anyhow::Result<()> {
        if self.output.is_for_people() {
            let follow = Follow {
                kept_in: None,
                show: Show::End,
                style: Style::People,
                interrupt: Interrupt::Leave,
                given: Given::default(),
                idempotency_key: None,
            };
            watch(client, &session.terminal, run, &follow).await?;
            return Ok(());
        }
        let id = run.summary.id.as_str();
        let mut states = RunStream::open(client, id).await?;
        loop {
            let now: RunView = client.get(&["runs", id], &[]).await?;
            if now.summary.state.is_terminal() {
                return Ok(());
            }
            states.next().await?;
        }
    }
}

fn differing(comparison: &Comparison) -> impl Iterator<Item = &rigi_api::view::ComparedFile> {
    comparison.files.iter().filter(|file| file.verdict != FileVerdict::Equal)
}

fn words(comparison: &Comparison) -> String {
    let counts = &comparison.counts;
    let mut lines = vec![match comparison.equal {
        true => format!("reproduced  all of {}, equal by content", many(counts.equal, "file")),
        false => format!(
            "differs     {} equal, {} differ, {} missing, {} new",
            counts.equal, counts.differs, counts.missing, counts.new
        ),
    }];
    let word = |verdict: FileVerdict| match verdict {
        FileVerdict::Equal => "equal",
        FileVerdict::Differs => "differs",
        FileVerdict::Missing => "missing",
        FileVerdict::New => "new",
    };
    lines.extend(comparison.files.iter().map(|file| format!("  {:<9} {}", word(file.verdict), file.path)));
    if comparison.more {
        lines.push("  there is more; it is not told".to_owned());
    }
    let rest: Vec<&str> =
        comparison.differs_in.iter().map(String::as_str).filter(|name| *name != "state").collect();
    if !rest.is_empty() {
        lines.push(format!("not the same: {}", rest.join(", ")));
    }
    if !comparison.secrets.is_empty() {
        lines.push(format!("secrets in another version: {}", comparison.secrets.join(", ")));
    }
    lines.extend(comparison.notes.iter().map(|note| format!("note: {note}")));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use rigi_api::view::{ComparedCounts, ComparedFile};

    use super::*;

    #[test]
    fn what_differs_is_told_file_by_file() {
        let file = |path: &str, verdict| ComparedFile {
            path: path.to_owned(),
            verdict,
            sha256: None,
            other_sha256: None,
        };
        let comparison = Comparison {
            equal: false,
            counts: ComparedCounts { equal: 1, differs: 1, missing: 0, new: 0 },
            files: vec![file("a.csv", FileVerdict::Differs), file("b.csv", FileVerdict::Equal)],
            more: false,
            differs_in: vec!["environment".to_owned()],
            secrets: vec!["KEY".to_owned()],
            notes: Vec::new(),
        };
        let told = "differs     1 equal, 1 differ, 0 missing, 0 new\n  differs   a.csv\n  equal     b.csv\n\
                    not the same: environment\nsecrets in another version: KEY";
        assert_eq!(words(&comparison), told);
    }
}
