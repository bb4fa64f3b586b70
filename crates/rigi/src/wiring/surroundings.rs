//! Targets and storage as a configuration sets them up, to be listed and looked at.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rigi_api::view::{LogLevelView, LookedView, TargetView};
use rigi_model::{Target, Timestamp};
use rigi_store::{Storage, check_storage};

use super::targets::{Settled, settle};
use super::tls::Certificates;
use crate::config::Config;
use crate::trouble::Trouble;

/// See the module.
#[derive(Debug)]
pub struct Surroundings {
    targets: Vec<Settled>,
    /// The name of the default target.
    default: String,
    storage: Storage,
    /// Where files are kept, if that is not on this machine.
    address: Option<String>,
    data: PathBuf,
    /// What the server shows whoever comes by TLS.
    pub certificates: OnceLock<Certificates>,
}

impl Surroundings {
    /// Of a configuration; `server` is the name that this server's Jobs bear.
    ///
    /// # Errors
    /// If a target is not said enough of.
    pub fn of(config: &Config, data: &Path, server: &str) -> Result<Self, Trouble> {
        let storage = config.stored_files();
        Ok(Self {
            targets: settle(config, data, server)?,
            default: config.targets.default.clone(),
            address: storage.address(),
            storage,
            data: data.to_owned(),
            certificates: OnceLock::new(),
        })
    }

    /// The targets that have an executor of their own.
    pub fn executed(&self) -> impl Iterator<Item = Settled> {
        self.targets.iter().cloned()
    }

    async fn look_at(&self, name: &str) -> Option<Vec<LookedView>> {
        if name == Target::PROCESS.as_str() {
            return Some(vec![LookedView {
                what: "process".into(),
                ok: true,
                message: "processes of this machine; `rigi doctor` looks at it".into(),
                cure: None,
            }]);
        }
        let target = self.targets.iter().find(|target| target.name().as_str() == name)?;
        let looked = match target {
            Settled::Container(config) => rigi_exec::container::check(config).await,
            Settled::Kubernetes(config) => {
                rigi_exec::kubernetes::check(config, self.address.as_deref()).await
            }
        };
        let view = |check: rigi_work::check::Check| match check.found {
            Ok(message) => LookedView { what: check.what, ok: true, message, cure: None },
            Err(broken) => {
                LookedView { what: check.what, ok: false, message: broken.message, cure: Some(broken.cure) }
            }
        };
        Some(looked.into_iter().map(view).collect())
    }
}

impl rigi_server::http::Surroundings for Surroundings {
    fn warnings(&self) -> Vec<String> {
        self.certificates.get().and_then(Certificates::trouble).into_iter().collect()
    }

    fn certificate_ends(&self) -> Option<Timestamp> {
        self.certificates.get()?.ends()
    }

    fn targets(&self) -> Vec<TargetView> {
        let view = |name: &str, kind: &str, place: String| TargetView {
            name: name.to_owned(),
            kind: kind.to_owned(),
            place,
            default: name == self.default,
        };
        let own = view(Target::PROCESS.as_str(), "process", "this machine".to_owned());
        let named =
            self.targets.iter().map(|target| view(target.name().as_str(), target.kind(), target.place()));
        std::iter::once(own).chain(named).collect()
    }

    fn log_level(&self) -> LogLevelView {
        crate::logging::level()
    }

    fn set_log_level(&self, level: Option<&str>, time: Duration) -> Option<LogLevelView> {
        crate::logging::set(level, time)
    }

    fn check_target<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Option<Vec<LookedView>>> {
        self.look_at(name).boxed()
    }

    fn check_storage(&self) -> BoxFuture<'_, Result<Vec<LookedView>, rigi_store::Error>> {
        let view = |looked: rigi_store::Looked| {
            let what = looked.what.to_owned();
            match looked.found {
                Ok(message) => LookedView { what, ok: true, message, cure: None },
                Err(problem) => {
                    LookedView { what, ok: false, message: problem.message, cure: Some(problem.cure) }
                }
            }
        };
        async move { Ok(check_storage(&self.storage, &self.data).await?.into_iter().map(view).collect()) }
            .boxed()
    }
}
