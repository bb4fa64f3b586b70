//! `rigi data put`: what is not stored yet is sent in one stream; what breaks off goes on with what is missing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use indicatif::ProgressBar;
use reqwest::{Body, Method};
use rigi_api::view::{AddDatasetVersion, ContentRef, Contents, DatasetFile, DatasetVersionView};
use rigi_model::quantity::show_bytes;
use sha2::{Digest, Sha256};
use tokio_util::io::ReaderStream;

use crate::cli::progress::{bytes_bar, told};
use crate::cli::words::many;
use crate::client::{CallError, Client, LARGE, Large, file_name};
use crate::terminal::{Exit, Failure, Terminal, say};

/// Times that a stream is begun again.
const TRIES: u32 = 5;
/// Contents that are asked for together.
const TOGETHER: usize = 100_000;

/// `rigi data put`
#[derive(Debug, Args)]
pub(super) struct Put {
    /// Its name
    dataset: String,
    /// Files and folders; of a folder, what lies in it
    paths: Vec<PathBuf>,
    /// Below this folder of the dataset
    #[arg(long, value_name = "FOLDER")]
    at: Option<String>,
    /// Keep what the newest version has, and put these on top
    #[arg(long)]
    add: bool,
    /// Take a file or folder of the newest version away; more than once
    #[arg(long = "remove", value_name = "PATH")]
    remove: Vec<String>,
    /// What you say of the version
    #[arg(short, long)]
    note: Option<String>,
}

struct Found {
    file: DatasetFile,
    from: PathBuf,
}

impl Put {
    pub(super) async fn run(self, client: &Client, terminal: &Terminal) -> anyhow::Result<()> {
        if self.paths.is_empty() && self.remove.is_empty() {
            return Err(Failure::new(Exit::Usage, "there is nothing to put")
                .cure("name files or folders, or say --remove PATH")
                .into());
        }
        let (paths, at) = (self.paths, self.at.unwrap_or_default());
        let (found, left_out) =
            tokio::task::spawn_blocking(move || find(&paths, at.trim_matches('/'))).await??;
        let all: Vec<&Found> = found.values().collect();
        send(client, terminal, &all).await?;
        let body = AddDatasetVersion {
            files: all.iter().map(|found| found.file.clone()).collect(),
            base: (self.add || !self.remove.is_empty()).then(|| "latest".to_owned()),
            remove: self.remove,
            note: self.note,
        };
        let path = ["datasets", self.dataset.as_str(), "versions"];
        let view: DatasetVersionView = client.post_patiently(&path, &body).await?;
        let (name, version) = (&self.dataset, view.version);
        let holds = format!("{}, {}", many(view.files, "file"), show_bytes(view.bytes));
        match view.is_new {
            Some(false) => say(&format!("Nothing has changed: {name}@{version} ({holds})."))?,
            _ => say(&format!("{name}@{version} ({holds})."))?,
        }
        if left_out > 0 {
            say(&format!("{left_out} links and special files were left out."))?;
        }
        Ok(())
    }
}

/// The files of paths by their place in the dataset, and how many things are none.
fn find(paths: &[PathBuf], at: &str) -> anyhow::Result<(BTreeMap<String, Found>, usize)> {
    let (mut all, mut left_out) = (BTreeMap::new(), 0);
    for path in paths {
        let unreadable = |error: io::Error| {
            Failure::new(Exit::NotFound, format!("`{}` cannot be read: {error}", path.display()))
        };
        let facts = std::fs::metadata(path).map_err(unreadable)?;
        if facts.is_file() {
            let name = path.file_name().map(Path::new).unwrap_or(path);
            add(&mut all, at, name, path)?;
            continue;
        }
        let mut open = vec![path.clone()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
                let entry = entry.map_err(unreadable)?;
                let kind = entry.file_type().map_err(unreadable)?;
                let whole = entry.path();
                if kind.is_dir() {
                    open.push(whole);
                } else if kind.is_file() {
                    add(&mut all, at, whole.strip_prefix(path).unwrap_or(&whole), &whole)?;
                } else {
                    left_out += 1;
                }
            }
        }
    }
    Ok((all, left_out))
}

fn add(all: &mut BTreeMap<String, Found>, at: &str, below: &Path, from: &Path) -> anyhow::Result<()> {
    let bad =
        |why: String| Failure::new(Exit::BadInput, format!("`{}` cannot be taken: {why}", from.display()));
    let name = below.to_str().ok_or_else(|| bad("its name is no UTF-8".to_owned()))?;
    let path = if at.is_empty() { name.to_owned() } else { format!("{at}/{name}") };
    rigi_model::data::check_path(&path).map_err(|mistake| bad(mistake.to_string()))?;
    let (sha256, size) = hash(from).map_err(|error| bad(error.to_string()))?;
    let file = DatasetFile { path: path.clone(), sha256, size };
    if all.insert(path, Found { file, from: from.to_owned() }).is_some() {
        return Err(bad("another file has the same place".to_owned()).into());
    }
    Ok(())
}

/// The hash of a file, and its bytes.
pub(super) fn hash(path: &Path) -> io::Result<(String, u64)> {
    let mut file = std::fs::File::open(path)?;
    let (mut hash, mut piece, mut size) = (Sha256::new(), vec![0; 256 << 10], 0);
    loop {
        let n = file.read(&mut piece)?;
        if n == 0 {
            return Ok((rigi_model::hash::hex(&hash.finalize()), size));
        }
        hash.update(&piece[..n]);
        size += n as u64;
    }
}

/// Sends what is not stored, until all of it is.
async fn send(client: &Client, terminal: &Terminal, files: &[&Found]) -> anyhow::Result<()> {
    let from: HashMap<&str, &Found> =
        files.iter().map(|found| (found.file.sha256.as_str(), *found)).collect();
    let mut wanted: Vec<ContentRef> = from
        .values()
        .map(|found| ContentRef { sha256: found.file.sha256.clone(), size: found.file.size })
        .collect();
    let mut bar: Option<ProgressBar> = None;
    for tries in 1.. {
        wanted = missing(client, wanted).await?;
        if wanted.is_empty() {
            break;
        }
        let total = wanted.iter().map(|content| content.size).sum();
        let bar = bar.get_or_insert_with(|| bytes_bar(terminal, "uploading", total));
        bar.set_position(bar.length().unwrap_or(total).saturating_sub(total));
        let found = wanted.iter().filter_map(|content| from.get(content.sha256.as_str()));
        let (large, small): (Vec<&&Found>, Vec<_>) = found.partition(|found| found.file.size >= LARGE);
        for found in large {
            send_large(client, found, bar).await?;
        }
        wanted.retain(|content| content.size < LARGE);
        if wanted.is_empty() {
            break;
        }
        let paths = small.into_iter().map(|found| (found.from.clone(), found.file.size)).collect();
        let trouble =
            |error: io::Error| Failure::new(Exit::BadInput, format!("a file cannot be read: {error}"));
        match stream(client, paths, bar.clone()).await.map_err(trouble)? {
            Ok(stored) => {
                let stored: HashSet<String> = stored.contents.into_iter().map(|one| one.sha256).collect();
                if let Some(changed) = wanted.iter().find(|content| !stored.contains(&content.sha256)) {
                    let path = from.get(changed.sha256.as_str()).map(|found| found.from.as_path());
                    return Err(changed_file(path.unwrap_or(Path::new(""))).into());
                }
                break;
            }
            Err(error) if error.may_pass() && tries < TRIES => {
                tokio::time::sleep(Duration::from_secs(u64::from(tries))).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    Ok(())
}

fn changed_file(path: &Path) -> Failure {
    let words = format!("`{}` has changed while it was read", path.display());
    Failure::new(Exit::BadInput, words).cure("try again")
}

/// Sends a large file by itself: what breaks off goes on there, also when this was killed.
async fn send_large(client: &Client, found: &Found, bar: &ProgressBar) -> anyhow::Result<()> {
    let DatasetFile { sha256, size, .. } = &found.file;
    let name = file_name(&found.from);
    let file = Large { name: &name, path: &found.from, size: *size, mark: sha256 };
    let doing = format!("`{}` was not uploaded", found.from.display());
    let view = client.upload_large(&file, told(bar, &name)).await;
    let view = view.map_err(|error| Failure::from(error).doing(&doing))?;
    if view.sha256 != *sha256 {
        return Err(changed_file(&found.from).into());
    }
    Ok(())
}

async fn missing(client: &Client, wanted: Vec<ContentRef>) -> Result<Vec<ContentRef>, CallError> {
    let mut all = Vec::new();
    for some in wanted.chunks(TOGETHER) {
        let body = Contents { contents: some.to_vec() };
        let told: Contents = client.post_patiently(&["contents", "missing"], &body).await?;
        all.extend(told.contents);
    }
    Ok(all)
}

/// Files as a tar, in their order.
async fn stream(
    client: &Client,
    files: Vec<(PathBuf, u64)>,
    bar: ProgressBar,
) -> io::Result<Result<Contents, CallError>> {
    let (to, from) = UnixStream::pair()?;
    from.set_nonblocking(true)?;
    let from = tokio::net::UnixStream::from_std(from)?;
    let writing = tokio::task::spawn_blocking(move || write_tar(to, &files, &bar));
    let body = Body::wrap_stream(ReaderStream::with_capacity(from, 256 << 10));
    let answer = client.send_body(Method::POST, &["contents"], body).await;
    // What went wrong with a file says more than that the stream ended.
    match writing.await.map_err(io::Error::other)? {
        Err(error) if answer.is_ok() => Err(error),
        _ => Ok(answer),
    }
}

fn write_tar(to: UnixStream, files: &[(PathBuf, u64)], bar: &ProgressBar) -> io::Result<()> {
    let mut tar = tar::Builder::new(io::BufWriter::with_capacity(256 << 10, to));
    for (index, (path, size)) in files.iter().enumerate() {
        let mut header = tar::Header::new_ustar();
        header.set_size(*size);
        header.set_mode(0o644);
        header.set_cksum();
        let file = std::fs::File::open(path)?;
        // One that has become shorter is filled up: its hash is another then, and that is told.
        let filled = file.chain(io::repeat(0)).take(*size);
        tar.append_data(&mut header, index.to_string(), bar.wrap_read(filled))?;
    }
    tar.finish()
}
