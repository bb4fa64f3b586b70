//! Sends a large file so that it goes on where it broke off, by tus 1.0. What is under way knows the server: whoever was killed asks it.

use std::io;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use rigi_api::view::{OpenUploadView, UploadView};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::call::{CallError, Client};
use super::upload::body_of;

/// A file of so many bytes is worth going on with.
pub const LARGE: u64 = 8 << 20;
/// Times that it goes on without having come further.
const TRIES: u32 = 5;
const PATH: [&str; 2] = ["uploads", "tus"];
/// What a file is known by, among what is said of it.
const MARK: &str = "mark";

/// A file that is sent.
#[derive(Debug)]
pub struct Large<'a> {
    /// What it is called.
    pub name: &'a str,
    /// Where it is.
    pub path: &'a Path,
    /// Bytes.
    pub size: u64,
    /// What it is known by: another content has another.
    pub mark: &'a str,
}

/// What goes on.
#[derive(Debug, Clone, Copy)]
pub enum Sending {
    /// It begins or goes on behind so many bytes.
    GoesOn(u64),
    /// So many more were sent.
    Sent(u64),
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum LargeError {
    /// The server does not answer, or says no.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    File(#[from] io::Error),
}

impl Client {
    /// Sends a file, and goes on where an earlier one broke off. `told` hears how far it is.
    ///
    /// # Errors
    /// When the file cannot be read, or the server does not answer for long, or says no.
    pub async fn upload_large(
        &self,
        file: &Large<'_>,
        told: impl Fn(Sending) + Clone + Send + Sync + 'static,
    ) -> Result<UploadView, LargeError> {
        let (mut id, mut furthest, mut tries) = (None, 0, 0);
        loop {
            tries += 1;
            let error = match self.go_on(file, &mut id, &mut furthest, told.clone()).await {
                Ok(view) => return Ok(view),
                Err((error, moved)) => {
                    if moved {
                        tries = 1;
                    }
                    error
                }
            };
            let may_pass = match &error {
                LargeError::Call(CallError::Refused { status, .. }) if *status == StatusCode::NOT_FOUND => {
                    // It is over, or on the disk of another server.
                    id = None;
                    true
                }
                LargeError::Call(CallError::Refused { status, .. }) if *status == StatusCode::CONFLICT => {
                    id.is_some()
                }
                LargeError::Call(error) => error.may_pass(),
                LargeError::File(_) => false,
            };
            if !may_pass || tries >= TRIES {
                return Err(error);
            }
            tokio::time::sleep(Duration::from_secs(u64::from(tries))).await;
        }
    }

    /// Once: with what went wrong, and whether it has come further since it was tried last.
    async fn go_on(
        &self,
        file: &Large<'_>,
        id: &mut Option<String>,
        furthest: &mut u64,
        told: impl Fn(Sending) + Send + Sync + 'static,
    ) -> Result<UploadView, (LargeError, bool)> {
        let stuck = |error: CallError| (error.into(), false);
        let at = match id.take() {
            Some(at) => at,
            None => self.find_or_begin(file).await.map_err(stuck)?,
        };
        let at = id.insert(at).clone();
        let [first, second] = PATH;
        let path = [first, second, at.as_str()];
        let offset = self.offset(&path).await.map_err(stuck)?;
        let moved = offset > std::mem::replace(furthest, offset.max(*furthest));
        let failed = |error: LargeError| (error, moved);
        told(Sending::GoesOn(offset));
        if offset < file.size {
            let sent = self.send_rest(&path, file, offset, move |bytes| told(Sending::Sent(bytes)));
            sent.await.map_err(failed)?;
        }
        let view: OpenUploadView = self.get(&path, &[]).await.map_err(|error| failed(error.into()))?;
        let sha256 = view.sha256.unwrap_or_default();
        Ok(UploadView { id: view.id, name: view.name, size: view.size, sha256 })
    }

    async fn find_or_begin(&self, file: &Large<'_>) -> Result<String, CallError> {
        let open: Vec<OpenUploadView> = self.all(&PATH, &[]).await?;
        let is_it = |open: &&OpenUploadView| {
            open.size == file.size
                && !open.is_part
                && open.metadata.get(MARK).is_some_and(|mark| mark == file.mark)
        };
        // That which has come furthest, should there be several.
        if let Some(open) = open.iter().filter(is_it).max_by_key(|open| open.offset) {
            return Ok(open.id.to_string());
        }
        let said = [("filename", file.name), (MARK, file.mark)];
        let said = said.map(|(key, value)| format!("{key} {}", STANDARD.encode(value))).join(",");
        let request = tus(self.request(Method::POST, &PATH, &[])).header("upload-length", file.size);
        let answer = self.send(request.header("upload-metadata", said)).await?;
        let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        let id = location.and_then(|location| location.rsplit('/').next()).map(str::to_owned);
        id.ok_or_else(|| self.strange(&answer, "it does not say where the upload is"))
    }

    async fn offset(&self, path: &[&str]) -> Result<u64, CallError> {
        let answer = self.send(tus(self.request(Method::HEAD, path, &[]))).await?;
        let offset = answer.headers().get("upload-offset").and_then(|offset| offset.to_str().ok());
        let offset = offset.and_then(|offset| offset.parse().ok());
        offset.ok_or_else(|| self.strange(&answer, "it does not say how far the upload is"))
    }

    async fn send_rest(
        &self,
        path: &[&str],
        file: &Large<'_>,
        offset: u64,
        sent: impl Fn(u64) + Send + Sync + 'static,
    ) -> Result<(), LargeError> {
        let mut from = tokio::fs::File::open(file.path).await?;
        from.seek(io::SeekFrom::Start(offset)).await?;
        let left = file.size - offset;
        let request = tus(self.request(Method::PATCH, path, &[]))
            .header("upload-offset", offset)
            .header(CONTENT_TYPE, "application/offset+octet-stream")
            .header(CONTENT_LENGTH, left)
            .body(body_of(from.take(left), sent));
        self.send(request).await?;
        Ok(())
    }

    fn strange(&self, answer: &Response, detail: &str) -> CallError {
        CallError::Strange {
            url: self.base().to_owned(),
            path: answer.url().path().to_owned(),
            detail: detail.to_owned(),
        }
    }
}

fn tus(request: RequestBuilder) -> RequestBuilder {
    request.header("tus-resumable", HeaderValue::from_static("1.0.0"))
}
