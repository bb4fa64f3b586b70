//! `rigi sync`.

use std::process::ExitCode;

use clap::Args;
use rigi_api::view::{RepositoryView, SyncReport};
use rigi_model::repositories::Outcome;
use serde_json::json;

use super::show::{plan, short};
use crate::cli::output::{OutputArgs, print_value};
use crate::cli::session::Session;
use crate::client::Client;
use crate::terminal::{Exit, of_any, remark, say};

/// `rigi sync`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi sync                 all repositories
  rigi sync tools --plan    what would change, and nothing is

A sync that goes wrong changes nothing. `rigi repositories add` adds a repository.")]
pub struct SyncNow {
    /// Which repository; all unless told
    name: Option<String>,
    /// Only show what would change
    #[arg(long)]
    plan: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl SyncNow {
    /// Does what was asked for.
    ///
    /// # Errors
    /// If no server answers, or a repository cannot be taken.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        session.block_on(async {
            if let Some(name) = &self.name {
                let report = self.one(&client, name).await?;
                if self.output.is_for_people() {
                    self.tell(name, &report)?;
                } else {
                    print_value(&report, self.output, || vec![name.clone()])?;
                }
                return Ok(Exit::Ok.into());
            }
            let all: Vec<RepositoryView> = client.all(&["repositories"], &[]).await?;
            if all.is_empty() && self.output.is_for_people() {
                eprintln!("There are no repositories. `rigi repositories add URL` adds one.");
            }
            let (mut code, mut reports) = (Exit::Ok, Vec::new());
            for name in all.iter().map(|one| &one.name) {
                match self.one(&client, name).await {
                    Ok(report) if self.output.is_for_people() => self.tell(name, &report)?,
                    Ok(report) => reports.push(json!({"repository": name, "report": report})),
                    // The others are synced all the same.
                    Err(error) => {
                        let failure = of_any(error);
                        code = failure.exit;
                        remark(&failure.show(&session.terminal));
                    }
                }
            }
            if !self.output.is_for_people() {
                print_value(&reports, self.output, || all.iter().map(|one| one.name.clone()).collect())?;
            }
            Ok(code.into())
        })
    }

    async fn one(&self, client: &Client, name: &str) -> anyhow::Result<SyncReport> {
        let query = if self.plan { vec![("plan", "true".to_owned())] } else { Vec::new() };
        Ok(client.act_patiently(&["repositories", name, "sync"], &query).await?)
    }

    fn tell(&self, name: &str, report: &SyncReport) -> anyhow::Result<()> {
        if report.outcome == Outcome::Unchanged {
            say(&format!("{name}  commit {}: nothing new", short(&report.plan.commit)))?;
            return Ok(());
        }
        let mut text = plan(name, &report.plan);
        if !report.done {
            text.push_str("Nothing was changed; `rigi sync ");
            text.push_str(name);
            text.push_str("` does it.\n");
        }
        Ok(say(&text)?)
    }
}
