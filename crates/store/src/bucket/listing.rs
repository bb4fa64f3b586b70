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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{BucketConfig, BucketKind, Hidden};

    /// An object in a list.
    fn meta(location: Key) -> ObjectMeta {
        ObjectMeta { location, last_modified: Default::default(), size: 1, e_tag: None, version: None }
    }

    /// The name for people of what has this key, its whole key, and what a list makes of it.
    fn there_and_back(bucket: &Bucket, key: &str) -> (String, String, Option<String>) {
        let inner = &bucket.inner;
        let listed = inner.listed(&meta(inner.key(key)));
        (inner.name(key), inner.key(key).to_string(), listed.map(|(key, _)| key))
    }

    #[test]
    fn keys_are_read_back_as_they_were_with_and_without_a_prefix() {
        let data = tempfile::tempdir().unwrap();
        for (prefix, before) in [("", ""), ("some/where", "some/where/")] {
            let config = BucketConfig {
                kind: BucketKind::S3,
                bucket: "files".into(),
                prefix: prefix.into(),
                endpoint: Some("http://127.0.0.1:9".into()),
                region: None,
                access_key_id: Some("id".into()),
                secret_access_key: Some(Hidden("secret".into())),
                role: None,
                sts_endpoint: None,
                credentials_for: None,
                collect_after: std::time::Duration::ZERO,
                own: Default::default(),
            };
            let lab = Bucket::open(&config, &rigi_model::ProjectName::unchecked("lab"), data.path()).unwrap();
            let whole = lab.whole();
            let of_lab = format!("{before}lab/blobs/a");
            let name = format!("s3://files/{of_lab}");
            assert_eq!(
                there_and_back(&lab, "blobs/a"),
                (name.clone(), of_lab.clone(), Some("blobs/a".into()))
            );
            assert_eq!(there_and_back(&whole, "lab/blobs/a"), (name, of_lab, Some("lab/blobs/a".into())));
            assert_eq!(whole.inner.key("").as_ref(), prefix);
            // Another project, whose name begins the same.
            assert!(lab.inner.listed(&meta(whole.inner.key("lab-2/blobs/a"))).is_none());
        }
    }
}
