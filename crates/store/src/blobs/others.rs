//! Blobs that others read and write in the bucket themselves: where, and whether they are there.

use rigi_model::ContentHash;

use super::{BlobPlace, Blobs, Stored, key_of, touch};
use crate::bucket::Facts;
use crate::bucket::addresses::Address;
use crate::{Error, Result};

impl Blobs {
    /// Where others read a blob without asking here again; `None` where it lies in a folder.
    ///
    /// # Errors
    /// If the address cannot be signed.
    pub async fn address_to_read(&self, sha256: &ContentHash) -> Result<Option<Address>> {
        match &self.place {
            BlobPlace::Folder(_) => Ok(None),
            BlobPlace::Bucket(bucket, _) => bucket.address_to_read(&key_of(sha256)).await.map(Some),
        }
    }

    /// Where others write a blob of just this content; `None` where they cannot.
    ///
    /// # Errors
    /// If the address cannot be signed.
    pub async fn address_to_write(&self, content: &Stored) -> Result<Option<Address>> {
        match &self.place {
            BlobPlace::Folder(_) => Ok(None),
            BlobPlace::Bucket(bucket, _) => bucket.address_to_write(&key_of(&content.sha256), content).await,
        }
    }

    /// Which of these are in the bucket, as long as they should be. Of a folder's nothing is said.
    ///
    /// # Errors
    /// If the bucket does not answer.
    pub async fn are_in_bucket(&self, contents: &[Stored]) -> Result<Vec<bool>> {
        let BlobPlace::Bucket(bucket, _) = &self.place else { return Ok(vec![false; contents.len()]) };
        let keys = contents.iter().map(|content| key_of(&content.sha256)).collect();
        let found = bucket.facts_of(keys).await?;
        let is = |(found, content): (Option<Facts>, &Stored)| {
            found.is_some_and(|facts| facts.size == content.size)
        };
        Ok(found.into_iter().zip(contents).map(is).collect())
    }

    /// Makes sure of a blob that somebody else has written: it is there, and stays as long as one that is stored now.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Damaged`] if it is not; or if the bucket does not answer.
    pub fn hold(&self, content: &Stored) -> Result<()> {
        let Stored { sha256, size } = content;
        let bucket = match &self.place {
            BlobPlace::Bucket(bucket, _) => bucket,
            BlobPlace::Folder(root) => {
                self.get(sha256)?.expect_size(*size)?;
                return touch(&root.join(key_of(sha256)));
            }
        };
        let key = key_of(sha256);
        match bucket.facts(&key)? {
            None => Err(Error::NotFound { what: "stored file", id: sha256.to_string() }),
            Some(facts) if facts.size != *size => {
                let why = format!("it has {} bytes and not {size}", facts.size);
                Err(Error::Damaged { what: bucket.name(&key), why })
            }
            Some(facts) if bucket.is_young(&facts) => Ok(()),
            // Nothing refers to it yet, and a collection looks at the time first: it is written once more.
            Some(_) => bucket.upload(&key, &self.file(sha256)?, *size),
        }
    }
}
