//! Files into a bucket, and back.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::multipart::PartId;
use object_store::path::Path as Key;
use object_store::{Attributes, GetOptions, GetRange, ObjectStoreExt, PutMultipartOptions, PutPayload};
use rigi_model::Timestamp;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::sync::SemaphorePermit;

use super::uploads::Upload;
use super::{Bucket, Inner, UNIT, trouble};
use crate::{Error, Result};

/// Bytes that are sent or read at once. S3 takes 10,000 parts.
pub(crate) const PART: u64 = 8 << 20;

/// Parts of one file that are on their way at a time.
const PARTS_AT_ONCE: usize = 4;

/// Questions for one object each that are on their way at a time.
const LOOKS_AT_ONCE: usize = 32;

/// What is known of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Bytes.
    pub size: u64,
    /// By the storage's clock.
    pub modified: Timestamp,
}

impl Bucket {
    /// What is known of an object; `None`: there is none.
    pub fn facts(&self, key: &str) -> Result<Option<Facts>> {
        let key = key.to_owned();
        self.wait(|inner| async move { inner.facts(&key).await })
    }

    /// Stores what is in a file; in parts if it is long. There is all of it under its key, or nothing.
    pub fn upload(&self, key: &str, file: &Path, size: u64) -> Result<()> {
        let (key, file) = (key.to_owned(), file.to_owned());
        self.wait(|inner| async move { inner.upload(&key, file, size).await })
    }

    /// Stores a few bytes, in place of what is there.
    pub async fn put_few(&self, key: &str, bytes: Vec<u8>) -> Result<()> {
        let key = key.to_owned();
        self.ask(|inner| async move { inner.put(&key, bytes.into()).await }).await
    }

    /// A few bytes; `None`: there is no such object.
    pub async fn read_few(&self, key: &str) -> Result<Option<Bytes>> {
        let key = key.to_owned();
        match self.ask(|inner| async move { inner.read(&key, 0).await }).await {
            Ok((bytes, _)) => Ok(Some(bytes)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Up to [`PART`] bytes from `from` on, and how many there are in all.
    pub fn read(&self, key: &str, from: u64) -> Result<(Bytes, u64)> {
        let key = key.to_owned();
        self.wait(|inner| async move { inner.read(&key, from).await })
    }
}

impl Inner {
    /// What became of a call, remembered and in Rigi's words.
    pub(crate) fn told<T>(&self, what: &str, key: &str, result: object_store::Result<T>) -> Result<T> {
        let result = result.map_err(|error| {
            if trouble::is_missing(&error) {
                return Error::NotFound { what: "stored file", id: self.name(key) };
            }
            trouble::of(&format!("{what} {}", self.name(key)), &error)
        });
        self.heard(&result);
        result
    }

    pub(crate) async fn facts(&self, key: &str) -> Result<Option<Facts>> {
        let found = self.objects.head(&self.key(key)).await;
        match self.told("look for", key, found) {
            Ok(meta) => Ok(Some(Facts {
                size: meta.size,
                modified: Timestamp(meta.last_modified.timestamp_micros()),
            })),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn read(&self, key: &str, from: u64) -> Result<(Bytes, u64)> {
        let range = Some(GetRange::Bounded(from..from + PART));
        let got = self.objects.get_opts(&self.key(key), GetOptions { range, ..GetOptions::default() }).await;
        let got = self.told("read", key, got)?;
        let size = got.meta.size;
        let bytes = got.bytes().await;
        Ok((self.told("read", key, bytes)?, size))
    }

    pub(super) async fn put(&self, key: &str, bytes: Bytes) -> Result<()> {
        let put = self.objects.put(&self.key(key), PutPayload::from_bytes(bytes)).await;
        self.told("write", key, put).map(drop)
    }

    pub(crate) async fn room_for(&self, bytes: u64) -> Option<SemaphorePermit<'_>> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(1).max(1);
        // It is never closed.
        self.room.acquire_many(units).await.ok()
    }

    async fn upload(self: Arc<Self>, key: &str, file: PathBuf, size: u64) -> Result<()> {
        if size <= PART {
            let _room = self.room_for(size).await;
            return self.put(key, read_part(&file, 0, size).await?).await;
        }
        self.upload_with(key, file, size, Attributes::new()).await
    }

    /// In parts, with what is said of it.
    pub(crate) async fn upload_with(
        self: Arc<Self>,
        key: &str,
        file: PathBuf,
        size: u64,
        attributes: Attributes,
    ) -> Result<()> {
        let whole = self.key(key);
        let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
        let id = self.objects.create_multipart_opts(&whole, options).await;
        let id = self.told("write", key, id)?;
        let upload = Upload::begin(&self.uploads, &whole, &id)?;
        let sent = match self.clone().parts(&whole, &id, &file, size, &upload).await {
            Ok(parts) => self.objects.complete_multipart(&whole, &id, parts).await.map(drop),
            Err(Sending::Here(error)) => {
                self.abort(&whole, &id, upload).await;
                return Err(error);
            }
            Err(Sending::There(error)) => Err(error),
        };
        match &sent {
            Ok(()) => upload.end(),
            Err(_) => self.abort(&whole, &id, upload).await,
        }
        self.told("write", key, sent)
    }

    /// What cannot be given up now is given up by a collection.
    async fn abort(&self, key: &Key, id: &String, upload: Upload) {
        if self.objects.abort_multipart(key, id).await.is_ok() {
            upload.end();
        }
    }

    async fn parts(
        self: Arc<Self>,
        key: &Key,
        id: &String,
        file: &Path,
        size: u64,
        upload: &Upload,
    ) -> Result<Vec<PartId>, Sending> {
        let count = usize::try_from(size.div_ceil(PART)).unwrap_or(usize::MAX);
        let send = |number: usize| {
            let inner = &self;
            async move {
                let _room = inner.room_for(PART).await;
                let from = number as u64 * PART;
                let bytes = read_part(file, from, PART.min(size - from)).await.map_err(Sending::Here)?;
                upload.goes_on();
                let payload = PutPayload::from_bytes(bytes);
                inner.objects.put_part(key, id, number, payload).await.map_err(Sending::There)
            }
        };
        stream::iter(0..count).map(send).buffered(PARTS_AT_ONCE).try_collect().await
    }
}

/// Where a part got lost.
enum Sending {
    Here(Error),
    There(object_store::Error),
}

async fn read_part(file: &Path, from: u64, length: u64) -> Result<Bytes> {
    let read = async {
        let mut open = tokio::fs::File::open(file).await?;
        open.seek(std::io::SeekFrom::Start(from)).await?;
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        open.take(length).read_to_end(&mut bytes).await?;
        Ok(Bytes::from(bytes))
    };
    read.await.map_err(Error::io(format!("read {}", file.display())))
}

impl Bucket {
    /// Stores a file by its content. What is there already and long is sent again only when it is old: a collection
    /// looks at the time before it looks at who refers to it, and a bucket's objects have that of their writing.
    pub fn store(&self, key: &str, file: &Path, size: u64) -> Result<()> {
        if size > PART
            && let Some(facts) = self.facts(key)?
            && facts.size == size
            && self.is_young(&facts)
        {
            return Ok(());
        }
        self.upload(key, file, size)
    }

    /// Whether no collection takes it before what is done now is done.
    pub fn is_young(&self, facts: &Facts) -> bool {
        Timestamp::now().since(facts.modified) < self.config().collect_after / 2
    }

    /// What is known of these, in their order.
    pub async fn facts_of(&self, keys: Vec<String>) -> Result<Vec<Option<Facts>>> {
        self.ask(|inner| async move {
            let look = |key: String| {
                let inner = inner.clone();
                async move { inner.facts(&key).await }
            };
            stream::iter(keys).map(look).buffered(LOOKS_AT_ONCE).try_collect().await
        })
        .await
    }
}
