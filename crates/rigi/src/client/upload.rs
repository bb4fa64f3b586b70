//! Sends a file to the server.

use std::path::Path;

use futures_util::StreamExt;
use reqwest::header::CONTENT_LENGTH;
use reqwest::{Body, Method};
use rigi_api::view::{ImportedView, UploadView};
use tokio::io::AsyncRead;
use tokio_util::io::ReaderStream;

use super::call::{CallError, Client};

impl Client {
    /// Uploads an open file under this name. `sent` hears of every piece, in bytes.
    ///
    /// # Errors
    /// When the server does not answer, or says no.
    pub async fn upload(
        &self,
        name: &str,
        file: std::fs::File,
        size: u64,
        sent: impl Fn(u64) + Send + Sync + 'static,
    ) -> Result<UploadView, CallError> {
        let request = self.request(Method::POST, &["uploads"], &[("name", name.to_owned())]);
        let request =
            request.header(CONTENT_LENGTH, size).body(body_of(tokio::fs::File::from_std(file), sent));
        self.read(self.send(request).await?).await
    }

    /// Brings a project in from an open archive, under this name or the one that it had.
    ///
    /// # Errors
    /// When the server does not answer, or says no.
    pub async fn import(
        &self,
        name: Option<&str>,
        file: std::fs::File,
        size: u64,
        sent: impl Fn(u64) + Send + Sync + 'static,
    ) -> Result<ImportedView, CallError> {
        let query: Vec<_> = name.map(|name| ("name", name.to_owned())).into_iter().collect();
        let request = self.request(Method::POST, &["projects", "import"], &query);
        let request =
            request.header(CONTENT_LENGTH, size).body(body_of(tokio::fs::File::from_std(file), sent));
        self.read(self.send(request).await?).await
    }
}

impl Client {
    /// Sends a body of bytes, however long it takes, and reads the answer.
    ///
    /// # Errors
    /// When the server does not answer, or says no.
    pub async fn send_body<T: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: Body,
    ) -> Result<T, CallError> {
        self.read(self.send(self.request(method, path, &[]).body(body)).await?).await
    }
}

/// What is in a file; `sent` hears of every piece.
pub(super) fn body_of(
    file: impl AsyncRead + Send + 'static,
    sent: impl Fn(u64) + Send + Sync + 'static,
) -> Body {
    let pieces = ReaderStream::with_capacity(file, 256 << 10);
    Body::wrap_stream(pieces.inspect(move |piece| {
        if let Ok(piece) = piece {
            sent(piece.len() as u64);
        }
    }))
}

/// The name under which a file is uploaded: its last part.
#[must_use]
pub fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| "file".to_owned(), |name| name.to_string_lossy().into_owned())
}
