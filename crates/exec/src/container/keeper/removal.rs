//! How what belongs to an attempt leaves the engine and the disk.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use bollard::Docker;
use bollard::query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder};
use rigi_model::AttemptKey;
use tokio::task::JoinHandle;

use super::super::body::{ATTEMPT, SERVER};
use super::super::engine::{is_away, status, words};
use super::super::start::folder;
use super::super::volumes::Volumes;
use super::super::{ContainerConfig, Reach};
use super::{Command, Keeper, PAUSE};
use crate::remote::Remote;

/// So often an engine that answers may refuse to remove a container.
const REFUSALS: usize = 30;

impl Keeper {
    pub(super) fn release(&mut self, key: AttemptKey) {
        if let Some(starting) = self.starting.remove(&key) {
            starting.abort();
        }
        let (remote, folder) = (self.remote.clone(), folder(&self.config, &key));
        let (gone, forgotten) = (self.remove(&key), key.clone());
        tokio::spawn(async move {
            let files = folder.clone();
            let removed = tokio::task::spawn_blocking(move || {
                remote.forget(&forgotten);
                remove_files(&files)
            });
            if removed.await.is_ok_and(|removed| removed.is_ok()) {
                return;
            }
            // Something in its container still wrote.
            let _ = gone.await;
            let removed = tokio::task::spawn_blocking(move || remove_files(&folder)).await;
            if let Ok(Err(error)) = removed {
                tracing::warn!(%key, %error, "files of an ended attempt stay until the next start");
            }
        });
    }

    /// A container was made. Its attempt may have been given up meanwhile, by this server or by one that was killed.
    pub(super) fn made(&self, key: &AttemptKey) {
        if !self.remote.is_known(key) {
            self.remove(key);
        }
    }

    /// Removes a container, whatever it does.
    pub(super) fn remove(&self, key: &AttemptKey) -> JoinHandle<()> {
        let (docker, name, key) = (self.docker.clone(), key.object_name(), key.clone());
        let far = matches!(self.config.reach, Reach::Calls { .. });
        tokio::spawn(async move {
            let Some(docker) = docker else { return };
            remove_container(&docker, &name).await;
            if far {
                Volumes::remove(&docker, &key).await;
            }
        })
    }

    /// What the engine has, and what is known here: the one follows the other.
    pub(super) fn compare(&self) {
        let Some(docker) = self.docker.clone() else { return };
        let (remote, config, sender) = (self.remote.clone(), self.config.clone(), self.sender.clone());
        let starting: HashSet<AttemptKey> = self.starting.keys().cloned().collect();
        // Those that are launched from now on are not to be found in what the engine lists.
        let open = self.remote.open_of(&self.config.name);
        tokio::spawn(async move {
            let filters = HashMap::from([("label", vec![format!("{SERVER}={}", config.server)])]);
            let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
            let Ok(found) = docker.list_containers(Some(options)).await else { return };
            let mut running = HashSet::new();
            for container in found {
                let key =
                    container.labels.as_ref().and_then(|labels| AttemptKey::parse(labels.get(ATTEMPT)?));
                let Some(key) = key else { continue };
                let runs = container.state.is_some_and(|state| state.to_string() == "running");
                if runs && remote.is_open(&key) {
                    running.insert(key);
                } else if !remote.is_known(&key) && !starting.contains(&key) {
                    tracing::info!(%key, "a container that nobody waits for is removed");
                    remove_container(&docker, &container.id.unwrap_or_else(|| key.object_name())).await;
                }
            }
            remove_strange(&config, &remote).await;
            if let Reach::Calls { .. } = config.reach {
                Volumes::remove_strange(&config, &docker, &remote).await;
            }
            for key in open {
                if !running.contains(&key)
                    && !starting.contains(&key)
                    && let Some(sender) = sender.upgrade()
                {
                    let _ = sender.send(Command::Died { key });
                }
            }
        });
    }
}

/// Blocks.
pub(in super::super) fn remove_files(folder: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Tried until the engine has heard it. One that refuses is asked again: Podman does while a container ends by itself.
async fn remove_container(docker: &Docker, name: &str) {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    let mut refused = 0;
    while let Err(error) = docker.remove_container(name, Some(options.clone())).await {
        if status(&error) == Some(404) {
            return;
        }
        refused += usize::from(!is_away(&error));
        if refused > REFUSALS {
            tracing::error!(name, why = words(&error), "a container of an ended attempt cannot be removed");
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Removes the files of attempts that nobody knows: of a server that was killed between forgetting one and removing them.
async fn remove_strange(config: &Arc<ContainerConfig>, remote: &Remote) {
    let (config, remote) = (config.clone(), remote.clone());
    let removed = tokio::task::spawn_blocking(move || {
        for entry in std::fs::read_dir(&config.folder).into_iter().flatten().flatten() {
            let strange = entry
                .file_name()
                .to_str()
                .and_then(AttemptKey::parse)
                .is_some_and(|key| !remote.is_known(&key));
            if strange && let Err(error) = std::fs::remove_dir_all(entry.path()) {
                tracing::warn!(folder = %entry.path().display(), %error, "files of an ended attempt stay");
            }
        }
    });
    let _ = removed.await;
}
