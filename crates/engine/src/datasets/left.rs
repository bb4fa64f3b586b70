//! What a run has left becomes versions of datasets, where its spec says so.

use rigi_model::data::FileAt;
use rigi_model::pipeline::PipelineSpec;
use rigi_store::Run;
use rigi_store::people::Deed;

use super::{AddVersion, DatasetError, Files};
use crate::Engine;

/// Makes them; what is told of it. `None`: it is to be tried again.
pub(crate) async fn leave(
    engine: &Engine,
    run: &Run,
    spec: &PipelineSpec,
) -> rigi_store::Result<Option<Vec<String>>> {
    let (project, id) = (&run.request.project, &run.request.id);
    let db = engine.store().db();
    let known = db.datasets_from_run(id).await?;
    let mut told = Vec::new();
    for (output, dataset) in
        spec.outputs.iter().filter_map(|(name, output)| Some((name, output.dataset.as_ref()?)))
    {
        let made =
            |run: &Option<(rigi_model::RunId, String)>| run.as_ref().is_some_and(|(_, name)| name == output);
        if known.iter().any(|version| version.name == *dataset && made(&version.run)) {
            continue;
        }
        let head = format!("{output}/");
        let files: Vec<FileAt> = db
            .artifacts(id, &head, u32::MAX)
            .await?
            .into_iter()
            .filter_map(|file| {
                let path = file.path.strip_prefix(&head)?.to_owned();
                Some(FileAt { path, sha256: file.sha256, size: u64::try_from(file.size).unwrap_or(0) })
            })
            .collect();
        if files.is_empty() {
            told.push(format!("`{dataset}` has no new version: the run left nothing in `{output}`"));
            continue;
        }
        let wanted = AddVersion {
            name: dataset.clone(),
            files: Files::All(files),
            note: None,
            run: Some((id.clone(), output.clone())),
        };
        let deed = Deed::of_server(&id.to_string(), rigi_model::Timestamp::now());
        match engine.add_version(project, wanted, &deed).await {
            Ok(added) => {
                let version = format!("{}@{}", added.version.name, added.version.version);
                told.push(match added.is_new {
                    true => format!("`{output}` is `{version}`"),
                    false => format!("`{output}` is the same as `{version}`"),
                });
            }
            Err(DatasetError::Store(rigi_store::Error::Closed)) => return Err(rigi_store::Error::Closed),
            Err(DatasetError::Store(error)) if !error.is_damage() => {
                tracing::warn!(run = %id, %error, "a dataset is not made yet; this is tried again");
                return Ok(None);
            }
            Err(error) => told.push(format!("`{dataset}` has no new version: {error}")),
        }
    }
    Ok(Some(told))
}
