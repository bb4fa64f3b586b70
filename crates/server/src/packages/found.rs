//! Which packages a pipeline has: those of the environment of its last run, if that is on this machine; else those that its files name.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use rigi_engine::catalog::{Pipeline, Ready};
use rigi_engine::folder::Folder;
use rigi_local::environment::{Environments, Files, Format, declared};
use rigi_model::ProjectName;
use rigi_model::packages::{Package, PackageOrigin};
use rigi_model::pipeline::spec::Entry;
use rigi_model::run::EnvironmentUse;
use rigi_store::Db;
use rigi_store::flows::StepRunsPage;
use rigi_store::tables::runs_list::RunFilter;

/// Last runs that are looked at for one with an environment.
const LAST_RUNS: u32 = 20;
/// Steps of the last run of a flow that are looked at.
const STEPS: u32 = 200;
/// Bytes of a file that names packages.
const LARGEST: u64 = 16 << 20;

/// The packages of a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// By name.
    pub packages: Vec<Package>,
    /// How that is known.
    pub origin: PackageOrigin,
    /// The environments' hashes, where they are here.
    pub environment: Option<String>,
    /// The environment for people.
    pub label: Option<String>,
    /// Why there may be more than these.
    pub incomplete: Option<String>,
}

/// Why a pipeline has no packages that could be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoPackages {
    /// It has a mistake, so that nobody knows what it is.
    Mistake,
    /// It runs in no environment of Rigi's.
    OwnWay,
    /// What names them cannot be read: why.
    Unread(String),
}

impl NoPackages {
    /// In a sentence.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Mistake => "its spec has a mistake".to_owned(),
            Self::OwnWay => {
                "it has no environment that Rigi makes; what a command or an image brings is not looked at"
                    .to_owned()
            }
            Self::Unread(why) => format!("what names its packages cannot be read: {why}"),
        }
    }
}

/// The packages of a pipeline.
///
/// # Errors
/// If the database does not answer.
pub(super) async fn find(
    db: &Db,
    environments: &Arc<Environments>,
    project: &ProjectName,
    pipeline: &Arc<Pipeline>,
) -> rigi_store::Result<Result<Found, NoPackages>> {
    let Ok(ready) = &pipeline.outcome else { return Ok(Err(NoPackages::Mistake)) };
    let is_flow = matches!(ready.spec.entry, Entry::Flow);
    if !is_flow && (!ready.spec.entry.needs_python() || ready.spec.container.image.is_some()) {
        return Ok(Err(NoPackages::OwnWay));
    }
    let used = last_environments(db, project, pipeline, is_flow).await?;
    let (here, there) = (environments.clone(), pipeline.clone());
    let look = move || installed(&here, used).map_or_else(|| of_files(&there), Ok);
    Ok(tokio::task::spawn_blocking(look)
        .await
        .unwrap_or_else(|_| Err(NoPackages::Unread("it broke off".to_owned()))))
}

/// The environments of the last run that had one; of a flow's, those of its steps.
async fn last_environments(
    db: &Db,
    project: &ProjectName,
    pipeline: &Pipeline,
    is_flow: bool,
) -> rigi_store::Result<Vec<EnvironmentUse>> {
    let filter =
        RunFilter { pipeline: Some(pipeline.name.clone()), limit: LAST_RUNS, ..RunFilter::default() };
    let runs = db.list_runs(project, &filter).await?.runs;
    if !is_flow {
        return Ok(runs.into_iter().find_map(|run| run.status.environment).into_iter().collect());
    }
    for run in runs.iter().take(3) {
        let page = StepRunsPage { step: None, state: None, after: None, limit: STEPS };
        let steps = db.step_runs(&run.id, &page).await?;
        let own = steps.into_iter().filter(|step| step.pipeline == pipeline.name).map(|step| step.id);
        let listed = db.listed_by_id(&own.collect::<Vec<_>>()).await?;
        let used: BTreeMap<String, EnvironmentUse> = listed
            .into_iter()
            .filter_map(|run| run.status.environment)
            .map(|one| (one.id.clone(), one))
            .collect();
        if !used.is_empty() {
            return Ok(used.into_values().collect());
        }
    }
    Ok(Vec::new())
}

/// What is installed in these; `None`: one of them is not here.
fn installed(environments: &Environments, used: Vec<EnvironmentUse>) -> Option<Found> {
    let mut packages = Vec::new();
    for one in &used {
        packages.extend(environments.installed(&one.id)?);
    }
    packages.sort();
    packages.dedup();
    let label = match used.as_slice() {
        [] => return None,
        [one] => one.label.clone(),
        several => format!("{} environments of its steps", several.len()),
    };
    let ids: Vec<String> = used.into_iter().map(|one| one.id).collect();
    let (environment, label) = (Some(ids.join(" ")), Some(label));
    Some(Found { packages, origin: PackageOrigin::Environment, environment, label, incomplete: None })
}

fn of_files(pipeline: &Pipeline) -> Result<Found, NoPackages> {
    let ready = pipeline.outcome.as_ref().map_err(|_| NoPackages::Mistake)?;
    let folder = match pipeline.origin {
        Some(_) => None,
        None => Some(Folder::open(&pipeline.folder).map_err(|error| NoPackages::Unread(error.to_string()))?),
    };
    let read = |path: &str| read(pipeline, ready, folder.as_ref(), path);
    let script = match &ready.spec.entry {
        Entry::Script { file } => Some(file.as_str()),
        _ => None,
    };
    let is_json = pipeline.spec_file.as_deref().is_some_and(|file| file.ends_with(".json"));
    let format = if is_json { Format::FastFlow } else { Format::Own };
    let files = Files { read: &read, script, requirements: &ready.spec.requirements, format };
    let mut listed = declared(&files).map_err(NoPackages::Unread)?;
    let more = match &ready.spec.entry {
        Entry::Flow => Some("its steps may name packages of their own; they are known once it has run"),
        Entry::Notebook { .. } => Some("what runs notebooks is known once it has run"),
        _ => None,
    };
    listed.incomplete = listed.incomplete.or(more.map(str::to_owned));
    Ok(Found {
        packages: listed.packages,
        origin: PackageOrigin::Files,
        environment: None,
        label: None,
        incomplete: listed.incomplete,
    })
}

/// A file of the pipeline's code; nothing that is no part of it.
fn read(pipeline: &Pipeline, ready: &Ready, folder: Option<&Folder>, path: &str) -> Option<Vec<u8>> {
    let file = ready.files.iter().find(|file| file.path == path && file.size <= LARGEST)?;
    let mut bytes = Vec::new();
    match (&pipeline.origin, folder) {
        (Some(origin), _) => {
            let mut reader = origin.blobs.get(&file.sha256).ok()?;
            while let Some(piece) = reader.next_piece().ok()? {
                bytes.extend_from_slice(&piece);
            }
        }
        (None, Some(folder)) => {
            pipeline.listing().open(folder, path).ok()?.take(LARGEST).read_to_end(&mut bytes).ok()?;
        }
        (None, None) => return None,
    }
    Some(bytes)
}
