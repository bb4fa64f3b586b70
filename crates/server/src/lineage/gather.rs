//! What an event says of a run, as it is stored.

use rigi_engine::projects::Projects;
use rigi_model::pipeline::PipelineSpec;
use rigi_model::pipeline::spec::Entry;
use rigi_model::repositories::COMMIT;
use rigi_model::triggers::FollowUpKind;
use rigi_model::{ProjectName, RunState};
use rigi_store::triggers::FollowUp;
use rigi_store::{Db, Result, Run};

use super::event::{EventKind, Given, Job, Left, LineageEvent, Parent};

/// Inputs, and outputs, that one event names.
const MOST: usize = 200;

/// What is to be told by a row; `None`: nothing any more.
pub(super) async fn gather(db: &Db, projects: &Projects, one: &FollowUp) -> Result<Option<LineageEvent>> {
    let run = match db.run_of_any(&one.run).await {
        Ok(run) => run,
        Err(error) if error.is_damage() || matches!(error, rigi_store::Error::NotFound { .. }) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let of = run.request.part();
    let version = match db.version(&run.request.project, of.version).await {
        Ok(version) => version,
        Err(error) if error.is_damage() || matches!(error, rigi_store::Error::NotFound { .. }) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let spec = version.spec.part(&of.part);
    let ended = one.kind == FollowUpKind::LineageEnd;
    let kind = match (ended, run.status.state) {
        (false, _) => begun(db, &run).await?,
        (true, RunState::Succeeded) => EventKind::Complete,
        (true, RunState::Cancelled | RunState::Skipped) => EventKind::Abort,
        (true, _) => EventKind::Fail,
    };
    let parent = match &run.request.step {
        Some(step) => {
            let flow = db.run_of_any(&step.parent).await.ok();
            flow.map(|flow| Parent { run: step.parent.clone(), job: job_name(projects, &flow) })
        }
        None => None,
    };
    let page = version.git.as_ref().and_then(|git| git.page.clone());
    let git = version.git.as_ref().zip(page).map(|(git, page)| {
        let commit = run.request.env.get(COMMIT).unwrap_or(&git.commit);
        (page.replace(&git.commit, commit), commit.clone(), git.branch.clone())
    });
    let name = job_name(projects, &run);
    let outputs = if ended { left(db, projects, &run, &name).await? } else { Vec::new() };
    Ok(Some(LineageEvent {
        kind,
        at: one.due,
        job: Job {
            kind: kind_of(&run, &spec),
            description: spec.description.clone(),
            git,
            language: language(&spec),
            name,
        },
        parent,
        error: (kind == EventKind::Fail).then(|| {
            let why = run.status.message.clone();
            why.unwrap_or_else(|| format!("it is {}", run.status.state))
        }),
        inputs: given(db, projects, &run).await?,
        outputs,
        run: run.request.id,
    }))
}

/// The first attempt that has started is the start of the run.
async fn begun(db: &Db, run: &Run) -> Result<EventKind> {
    let before = db.attempts(&run.request.id).await?;
    let started = before.iter().filter(|one| one.number < i64::from(run.status.attempt));
    Ok(if started.into_iter().any(|one| one.times().1.is_some()) {
        EventKind::Running
    } else {
        EventKind::Start
    })
}

fn within(projects: &Projects, project: &ProjectName, name: &str) -> String {
    match *project == ProjectName::default() {
        true => name.to_owned(),
        false => format!("{}/{name}", projects.name_of(project)),
    }
}

/// `lab/fit`, of a step `lab/fit.plot`.
fn job_name(projects: &Projects, run: &Run) -> String {
    let step = run.request.step.as_ref().map(|step| format!(".{}", step.name)).unwrap_or_default();
    within(projects, &run.request.project, &format!("{}{step}", run.request.pipeline))
}

const fn kind_of(run: &Run, spec: &PipelineSpec) -> &'static str {
    match (&run.request.step, &spec.entry) {
        (Some(_), _) => "STEP",
        (None, Entry::Flow) => "FLOW",
        (None, _) => "PIPELINE",
    }
}

const fn language(spec: &PipelineSpec) -> &'static str {
    match spec.entry {
        Entry::Script { .. } | Entry::Notebook { .. } => "python",
        Entry::Command { .. } | Entry::Image { .. } | Entry::Flow | Entry::Approval { .. } => "unknown",
    }
}

/// Inputs: versions of datasets by name; what another step left, by that; what was uploaded, by its content.
async fn given(db: &Db, projects: &Projects, run: &Run) -> Result<Vec<Given>> {
    let project = &run.request.project;
    let mut all: Vec<Given> = Vec::new();
    // What a flow says of the items of a step is made for who reads them.
    let is_made = |file: &&rigi_store::RunInput| run.request.step.is_some() && file.name == "items.jsonl";
    for file in run.request.inputs.iter().filter(|file| !is_made(file)).take(MOST) {
        let (name, version) = match file.dataset.as_ref().and_then(|dataset| dataset.rsplit_once('@')) {
            Some((name, version)) => (within(projects, project, name), version.to_owned()),
            None => {
                let sha256 = file.sha256.to_string();
                let left = match &run.request.step {
                    Some(step) => db.step_that_left(&step.parent, &file.sha256).await?,
                    None => None,
                };
                let name = match left {
                    Some((pipeline, step, path)) => {
                        within(projects, project, &format!("{pipeline}.{step}/{path}"))
                    }
                    None => within(projects, project, &format!("uploads/{sha256}")),
                };
                (name, sha256)
            }
        };
        match all.iter_mut().find(|one| one.name == name && one.version == version) {
            Some(known) => known.size = (known.size.0 + file.size, known.size.1 + 1),
            None => all.push(Given { name, version, size: (file.size, 1) }),
        }
    }
    Ok(all)
}

/// Outputs: versions of datasets that they became, and files by path.
async fn left(db: &Db, projects: &Projects, run: &Run, job: &str) -> Result<Vec<Left>> {
    let project = &run.request.project;
    let versions = db.datasets_from_run(&run.request.id).await?;
    let covered: Vec<&str> =
        versions.iter().filter_map(|one| one.run.as_ref().map(|(_, output)| output.as_str())).collect();
    let mut all: Vec<Left> = versions
        .iter()
        .map(|one| Left {
            name: within(projects, project, &one.name),
            version: one.version.to_string(),
            size: (one.totals.bytes, one.totals.files),
        })
        .collect();
    let limit = u32::try_from(MOST).unwrap_or(u32::MAX);
    for file in db.artifacts(&run.request.id, "", limit).await? {
        if file.output.as_deref().is_some_and(|output| covered.contains(&output)) {
            continue;
        }
        all.push(Left {
            name: format!("{job}/{}", file.path),
            version: file.sha256.to_string(),
            size: (u64::try_from(file.size).unwrap_or(0), 1),
        });
    }
    all.truncate(MOST);
    Ok(all)
}
