//! `rigi projects rename`, `set`, `archive`, `open`, `delete`.

use clap::Args;
use reqwest::Method;
use rigi_api::view::{ChangeProject, ProjectView, RetentionView};
use rigi_model::quantity::{parse_bytes, parse_duration};

use super::print;
use super::quota::{Amount, amount, whole};
use crate::cli::output::OutputArgs;
use crate::cli::pairs;
use crate::client::Client;
use crate::terminal::{Exit, Failure, say};

/// `rigi projects set`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi projects set air-quality --label team=lab --keep-age 30d
  rigi projects set air-quality --target cluster --keep-runs none")]
pub(super) struct Set {
    /// Its name
    name: String,
    /// A word to find it by; more than once. All that it has are replaced
    #[arg(long = "label", value_name = "NAME=VALUE")]
    labels: Vec<String>,
    /// It has no labels any more
    #[arg(long, conflicts_with = "labels")]
    no_labels: bool,
    /// Where runs execute that say nothing; `none`: on the server's default
    #[arg(long)]
    target: Option<String>,
    /// Whether whoever comes may look at it, where the server lets them
    #[arg(long)]
    public: Option<bool>,
    /// Whether people with an account may ask to be in it
    #[arg(long)]
    joinable: Option<bool>,
    /// Ended runs of each pipeline that are kept; `none`: as many as the server says
    #[arg(long, value_name = "COUNT", value_parser = |text: &str| amount(text, whole::<u64>))]
    keep_runs: Option<Amount<u64>>,
    /// Age of ended runs that are kept
    #[arg(long, value_name = "TIME", value_parser = |text: &str| amount(text, millis))]
    keep_age: Option<Amount<u64>>,
    /// Bytes of files and logs of each pipeline that are kept
    #[arg(long, value_name = "SIZE", value_parser = |text: &str| amount(text, parse_bytes))]
    keep_bytes: Option<Amount<u64>>,
}

/// A time in milliseconds.
pub(super) fn millis(text: &str) -> Result<u64, rigi_model::quantity::QuantityError> {
    parse_duration(text).map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

impl Set {
    pub(super) async fn run(self, client: &Client) -> anyhow::Result<()> {
        let mut body =
            ChangeProject { public: self.public, joinable: self.joinable, ..ChangeProject::default() };
        if !self.labels.is_empty() || self.no_labels {
            body.labels = Some(pairs::labels(&self.labels)?);
        }
        body.target = self.target.map(|target| if target == "none" { String::new() } else { target });
        if self.keep_runs.is_some() || self.keep_age.is_some() || self.keep_bytes.is_some() {
            let now: ProjectView = client.get(&["projects", &self.name], &[]).await?;
            body.retention = Some(RetentionView {
                runs: Amount::over(self.keep_runs, now.retention.runs),
                age_ms: Amount::over(self.keep_age, now.retention.age_ms),
                bytes: Amount::over(self.keep_bytes, now.retention.bytes),
            });
        }
        print(&change(client, &self.name, &body).await?, OutputArgs::default())
    }
}

async fn change(client: &Client, name: &str, body: &ChangeProject) -> anyhow::Result<ProjectView> {
    Ok(client.change(Method::PATCH, &["projects", name], Some(body)).await?)
}

/// Gives a project another name.
pub(super) async fn rename(client: &Client, name: &str, to: String) -> anyhow::Result<()> {
    let body = ChangeProject { name: Some(to), ..ChangeProject::default() };
    let project = change(client, name, &body).await?;
    Ok(say(&format!(
        "The project is called {} now; {name} leads to it until another takes that name.",
        project.name
    ))?)
}

/// Archives a project, or opens it.
pub(super) async fn archive(client: &Client, name: &str, archived: bool) -> anyhow::Result<()> {
    let body = ChangeProject { archived: Some(archived), ..ChangeProject::default() };
    change(client, name, &body).await?;
    let state = if archived { "archived: it can be read, and takes no more" } else { "open" };
    Ok(say(&format!("The project {name} is {state}."))?)
}

/// `rigi projects delete`
#[derive(Debug, Args)]
pub(super) struct Delete {
    /// Its name
    name: String,
    /// Yes, its runs may be stopped
    #[arg(long)]
    yes: bool,
    /// All of it goes now, with its files, and cannot be brought back; for administrators
    #[arg(long)]
    at_once: bool,
}

impl Delete {
    pub(super) async fn run(self, client: &Client) -> anyhow::Result<()> {
        let Self { name, yes, at_once } = self;
        let project: ProjectView = client.get(&["projects", &name], &[]).await?;
        if !yes {
            let runs = format!("{} runs wait and {} are active", project.queued, project.active);
            let words = format!("`{name}` is deleted with all that it has: {runs}, and they are stopped");
            return Err(Failure::new(Exit::Usage, words).cure("add `--yes`").into());
        }
        let query: &[(&str, String)] = if at_once { &[("at_once", "true".to_owned())] } else { &[] };
        client.delete(&["projects", &name], query).await?;
        let words = match at_once {
            true => format!("The project {name} is gone."),
            false => format!(
                "The project {name} is deleted. Until it goes, `rigi projects restore {name}` brings it back."
            ),
        };
        Ok(say(&words)?)
    }
}
