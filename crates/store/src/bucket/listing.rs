//! What a bucket holds, and removing of it.

use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::path::Path as Key;
use object_store::{ObjectMeta, ObjectStore};
use rigi_model::Timestamp;

use super::transfer::Facts;
use super::{Bucket, Inner, trouble};
use crate::Result;

/// Objects that are told together.
const TOGETHER: usize = 1000;

/// An object by its key below the project.
pub(crate) type Listed = (String, Facts);

impl Bucket {
    /// Hands over all below `folder`, in the order of keys.
    pub fn list(&self, folder: &str, mut each: impl FnMut(&str, &Facts) -> Result<()>) -> Result<()> {
        let (told, heard) = std::sync::mpsc::channel::<Result<Vec<Listed>>>();
        let (inner, folder) = (self.inner.clone(), folder.to_owned());
        self.spawn(async move {
            let place = inner.name(&folder);
            let prefix = inner.key(&folder);
            let mut pages = inner.objects.list(Some(&prefix)).chunks(TOGETHER);
            while let Some(page) = pages.next().await {
                let page: object_store::Result<Vec<ObjectMeta>> = page.into_iter().collect();
                let page = page
                    .map(|page| page.into_iter().filter_map(|meta| inner.listed(&meta)).collect())
                    .map_err(|error| trouble::of(&format!("list {place}"), &error));
                inner.heard(&page);
                if told.send(page).is_err() {
                    return;
                }
            }
        })?;
        for page in heard {
            for (key, facts) in page? {
                each(&key, &facts)?;
            }
        }
        Ok(())
    }

    /// Some key below `folder`, if there is any.
    pub fn any(&self, folder: &str) -> Result<Option<String>> {
        let folder = folder.to_owned();
        self.wait(|inner| async move {
            let found = inner.objects.list(Some(&inner.key(&folder))).next().await.transpose();
            let found =
                found.map_err(|error| trouble::of(&format!("list {}", inner.name(&folder)), &error))?;
            Ok(found.and_then(|meta| inner.listed(&meta)).map(|(key, _)| key))
        })
    }

    /// Names right below `folder` that are folders themselves.
    pub fn folders(&self, folder: &str) -> Result<Vec<String>> {
        let folder = folder.to_owned();
        self.wait(|inner| async move {
            let found = inner.objects.list_with_delimiter(Some(&inner.key(&folder))).await;
            let found =
                found.map_err(|error| trouble::of(&format!("list {}", inner.name(&folder)), &error))?;
            let name = |key: &Key| key.filename().map(str::to_owned);
            Ok(found.common_prefixes.iter().filter_map(name).collect())
        })
    }

    /// Removes objects; one that is not there is no mistake.
    pub fn remove(&self, keys: Vec<String>) -> Result<()> {
        self.wait(|inner| async move {
            let all: Vec<_> = keys.iter().map(|key| Ok(inner.key(key))).collect();
            let removed = inner.objects.delete_stream(stream::iter(all).boxed());
            let gone = removed.or_else(|error| async {
                match error {
                    object_store::Error::NotFound { .. } => Ok(Key::default()),
                    error => Err(error),
                }
            });
            let gone: object_store::Result<Vec<Key>> = gone.try_collect().await;
            gone.map(drop).map_err(|error| trouble::of(&format!("remove from {}", inner.name("")), &error))
        })
    }
}

impl Inner {
    fn listed(&self, meta: &ObjectMeta) -> Option<Listed> {
        let key = meta.location.as_ref().strip_prefix(&self.below_base(""))?;
        let facts = Facts { size: meta.size, modified: Timestamp(meta.last_modified.timestamp_micros()) };
        Some((key.to_owned(), facts))
    }
}
