//! File changes become changes of pipelines, at once: the kernel tells, nobody looks around.

use std::collections::BTreeSet;
use std::path::{Component, Path};
use std::time::Duration;

use notify::{Event, EventKind, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use super::Catalog;

/// Editors write a file in several steps; what comes within this time is one change.
const SETTLE: Duration = Duration::from_millis(40);

/// Between two tries while the machine does not let something be read.
const AGAIN: Duration = Duration::from_secs(1);

pub(super) fn watch(catalog: &Catalog) -> notify::Result<notify::RecommendedWatcher> {
    let folder = catalog.folder().canonicalize().map_err(notify::Error::io)?;
    let (sender, receiver) = mpsc::unbounded_channel();
    let root = folder.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| match event {
        Ok(event) if !matters(&event.kind) => {}
        Ok(event) if event.need_rescan() => {
            let _ = sender.send(None);
        }
        Ok(event) => {
            for name in event.paths.iter().filter_map(|path| pipeline_of(&root, path)) {
                let _ = sender.send(Some(name));
            }
        }
        Err(error) => {
            tracing::warn!(%error, "the pipelines folder may have changed unseen");
            let _ = sender.send(None);
        }
    })?;
    // The folder itself only for what comes and goes; each pipeline is watched by the catalog. The data folder may lie here too, and nobody
    // wants to be told what runs write.
    watcher.watch(&folder, RecursiveMode::NonRecursive)?;
    tokio::spawn(follow(catalog.clone(), receiver));
    Ok(watcher)
}

const fn matters(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::Create(_)
            | EventKind::Modify(_)
            | EventKind::Remove(_)
            | EventKind::Any
            | EventKind::Other
    )
}

/// The direct subfolder that a path lies in; hidden ones (the data folder among them) are nobody's.
fn pipeline_of(root: &Path, path: &Path) -> Option<String> {
    let mut parts = path.strip_prefix(root).ok()?.components();
    let Component::Normal(first) = parts.next()? else { return None };
    let name = super::read::shown(first);
    let compiled = path.extension().is_some_and(|e| e == "pyc") || path.ends_with("__pycache__");
    (super::read::is_served(&name) && !compiled).then_some(name)
}

async fn follow(catalog: Catalog, mut receiver: mpsc::UnboundedReceiver<Option<String>>) {
    let mut unread = BTreeSet::new();
    loop {
        let patience = if unread.is_empty() { Duration::MAX } else { AGAIN };
        match tokio::time::timeout(patience, receiver.recv()).await {
            Ok(None) => return,
            Ok(Some(first)) => {
                unread.insert(first);
                tokio::time::sleep(SETTLE).await;
            }
            Err(_) => {}
        }
        while let Ok(more) = receiver.try_recv() {
            unread.insert(more);
        }
        let (catalog, changed) = (catalog.clone(), std::mem::take(&mut unread));
        let read = tokio::task::spawn_blocking(move || {
            changed.into_iter().filter(|name| !is_read(&catalog, name.as_deref())).collect()
        });
        match read.await {
            Ok(left) => unread = left,
            Err(error) => tracing::error!(%error, "a pipeline cannot be read"),
        }
    }
}

/// Reads a pipeline, or all; `false`: it stays as it was, and is to be read again.
fn is_read(catalog: &Catalog, name: Option<&str>) -> bool {
    let read = match name {
        Some(name) => {
            // What is new is watched before it is read: nothing that happens in between is missed.
            catalog.watch_one(name);
            catalog.refresh_some(vec![(name.to_owned(), catalog.place(name))])
        }
        None => catalog.refresh(),
    };
    if let Err(error) = &read {
        tracing::warn!(%error, pipeline = name, "what changed cannot be read now; it is tried again");
    }
    read.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_belong_to_direct_subfolders_that_are_not_hidden() {
        let of = |path: &str| pipeline_of(Path::new("/p"), Path::new(path));
        assert_eq!(of("/p/a/lib/x.py").as_deref(), Some("a"));
        assert_eq!(of("/p/.rigi/rigi.db"), None);
        assert_eq!(of("/p/a/__pycache__/x.pyc"), None);
        assert_eq!(of("/q/a"), None);
    }
}
