//! Targets and storage as a configuration sets them up, to be listed and looked at.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rigi_model::Target;
use rigi_store::{Storage, check_storage};
use tokio::sync::Mutex;

use super::targets::{Settled, settle};
use crate::api::view::{LookedView, TargetView};
use crate::cli::Failure;
use crate::config::Config;

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
    /// Held by whoever looks.
    pub turn: Arc<Mutex<()>>,
}

impl Surroundings {
    /// Of a configuration; `server` is the name that this server's Jobs bear.
    ///
    /// # Errors
    /// If a target is not said enough of.
    pub fn of(config: &Config, data: &Path, server: &str) -> Result<Self, Failure> {
        let storage = config.stored_files();
        Ok(Self {
            targets: settle(config, data, server)?,
            default: config.targets.default.clone(),
            address: storage.address(),
            storage,
            data: data.to_owned(),
            turn: Arc::default(),
        })
    }

    /// The targets that have an executor of their own.
    pub fn executed(&self) -> impl Iterator<Item = Settled> {
        self.targets.iter().cloned()
    }

    /// All targets, that of this machine's processes first.
    #[must_use]
    pub fn targets(&self) -> Vec<TargetView> {
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

    /// Looks at all that runs on a target need; `None` where there is no such target.
    pub async fn check_target(&self, name: &str) -> Option<Vec<LookedView>> {
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
        Some(looked.into_iter().map(LookedView::from).collect())
    }

    /// Looks at the storage.
    ///
    /// # Errors
    /// If it cannot be set up.
    pub async fn check_storage(&self) -> Result<Vec<LookedView>, rigi_store::Error> {
        let looked = check_storage(&self.storage, &self.data).await?;
        Ok(looked.into_iter().map(LookedView::from).collect())
    }
}
