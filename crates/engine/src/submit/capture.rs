//! The code that runs are made of: stored once per version, read again where it changes meanwhile.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use rigi_model::parameters::{ParameterMistake, ParameterSchema, ParameterSources, check_free};
use rigi_model::pipeline::PipelineSpec;
use rigi_model::{ContentHash, PipelineName, ProjectName, Timestamp, VersionHash};
use rigi_store::tables::versions::{Version, VersionFile};
use serde_json::{Map, Value};

use super::{Submission, SubmitError};
use crate::Engine;
use crate::catalog::{Catalog, Pipeline, Ready};
use crate::code;
use crate::folder::CaptureError;
use crate::secrets;

/// What is stored already: versions, and the content of their files.
#[derive(Debug, Default)]
struct Known {
    versions: HashSet<VersionHash>,
    content: HashSet<ContentHash>,
}

/// Contents that are remembered; more than that, and all are stored anew.
const MOST_KNOWN: usize = 200_000;

/// Versions that are stored already.
#[derive(Debug, Clone, Default)]
pub(crate) struct Captured {
    known: Arc<Mutex<HashMap<ProjectName, Known>>>,
    one: Arc<tokio::sync::Mutex<()>>,
    /// Submissions hold it together; a collection holds it alone, so that it takes no version from under a submission.
    pub(crate) gate: Arc<tokio::sync::RwLock<()>>,
}

impl Captured {
    fn knows(&self, project: &ProjectName, hash: &VersionHash) -> bool {
        self.lock().get(project).is_some_and(|known| known.versions.contains(hash))
    }

    fn holds(&self, project: &ProjectName, sha256: &ContentHash) -> bool {
        self.lock().get(project).is_some_and(|known| known.content.contains(sha256))
    }

    fn add(&self, project: &ProjectName, version: VersionHash, files: Vec<VersionFile>) {
        let mut all = self.lock();
        let known = all.entry(project.clone()).or_default();
        known.versions.insert(version);
        if known.content.len() > MOST_KNOWN {
            known.content.clear();
        }
        known.content.extend(files.into_iter().map(|file| file.sha256));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ProjectName, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// After a collection: what was stored may be gone.
    pub(crate) fn forget(&self) {
        self.lock().clear();
    }
}

/// A version that runs are made of.
pub(super) struct Code {
    pub hash: VersionHash,
    pub spec: PipelineSpec,
    schema: Option<ParameterSchema>,
    source: Source,
    /// A step of its own, which has parameters beside those of the schema.
    pub is_step: bool,
}

enum Source {
    Folder(Arc<Pipeline>),
    Captured,
}

impl Code {
    fn ready(&self) -> Option<&Ready> {
        match &self.source {
            Source::Folder(pipeline) => pipeline.outcome.as_ref().ok(),
            Source::Captured => None,
        }
    }

    /// The commit of a repository that it is of now; `None`: it is what was captured before, and that may say so itself.
    pub fn commit(&self) -> Option<Option<&str>> {
        match &self.source {
            Source::Folder(pipeline) => {
                Some(pipeline.origin.as_ref().map(|origin| origin.git.commit.as_str()))
            }
            Source::Captured => None,
        }
    }

    /// The whole parameters, or what is wrong with them.
    pub fn check(&self, given: Map<String, Value>) -> Result<Map<String, Value>, Vec<ParameterMistake>> {
        let file = match &self.source {
            Source::Folder(pipeline) => Some(pipeline.spec_path()),
            Source::Captured => None,
        };
        let sources =
            ParameterSources { file: file.as_deref(), rules: self.ready().map(|r| &r.rules), given_by: None };
        let schema = self.ready().map_or(self.schema.as_ref(), |ready| ready.schema.as_ref());
        match schema.filter(|_| !self.is_step) {
            Some(schema) => schema.check(given, &sources),
            None => check_free(given, &sources),
        }
    }
}

/// What the folders held when one call asked for its runs: all its runs of a pipeline have the same code.
pub(super) type Looked = HashMap<PipelineName, Arc<Pipeline>>;

impl Engine {
    /// What a submission asks to run.
    pub(super) async fn code(
        &self,
        catalog: &Catalog,
        submission: &Submission,
        looked: &mut Looked,
    ) -> Result<Code, SubmitError> {
        let name = &submission.pipeline;
        if let Some(hash) = submission.version {
            let mut version = self.store.db().version(catalog.project(), hash).await?;
            secrets::open_spec(self.store.sealer(), &mut version.spec)?;
            // What can no longer be checked is not let through unchecked.
            let schema = version.spec.parameters.as_ref().map(ParameterSchema::compile).transpose();
            let schema = schema.map_err(|error| SubmitError::Parameters(vec![error.into()]))?;
            return Ok(Code {
                hash: version.hash,
                spec: version.spec,
                schema,
                source: Source::Captured,
                is_step: false,
            });
        }
        let pipeline = match looked.get(name) {
            Some(pipeline) => pipeline.clone(),
            None => {
                let pipeline = self.capture(catalog, name).await?;
                looked.insert(name.clone(), pipeline.clone());
                pipeline
            }
        };
        let ready = match &pipeline.outcome {
            Ok(ready) => ready,
            Err(_) => return Err(SubmitError::Mistakes(pipeline)),
        };
        if !ready.spec.enabled {
            return Err(SubmitError::Disabled(name.clone()));
        }
        let _ = self.core.send(crate::limit_of(catalog.project(), &pipeline, ready));
        let (hash, spec) = (ready.version, ready.spec.clone());
        Ok(Code { hash, spec, schema: None, source: Source::Folder(pipeline), is_step: false })
    }

    /// Looks at what the folder holds now and stores it, once per version. If it changes meanwhile, it is looked at again.
    async fn capture(&self, catalog: &Catalog, name: &PipelineName) -> Result<Arc<Pipeline>, SubmitError> {
        let refused = |source| SubmitError::Capture { pipeline: name.clone(), source };
        let project = catalog.project();
        for _ in 0..5 {
            let looked = catalog.look(name.as_str()).await;
            let looked = looked.map_err(|source| SubmitError::Unread { pipeline: name.clone(), source })?;
            let pipeline = looked.ok_or_else(|| SubmitError::NoPipeline(name.clone()))?;
            let Ok(ready) = &pipeline.outcome else { return Ok(pipeline) };
            if self.captured.knows(project, &ready.version) {
                return Ok(pipeline);
            }
            let _one = self.captured.one.lock().await;
            if self.captured.knows(project, &ready.version) {
                return Ok(pipeline);
            }
            let (store, copy, captured) = (self.store.clone(), pipeline.clone(), self.captured.clone());
            let of = project.clone();
            let kept = tokio::task::spawn_blocking(move || keep(&store, &of, &copy, &captured)).await;
            match kept.map_err(|_| rigi_store::Error::Closed)? {
                Ok(version) => {
                    let (hash, files) = (version.hash, version.files.clone());
                    self.store.add_version(project, version, Timestamp::now()).await?;
                    // Where another server collects, what is stored now may be gone when it is asked for again.
                    if self.leads() {
                        self.captured.add(project, hash, files);
                    }
                    return Ok(pipeline);
                }
                Err(CaptureError::Read { path, source }) if rigi_store::may_pass(&source) => {
                    return Err(rigi_store::Error::Io { what: format!("read {path}"), source }.into());
                }
                Err(CaptureError::Changing | CaptureError::Read { .. }) => {}
                Err(CaptureError::Store(error)) => return Err(error.into()),
                Err(source) => return Err(refused(source)),
            }
        }
        Err(refused(CaptureError::Changing))
    }
}

fn keep(
    store: &rigi_store::Store,
    project: &ProjectName,
    pipeline: &Pipeline,
    captured: &Captured,
) -> Result<Version, CaptureError> {
    let Ok(ready) = &pipeline.outcome else { return Err(CaptureError::Changing) };
    let git = match &pipeline.origin {
        // Its files are stored already.
        Some(origin) => Some(origin.git.clone()),
        None => {
            let is_stored = |sha256: &ContentHash| captured.holds(project, sha256);
            code::keep(&store.blobs(project), &pipeline.folder, &pipeline.listing(), is_stored)?;
            code::git_facts(&pipeline.folder)
        }
    };
    let mut spec = ready.spec.clone();
    secrets::seal_spec(store.sealer(), &mut spec)?;
    Ok(Version {
        hash: ready.version,
        pipeline: pipeline.name.clone(),
        spec,
        files: ready.files.clone(),
        git,
    })
}
