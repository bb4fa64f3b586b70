//! Looking at everything that a storage needs, one thing after the other, with the cure where one is not well.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use rigi_model::{ProjectName, RunId, Timestamp};

use super::{Bucket, Inner, trouble};
use crate::storage::{BucketConfig, Storage};
use crate::{Blobs, Error, Result};

/// Clocks that differ by more are said to: S3 refuses at 15 minutes.
const SKEW: Duration = Duration::from_secs(120);

/// One thing that was looked at.
#[derive(Debug, Clone)]
pub struct Looked {
    /// Such as `put`.
    pub what: &'static str,
    /// In words; or what is wrong.
    pub found: std::result::Result<String, Problem>,
}

/// Something that is not well.
#[derive(Debug, Clone)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub cure: String,
}

/// Looks at all of it; what it writes, it removes.
///
/// # Errors
/// If the data folder cannot be used, or the configuration makes no sense.
pub async fn check(storage: &Storage, data: &Path) -> Result<Vec<Looked>> {
    match storage {
        Storage::Data => folder(&data.join("objects"), data, storage),
        Storage::Folder(folder_) => folder(folder_, data, storage),
        Storage::Bucket(config) => {
            let bucket = Bucket::open(config, &ProjectName::default(), data)?;
            bucket.ask(|inner| async move { Ok(look(inner).await) }).await
        }
    }
}

fn looked(what: &'static str, found: Result<String>) -> Looked {
    let problem = |error: Error| match error {
        Error::Storage { what, cure } => Problem { message: what, cure: cure.to_owned() },
        other => Problem { message: other.to_string(), cure: trouble::SEE_CHECK.to_owned() },
    };
    Looked { what, found: found.map_err(problem) }
}

fn folder(place: &Path, data: &Path, storage: &Storage) -> Result<Vec<Looked>> {
    let tried = Blobs::open_at(data, &ProjectName::default(), storage).and_then(|blobs| {
        let mut writer = blobs.create()?;
        writer.write(b"check")
    });
    let message = format!("{} can be written", place.display());
    let found = tried.map(|()| message).map_err(|error| Problem {
        message: error.to_string(),
        cure: "make it writable for the server, or choose another with `storage.url`".into(),
    });
    Ok(vec![Looked { what: "folder", found }])
}

async fn look(inner: Arc<Inner>) -> Vec<Looked> {
    let name = format!("check/{}", rigi_model::UploadId::generate());
    let mut all = Vec::new();
    let reached = inner.reach().await;
    let well = reached.is_ok();
    let place = format!("{} answers, and knows the key", inner.place());
    all.push(looked("reach", reached.map(|()| place)));
    if !well {
        return all;
    }
    let put = inner.put(&name, Bytes::from_static(b"0123456789")).await;
    let written = put.is_ok();
    all.push(looked("put", put.map(|()| format!("an object below {}", inner.name("")))));
    if !written {
        return all;
    }
    all.push(looked("clock", inner.clock(&name).await));
    let read = inner.objects.get_range(&inner.key(&name), 2..5).await;
    all.push(looked("get", inner.of("read", &name, read).and_then(|bytes| expect(&bytes, b"234"))));
    let listed = inner.objects.list_with_delimiter(Some(&inner.key("check"))).await;
    let listed = inner.of("list", "check", listed).and_then(|list| match list.objects.len() {
        0 => Err(wrong("a list does not show what was just written")),
        _ => Ok("shows what was just written".to_owned()),
    });
    all.push(looked("list", listed));
    all.push(looked("multipart", inner.multipart(&format!("{name}.parts")).await));
    all.extend(inner.runs_credentials(&name).await);
    let gone = inner.objects.delete(&inner.key(&name)).await;
    all.push(looked("delete", inner.of("remove", &name, gone).map(|()| "what was written is gone".into())));
    all
}

fn wrong(why: &str) -> Error {
    Error::Storage { what: why.to_owned(), cure: "this storage does not do what S3 does: choose another" }
}

fn expect(found: &[u8], expected: &[u8]) -> Result<String> {
    if found == expected {
        Ok("what was asked for, by range".into())
    } else {
        Err(wrong("a range came back wrong"))
    }
}

impl Inner {
    fn place(&self) -> String {
        let BucketConfig { kind, bucket, endpoint, .. } = &self.config;
        let at = endpoint.as_ref().map(|endpoint| format!(" at {endpoint}")).unwrap_or_default();
        format!("{}://{bucket}{at}", kind.scheme())
    }

    fn of<T>(&self, what: &str, key: &str, result: object_store::Result<T>) -> Result<T> {
        result.map_err(|error| trouble::of(&format!("{what} {}", self.name(key)), &error))
    }

    async fn clock(&self, name: &str) -> Result<String> {
        let facts = self.facts(name).await?.ok_or_else(|| wrong("what was just written is not there"))?;
        let now = Timestamp::now();
        let apart = now.since(facts.modified).max(facts.modified.since(now));
        if apart < SKEW {
            return Ok("agrees with this machine's".into());
        }
        let what = format!("the storage's clock and this machine's are {} s apart", apart.as_secs());
        Err(Error::Storage { what, cure: "set the clock of this machine" })
    }

    async fn multipart(&self, name: &str) -> Result<String> {
        let key = self.key(name);
        let begun = self.objects.create_multipart(&key).await;
        let id = self.of("begin an upload in parts of", name, begun)?;
        let part = self.objects.put_part(&key, &id, 0, PutPayload::from_static(b"part")).await;
        let given_up = self.objects.abort_multipart(&key, &id).await;
        self.of("send a part of", name, part)?;
        self.of("give up an upload of", name, given_up)?;
        Ok("a part is taken, and an upload given up".into())
    }

    /// Credentials for a run that there is not: what they let it do, and what not.
    async fn runs_credentials(&self, other: &str) -> Vec<Looked> {
        if !self.gives_credentials() {
            let words = match (&self.s3, self.config.credentials_for) {
                (None, _) => "this kind of storage gives runs none",
                (_, None) => "runs get none: `storage.credentials_for` is `none`",
                _ => "runs get none: `storage.role` is not set",
            };
            return vec![looked("credentials", Ok(words.into()))];
        }
        let run = RunId::generate();
        let access = match self.assume(&run).await {
            Ok(access) => access,
            Err(error) => return vec![looked("credentials", Err(error))],
        };
        let words = format!("for one run, until {}", access.expires);
        let mut all = vec![looked("credentials", Ok(words))];
        let builder = AmazonS3Builder::new()
            .with_access_key_id(&access.access_key_id)
            .with_secret_access_key(&access.secret_access_key.0)
            .with_token(&access.session_token.0)
            .with_region(&access.region)
            .with_bucket_name(&self.config.bucket)
            .with_client_options(self.options.clone())
            .with_retry(super::retries());
        let builder = match &self.config.endpoint {
            Some(endpoint) => builder.with_endpoint(endpoint.trim_end_matches('/')),
            None => builder.with_virtual_hosted_style_request(!self.config.bucket.contains('.')),
        };
        let own = match builder.build() {
            Ok(own) => own,
            Err(error) => return vec![looked("credentials", Err(trouble::unusable(&self.config, &error)))],
        };
        all.push(looked("own folder", self.own_folder(&own, &run).await));
        all.push(looked("elsewhere", self.elsewhere(&own, other).await));
        all
    }

    async fn own_folder(&self, own: &impl ObjectStore, run: &RunId) -> Result<String> {
        let name = format!("processes/{run}/check");
        let key = self.key(&name);
        self.of(
            "write, with a run's credentials,",
            &name,
            own.put(&key, PutPayload::from_static(b"x")).await,
        )?;
        self.of("read, with a run's credentials,", &name, own.get(&key).await)?;
        self.of("remove, with a run's credentials,", &name, own.delete(&key).await)?;
        Ok("a run writes, reads and removes in its own".into())
    }

    async fn elsewhere(&self, own: &impl ObjectStore, other: &str) -> Result<String> {
        let outside = Key::from("rigi-check-outside");
        let foreign = self.key(&format!("processes/{}/check", RunId::generate()));
        let stored = self.key("blobs/ch/check");
        let (one, two) = (PutPayload::from_static(b"x"), PutPayload::from_static(b"x"));
        let tried = [
            ("write another run's folder", own.put(&foreign, one).await.err()),
            ("write a stored file", own.put(&stored, two).await.err()),
            ("remove a stored file", own.delete(&stored).await.err()),
            ("read a stored file", own.get(&stored).await.err()),
            ("read another run's folder", own.get(&foreign).await.err()),
            ("read beside its project's files", own.get(&self.key(other)).await.err()),
            ("list outside of its project", own.list_with_delimiter(Some(&outside)).await.err()),
        ];
        for (what, error) in tried {
            match error {
                Some(error) if trouble::is_refusal(&error) => {}
                Some(error) => return Err(trouble::of(&format!("see whether a run can {what}"), &error)),
                None => {
                    let what = format!("with a run's credentials one can {what}");
                    let cure = "this storage does not heed the policy of a session: go without, `storage.credentials_for = \"none\"`";
                    return Err(Error::Storage { what, cure });
                }
            }
        }
        Ok("a run is refused what is not its own".into())
    }
}
