//! Datasets as folders that can only be read: `datasets/<name>@<version or tag>/<path>`.
//!
//! A list of them is made of the names in the database and of the trees of versions; it never holds more than a page.

use std::ops::Range;

use futures_util::StreamExt;
use rigi_model::data::{Entry, EntryKind, Reference};
use rigi_model::{ProjectName, Timestamp};
use rigi_store::area::{Body, Grouped, ListFrom, ListPage, Listed};
use rigi_store::datasets::{DatasetPage, DatasetVersion, Trees};
use rigi_store::{Error, Result};

use super::files::nothing;
use crate::http::state::AppState;
use crate::http::stored;

/// What their keys begin with.
pub(super) const AREA: &str = "datasets/";
/// Datasets that are looked at for one page.
const MOST_LOOKED: u32 = 1000;

/// The version that a path is of, and what follows it: a name may have slashes, and no `@`.
fn split(path: &str) -> Option<(Reference, &str, &str)> {
    let at = path.find('@')?;
    let end = path[at..].find('/').map_or(path.len(), |slash| at + slash);
    let (known, rest) = (&path[..end], path[end..].trim_start_matches('/'));
    Reference::parse(known).ok().map(|reference| (reference, known, rest))
}

async fn version_of(
    state: &AppState,
    project: &ProjectName,
    reference: &Reference,
) -> Result<DatasetVersion> {
    state.store().db().dataset_version(project, &reference.name, &reference.which).await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Closed)?
}

/// Looks for a file of a version; with when that was made.
pub(super) async fn find(state: &AppState, project: &ProjectName, path: &str) -> Result<(Entry, Timestamp)> {
    let Some((reference, _, rest)) = split(path) else { return Err(nothing(path)) };
    let version = version_of(state, project, &reference).await?;
    let (trees, root, wanted) = (state.engine.trees(project), version.root, rest.to_owned());
    let entry = blocking(move || trees.find(&root, &wanted)).await?;
    let file = entry.filter(|entry| entry.kind == EntryKind::File);
    file.map(|entry| (entry, version.made_at)).ok_or_else(|| nothing(path))
}

/// Reads a file of a version.
pub(super) async fn read(
    state: &AppState,
    project: &ProjectName,
    file: &Entry,
    range: Range<u64>,
) -> Result<Body> {
    let blobs = state.store().blobs(project);
    Ok(stored::pieces(blobs, file.sha256, file.size, range).await?.boxed())
}

/// Part of a list.
pub(super) async fn list(state: &AppState, project: &ProjectName, from: ListFrom<'_>) -> Result<ListPage> {
    let prefix = &from.prefix[AREA.len()..];
    let mark = from.token.or(from.after).and_then(|mark| mark.strip_prefix(AREA)).unwrap_or_default();
    match split(prefix).filter(|(_, known, _)| prefix.len() > known.len()) {
        // Within one version.
        Some((reference, known, _)) => {
            let version = match version_of(state, project, &reference).await {
                Err(Error::NotFound { .. }) => return Ok(ListPage::default()),
                found => found?,
            };
            let trees = state.engine.trees(project);
            let within = Within {
                head: format!("{AREA}{known}/"),
                prefix: prefix[known.len() + 1..].to_owned(),
                mark: mark
                    .strip_prefix(known)
                    .and_then(|rest| rest.strip_prefix('/'))
                    .unwrap_or_default()
                    .to_owned(),
                grouped: from.grouped,
                most: from.most,
            };
            blocking(move || within.page(&trees, &version)).await
        }
        None => names(state, project, prefix, mark, &from).await,
    }
}

/// The versions whose names begin so: the newest one of each dataset, and those with tags. All others are there by their number, too.
async fn names(
    state: &AppState,
    project: &ProjectName,
    prefix: &str,
    mark: &str,
    from: &ListFrom<'_>,
) -> Result<ListPage> {
    if from.grouped == Grouped::No {
        let why = "below `datasets/`, files are listed of one version: add `NAME@VERSION/`, or a delimiter";
        return Err(Error::Conflict(why.to_owned()));
    }
    let db = state.store().db();
    let begins = prefix.split('@').next().unwrap_or(prefix);
    let page = DatasetPage { prefix: Some(begins.to_owned()), after: None, limit: MOST_LOOKED };
    let mut all = Vec::new();
    for dataset in db.datasets(project, &page).await? {
        all.push(format!("{}@{}/", dataset.name, dataset.newest));
        for (tag, _) in db.dataset_tags(project, &dataset.name).await? {
            all.push(format!("{}@{tag}/", dataset.name));
        }
    }
    // A slash in a name is a folder, as everywhere.
    let folder = |name: String| {
        let end = name[prefix.len()..].find('/').map(|at| prefix.len() + at + 1)?;
        Some(name[..end].to_owned())
    };
    let mut folders: Vec<String> =
        all.into_iter().filter(|name| name.starts_with(prefix)).filter_map(folder).collect();
    folders.sort();
    folders.dedup();
    folders.retain(|folder| folder.as_str() > mark);
    let more = folders.len() > from.most;
    folders.truncate(from.most);
    let folders: Vec<String> = folders.into_iter().map(|name| format!("{AREA}{name}")).collect();
    let next = folders.last().filter(|_| more).cloned();
    Ok(ListPage { files: Vec::new(), folders, next })
}

/// A list of one version.
struct Within {
    /// What keys begin with, up to the path.
    head: String,
    prefix: String,
    mark: String,
    grouped: Grouped,
    most: usize,
}

impl Within {
    fn page(self, trees: &Trees, version: &DatasetVersion) -> Result<ListPage> {
        let (folder, rest) = self.prefix.rsplit_once('/').map_or(("", self.prefix.as_str()), |split| split);
        let Some(root) = trees.find(&version.root, folder)? else { return Ok(ListPage::default()) };
        if root.kind == EntryKind::File {
            return Ok(ListPage::default());
        }
        let below = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let mut page = ListPage::default();
        let mut more = false;
        let listed = |path: &str, entry: &Entry| Listed {
            key: format!("{}{path}", self.head),
            size: entry.size,
            modified: version.made_at,
            etag: entry.sha256.to_string(),
        };
        if self.grouped == Grouped::ByFolder {
            let folder = trees.folder(&root.sha256)?;
            let keyed = |(name, entry): (&String, &Entry)| {
                let slash = if entry.kind == EntryKind::File { "" } else { "/" };
                (format!("{below}{name}{slash}"), entry.clone())
            };
            let mut entries: Vec<(String, Entry)> =
                folder.entries.iter().filter(|(name, _)| name.starts_with(rest)).map(keyed).collect();
            entries.retain(|(path, _)| *path > self.mark);
            entries.sort_by(|one, other| one.0.cmp(&other.0));
            more = entries.len() > self.most;
            for (path, entry) in entries.into_iter().take(self.most) {
                match entry.kind {
                    EntryKind::File => page.files.push(listed(&path, &entry)),
                    EntryKind::Folder(_) => page.folders.push(format!("{}{path}", self.head)),
                }
            }
        } else {
            let after = self.mark.strip_prefix(&below).filter(|after| !after.is_empty());
            trees.walk_from(&root.sha256, after, &mut |file| {
                if !file.path.starts_with(rest) {
                    // Behind all that begin so, there is nothing more.
                    return file.path.as_str() < rest;
                }
                more = page.files.len() >= self.most;
                if !more {
                    let entry = Entry { kind: EntryKind::File, sha256: file.sha256, size: file.size };
                    page.files.push(listed(&format!("{below}{}", file.path), &entry));
                }
                !more
            })?;
        }
        if more {
            page.next = page.files.last().map(|file| file.key.clone()).max(page.folders.last().cloned());
        }
        Ok(page)
    }
}
