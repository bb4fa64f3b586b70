//! `rigi projects`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use rigi_api::view::{MemoryQuota, ProjectView};
use rigi_model::quantity::{show_bytes, show_cpu};

use super::output::{List, OutputArgs};
use super::session::Session;
use super::table::Column;
use crate::terminal::Exit;

/// `rigi projects`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi projects list
  rigi runs list --project air-quality    each command takes a project; RIGI_PROJECT is the same")]
pub struct Projects {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Every project of the server, and what goes on in it
    List(ListProjects),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi projects list
  rigi projects list -o json")]
struct ListProjects {
    #[command(flatten)]
    output: OutputArgs,
}

impl Projects {
    /// Lists them.
    ///
    /// # Errors
    /// If no server answers.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let Command::List(list) = self.command;
        list.run(session)
    }
}

/// What is in use, and what of.
fn memory(quota: &MemoryQuota) -> String {
    format!("{} of {}", show_bytes(quota.used), show_bytes(quota.most))
}

impl ListProjects {
    fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        let projects: Vec<ProjectView> =
            session.block_on(async { Ok(client.all(&["projects"], &[]).await?) })?;
        let columns = [
            Column::fixed("NAME"),
            Column::fixed("PIPELINES"),
            Column::fixed("WAITING"),
            Column::fixed("ACTIVE"),
            Column::fixed("LIMIT"),
        ];
        let list = List {
            items: &projects,
            columns: &columns,
            wide: &[Column::fixed("MAY WAIT"), Column::fixed("CPU"), Column::fixed("MEMORY")],
            row: &|project: &ProjectView| {
                let limit = project.max_active_runs.map(|limit| limit.to_string()).unwrap_or_default();
                let [pipelines, queued, active] =
                    [project.pipelines, project.queued, project.active].map(|count| count.to_string());
                vec![
                    project.name.clone().into(),
                    pipelines.into(),
                    queued.into(),
                    active.into(),
                    limit.into(),
                    project.max_queued_runs.map(|most| most.to_string()).unwrap_or_default().into(),
                    project
                        .cpu
                        .as_ref()
                        .map(|cpu| format!("{} of {}", cpu.used, show_cpu(cpu.most)))
                        .unwrap_or_default()
                        .into(),
                    project.memory.as_ref().map(memory).unwrap_or_default().into(),
                ]
            },
            name: &|project| project.name.clone(),
            nothing: "",
        };
        list.print(self.output, &session.terminal)?;
        Ok(Exit::Ok.into())
    }
}
