//! Runs' ways to the bucket of their project: made when an attempt starts, renewed while it runs. And their runners'.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rigi_model::area::{AccessKey, BUCKET};
use rigi_model::{AttemptKey, ProjectName, RunId, Timestamp};
use rigi_store::{Blobs, Error, Result, RunAccess, Store, Stored};
use rigi_work::credentials::{BucketAccess, Credential};
use rigi_work::plan::{AttemptPlan, Executor, InputFile, StoredFile};
use rigi_work::wire::{Address, Content, Way};

use crate::{Engine, inputs};

/// Region of what the server itself answers: any will do, and tools want one.
const REGION: &str = "us-east-1";
/// Between two tries to renew what could not be renewed.
const AGAIN: Duration = Duration::from_secs(30);

/// The server itself as a bucket: how runs reach it.
#[derive(Debug, Clone)]
pub struct GatewaySettings {
    /// Also where the storage gives runs credentials of its own.
    pub always: bool,
    /// Where processes of this machine reach the server.
    pub url: String,
    /// How long credentials last.
    pub credentials_for: Duration,
}

/// Who gives runs credentials.
enum Giver<'a> {
    Storage,
    Gateway(&'a GatewaySettings),
}

fn giver<'a>(blobs: &Blobs, gateway: Option<&'a GatewaySettings>) -> Giver<'a> {
    match gateway {
        Some(gateway) if gateway.always || !blobs.gives_credentials() => Giver::Gateway(gateway),
        _ => Giver::Storage,
    }
}

/// What an attempt gets; `None` where there is no bucket that gives runs credentials.
pub(crate) async fn of_attempt(
    store: &Store,
    gateway: Option<&GatewaySettings>,
    plan: &AttemptPlan,
) -> Result<Option<BucketAccess>> {
    let (blobs, run) = (store.blobs(&plan.project), &plan.key.run);
    let now = Timestamp::now();
    let with =
        |variables, credential| BucketAccess::new(variables, credential, plan.timeout, plan.grace, now);
    match giver(&blobs, gateway) {
        Giver::Storage => {
            let access = blobs.access_for(run).await?;
            Ok(access.map(|access| with(variables(&access), credential(access))))
        }
        Giver::Gateway(gateway) => {
            let credential = own_credential(store, gateway, &plan.project, run, now).await?;
            let mut access = with(own_variables(&plan.project, run), credential);
            access.set_endpoint(&gateway.url);
            access.at_door = true;
            Ok(Some(access))
        }
    }
}

/// Fresh credentials of a run.
pub(crate) async fn credential_of(
    store: &Store,
    gateway: Option<&GatewaySettings>,
    project: &ProjectName,
    run: &RunId,
) -> Result<Option<Credential>> {
    let blobs = store.blobs(project);
    match giver(&blobs, gateway) {
        Giver::Storage => Ok(blobs.access_for(run).await?.map(credential)),
        Giver::Gateway(gateway) => {
            own_credential(store, gateway, project, run, Timestamp::now()).await.map(Some)
        }
    }
}

/// Credentials that this server understands.
async fn own_credential(
    store: &Store,
    gateway: &GatewaySettings,
    project: &ProjectName,
    run: &RunId,
    now: Timestamp,
) -> Result<Credential> {
    let key = AccessKey::of_run(run.clone(), now.after(gateway.credentials_for));
    let secret = store.give_storage_secret(project, &key, now).await?;
    Ok(Credential {
        access_key_id: key.to_string(),
        secret_access_key: secret.0,
        session_token: None,
        expires: key.until().unwrap_or(now),
    })
}

/// Where a run finds what, in the server's own bucket.
fn own_variables(project: &ProjectName, run: &RunId) -> BTreeMap<String, String> {
    let storage = format!("s3://{BUCKET}/{project}/");
    BTreeMap::from([
        ("AWS_REGION".to_owned(), REGION.to_owned()),
        ("AWS_DEFAULT_REGION".to_owned(), REGION.to_owned()),
        ("RIGI_STORAGE_RUN".to_owned(), format!("{storage}processes/{run}/")),
        ("RIGI_STORAGE".to_owned(), storage),
    ])
}

fn credential(access: RunAccess) -> Credential {
    Credential {
        access_key_id: access.access_key_id,
        secret_access_key: access.secret_access_key.0,
        session_token: Some(access.session_token.0),
        expires: access.expires,
    }
}

fn variables(access: &RunAccess) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut set = |names: &[&str], value: &str| {
        all.extend(names.iter().map(|name| ((*name).to_owned(), value.to_owned())));
    };
    set(&["AWS_REGION", "AWS_DEFAULT_REGION"], &access.region);
    set(&["RIGI_STORAGE"], &access.storage);
    set(&["RIGI_STORAGE_RUN"], &access.own);
    if let Some(endpoint) = &access.endpoint {
        set(&["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"], endpoint);
    }
    all
}

/// Renews an attempt's credentials until it has ended; at once where `known` is none of its.
pub(crate) async fn keep_renewed(
    (store, gateway): (Store, Option<Arc<GatewaySettings>>),
    executor: Arc<dyn Executor>,
    key: AttemptKey,
    known: Option<Credential>,
) {
    let mut pause = known.map_or(Duration::ZERO, |known| known.renew_in(Timestamp::now()));
    loop {
        tokio::time::sleep(pause).await;
        pause = AGAIN;
        let project = match store.db().run_of_any(&key.run).await {
            Ok(run) if run.status.attempt == key.number && !run.status.state.is_terminal() => {
                run.request.project
            }
            Ok(_) | Err(Error::NotFound { .. }) => return,
            Err(_) => continue,
        };
        match credential_of(&store, gateway.as_deref(), &project, &key.run).await {
            Ok(Some(new)) => {
                executor.renew(&key, &new);
                pause = new.renew_in(Timestamp::now());
            }
            Ok(None) => return,
            Err(error) => tracing::warn!(%key, %error, "the credentials of a run cannot be renewed now"),
        }
    }
}

/// For runners: files between them and where they are kept.
impl Engine {
    /// How runners may reach files.
    #[must_use]
    pub fn way_to_files(&self) -> Way {
        if self.store.storage().is_remote() { Way::Bucket } else { Way::Door }
    }

    /// The files of the project of an attempt.
    async fn blobs_of(&self, key: &AttemptKey) -> Result<Blobs> {
        Ok(self.store.blobs(&self.store.db().project_of(&key.run).await?))
    }

    /// An input as a file of this machine.
    ///
    /// # Errors
    /// If it is damaged, or cannot be had.
    pub async fn input_file(&self, key: &AttemptKey, input: &InputFile) -> Result<PathBuf> {
        inputs::bring_one(&self.blobs_of(key).await?, input).await
    }

    /// Where a runner reads an input itself; `None` where it cannot.
    ///
    /// # Errors
    /// If the address cannot be signed.
    pub async fn address_of_input(&self, key: &AttemptKey, input: &InputFile) -> Result<Option<Address>> {
        Ok(self.blobs_of(key).await?.address_to_read(&inputs::content_of(input)?.sha256).await?.map(address))
    }

    /// Where a runner stores a file of just this content itself; `None` where it cannot.
    ///
    /// # Errors
    /// If the address cannot be signed.
    pub async fn address_for_output(&self, key: &AttemptKey, content: Content) -> Result<Option<Address>> {
        let content = Stored { sha256: content.sha256, size: content.size };
        Ok(self.blobs_of(key).await?.address_to_write(&content).await?.map(address))
    }

    /// Those of the files that are in the bucket indeed.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn found_stored(&self, key: &AttemptKey, files: Vec<StoredFile>) -> Result<Vec<StoredFile>> {
        let content = |file: &StoredFile| Stored { sha256: file.sha256, size: file.size };
        let contents: Vec<_> = files.iter().map(content).collect();
        let there = self.blobs_of(key).await?.are_in_bucket(&contents).await?;
        Ok(files.into_iter().zip(there).filter_map(|(file, there)| there.then_some(file)).collect())
    }
}

fn address(signed: rigi_store::Address) -> Address {
    Address { url: signed.url, headers: signed.headers }
}
