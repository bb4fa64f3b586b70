//! What a shell offers where a name is wanted: asked of the server, within a moment, and nothing where none answers.

use std::ffi::OsStr;
use std::time::Duration;

use clap_complete::CompletionCandidate;
use rigi_api::view::{Page, PipelineSummary, ProjectView, RunSummary, SecretView};

use super::session::{Globals, Placement, Session};
use crate::client::{CallError, Client};
use crate::config::FILE_NAME;
use crate::terminal::Terminal;

/// Somebody waits with a finger on the key.
const PATIENCE: Duration = Duration::from_millis(1500);
/// So many of the newest runs.
const RUNS: &str = "50";

/// Names of pipelines.
pub fn pipelines(current: &OsStr) -> Vec<CompletionCandidate> {
    let found = ask(async |client| client.get::<Page<PipelineSummary>>(&["pipelines"], &[]).await);
    let all = found.map(|page| page.items).unwrap_or_default();
    offer(current, all.into_iter().map(|pipeline| (pipeline.name, String::new())))
}

/// Names of projects.
pub fn projects(current: &OsStr) -> Vec<CompletionCandidate> {
    let found = ask(async |client| client.get::<Page<ProjectView>>(&["projects"], &[]).await);
    let all = found.map(|page| page.items).unwrap_or_default();
    offer(current, all.into_iter().map(|project| (project.name.to_string(), String::new())))
}

/// Names of secrets.
pub fn secrets(current: &OsStr) -> Vec<CompletionCandidate> {
    let found = ask(async |client| client.get::<Page<SecretView>>(&["secrets"], &[]).await);
    let all = found.map(|page| page.items).unwrap_or_default();
    offer(current, all.into_iter().map(|secret| (secret.name, String::new())))
}

/// Short names of the newest runs, with what they are.
pub fn runs(current: &OsStr) -> Vec<CompletionCandidate> {
    let query = [("limit", RUNS.to_owned())];
    let found = ask(async |client| client.get::<Page<RunSummary>>(&["runs"], &query).await);
    let all = found.map(|page| page.items).unwrap_or_default();
    // One who has typed more than a short name has whole ids in mind.
    let whole = current.to_str().is_some_and(|text| text.starts_with("run_"));
    let name = |run: &RunSummary| if whole { run.id.to_string() } else { run.short.clone() };
    offer(current, all.iter().map(|run| (name(run), format!("{}, {}", run.pipeline, run.state))))
}

/// Names of targets, as the configuration of this place has them.
pub fn targets(current: &OsStr) -> Vec<CompletionCandidate> {
    let session = session();
    let beside = |folder: &std::path::Path| folder.join(FILE_NAME).exists();
    let here = std::env::current_dir().unwrap_or_default();
    let folder = here.ancestors().find(|folder| beside(folder)).unwrap_or(&here).to_owned();
    let loaded = session.local(None).or_else(|_| session.load(&folder, Vec::new()));
    let named = loaded.map(|loaded| loaded.config.named_targets.into_keys().collect()).unwrap_or_default();
    let all = std::iter::once("process".to_owned()).chain::<Vec<String>>(named);
    offer(current, all.map(|name| (name, String::new())))
}

fn session() -> Session {
    let variable = |name: &str| std::env::var(name).ok();
    let globals = Globals {
        server: variable("RIGI_SERVER"),
        url: variable("RIGI_URL"),
        token: variable("RIGI_TOKEN"),
        project: variable("RIGI_PROJECT"),
        data: variable("RIGI_DATA").map(Into::into),
        config: variable("RIGI_CONFIG").map(Into::into),
    };
    Session::new(globals, Terminal::of_process(), Placement::AsStarted)
}

fn ask<T>(call: impl AsyncFnOnce(&Client) -> Result<T, CallError>) -> Option<T> {
    let session = session();
    let client = session.client().ok()?;
    let asked = session.block_on(async {
        Ok(tokio::time::timeout(PATIENCE, call(&client)).await.ok().and_then(Result::ok))
    });
    asked.ok().flatten()
}

/// Those that begin with what was typed.
fn offer(current: &OsStr, all: impl Iterator<Item = (String, String)>) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy().to_lowercase();
    let fitting = all.filter(|(name, _)| name.to_lowercase().starts_with(&typed));
    let candidate = |(name, help): (String, String)| {
        CompletionCandidate::new(name).help((!help.is_empty()).then(|| help.into()))
    };
    fitting.map(candidate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_so_is_offered_whatever_its_case() {
        let all = [("7Q2A", "co2-trend, failed"), ("7q19", ""), ("8AAA", "")];
        let all = all.map(|(name, help)| (name.to_owned(), help.to_owned()));
        let offered = offer(OsStr::new("7q"), all.into_iter());
        let names: Vec<_> = offered.iter().map(|one| one.get_value().to_str().unwrap()).collect();
        assert_eq!(names, ["7Q2A", "7q19"]);
        assert_eq!(offered[0].get_help().unwrap().to_string(), "co2-trend, failed");
    }
}
