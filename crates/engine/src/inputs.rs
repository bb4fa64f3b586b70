//! The files of a run's inputs: a run never computes with a file that is not the one that was given.

use std::path::PathBuf;

use rigi_store::{Blobs, Error, Result, RunInput, Stored};
use rigi_work::plan::InputFile;

/// An input that lies where it is stored.
pub(crate) fn unfetched(input: RunInput) -> InputFile {
    let RunInput { input, name, size, sha256, .. } = input;
    InputFile { input, name, path: PathBuf::new(), sha256: Some(sha256), size }
}

/// What an input that is stored holds.
pub(crate) fn content_of(input: &InputFile) -> Result<Stored> {
    let missing = || Error::NotFound { what: "stored file", id: input.name.clone() };
    Ok(Stored { sha256: input.sha256.ok_or_else(missing)?, size: input.size })
}

/// Brings inputs to this machine, and reads them to their end.
pub(crate) async fn bring(blobs: &Blobs, inputs: Vec<InputFile>) -> Result<Vec<InputFile>> {
    if inputs.is_empty() {
        return Ok(inputs);
    }
    let blobs = blobs.clone();
    let brought = tokio::task::spawn_blocking(move || {
        let bring =
            |input: InputFile| Ok(InputFile { path: blobs.file(&content_of(&input)?.sha256)?, ..input });
        inputs.into_iter().map(bring).collect()
    });
    brought.await.map_err(|_| Error::Closed)?
}

/// One of them.
pub(crate) async fn bring_one(blobs: &Blobs, input: &InputFile) -> Result<PathBuf> {
    let (blobs, sha256) = (blobs.clone(), content_of(input)?.sha256);
    let brought = tokio::task::spawn_blocking(move || blobs.file(&sha256));
    brought.await.map_err(|_| Error::Closed)?
}

/// Makes sure of inputs that a runner fetches, before it is started. What lies in a bucket is not read: the runner
/// compares what it gets.
pub(crate) async fn look_for(blobs: &Blobs, inputs: &[InputFile]) -> Result<()> {
    if !blobs.is_remote() {
        return bring(blobs, inputs.to_vec()).await.map(drop);
    }
    let contents = inputs.iter().map(content_of).collect::<Result<Vec<_>>>()?;
    let there = blobs.are_in_bucket(&contents).await?;
    match contents.into_iter().zip(there).find(|(_, there)| !there) {
        Some((missing, _)) => Err(Error::NotFound { what: "stored file", id: missing.sha256.to_string() }),
        None => Ok(()),
    }
}
