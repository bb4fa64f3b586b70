//! The head of the audit log in the bucket, where files lie in one: who can write the database and the data folder still cannot write
//! there, if the server's key is kept from them or the bucket keeps what was overwritten.

use super::audit_seal::Head;
use crate::bucket::Bucket;
use crate::{Db, Error, Result, Store};

/// Below the prefix of the storage; no project is called so.
const KEY: &str = ".audit/head.json";

/// What lies outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    /// Where, for people.
    pub place: String,
    /// The head there; `None`: there is none, or it cannot be had.
    pub head: Option<Head>,
    /// Why it cannot be had.
    pub trouble: Option<String>,
}

impl Store {
    fn outside(&self) -> Option<Bucket> {
        self.storage().bucket().map(Bucket::whole)
    }

    /// Keeps a head in the bucket, where there is one.
    ///
    /// # Errors
    /// If it cannot be written now.
    pub async fn keep_outside(&self, head: &Head) -> Result<()> {
        let Some(bucket) = self.outside() else { return Ok(()) };
        bucket.put_few(KEY, serde_json::to_vec_pretty(head).unwrap_or_default()).await
    }

    /// The head in the bucket; `None`: files lie in none.
    pub async fn kept_outside(&self) -> Option<Outside> {
        let bucket = self.outside()?;
        let place = bucket.name(KEY);
        let read = bucket.read_few(KEY).await.and_then(|bytes| {
            let damaged =
                |error: serde_json::Error| Error::Damaged { what: place.clone(), why: error.to_string() };
            bytes.map(|bytes| serde_json::from_slice(&bytes).map_err(damaged)).transpose()
        });
        Some(match read {
            Ok(head) => Outside { place, head, trouble: None },
            Err(error) => Outside { place, head: None, trouble: Some(error.to_string()) },
        })
    }
}

impl Db {
    /// Holds a head that lies outside against the log, and against the one in the data folder: what is wrong.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn hold_outside(&self, outside: &Outside, kept: Option<&Head>) -> Result<Vec<String>> {
        let (place, Some(head)) = (&outside.place, &outside.head) else { return Ok(Vec::new()) };
        let mut wrong = Vec::new();
        if !head.is_signed() {
            wrong.push(format!("the head in {place} is not signed with the key that it names"));
        }
        if kept.is_some_and(|kept| kept.public_key != head.public_key) {
            wrong.push(format!(
                "the head in {place} was signed with another key than that in the data folder"
            ));
        }
        match self.hash_of_seal(head.number).await? {
            None => wrong.push(format!("the head in {place} is seal {}, which is missing", head.number)),
            Some(hash) if hash != head.hash => {
                wrong.push(format!("seal {} is not the one that was kept in {place}", head.number));
            }
            Some(_) => {}
        }
        if kept.is_some_and(|kept| kept.number < head.number) {
            wrong.push(format!("the head in the data folder is older than that in {place}: it was put back"));
        }
        Ok(wrong)
    }
}
