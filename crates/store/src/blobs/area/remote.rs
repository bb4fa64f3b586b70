//! Files with keys in a bucket.

use std::borrow::Cow;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt};
use object_store::list::PaginatedListOptions;
use object_store::multipart::PartId;
use object_store::{
    Attribute, Attributes, GetOptions, GetRange, ObjectMeta, ObjectStore as _, ObjectStoreExt as _, PutMode,
    PutMultipartOptions, PutOptions, PutPayload,
};
use rigi_model::Timestamp;
use rigi_model::area::FileKey;

use super::spool::Spooled;
use super::{Body, FileFacts, Grouped, LONGEST_PART, ListFrom, ListPage, Listed, Overwrite, Said, missing};
use crate::bucket::{Bucket, Inner, PART};
use crate::{Error, Result};

fn etag_of(meta: &ObjectMeta) -> String {
    let made = || format!("{:x}-{:x}", meta.last_modified.timestamp_micros(), meta.size);
    meta.e_tag.as_deref().map_or_else(made, |etag| etag.trim_matches('"').to_owned())
}

fn attributes(said: &Said) -> Attributes {
    let mut all = Attributes::new();
    if let Some(media_type) = &said.media_type {
        all.insert(Attribute::ContentType, media_type.clone().into());
    }
    for (name, value) in &said.metadata {
        all.insert(Attribute::Metadata(name.clone().into()), value.clone().into());
    }
    all
}

fn said(attributes: &Attributes) -> Said {
    let mut said = Said::default();
    for (name, value) in attributes {
        match name {
            Attribute::ContentType => said.media_type = Some(value.to_string()),
            Attribute::Metadata(name) => {
                said.metadata.insert(name.to_string(), value.to_string());
            }
            _ => {}
        }
    }
    said
}

fn facts_of(meta: &ObjectMeta, attributes: &Attributes) -> FileFacts {
    let modified = Timestamp(meta.last_modified.timestamp_micros());
    FileFacts { size: meta.size, modified, etag: etag_of(meta), said: said(attributes) }
}

impl Bucket {
    pub(super) async fn file_facts(&self, key: &FileKey) -> Result<FileFacts> {
        let key = key.clone();
        self.ask(|inner| async move {
            let options = GetOptions { head: true, ..GetOptions::default() };
            let got = inner.objects.get_opts(&inner.key(key.as_str()), options).await;
            let got = inner.of_file("look for", &key, got)?;
            Ok(facts_of(&got.meta, &got.attributes))
        })
        .await
    }

    pub(super) async fn file_body(
        &self,
        key: &FileKey,
        facts: &FileFacts,
        range: Range<u64>,
    ) -> Result<Body> {
        if range.is_empty() {
            return Ok(futures_util::stream::empty().boxed());
        }
        let (key, etag) = (key.clone(), facts.etag.clone());
        self.ask(|inner| async move {
            let range = Some(GetRange::Bounded(range));
            let options = GetOptions { range, ..GetOptions::default() };
            let got = inner.objects.get_opts(&inner.key(key.as_str()), options).await;
            let got = inner.of_file("read", &key, got)?;
            if etag_of(&got.meta) != etag {
                return Err(Error::Conflict(format!("{key} was written while it was read")));
            }
            Ok(got.into_stream().map_err(std::io::Error::other).boxed())
        })
        .await
    }

    pub(super) async fn write_file(
        &self,
        key: &FileKey,
        spooled: &Spooled,
        said: Said,
        overwrite: Overwrite,
    ) -> Result<FileFacts> {
        let (of, path, size) = (key.clone(), spooled.path.clone(), spooled.size);
        self.ask(|inner| async move {
            let mode = match overwrite {
                Overwrite::Yes => PutMode::Overwrite,
                Overwrite::No => PutMode::Create,
            };
            if size > PART {
                if overwrite == Overwrite::No && inner.facts(of.as_str()).await?.is_some() {
                    return Err(Error::Conflict(format!("{of} is there already")));
                }
                return inner.upload_with(of.as_str(), path, size, attributes(&said)).await;
            }
            let bytes =
                tokio::fs::read(&path).await.map_err(Error::io(format!("read {}", path.display())))?;
            let options = PutOptions { mode, attributes: attributes(&said), ..PutOptions::default() };
            let put = inner.objects.put_opts(&inner.key(of.as_str()), PutPayload::from(bytes), options).await;
            match put {
                Err(object_store::Error::AlreadyExists { .. }) => {
                    Err(Error::Conflict(format!("{of} is there already")))
                }
                put => inner.of_file("write", &of, put).map(drop),
            }
        })
        .await?;
        self.file_facts(key).await
    }

    pub(super) async fn remove_file(&self, key: &FileKey) -> Result<()> {
        let key = key.clone();
        self.ask(|inner| async move {
            let gone = inner.objects.delete(&inner.key(key.as_str())).await;
            match inner.of_file("remove", &key, gone) {
                Err(Error::NotFound { .. }) => Ok(()),
                gone => gone,
            }
        })
        .await
    }

    pub(super) async fn begin_file(&self, key: &FileKey, said: Said) -> Result<String> {
        let key = key.clone();
        self.ask(|inner| async move {
            let options =
                PutMultipartOptions { attributes: attributes(&said), ..PutMultipartOptions::default() };
            let begun = inner.objects.create_multipart_opts(&inner.key(key.as_str()), options).await;
            inner.of_file("begin", &key, begun)
        })
        .await
    }

    pub(super) async fn file_part(
        &self,
        key: &FileKey,
        upload: &str,
        number: u16,
        mut body: Body,
    ) -> Result<String> {
        let mut bytes = BytesMut::new();
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(Error::Sent)?;
            if (bytes.len() + piece.len()) as u64 > LONGEST_PART {
                let most = LONGEST_PART >> 20;
                return Err(Error::Parts(format!("one has more than {most} MiB: send smaller ones")));
            }
            bytes.extend_from_slice(&piece);
        }
        let (key, upload, bytes): (_, _, Bytes) = (key.clone(), upload.to_owned(), bytes.freeze());
        self.ask(|inner| async move {
            let _room = inner.room_for(bytes.len() as u64).await;
            let at = usize::from(number.saturating_sub(1));
            let payload = PutPayload::from_bytes(bytes);
            let put = inner.objects.put_part(&inner.key(key.as_str()), &upload, at, payload).await;
            let part = inner.of_upload(&key, &upload, put)?;
            Ok(part.content_id.trim_matches('"').to_owned())
        })
        .await
    }

    pub(super) async fn complete_file(
        &self,
        key: &FileKey,
        upload: &str,
        parts: Vec<(u16, String)>,
    ) -> Result<FileFacts> {
        // What goes on to the bucket is counted from one, without gaps.
        if parts.iter().enumerate().any(|(at, (number, _))| usize::from(*number) != at + 1) {
            return Err(Error::Parts("they have no numbers 1, 2, 3 and so on".into()));
        }
        let (of, upload) = (key.clone(), upload.to_owned());
        self.ask(|inner| async move {
            let quoted = |(_, etag): (u16, String)| PartId { content_id: format!("\"{etag}\"") };
            let parts = parts.into_iter().map(quoted).collect();
            let done = inner.objects.complete_multipart(&inner.key(of.as_str()), &upload, parts).await;
            inner.of_upload(&of, &upload, done).map(drop)
        })
        .await?;
        self.file_facts(key).await
    }

    pub(super) async fn give_up_file(&self, key: &FileKey, upload: &str) -> Result<()> {
        let (key, upload) = (key.clone(), upload.to_owned());
        self.ask(|inner| async move {
            let done = inner.objects.abort_multipart(&inner.key(key.as_str()), &upload).await;
            inner.of_upload(&key, &upload, done)
        })
        .await
    }

    pub(super) async fn list_page(&self, from: ListFrom<'_>) -> Result<ListPage> {
        let prefix = from.prefix.to_owned();
        let (grouped, most) = (from.grouped, from.most);
        let (after, token) = (from.after.map(str::to_owned), from.token.map(str::to_owned));
        self.ask(|inner| async move {
            let whole = inner.below_base(&prefix);
            let options = PaginatedListOptions {
                offset: after.map(|after| inner.below_base(&after)),
                delimiter: (grouped == Grouped::ByFolder).then_some(Cow::Borrowed("/")),
                max_keys: Some(most),
                page_token: token,
                ..PaginatedListOptions::default()
            };
            let found = inner.objects.list_paginated(Some(&whole), options).await;
            let found = inner.told("list", &prefix, found)?;
            let head = inner.below_base("");
            let files = found.result.objects.iter().filter_map(|meta| {
                let key = meta.location.as_ref().strip_prefix(&head)?.to_owned();
                let modified = Timestamp(meta.last_modified.timestamp_micros());
                Some(Listed { key, size: meta.size, modified, etag: etag_of(meta) })
            });
            let folder =
                |path: &object_store::path::Path| Some(format!("{}/", path.as_ref().strip_prefix(&head)?));
            Ok(ListPage {
                files: files.collect(),
                folders: found.result.common_prefixes.iter().filter_map(folder).collect(),
                next: found.page_token,
            })
        })
        .await
    }
}

impl Inner {
    fn of_file<T>(&self, what: &str, key: &FileKey, result: object_store::Result<T>) -> Result<T> {
        match self.told(what, key.as_str(), result) {
            Err(Error::NotFound { .. }) => Err(missing(key)),
            told => told,
        }
    }

    /// The same for one that comes in parts: what it is not, it says in words of the bucket's.
    fn of_upload<T>(&self, key: &FileKey, upload: &str, result: object_store::Result<T>) -> Result<T> {
        let refused = |text: &str| {
            let unknown = || Error::NotFound { what: "upload", id: upload.chars().take(80).collect() };
            let wrong = || Error::Parts(format!("one of {key} is not what was sent"));
            let codes = [("NoSuchUpload", true), ("InvalidPart", false), ("EntityTooSmall", false)];
            let code = codes.iter().find(|(code, _)| text.contains(code));
            code.map(|(_, is_unknown)| if *is_unknown { unknown() } else { wrong() })
        };
        match result {
            Err(error) => match refused(&format!("{error:?}")) {
                Some(told) => Err(told),
                None => self.of_file("write a part of", key, Err(error)),
            },
            done => self.of_file("write a part of", key, done),
        }
    }
}
