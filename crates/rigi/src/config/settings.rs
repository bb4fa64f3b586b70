//! What the configuration means for the engine.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use rigi_engine::decide::{LimitOf, Limits};
use rigi_engine::folder::CodeLimits;
use rigi_engine::repositories::GitSettings;
use rigi_engine::{GatewaySettings, OfProjects, Settings, WatchedFolders};
use rigi_model::retry::{RetryPolicy, RetryStrategy};
use rigi_model::{ProjectName, Target};
use rigi_store::retention::Keep;
use rigi_store::{BucketConfig, GivenKey, Hidden, OwnPlace, Storage, StorageUrl, read_key};
use rigi_work::plan::PlanLimits;

use super::choices::GatewayUse;
use super::projects::ProjectConfig;
use super::sections::{Config, Tls};
use super::targets::TargetConfig;

impl Tls {
    /// Whether the server has TLS of its own.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.certificate.is_some() || self.key.is_some() || self.acme.is_some()
    }
}

impl Config {
    /// Where stored files lie.
    #[must_use]
    pub fn stored_files(&self) -> Storage {
        let storage = &self.storage;
        // It was read before; nothing else was let in.
        match StorageUrl::parse(&storage.url.0).unwrap_or(StorageUrl::Data) {
            StorageUrl::Data => Storage::Data,
            StorageUrl::Folder(folder) => Storage::Folder(folder),
            StorageUrl::Bucket { kind, bucket, prefix } => Storage::Bucket(Box::new(BucketConfig {
                kind,
                bucket,
                prefix,
                endpoint: storage.endpoint.as_ref().map(|endpoint| endpoint.0.clone()),
                region: storage.region.clone(),
                access_key_id: storage.access_key_id.clone(),
                secret_access_key: storage.secret_access_key.as_ref().map(|secret| Hidden(secret.0.clone())),
                role: storage.role.clone(),
                sts_endpoint: storage.sts_endpoint.as_ref().map(|endpoint| endpoint.0.clone()),
                credentials_for: storage.credentials_for.map(|time| time.0),
                collect_after: self.retention.collect_after.0,
                own: self.own_places(),
            })),
        }
    }

    /// Projects with a bucket of their own.
    fn own_places(&self) -> BTreeMap<ProjectName, OwnPlace> {
        let place = |(name, project): (&String, &ProjectConfig)| {
            // What is none was not let in.
            match StorageUrl::parse(&project.bucket.as_ref()?.0) {
                Ok(StorageUrl::Bucket { bucket, prefix, .. }) => {
                    Some((ProjectName::unchecked(name.clone()), OwnPlace { bucket, prefix }))
                }
                _ => None,
            }
        };
        self.projects.iter().filter_map(place).collect()
    }

    /// The key of secrets, where it is not in the data folder.
    #[must_use]
    pub fn given_key(&self) -> Option<GivenKey> {
        let key = self.secrets.key.as_ref().and_then(|key| read_key(&key.0))?;
        Some(GivenKey { key, former: self.former_key() })
    }

    /// The one that was given before.
    #[must_use]
    pub fn former_key(&self) -> Option<[u8; 32]> {
        // It was read before; nothing else was let in.
        self.secrets.former_key.as_ref().and_then(|key| read_key(&key.0))
    }

    /// How much the code of one pipeline may be.
    #[must_use]
    pub fn code_limits(&self) -> CodeLimits {
        CodeLimits { files: self.limits.code_files, bytes: self.limits.code_size.map(|limit| limit.0) }
    }

    /// How repositories are reached, and how much is taken of them.
    #[must_use]
    pub fn git_settings(&self) -> GitSettings {
        let git = &self.git;
        GitSettings {
            protocols: git.protocols.0.clone(),
            inside: git.inside.0.clone(),
            timeout: git.timeout.0,
            size: git.size.0,
            files: usize::try_from(git.files).unwrap_or(usize::MAX),
        }
    }

    /// How runs reach the server as a bucket, where it is one that gives them credentials.
    fn gateway(&self, url: Option<&str>) -> Option<Arc<GatewaySettings>> {
        let storage = &self.storage;
        let credentials_for = storage.credentials_for?.0;
        if storage.gateway == GatewayUse::Off {
            return None;
        }
        let url =
            storage.gateway_url.as_ref().map(|url| url.0.as_str()).or(url)?.trim_end_matches('/').to_owned();
        Some(Arc::new(GatewaySettings {
            always: storage.gateway == GatewayUse::Always,
            url,
            credentials_for,
        }))
    }

    /// Where people have accounts, pipelines are not all of who keeps the server: folders are named, or not looked at.
    fn watched_folders(&self) -> WatchedFolders {
        let folders = &self.triggers.folders.0;
        match folders.is_empty() && !self.people.enabled {
            true => WatchedFolders::Any,
            false => WatchedFolders::These(folders.iter().map(PathBuf::from).collect()),
        }
    }

    /// How many runs may be active at a time.
    fn active(&self) -> Limits {
        let of_target = |(name, target): (&String, &TargetConfig)| {
            Some((LimitOf::Target(Target::as_stored(name)), target.runs?))
        };
        let targets = self.named_targets.iter().filter_map(of_target);
        targets.chain([(LimitOf::Everything, self.limits.runs)]).collect()
    }

    /// The engine's settings.
    #[must_use]
    pub fn settings(&self, url: Option<&str>) -> Settings {
        let (limits, retention) = (&self.limits, &self.retention);
        Settings {
            active: self.active(),
            projects: OfProjects::default(),
            people_share: self.people.enabled,
            // One that cannot be is refused when the targets are made.
            target: Target::as_stored(&self.targets.default),
            timeout: limits.timeout.map(|limit| limit.0),
            grace_period: limits.grace_period.0,
            retry: RetryPolicy {
                attempts: self.retry.attempts,
                strategy: RetryStrategy::FixedDelay { delay: self.retry.delay.0 },
                jitter: 0.0,
            },
            limits: PlanLimits {
                cpu: limits.cpu.map(|limit| limit.0),
                memory: limits.memory.map(|limit| limit.0),
                processes: limits.processes,
                open_files: limits.open_files,
                output_size: limits.output_size.map(|limit| limit.0),
                log_size: limits.log_size.map(|limit| limit.0),
                gpus: None,
            },
            keep: Keep {
                runs: retention.runs,
                age: retention.age.map(|limit| limit.0),
                bytes: retention.bytes.map(|limit| limit.0),
            },
            keep_bytes: retention.total_bytes.map(|limit| limit.0),
            python_version: self.python.default_version.clone(),
            free_disk: limits.free_disk.map(|room| room.0),
            watched_folders: self.watched_folders(),
            gateway: self.gateway(url),
            uploads_age: retention.uploads_age.0,
            deleted_projects_age: retention.projects.0,
            collect_after: retention.collect_after.0,
            audits: self.audit.source.is_some(),
            lineage: self.lineage_settings().to.is_some(),
        }
    }
}
