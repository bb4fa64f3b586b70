//! Files of a project that have keys instead of being known by their content: what people and runs bring with S3's words.
//!
//! Below the project's folder or prefix, beside its blobs and logs: `uploads/…`, `processes/<run>/…`. Who may do what is not
//! asked here ([`rigi_model::area::Holder`]).

mod folder;
pub(crate) mod measure;
mod parts;
mod remote;
mod spool;
mod walk;

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use rigi_model::Timestamp;
use rigi_model::area::FileKey;

use crate::blobs::{BlobPlace, Blobs};
use crate::bucket::Bucket;
use crate::{Error, Result};
use folder::FolderArea;
pub use measure::Taken;

/// Bytes of a part at most, where the parts go on to a bucket: one is in memory until it is there.
pub const LONGEST_PART: u64 = 64 << 20;

/// The bytes of a file, as they come or go.
pub type Body = BoxStream<'static, std::io::Result<Bytes>>;

/// The files of a project that have keys.
#[derive(Debug, Clone)]
pub struct Area {
    place: AreaPlace,
}

#[derive(Debug, Clone)]
enum AreaPlace {
    Folder(FolderArea),
    /// With where parts of what is being written lie.
    Bucket(std::sync::Arc<Bucket>, std::path::PathBuf),
}

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// Bytes.
    pub size: u64,
    /// When it was written last.
    pub modified: Timestamp,
    /// Another one whenever its content is another.
    pub etag: String,
    /// What was said of it.
    pub said: Said,
}

/// What is said of a file by who writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Said {
    /// Its media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Anything else.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

/// Whether a file is written that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    /// In its place.
    Yes,
    /// Not at all.
    No,
}

/// A file in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Below the project's area.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// When it was written last.
    pub modified: Timestamp,
    /// As [`FileFacts::etag`].
    pub etag: String,
}

/// Whether what lies in folders below is listed, or these folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouped {
    /// By the next slash.
    ByFolder,
    /// Not.
    No,
}

/// Which part of a list.
#[derive(Debug, Clone, Copy)]
pub struct ListFrom<'a> {
    /// What all keys begin with.
    pub prefix: &'a str,
    /// Whether they are grouped.
    pub grouped: Grouped,
    /// Only keys behind this one.
    pub after: Option<&'a str>,
    /// Where the page before ended: its [`ListPage::next`].
    pub token: Option<&'a str>,
    /// Files and folders at most.
    pub most: usize,
}

/// Part of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListPage {
    /// By key.
    pub files: Vec<Listed>,
    /// Folders that have files, each with its slash.
    pub folders: Vec<String>,
    /// What gives the next page; `None`: this is the last.
    pub next: Option<String>,
}

impl Blobs {
    /// The files of the project that have keys.
    #[must_use]
    pub fn area(&self) -> Area {
        let place = match &self.place {
            BlobPlace::Folder(root) => {
                AreaPlace::Folder(FolderArea { root: root.clone(), temporary: self.temporary.clone() })
            }
            BlobPlace::Bucket(bucket, _) => AreaPlace::Bucket(bucket.clone(), self.temporary.clone()),
        };
        Area { place }
    }
}

fn missing(key: &FileKey) -> Error {
    Error::NotFound { what: "file", id: key.to_string() }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Closed)?
}

impl Area {
    /// What is known of a file.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none; or if it cannot be looked at.
    pub async fn facts(&self, key: &FileKey) -> Result<FileFacts> {
        match &self.place {
            AreaPlace::Folder(folder) => {
                let (folder, key) = (folder.clone(), key.clone());
                blocking(move || folder.facts(&key)).await
            }
            AreaPlace::Bucket(bucket, _) => bucket.file_facts(key).await,
        }
    }

    /// The bytes of a file in this range, which lies within it.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none; or if it cannot be read.
    pub async fn read(&self, key: &FileKey, facts: &FileFacts, range: std::ops::Range<u64>) -> Result<Body> {
        match &self.place {
            AreaPlace::Folder(folder) => {
                let (folder, key, etag) = (folder.clone(), key.clone(), facts.etag.clone());
                blocking(move || folder.read(&key, &etag, range)).await
            }
            AreaPlace::Bucket(bucket, _) => bucket.file_body(key, facts, range).await,
        }
    }

    /// Writes a file: there is all of it, durably, or what was there before.
    ///
    /// # Errors
    /// If the body breaks, or it cannot be written; [`Error::Conflict`] where it is there and must not be, or where a folder or a file
    /// of this name is in the way.
    pub async fn write(
        &self,
        key: &FileKey,
        body: Body,
        said: Said,
        overwrite: Overwrite,
    ) -> Result<FileFacts> {
        match &self.place {
            AreaPlace::Folder(folder) => folder.write(key, body, said, overwrite).await,
            AreaPlace::Bucket(bucket, temporary) => {
                let spooled = spool::write(temporary, body).await?;
                bucket.write_file(key, &spooled, said, overwrite).await
            }
        }
    }

    /// Removes a file; whether there was one does not matter.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub async fn remove(&self, key: &FileKey) -> Result<()> {
        match &self.place {
            AreaPlace::Folder(folder) => {
                let (folder, key) = (folder.clone(), key.clone());
                blocking(move || folder.remove(&key)).await
            }
            AreaPlace::Bucket(bucket, _) => bucket.remove_file(key).await,
        }
    }

    /// Copies a file within the area.
    ///
    /// # Errors
    /// As [`Self::read`] and [`Self::write`].
    pub async fn copy(&self, from: &FileKey, to: &FileKey, said: Option<Said>) -> Result<FileFacts> {
        let facts = self.facts(from).await?;
        let body = self.read(from, &facts, 0..facts.size).await?;
        self.write(to, body, said.unwrap_or(facts.said), Overwrite::Yes).await
    }

    /// Part of the files, by key.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub async fn list(&self, from: ListFrom<'_>) -> Result<ListPage> {
        match &self.place {
            AreaPlace::Folder(folder) => {
                let folder = folder.clone();
                let (prefix, grouped, most) = (from.prefix.to_owned(), from.grouped, from.most);
                let (after, token) = (from.after.map(str::to_owned), from.token.map(str::to_owned));
                blocking(move || {
                    let from = ListFrom {
                        prefix: &prefix,
                        grouped,
                        after: after.as_deref(),
                        token: token.as_deref(),
                        most,
                    };
                    walk::page(&folder.root, from)
                })
                .await
            }
            AreaPlace::Bucket(bucket, _) => bucket.list_page(from).await,
        }
    }

    /// Begins a file that comes in parts; answers with what names it until it is whole.
    ///
    /// # Errors
    /// If it cannot be begun.
    pub async fn begin(&self, key: &FileKey, said: Said) -> Result<String> {
        match &self.place {
            AreaPlace::Folder(folder) => {
                let (folder, key) = (folder.clone(), key.clone());
                blocking(move || folder.begin(&key, &said)).await
            }
            AreaPlace::Bucket(bucket, _) => bucket.begin_file(key, said).await,
        }
    }

    /// A part, by its number (from 1); one that was there is replaced. Answers with what the whole is made of later.
    ///
    /// # Errors
    /// [`Error::NotFound`] if no such file was begun; or if the part cannot be written.
    pub async fn part(&self, key: &FileKey, upload: &str, number: u16, body: Body) -> Result<String> {
        match &self.place {
            AreaPlace::Folder(folder) => folder.part(key, upload, number, body).await,
            AreaPlace::Bucket(bucket, _) => bucket.file_part(key, upload, number, body).await,
        }
    }

    /// Makes a file of these parts: their numbers with what [`Self::part`] answered, in order.
    ///
    /// # Errors
    /// [`Error::NotFound`] if no such file was begun; [`Error::Parts`] if a part is not what was sent.
    pub async fn complete(
        &self,
        key: &FileKey,
        upload: &str,
        parts: Vec<(u16, String)>,
    ) -> Result<FileFacts> {
        match &self.place {
            AreaPlace::Folder(folder) => {
                let (folder, key, upload) = (folder.clone(), key.clone(), upload.to_owned());
                blocking(move || folder.complete(&key, &upload, &parts)).await
            }
            AreaPlace::Bucket(bucket, _) => bucket.complete_file(key, upload, parts).await,
        }
    }

    /// Gives a file up that comes in parts.
    ///
    /// # Errors
    /// [`Error::NotFound`] if no such file was begun.
    pub async fn give_up(&self, key: &FileKey, upload: &str) -> Result<()> {
        match &self.place {
            AreaPlace::Folder(folder) => {
                let (folder, key, upload) = (folder.clone(), key.clone(), upload.to_owned());
                blocking(move || folder.give_up(&key, &upload)).await
            }
            AreaPlace::Bucket(bucket, _) => bucket.give_up_file(key, upload).await,
        }
    }
}
