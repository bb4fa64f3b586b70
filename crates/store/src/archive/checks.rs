//! What rows of an archive must be, beside what the schema says: what is read of them later is relied on.

use std::collections::{BTreeSet, HashSet};

use rigi_model::version::{FileEntry, hash_version};
use rigi_model::{ContentHash, PipelineName, ProjectName, RunId, RunState, UploadId, VersionHash};
use serde_json::Value as Json;

use super::folder::is_path;
use super::rows::{Row, content_of, has_sealed, text};
use super::{Refusable, Refused, wrong};
use crate::db::{Db, from_json};
use crate::tables::runs::Run;
use crate::tables::versions::VersionFile;

/// Bytes of what an index holds, at most: PostgreSQL takes no more.
const LONGEST_KEY: usize = 2000;

/// What has come, as far as other rows depend on it.
#[derive(Default)]
pub(super) struct Seen {
    pub versions: HashSet<VersionHash>,
    /// Flows that steps belong to.
    pub parents: BTreeSet<RunId>,
    /// What rows refer to, and has not come.
    pub content: HashSet<ContentHash>,
    pub logs: HashSet<String>,
}

fn parse<T: std::str::FromStr>(row: &Row, column: &str) -> Refusable<T> {
    let parsed = text(row, column).and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| wrong(format!("a row of it has no fitting `{column}`")))
}

/// What a stored thing that cannot be read is, in an archive.
fn unfitting(error: crate::Error) -> Refused {
    match error {
        crate::Error::Damaged { what, why } => wrong(format!("{what} is damaged: {why}")),
        other => other.into(),
    }
}

impl Seen {
    /// Looks at a row before it is written.
    pub(super) fn look(&mut self, table: &str, row: &Row) -> Refusable<()> {
        let long = ["path", "name", "key", "value", "input", "step"];
        if long.iter().any(|column| text(row, column).is_some_and(|text| text.len() > LONGEST_KEY)) {
            return Err(wrong(format!("a row of `{table}` is too long")));
        }
        match table {
            "versions" => self.version(row)?,
            "runs" => run(row)?,
            "attempts" => self.attempt(row)?,
            "artifacts" if !text(row, "path").is_some_and(is_path) => {
                return Err(wrong("the path of a file that a run left leaves its folder"));
            }
            "uploads" => {
                parse::<UploadId>(row, "id")?;
                plain(text(row, "name"))?;
            }
            "run_inputs" => [text(row, "input"), text(row, "name")].into_iter().try_for_each(plain)?,
            _ => {}
        }
        self.content.extend(content_of(row).map_err(unfitting)?);
        Ok(())
    }

    fn version(&mut self, row: &Row) -> Refusable<()> {
        let hash: VersionHash = parse(row, "hash")?;
        parse::<PipelineName>(row, "pipeline")?;
        let files = text(row, "files").unwrap_or_default();
        let files: Vec<VersionFile> = from_json("a list of files", files).map_err(unfitting)?;
        if !files.iter().all(|file| is_path(&file.path)) {
            return Err(wrong(format!("version {hash} has a path that leaves its folder")));
        }
        let entries = files.iter().map(|file| FileEntry {
            path: &file.path,
            sha256: file.sha256,
            executable: file.executable,
        });
        if hash_version(entries) != hash {
            return Err(wrong(format!("version {hash} has other files than its hash says")));
        }
        self.versions.insert(hash);
        Ok(())
    }

    fn attempt(&mut self, row: &Row) -> Refusable<()> {
        let run: RunId = parse(row, "run")?;
        let number = row.get("number").and_then(Json::as_i64).unwrap_or_default();
        let Some(object) = text(row, "log_object") else { return Ok(()) };
        if object != format!("{}/{run}.{number}", run.short()) {
            return Err(wrong(format!("attempt {number} of run {run} has the log of another")));
        }
        self.logs.insert(object.to_owned());
        Ok(())
    }

    /// Looks at runs as they are read once they are written.
    pub(super) fn runs(&mut self, runs: &[Run], project: &ProjectName) -> Refusable<()> {
        for run in runs {
            let (request, id) = (&run.request, &run.request.id);
            if request.project != *project {
                return Err(Refused::Here(id.clone()));
            }
            if !self.versions.contains(&request.version) {
                return Err(wrong(format!("the code of run {id} is not in it")));
            }
            let names = request.inputs.iter().flat_map(|input| [&*input.input, &*input.name]);
            names.map(Some).try_for_each(plain)?;
            plain(Some(request.target.as_str()))?;
            if let Some(environment) = &run.status.environment {
                plain(Some(&environment.id))?;
            }
            self.parents.extend(request.step.as_ref().map(|step| step.parent.clone()));
        }
        Ok(())
    }
}

/// Nothing of it may wait for anything: what has not ended would be started here.
fn run(row: &Row) -> Refusable<()> {
    let (id, state) = (parse::<RunId>(row, "id")?, text(row, "state").and_then(RunState::parse));
    parse::<PipelineName>(row, "pipeline")?;
    let ended = row.get("ended_at").is_some_and(Json::is_i64) && state.is_some_and(RunState::is_terminal);
    if !ended || row.get("next_attempt_at").is_some_and(|at| !at.is_null()) {
        return Err(wrong(format!("run {id} has not ended")));
    }
    if has_sealed(row) {
        return Err(wrong(format!("run {id} brings a value that is sealed")));
    }
    Ok(())
}

/// A name of one file.
fn plain(name: Option<&str>) -> Refusable<()> {
    let is_plain =
        |name: &str| is_path(name) && !name.contains(['/', '\\']) && !name.chars().any(char::is_control);
    if name.is_some_and(is_plain) { Ok(()) } else { Err(wrong("a name in a row of it is no plain name")) }
}

/// Refuses runs that are here.
pub(super) async fn not_here(db: &Db, ids: &[RunId]) -> Refusable<()> {
    match db.listed_by_id(ids).await?.pop() {
        Some(run) => Err(Refused::Here(run.id)),
        None => Ok(()),
    }
}

/// Makes sure that these are all runs of the project: rows of another's run are not for an archive to bring.
pub(super) async fn of_project(db: &Db, ids: &BTreeSet<RunId>, project: &ProjectName) -> Refusable<()> {
    let ids: Vec<RunId> = ids.iter().cloned().collect();
    let found = db.listed_by_id(&ids).await?;
    let own = found.iter().filter(|run| run.project == *project).count();
    if own == ids.len() { Ok(()) } else { Err(wrong("rows in it belong to runs that are not in it")) }
}

/// Reads runs and versions that were just written, as they are always read.
pub(super) async fn written(db: &Db, ids: &[RunId], seen: &mut Seen, project: &ProjectName) -> Refusable<()> {
    let runs = db.runs_by_id(ids).await.map_err(unfitting)?;
    if runs.len() != ids.len() {
        return Err(wrong("it has runs of which nothing is found once they are written"));
    }
    seen.runs(&runs, project)
}

/// See [`written`].
pub(super) async fn version_written(db: &Db, hash: VersionHash, project: &ProjectName) -> Refusable<()> {
    db.version(project, hash).await.map(drop).map_err(unfitting)
}
