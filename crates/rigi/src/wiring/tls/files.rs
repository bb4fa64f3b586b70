//! A certificate and its key in files that something else renews, such as cert-manager or certbot.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::{RecursiveMode, Watcher as _};

use super::{Certificates, certified};

/// Files at most: a chain of certificates is some thousand bytes.
const LARGEST: u64 = 1 << 20;

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Files {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Files {
    /// Shows what they hold; what was shown stays if they cannot be read.
    pub(super) fn read_into(&self, certificates: &Certificates) -> Result<(), String> {
        let read = |path: &Path| {
            let told = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
            if std::fs::metadata(path).map_err(told)?.len() > LARGEST {
                return Err(format!("{} is no certificate or key: it is too large", path.display()));
            }
            std::fs::read(path).map_err(told)
        };
        let (chain, key) = (read(&self.certificate)?, read(&self.key)?);
        let certified =
            certified(&chain, &key).map_err(|why| format!("{}: {why}", self.certificate.display()))?;
        certificates.change(|shown| (shown.current, shown.trouble) = (Some(Arc::new(certified)), None));
        Ok(())
    }

    /// Reads them again whenever something happens in their folders. Kubernetes changes links, others write anew: either is seen there.
    pub(super) fn follow(self, certificates: Certificates) {
        let (told, mut changes) = tokio::sync::mpsc::channel::<()>(1);
        let watcher = notify::recommended_watcher(move |_| {
            // One that is full has word of it already.
            let _ = told.try_send(());
        });
        let folders: BTreeSet<PathBuf> = [&self.certificate, &self.key]
            .into_iter()
            .filter_map(|path| Some(path.parent()?.to_owned()))
            .collect();
        let watched = watcher.and_then(|mut watcher| {
            for folder in &folders {
                let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
                watcher.watch(folder, RecursiveMode::NonRecursive)?;
            }
            Ok(watcher)
        });
        let watcher = match watched {
            Ok(watcher) => watcher,
            Err(error) => {
                let why = format!(
                    "changes of the TLS certificate are not seen ({error}): start the server again after one"
                );
                certificates.change(|shown| shown.trouble = Some(why));
                return;
            }
        };
        tokio::spawn(async move {
            let _watcher = watcher;
            while changes.recv().await.is_some() {
                let (files, certificates) = (self.clone(), certificates.clone());
                let read = tokio::task::spawn_blocking(move || {
                    if let Err(why) = files.read_into(&certificates) {
                        // Certificate and key are written one after the other: the next word may be the good one.
                        tracing::warn!(why, "the TLS certificate stays as it was");
                        certificates.change(|shown| {
                            shown.trouble = Some(format!("the TLS certificate stays as it was: {why}"))
                        });
                    }
                });
                let _ = read.await;
            }
        });
    }
}
