//! Code and inputs, from the server to the runner's folder.

use std::fs::File;
use std::io;
use std::path::Path;

use futures_util::TryStreamExt;
use reqwest::Response;
use rigi_model::attempt::FailureClass;
use rigi_model::{ContentHash, Exit, Reason, Timestamp};
use rigi_work::plan::{AttemptPlan, BEFORE_START, Ended, InputFile};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::client::{CallTrouble, Client, send};
use super::direct::Direct;

/// Why there is nothing to run.
#[derive(Debug)]
pub enum Failed {
    /// The attempt is not waited for.
    Gone(CallTrouble),
    /// The container's disk does not take it.
    Disk(String),
    /// It was to end before it began.
    Stopped,
}

impl Failed {
    pub fn into_ended(self) -> Ended {
        match self {
            Self::Stopped => {
                Ended::without_start(Exit::Stopped, Timestamp::now(), &[BEFORE_START.to_owned()])
            }
            Self::Gone(trouble) => Self::Disk(trouble.to_string()).into_ended(),
            Self::Disk(message) => {
                let (class, reason) = (FailureClass::Infrastructure, Reason::StagingFailed);
                let words = [message.clone()];
                Ended::without_start(Exit::NotStarted { class, reason, message }, Timestamp::now(), &words)
            }
        }
    }
}

/// Brings what a plan needs; the plan that comes back names the copies.
pub async fn fetch(
    client: &Client,
    direct: &Direct,
    mut plan: AttemptPlan,
    data: &Path,
) -> Result<AttemptPlan, Failed> {
    let root = data.join("fetched");
    let code = root.join("code");
    client.insist(|| fetch_code(client, &code)).await.map_err(failed)?;
    plan.code = code;
    for (index, input) in plan.inputs.iter_mut().enumerate() {
        let path = root.join(format!("input-{index}"));
        bring(client, direct, index, input, &path).await.map_err(failed)?;
        input.path = path;
    }
    Ok(plan)
}

fn failed(trouble: CallTrouble) -> Failed {
    match trouble {
        CallTrouble::Here(why) => Failed::Disk(why),
        other => Failed::Gone(other),
    }
}

/// A full disk of the container is told as what it is; it is not waited for.
fn disk(error: &io::Error) -> CallTrouble {
    CallTrouble::Here(format!("Code or inputs could not be put in place: {error}"))
}

async fn fetch_code(client: &Client, place: &Path) -> Result<(), CallTrouble> {
    let answer = send(client.get("code")).await?;
    let stream = StreamReader::new(answer.bytes_stream().map_err(io::Error::other));
    let bridge = SyncIoBridge::new(stream);
    let place = place.to_owned();
    let unpacked = tokio::task::spawn_blocking(move || unpack(bridge, &place)).await;
    unpacked.map_err(|error| CallTrouble::Passing(error.to_string()))?
}

fn unpack(stream: impl io::Read, place: &Path) -> Result<(), CallTrouble> {
    match std::fs::remove_dir_all(place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(disk(&error)),
        _ => {}
    }
    std::fs::create_dir_all(place).map_err(|error| disk(&error))?;
    let mut archive = tar::Archive::new(stream);
    archive.set_preserve_mtime(true);
    archive.unpack(place).map_err(|error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::PermissionDenied => {
            disk(&error)
        }
        // The connection broke: it is fetched again.
        _ => CallTrouble::Passing(format!("the code did not arrive whole: {error}")),
    })
}

/// From the bucket, or else from the server.
pub(super) async fn bring(
    client: &Client,
    direct: &Direct,
    index: usize,
    input: &InputFile,
    place: &Path,
) -> Result<(), CallTrouble> {
    if direct.fetch(index, input, place).await? {
        return Ok(());
    }
    client.insist(|| fetch_input(client, index, input, place)).await
}

async fn fetch_input(
    client: &Client,
    index: usize,
    input: &InputFile,
    place: &Path,
) -> Result<(), CallTrouble> {
    let answer = send(client.get(&format!("inputs/{index}"))).await?;
    save(answer, input, place).await
}

/// Writes an answer to a file, and compares it with what it must be.
pub(super) async fn save(answer: Response, input: &InputFile, place: &Path) -> Result<(), CallTrouble> {
    let expected = answer.content_length();
    let file = File::create(place).map_err(|error| disk(&error))?;
    let mut file = tokio::fs::File::from_std(file);
    let mut stream = answer.bytes_stream();
    let (mut length, mut hash) = (0, Sha256::new());
    // Where an address is a key, it is not for everybody's eyes.
    let broken = |error: reqwest::Error| {
        CallTrouble::Passing(format!("an input did not arrive whole: {}", error.without_url()))
    };
    while let Some(bytes) = stream.try_next().await.map_err(broken)? {
        length += bytes.len() as u64;
        hash.update(&bytes);
        file.write_all(&bytes).await.map_err(|error| disk(&error))?;
    }
    file.flush().await.map_err(|error| disk(&error))?;
    let is_it = input.sha256.is_none_or(|wanted| ContentHash::new(hash.finalize().into()) == wanted);
    if !is_it || expected.is_some_and(|expected| expected != length) {
        return Err(CallTrouble::Passing("an input did not arrive whole".into()));
    }
    Ok(())
}
