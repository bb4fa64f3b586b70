//! `rigi projects`.

mod archive;
mod change;
mod quota;
mod show;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use rigi_api::view::{CreateProject, ProjectView};
use rigi_model::project::ProjectState;

use super::output::{List, OutputArgs, facts, print_value};
use super::people::requests;
use super::session::Session;
use super::table::Column;
use super::{pairs, words};
use crate::terminal::{Exit, say};

/// `rigi projects`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi projects list
  rigi projects create air-quality --owner ada@example.org
  rigi projects quota air-quality --runs 20 --cpu 16 --storage 200GiB
  rigi projects usage air-quality         what it uses of that, and who
  rigi runs list --project air-quality    each command takes a project; RIGI_PROJECT is the same")]
pub struct Projects {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Every project of the server, and what goes on in it
    List(OutputArgs),
    /// One project, with what is set for it
    Get {
        /// Its name
        name: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// What a project uses of what it may have, and who uses it
    Usage {
        /// Its name
        name: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Make a project
    Create {
        /// Its name: lower-case letters, digits and `-`
        name: String,
        /// Who owns it: mail address, name or id of a person, name or id of a group [default: you]
        #[arg(long, value_name = "WHO")]
        owner: Option<String>,
        /// A word to find it by; more than once
        #[arg(long = "label", value_name = "NAME=VALUE")]
        labels: Vec<String>,
    },
    /// Give a project another name; the old one leads to it until another project takes it
    Rename {
        /// The name that it has
        name: String,
        /// The name that it gets
        to: String,
    },
    /// Change labels, the default target, and what is kept
    Set(change::Set),
    /// Say what a project may have; what is not given stays
    Quota(quota::SetQuota),
    /// Projects that you may ask to be in
    Joinable(OutputArgs),
    /// Ask to be in a project
    Join {
        /// Its name
        name: String,
        /// What its owners should know
        #[arg(long)]
        note: Option<String>,
    },
    /// It can be read, and takes no more
    Archive {
        /// Its name
        name: String,
    },
    /// Open a project that is archived
    Open {
        /// Its name
        name: String,
    },
    /// Write all of a project into one file
    Export(archive::Export),
    /// Bring a project in from such a file
    Import(archive::Import),
    /// Stop its runs and hide it; 30 days later all of it goes
    Delete(change::Delete),
    /// Bring back a project that was deleted
    Restore {
        /// Its name
        name: String,
    },
}

impl Projects {
    /// Does what was said.
    ///
    /// # Errors
    /// When no server answers, or it says no.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        session.block_on(async {
            match self.command {
                Command::List(output) => {
                    let projects: Vec<ProjectView> = client.all(&["projects"], &[]).await?;
                    list(&projects, output, session)?;
                }
                Command::Get { name, output } => {
                    print(&client.get(&["projects", &name], &[]).await?, output)?
                }
                Command::Usage { name, output } => {
                    show::usage(&client.get(&["projects", &name, "usage"], &[]).await?, output)?;
                }
                Command::Create { name, owner, labels } => {
                    let body = CreateProject { name, owner, labels: pairs::labels(&labels)? };
                    print(&client.post(&["projects"], &body).await?, OutputArgs::default())?;
                }
                Command::Rename { name, to } => change::rename(&client, &name, to).await?,
                Command::Set(set) => set.run(&client).await?,
                Command::Quota(quota) => quota.run(&client).await?,
                Command::Joinable(output) => requests::joinable(&client, output, session).await?,
                Command::Join { name, note } => requests::join(&client, name, note).await?,
                Command::Archive { name } => change::archive(&client, &name, true).await?,
                Command::Open { name } => change::archive(&client, &name, false).await?,
                Command::Export(export) => export.run(&client, session).await?,
                Command::Import(import) => import.run(&client, session).await?,
                Command::Delete(delete) => delete.run(&client).await?,
                Command::Restore { name } => {
                    let project: ProjectView = client.act(&["projects", &name, "restore"], &[]).await?;
                    say(&format!("The project {} is back.", project.name))?;
                }
            }
            Ok(Exit::Ok.into())
        })
    }
}

fn list(projects: &[ProjectView], output: OutputArgs, session: &Session) -> anyhow::Result<()> {
    let list = List {
        items: projects,
        columns: &[
            Column::fixed("NAME"),
            Column::fixed("STATE"),
            Column::fixed("PIPELINES"),
            Column::fixed("WAITING"),
            Column::fixed("ACTIVE"),
            Column::fixed("LIMIT"),
        ],
        wide: &[Column::fixed("ROLE"), Column::fixed("LABELS")],
        row: &|project: &ProjectView| {
            let [pipelines, queued, active] =
                [project.pipelines, project.queued, project.active].map(|count| count.to_string());
            vec![
                project.name.to_string().into(),
                state(project).into(),
                pipelines.into(),
                queued.into(),
                active.into(),
                project.quota.runs.map(|limit| limit.to_string()).unwrap_or_default().into(),
                project.role.map(|role| role.to_string()).unwrap_or_default().into(),
                words::labels(&project.labels).into(),
            ]
        },
        name: &|project| project.name.to_string(),
        nothing: "",
    };
    list.print(output, &session.terminal)
}

fn state(project: &ProjectView) -> String {
    match (project.state, project.gone_at) {
        (ProjectState::Deleted, Some(at)) => format!("deleted, gone {}", words::date(at)),
        (state, _) => state.to_string(),
    }
}

/// One project, with what is set for it.
fn print(project: &ProjectView, output: OutputArgs) -> anyhow::Result<()> {
    if !output.is_for_people() {
        return print_value(project, output, || vec![project.name.to_string()]);
    }
    let mut rows = vec![("name", project.name.to_string()), ("state", state(project))];
    if project.id != project.name {
        rows.push(("id", project.id.to_string()));
    }
    let role = project.role.map(|role| role.to_string()).unwrap_or_default();
    let counts = format!("{} wait, {} active", project.queued, project.active);
    rows.extend([("role", role), ("labels", words::labels(&project.labels)), ("runs", counts)]);
    rows.push(("target", project.target.clone().unwrap_or_default()));
    rows.push(("kept", show::retention(&project.retention)));
    rows.push(("quota", show::quota(&project.quota)));
    if project.public {
        rows.push(("public", "whoever comes may look at it".to_owned()));
    }
    if project.declared {
        rows.push(("from", "the server's configuration".to_owned()));
    }
    rows.retain(|(_, value)| !value.is_empty());
    Ok(say(&facts(&rows))?)
}
