//! The runner's own way to the bucket of its project: files of any length go there without passing the server.
//!
//! Each is read or written at a signed address that the server gives for it. Where that fails, whatever the reason, the
//! file takes the server's door as if there was no bucket; where the bucket cannot be reached at all, all others do.

use std::io::Read;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Body, RequestBuilder, Response, StatusCode, header};
use rigi_model::ContentHash;
use rigi_model::causes::with_causes;
use rigi_work::plan::{InputFile, StoredFile};
use rigi_work::wire::{Address, Content, Way};
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

use super::client::{CallTrouble, Client, ask, without_proxy};
use super::fetch::save;

/// A bucket that takes no connection within this time is out of reach: a policy of the network may say so by silence.
const CONNECT: Duration = Duration::from_secs(3);
/// So long a server is asked for an address.
const PATIENCE: Duration = Duration::from_secs(15);
/// So long nothing may be acknowledged.
const SILENCE: Duration = Duration::from_secs(30);
/// What goes slower than so many bytes in a second, is given up.
const SLOWEST: u64 = 256 << 10;
/// Between the tries of one file: buckets ask for patience now and then.
const PAUSES: [Duration; 2] = [Duration::from_millis(300), Duration::from_secs(2)];
/// Bytes that are read at once.
pub const PIECE: usize = 256 << 10;
/// What is shorter is sent with all others of its kind: it is not worth three requests.
pub const SHORTEST: u64 = 1 << 20;
/// What S3 takes in one request.
pub const LONGEST: u64 = 5_000_000_000;

/// See the module.
#[derive(Debug)]
pub struct Direct {
    client: Client,
    open: AtomicBool,
    /// Made for the first address. Knows nothing of the attempt's token.
    bucket: OnceLock<Option<reqwest::Client>>,
}

impl Direct {
    pub const fn new(client: Client, way: Way) -> Self {
        let open = matches!(way, Way::Bucket);
        Self { client, open: AtomicBool::new(open), bucket: OnceLock::new() }
    }

    /// Whether it is worth trying.
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    /// Brings an input; `false`: it is to be fetched through the door.
    ///
    /// # Errors
    /// If the container's disk does not take it.
    pub async fn fetch(&self, index: usize, input: &InputFile, place: &Path) -> Result<bool, CallTrouble> {
        let question = || self.client.get(&format!("inputs/{index}/address"));
        let Some((bucket, address)) = self.address(question).await else { return Ok(false) };
        let Some(answer) = self.send(request(bucket.get(&address.url), &address, input.size)).await else {
            return Ok(false);
        };
        if !answer.status().is_success() {
            warn(&format!("the bucket answers {} to who reads an input", answer.status()));
            return Ok(false);
        }
        match save(answer, input, place).await {
            Ok(()) => Ok(true),
            Err(here @ CallTrouble::Here(_)) => Err(here),
            Err(other) => {
                self.close(&other.to_string());
                Ok(false)
            }
        }
    }

    /// Stores an output; `None`: it is to be sent through the door.
    pub async fn store(&self, folder: &Path, path: String) -> Option<StoredFile> {
        if !self.is_open() {
            return None;
        }
        let file = folder.join(&path);
        let read = file.clone();
        let content = tokio::task::spawn_blocking(move || hash_of(&read)).await.ok()?.ok()?;
        for pause in PAUSES.iter().map(Some).chain([None]) {
            // Anew each time: its time is short.
            let question = || self.client.post("outputs/address").json(&content);
            let (bucket, address) = self.address(question).await?;
            let body = tokio::fs::File::open(&file).await.ok()?.take(content.size);
            let body = Body::wrap_stream(ReaderStream::with_capacity(body, PIECE));
            let put = request(bucket.put(&address.url), &address, content.size);
            let put = put.header(header::CONTENT_LENGTH, content.size).body(body);
            let status = self.send(put).await?.status();
            if status.is_success() {
                let Content { sha256, size } = content;
                return Some(StoredFile { path, sha256, size });
            }
            warn(&format!("the bucket answers {status} to who stores an output"));
            match pause {
                Some(pause) if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                    tokio::time::sleep(*pause).await;
                }
                _ => break,
            }
        }
        None
    }

    /// Where one file is, and how to get there.
    async fn address(&self, question: impl Fn() -> RequestBuilder) -> Option<(&reqwest::Client, Address)> {
        if !self.is_open() {
            return None;
        }
        // A server of an older version has none to give; one that starts anew is back soon.
        let asked = self.client.insist(|| ask::<Option<Address>>(question()));
        let address = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(Some(address))) => address,
            Ok(Ok(None)) => {
                self.open.store(false, Ordering::Relaxed);
                return None;
            }
            // Through the door, it hears the same.
            Ok(Err(_)) => return None,
            Err(_) => {
                self.close("the server gives no addresses");
                return None;
            }
        };
        let bucket = self.bucket.get_or_init(|| {
            let builder = without_proxy(&address.url).connect_timeout(CONNECT).tcp_user_timeout(SILENCE);
            let built = builder.redirect(Policy::none()).build();
            built.map_err(|error| self.close(&with_causes(&error))).ok()
        });
        Some((bucket.as_ref()?, address))
    }

    async fn send(&self, request: RequestBuilder) -> Option<Response> {
        // Its address is as good as a key: it is not said.
        let sent = request.send().await.map_err(reqwest::Error::without_url);
        sent.map_err(|error| self.close(&with_causes(&error))).ok()
    }

    /// From now on everything takes the door.
    fn close(&self, why: &str) {
        if self.open.swap(false, Ordering::Relaxed) {
            warn(&format!("the bucket cannot be reached from here, so files go through the server: {why}"));
        }
    }
}

fn warn(what: &str) {
    eprintln!("rigi runner: {what}");
}

fn request(request: RequestBuilder, address: &Address, size: u64) -> RequestBuilder {
    let bound = 2 * SILENCE + Duration::from_secs(size / SLOWEST);
    let headers = address.headers.iter();
    headers.fold(request.timeout(bound), |request, (name, value)| request.header(name, value))
}

fn hash_of(file: &Path) -> std::io::Result<Content> {
    let (mut hash, mut size, mut file) = (Sha256::new(), 0, std::fs::File::open(file)?);
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(Content { sha256: ContentHash::new(hash.finalize().into()), size }),
            n => {
                hash.update(&piece[..n]);
                size += n as u64;
            }
        }
    }
}
