//! A bucket as a place for stored files. Keys lie below `<prefix>/<project>/`.
//!
//! Whoever stores or reads files does so off the async threads, and waits; the talking is done by a runtime of its own, so
//! that it does not matter from where it is asked for.

pub(crate) mod addresses;
pub(crate) mod cache;
pub(crate) mod check;
pub(crate) mod credentials;
mod listing;
mod transfer;
pub(crate) mod trouble;
mod uploads;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::HttpClient;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::list::PaginatedListStore;
use object_store::multipart::MultipartStore;
use object_store::path::Path as Key;
use object_store::signer::Signer;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
pub(crate) use transfer::{Facts, PART};

use rigi_model::ProjectName;

use crate::storage::{BucketConfig, BucketKind};
use crate::{Error, Result};

/// A storage that takes no connection within this time is away.
const CONNECT: Duration = Duration::from_secs(5);
/// So long one request may take: a part of a file, over a slow line.
const REQUEST: Duration = Duration::from_secs(30);
/// A request that failed is tried again for so long; who waits is told then.
const RETRY: Duration = Duration::from_secs(8);
/// Bytes of files that are on their way at a time, in units of [`UNIT`]: they are in memory.
const UNITS_AT_ONCE: usize = 512;
/// See [`UNITS_AT_ONCE`]. What is shorter counts as much.
const UNIT: u64 = 64 << 10;
/// What was well so lately is not asked again.
const FRESH: Duration = Duration::from_secs(30);

/// Reads, writes, does so in parts, lists by pages, and signs addresses for others who do.
pub(crate) trait Objects: ObjectStore + MultipartStore + PaginatedListStore + Signer {}
impl<T: ObjectStore + MultipartStore + PaginatedListStore + Signer> Objects for T {}

/// See the module.
#[derive(Debug)]
pub(crate) struct Bucket {
    inner: Arc<Inner>,
    /// Where projects are that have no place of their own.
    main: Arc<Inner>,
    /// Those that have one.
    own: Arc<BTreeMap<ProjectName, Arc<Inner>>>,
    worker: Arc<Worker>,
}

#[derive(Debug, Clone)]
pub(crate) struct Inner {
    pub(crate) objects: Arc<dyn Objects>,
    /// Where it speaks S3.
    s3: Option<AmazonS3>,
    options: ClientOptions,
    config: BucketConfig,
    /// `<prefix>/<project>`; or what all projects lie below, which may be empty.
    base: String,
    /// Uploads in parts that are under way.
    uploads: PathBuf,
    room: Arc<Semaphore>,
    /// For STS.
    client: Arc<OnceLock<HttpClient>>,
    health: Arc<Mutex<Health>>,
}

/// What the last call has shown.
#[derive(Debug, Default)]
struct Health {
    well: Option<Instant>,
    trouble: Option<(Instant, String)>,
}

/// A runtime that may be dropped anywhere.
#[derive(Debug)]
struct Worker(Option<Runtime>);

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Bucket {
    /// Gets ready to talk; nothing is asked yet.
    ///
    /// # Errors
    /// If the configuration cannot be used.
    pub fn open(config: &BucketConfig, project: &ProjectName, data: &Path) -> Result<Self> {
        // Installed once per process; a second time changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let storage = data.join("storage");
        let inner = Arc::new(Inner::new(config, project, storage.join("uploads"))?);
        let mut own = BTreeMap::new();
        for (project, place) in &config.own {
            let uploads = storage.join("own").join(project.as_str()).join("uploads");
            own.insert(project.clone(), Arc::new(Inner::new(&config.at(place), project, uploads)?));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = { runtime }.worker_threads(2).thread_name("storage").enable_all().build();
        Ok(Self {
            main: inner.clone(),
            inner,
            own: Arc::new(own),
            worker: Arc::new(Worker(Some(runtime.map_err(Error::io("start the storage's threads"))?))),
        })
    }

    /// Where another project has its files.
    pub fn of(&self, project: &ProjectName) -> Self {
        match self.own.get(project) {
            Some(own) => self.with(own.clone()),
            None => self.with_others(project),
        }
    }

    /// Where a project has its files that has no place of its own.
    pub fn with_others(&self, project: &ProjectName) -> Self {
        self.below(base_of(&self.main.config, project))
    }

    /// The bucket with the files of all who have no place of their own: keys begin with the project's name.
    pub fn whole(&self) -> Self {
        self.below(self.main.config.prefix.clone())
    }

    /// Who has a place of their own.
    pub fn own(&self) -> impl Iterator<Item = &ProjectName> {
        self.own.keys()
    }

    fn below(&self, base: String) -> Self {
        self.with(Arc::new(Inner { base, ..(*self.main).clone() }))
    }

    fn with(&self, inner: Arc<Inner>) -> Self {
        let (main, own, worker) = (self.main.clone(), self.own.clone(), self.worker.clone());
        Self { inner, main, own, worker }
    }

    /// The address of what has this key, for people.
    pub fn name(&self, key: &str) -> String {
        self.inner.name(key)
    }

    /// Does it on the bucket's own threads, and waits.
    fn wait<T, F>(&self, work: impl FnOnce(Arc<Inner>) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let (told, heard) = std::sync::mpsc::sync_channel(1);
        let work = work(self.inner.clone());
        self.spawn(async move {
            let _ = told.send(work.await);
        })?;
        heard.recv().map_err(|_| Error::Closed)?
    }

    /// Does it on the bucket's own threads; nobody is kept waiting.
    pub(crate) async fn ask<T, F>(&self, work: impl FnOnce(Arc<Inner>) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let (told, heard) = tokio::sync::oneshot::channel();
        let work = work(self.inner.clone());
        self.spawn(async move {
            let _ = told.send(work.await);
        })?;
        heard.await.map_err(|_| Error::Closed)?
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> Result<()> {
        let runtime = self.worker.0.as_ref().ok_or(Error::Closed)?;
        runtime.spawn(work);
        Ok(())
    }

    /// How it was configured.
    pub fn config(&self) -> &BucketConfig {
        &self.inner.config
    }

    /// Whether it answers; asked only when nothing was heard of it lately.
    ///
    /// # Errors
    /// If it does not.
    pub async fn reach(&self) -> Result<()> {
        if let Some(known) = self.inner.known() {
            return known;
        }
        self.ask(|inner| async move { inner.reach().await }).await
    }
}

impl Inner {
    fn new(config: &BucketConfig, project: &ProjectName, uploads: PathBuf) -> Result<Self> {
        let options = options(config);
        let unusable = |error: object_store::Error| trouble::unusable(config, &error);
        let (objects, s3): (Arc<dyn Objects>, _) = match config.kind {
            BucketKind::S3 => {
                let s3 = s3(config, &options).build().map_err(unusable)?;
                (Arc::new(s3.clone()), Some(s3))
            }
            BucketKind::Google => (Arc::new(google(config, &options).build().map_err(unusable)?), None),
        };
        Ok(Self {
            objects,
            s3,
            options,
            config: config.clone(),
            base: base_of(config, project),
            uploads,
            room: Arc::new(Semaphore::new(UNITS_AT_ONCE)),
            client: Arc::default(),
            health: Arc::default(),
        })
    }

    fn name(&self, key: &str) -> String {
        let BucketConfig { kind, bucket, .. } = &self.config;
        format!("{}://{bucket}/{}", kind.scheme(), self.below_base(key))
    }

    pub(crate) fn key(&self, key: &str) -> Key {
        let whole = self.below_base(key);
        Key::parse(&whole).unwrap_or_else(|_| Key::from(whole))
    }

    pub(crate) fn below_base(&self, key: &str) -> String {
        if self.base.is_empty() { key.to_owned() } else { format!("{}/{key}", self.base) }
    }

    /// Asks for what is not there: unlike a question for facts, a refusal says why.
    async fn reach(&self) -> Result<()> {
        match self.read("rigi-reach", 0).await {
            Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What was seen lately.
    fn known(&self) -> Option<Result<()>> {
        let health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |at: &Instant, bound| at.elapsed() < bound;
        match (&health.trouble, &health.well) {
            (Some((at, why)), _) if fresh(at, FRESH / 10) => {
                Some(Err(Error::Storage { what: why.clone(), cure: trouble::SEE_CHECK }))
            }
            (None, Some(at)) if fresh(at, FRESH) => Some(Ok(())),
            _ => None,
        }
    }

    /// Remembers how a call went.
    fn heard<T>(&self, result: &Result<T>) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Err(Error::Storage { what, .. }) => health.trouble = Some((Instant::now(), what.clone())),
            Ok(_) | Err(Error::NotFound { .. }) => {
                *health = Health { well: Some(Instant::now()), trouble: None };
            }
            Err(_) => {}
        }
    }
}

fn base_of(config: &BucketConfig, project: &ProjectName) -> String {
    let parts = [config.prefix.as_str(), project.as_str()].into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("/")
}

fn options(config: &BucketConfig) -> ClientOptions {
    let plain = config.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://"));
    let options = ClientOptions::new().with_connect_timeout(CONNECT).with_timeout(REQUEST);
    let options = options.with_http1_only().with_allow_http(plain);
    // An image may hold no certificates of authorities; without TLS they are not looked for.
    if plain { options.with_no_system_certificates(true) } else { options }
}

fn retries() -> RetryConfig {
    let backoff = BackoffConfig { max_backoff: Duration::from_secs(2), ..BackoffConfig::default() };
    RetryConfig { backoff, max_retries: 4, retry_timeout: RETRY }
}

fn s3(config: &BucketConfig, options: &ClientOptions) -> AmazonS3Builder {
    let builder = match (&config.access_key_id, &config.secret_access_key) {
        // Nothing of the environment's: its token would belong to another key.
        (Some(id), Some(secret)) => {
            AmazonS3Builder::new().with_access_key_id(id).with_secret_access_key(&secret.0)
        }
        _ => AmazonS3Builder::from_env(),
    };
    let builder = match &config.region {
        Some(region) => builder.with_region(region),
        None => builder,
    };
    let builder = match &config.endpoint {
        Some(endpoint) => builder.with_endpoint(endpoint.trim_end_matches('/')),
        None => builder.with_virtual_hosted_style_request(!config.bucket.contains('.')),
    };
    builder.with_bucket_name(&config.bucket).with_client_options(options.clone()).with_retry(retries())
}

fn google(config: &BucketConfig, options: &ClientOptions) -> GoogleCloudStorageBuilder {
    let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(&config.bucket);
    let builder = match &config.endpoint {
        Some(endpoint) => builder.with_base_url(endpoint.trim_end_matches('/')),
        None => builder,
    };
    builder.with_client_options(options.clone()).with_retry(retries())
}
