//! The code that runs are made of: stored once per version, read again where it changes meanwhile.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use rigi_model::Timestamp;
use rigi_model::parameters::{ParameterMistake, ParameterSchema, ParameterSources, check_free};
use rigi_model::pipeline::PipelineSpec;
use rigi_store::tables::versions::Version;
use serde_json::{Map, Value};

use super::{Submission, SubmitError};
use crate::Engine;
use crate::catalog::{Catalog, Pipeline, Ready};
use crate::code::{self, CaptureError};
use crate::ledger::Message;
use crate::secrets;

/// Versions that are stored already.
#[derive(Debug, Clone, Default)]
pub(crate) struct Captured {
    known: Arc<Mutex<HashSet<String>>>,
    one: Arc<tokio::sync::Mutex<()>>,
    /// Submissions hold it together; a collection holds it alone, so that it takes no version from under a submission.
    pub(crate) gate: Arc<tokio::sync::RwLock<()>>,
}

impl Captured {
    fn knows(&self, hash: &str) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(hash)
    }

    fn add(&self, hash: String) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(hash);
    }

    /// After a collection: what was stored may be gone.
    pub(crate) fn forget(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// A version that runs are made of.
pub(super) struct Code {
    pub hash: String,
    pub spec: PipelineSpec,
    schema: Option<ParameterSchema>,
    source: Source,
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

    /// The whole parameters, or what is wrong with them.
    pub fn check(&self, given: Map<String, Value>) -> Result<Map<String, Value>, Vec<ParameterMistake>> {
        let file = match &self.source {
            Source::Folder(pipeline) => Some(pipeline.spec_path()),
            Source::Captured => None,
        };
        let sources =
            ParameterSources { file: file.as_deref(), rules: self.ready().map(|r| &r.rules), given_by: None };
        let schema = self.ready().map_or(self.schema.as_ref(), |ready| ready.schema.as_ref());
        match schema {
            Some(schema) => schema.check(given, &sources),
            None => check_free(given, &sources),
        }
    }
}

impl Engine {
    /// What a submission asks to run.
    pub(super) async fn code(&self, catalog: &Catalog, submission: &Submission) -> Result<Code, SubmitError> {
        let name = &submission.pipeline;
        if let Some(hash) = &submission.version {
            let mut version = self.store.db().version(&self.settings.project, hash).await?;
            secrets::open_spec(self.store.sealer(), &mut version.spec)?;
            // What can no longer be checked is not let through unchecked.
            let schema = version.spec.parameters.as_ref().map(ParameterSchema::compile).transpose();
            let schema = schema.map_err(|error| SubmitError::Parameters(vec![error.into()]))?;
            return Ok(Code { hash: version.hash, spec: version.spec, schema, source: Source::Captured });
        }
        let pipeline = catalog.get(name).ok_or_else(|| SubmitError::NoPipeline(name.clone()))?;
        let pipeline = self.capture(catalog, pipeline).await?;
        let ready = match &pipeline.outcome {
            Ok(ready) => ready,
            Err(mistakes) => return Err(mistakes_of(&pipeline, mistakes)),
        };
        if !ready.spec.enabled {
            return Err(SubmitError::Disabled(name.clone()));
        }
        let limit = ready.spec.max_instances.map(u64::from);
        let _ = self.core.send(Message::Limit { pipeline: name.clone(), limit });
        let (hash, spec) = (ready.version.clone(), ready.spec.clone());
        Ok(Code { hash, spec, schema: None, source: Source::Folder(pipeline) })
    }

    /// Stores what the folder holds, once per version. If it changed since it was read, it is read again.
    async fn capture(
        &self,
        catalog: &Catalog,
        pipeline: Arc<Pipeline>,
    ) -> Result<Arc<Pipeline>, SubmitError> {
        let mut pipeline = pipeline;
        for _ in 0..5 {
            let Ok(ready) = &pipeline.outcome else { return Ok(pipeline) };
            if self.captured.knows(&ready.version) {
                return Ok(pipeline);
            }
            let _one = self.captured.one.lock().await;
            let (store, copy) = (self.store.clone(), pipeline.clone());
            let kept = tokio::task::spawn_blocking(move || keep(&store, &copy)).await;
            match kept.map_err(|_| rigi_store::Error::Closed)? {
                Ok(version) => {
                    let hash = version.hash.clone();
                    self.store.add_version(&self.settings.project, version, Timestamp::now()).await?;
                    self.captured.add(hash);
                    return Ok(pipeline);
                }
                Err(CaptureError::Read { path, source }) if rigi_store::may_pass(&source) => {
                    return Err(rigi_store::Error::Io { what: format!("read {path}"), source }.into());
                }
                Err(CaptureError::Changing | CaptureError::Read { .. }) => {
                    let (catalog, name) = (catalog.clone(), pipeline.name.clone());
                    let again = tokio::task::spawn_blocking(move || catalog.refresh_one(&name)).await;
                    let again = again.map_err(|_| rigi_store::Error::Closed)?;
                    let again = again.map_err(|source| rigi_store::Error::Io {
                        what: "read the pipeline".into(),
                        source,
                    })?;
                    pipeline = again.ok_or_else(|| SubmitError::NoPipeline(pipeline.name.clone()))?;
                }
                Err(CaptureError::Store(error)) => return Err(error.into()),
                Err(source) => return Err(SubmitError::Capture { pipeline: pipeline.name.clone(), source }),
            }
        }
        Err(SubmitError::Capture { pipeline: pipeline.name.clone(), source: CaptureError::Changing })
    }
}

/// The mistakes of a pipeline, as a refusal.
fn mistakes_of(pipeline: &Pipeline, mistakes: &[rigi_model::pipeline::Mistake]) -> SubmitError {
    SubmitError::Mistakes {
        pipeline: pipeline.name.clone(),
        file: pipeline.spec_path(),
        mistakes: mistakes.to_vec(),
    }
}

fn keep(store: &rigi_store::Store, pipeline: &Pipeline) -> Result<Version, CaptureError> {
    let Ok(ready) = &pipeline.outcome else { return Err(CaptureError::Changing) };
    code::keep(store, &pipeline.folder, &ready.files)?;
    let mut spec = ready.spec.clone();
    secrets::seal_spec(store.sealer(), &mut spec)?;
    Ok(Version {
        hash: ready.version.clone(),
        pipeline: pipeline.name.clone(),
        spec,
        files: ready.files.clone(),
        git: code::git_facts(&pipeline.folder),
    })
}
