//! The trees of versions, as they are stored: folders are objects, by content as files are. Everything here blocks.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rigi_model::ContentHash;
use rigi_model::data::{Entry, EntryKind, FileAt, Folder, LARGEST_FOLDER, TreeMistake, build};

use crate::blobs::Blobs;
use crate::{Error, Result, Stored};

/// Entries of folders that are remembered.
const MOST_KNOWN: usize = 200_000;
/// Contents that a bucket is asked about at a time.
const TOGETHER: usize = 16;
/// Folders within each other at most: a circle cannot be made, and a damaged object is no reason to hang.
const DEEPEST: usize = 128;

/// Folders never change: what one held once it holds for good.
static KNOWN: LazyLock<Mutex<KnownFolders>> = LazyLock::new(Mutex::default);

/// Folders by area and hash, and how many entries they have together.
#[derive(Default)]
struct KnownFolders {
    folders: HashMap<(String, ContentHash), Arc<Folder>>,
    entries: usize,
}

/// The trees of a project.
#[derive(Debug, Clone)]
pub struct Trees {
    blobs: Blobs,
}

impl Trees {
    /// Those of a project's blobs.
    #[must_use]
    pub const fn new(blobs: Blobs) -> Self {
        Self { blobs }
    }

    /// Stores the tree of these files, whose contents are there. The root, and its totals.
    ///
    /// # Errors
    /// What makes no tree; or if it cannot be stored.
    pub fn store(&self, files: &[FileAt]) -> Result<std::result::Result<Folder, TreeMistake>> {
        let folders = match build(files) {
            Ok(folders) => folders,
            Err(mistake) => return Ok(Err(mistake)),
        };
        let mut known = HashSet::new();
        for folder in &folders {
            if known.insert(folder.hash()) {
                self.blobs.put(folder.encode().as_slice())?;
            }
        }
        Ok(Ok(folders.into_iter().next_back().unwrap_or_default()))
    }

    /// A folder by its hash.
    ///
    /// # Errors
    /// If it is not there, or damaged.
    pub fn folder(&self, sha256: &ContentHash) -> Result<Folder> {
        let mut reader = self.blobs.get(sha256)?;
        let mut bytes = Vec::new();
        while let Some(piece) = reader.next_piece()? {
            bytes.extend(piece);
            if bytes.len() as u64 > LARGEST_FOLDER {
                let why = "it is larger than any folder".to_owned();
                return Err(Error::Damaged { what: self.blobs.name(sha256), why });
            }
        }
        Folder::decode(&bytes)
            .map_err(|mistake| Error::Damaged { what: self.blobs.name(sha256), why: mistake.to_string() })
    }

    /// The entry at a path below a root; `None`: there is none. The empty path is the root itself.
    ///
    /// # Errors
    /// If a folder cannot be read.
    pub fn find(&self, root: &ContentHash, path: &str) -> Result<Option<Entry>> {
        let mut folder = self.known(root)?;
        let totals = folder.totals();
        let mut at = Entry { kind: EntryKind::Folder(totals.files), sha256: *root, size: totals.bytes };
        let mut parts = path.split('/').filter(|part| !part.is_empty()).peekable();
        while let Some(part) = parts.next() {
            let Some(entry) = folder.entries.get(part).cloned() else { return Ok(None) };
            if parts.peek().is_some() {
                if entry.kind == EntryKind::File {
                    return Ok(None);
                }
                folder = self.known(&entry.sha256)?;
            }
            at = entry;
        }
        Ok(Some(at))
    }

    /// A folder that is looked into again and again: some are remembered.
    fn known(&self, sha256: &ContentHash) -> Result<Arc<Folder>> {
        let key = (self.blobs.area_name(), *sha256);
        let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = known().folders.get(&key) {
            return Ok(folder.clone());
        }
        let folder = Arc::new(self.folder(sha256)?);
        let mut all = known();
        if all.entries + folder.entries.len() > MOST_KNOWN {
            *all = KnownFolders::default();
        }
        all.entries += folder.entries.len();
        all.folders.insert(key, folder.clone());
        Ok(folder)
    }

    /// All files below a root, by their paths; `each` may end it by answering `false`.
    ///
    /// # Errors
    /// If a folder cannot be read.
    pub fn walk(&self, root: &ContentHash, each: &mut impl FnMut(FileAt) -> bool) -> Result<()> {
        self.walk_from(root, None, each)
    }

    /// The same, of those that come behind a path.
    ///
    /// # Errors
    /// If a folder cannot be read.
    pub fn walk_from(
        &self,
        root: &ContentHash,
        after: Option<&str>,
        each: &mut impl FnMut(FileAt) -> bool,
    ) -> Result<()> {
        let mut walk = Walk { trees: self, each };
        walk.below(root, "", after, 0).map(drop)
    }

    /// A root with files put at their paths and paths taken away: what does not change is not read. The new root, and the bytes of
    /// files that are new.
    ///
    /// # Errors
    /// What makes no tree; or if a folder cannot be read or stored.
    pub fn change(
        &self,
        root: &ContentHash,
        add: &[FileAt],
        remove: &[String],
    ) -> Result<std::result::Result<Folder, TreeMistake>> {
        let mut wanted = Changes::default();
        for path in remove {
            wanted.at(path).gone.insert(wanted_name(path));
        }
        for file in add {
            if let Err(mistake) = rigi_model::data::check_path(&file.path) {
                return Ok(Err(mistake.into()));
            }
            let name = wanted_name(&file.path);
            if wanted.at(&file.path).put.insert(name, file.clone()).is_some() {
                return Ok(Err(TreeMistake::Twice(file.path.clone())));
            }
        }
        let folder = self.folder(root)?;
        self.changed(folder, &wanted, "")
    }

    fn changed(
        &self,
        mut folder: Folder,
        wanted: &Changes,
        path: &str,
    ) -> Result<std::result::Result<Folder, TreeMistake>> {
        let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
        for name in &wanted.gone {
            folder.entries.remove(name);
        }
        for (name, inner) in &wanted.within {
            let before = match folder.entries.get(name) {
                Some(Entry { kind: EntryKind::File, .. }) => return Ok(Err(TreeMistake::Both(below(name)))),
                Some(entry) => self.folder(&entry.sha256)?,
                None => Folder::default(),
            };
            let after = match self.changed(before, inner, &below(name))? {
                Ok(after) => after,
                Err(mistake) => return Ok(Err(mistake)),
            };
            // A folder without anything in it is none.
            match after.entries.is_empty() {
                true => _ = folder.entries.remove(name),
                false => _ = folder.entries.insert(name.clone(), after.as_entry()),
            }
        }
        for (name, file) in &wanted.put {
            let entry = Entry { kind: EntryKind::File, sha256: file.sha256, size: file.size };
            let before = folder.entries.insert(name.clone(), entry);
            if before.is_some_and(|before| matches!(before.kind, EntryKind::Folder(_))) {
                return Ok(Err(TreeMistake::Both(below(name))));
            }
        }
        if let Some((one, other)) = folder.alike() {
            return Ok(Err(TreeMistake::Alike(below(one), below(other))));
        }
        self.blobs.put(folder.encode().as_slice())?;
        Ok(Ok(folder))
    }

    /// Every object that these roots lead to: folders and files.
    ///
    /// # Errors
    /// If a folder cannot be read.
    pub fn content(&self, roots: &[ContentHash], found: &mut HashSet<ContentHash>) -> Result<()> {
        let mut open: Vec<ContentHash> = roots.to_vec();
        let mut seen: HashSet<ContentHash> = HashSet::new();
        while let Some(at) = open.pop() {
            if !seen.insert(at) {
                continue;
            }
            found.insert(at);
            for entry in self.folder(&at)?.entries.into_values() {
                match entry.kind {
                    EntryKind::File => _ = found.insert(entry.sha256),
                    EntryKind::Folder(_) => open.push(entry.sha256),
                }
            }
        }
        Ok(())
    }

    /// Bytes of files below `after` that `before` has not, by path and content.
    ///
    /// # Errors
    /// If a folder cannot be read.
    pub fn new_bytes(&self, before: Option<&ContentHash>, after: &ContentHash) -> Result<u64> {
        let before = before.map(|before| self.folder(before)).transpose()?.unwrap_or_default();
        let mut bytes = 0_u64;
        for change in rigi_model::data::diff_folders(&before, &self.folder(after)?) {
            let Some(new) = &change.after else { continue };
            bytes += match new.kind {
                EntryKind::File => new.size,
                EntryKind::Folder(_) => {
                    let old = change.before.filter(|old| matches!(old.kind, EntryKind::Folder(_)));
                    self.new_bytes(old.map(|old| old.sha256).as_ref(), &new.sha256)?
                }
            };
        }
        Ok(bytes)
    }

    /// Makes sure that contents are there and stay; those that are not.
    ///
    /// # Errors
    /// If the storage cannot be asked.
    pub fn missing(&self, contents: &[Stored]) -> Result<Vec<ContentHash>> {
        let look = |some: &[Stored]| {
            let mut missing = Vec::new();
            for content in some {
                match self.blobs.hold(content) {
                    Ok(()) => {}
                    Err(Error::NotFound { .. } | Error::Damaged { .. }) => missing.push(content.sha256),
                    Err(error) => return Err(error),
                }
            }
            Ok(missing)
        };
        // Each costs a bucket's answer, and a folder next to nothing.
        let side_by_side = if self.blobs.is_remote() { TOGETHER } else { 1 };
        let share = contents.len().div_ceil(side_by_side).max(1);
        let looked: Vec<Result<Vec<ContentHash>>> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                contents.chunks(share).map(|some| scope.spawn(move || look(some))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or(Err(Error::Closed))).collect()
        });
        Ok(looked.into_iter().collect::<Result<Vec<_>>>()?.concat())
    }
}

struct Walk<'a, F> {
    trees: &'a Trees,
    each: &'a mut F,
}

impl<F: FnMut(FileAt) -> bool> Walk<'_, F> {
    /// `false`: it is to end.
    fn below(&mut self, at: &ContentHash, path: &str, after: Option<&str>, depth: usize) -> Result<bool> {
        if depth > DEEPEST {
            let why = "folders are within each other without an end".to_owned();
            return Err(Error::Damaged { what: self.trees.blobs.name(at), why });
        }
        let (first, rest) = match after.map(|after| after.split_once('/').unwrap_or((after, ""))) {
            Some((first, "")) => (Some(first.to_owned()), ""),
            Some((first, rest)) => (Some(format!("{first}/")), rest),
            None => (None, ""),
        };
        // By their whole paths: `a.txt` comes before what is in the folder `a`.
        let place = |name: &str, entry: &Entry| match entry.kind {
            EntryKind::File => name.to_owned(),
            EntryKind::Folder(_) => format!("{name}/"),
        };
        let entries = self.trees.folder(at)?.entries.into_iter();
        let mut entries: Vec<_> = entries.map(|(name, entry)| (place(&name, &entry), name, entry)).collect();
        entries.sort_by(|one, other| one.0.cmp(&other.0));
        for (place, name, entry) in entries {
            // What lies before the path is not read.
            let is_on_way = first.as_ref() == Some(&place);
            if first.as_ref().is_some_and(|first| place < *first) || is_on_way && rest.is_empty() {
                continue;
            }
            let whole = if path.is_empty() { name } else { format!("{path}/{name}") };
            let goes_on = match entry.kind {
                EntryKind::Folder(_) => {
                    let after = Some(rest).filter(|_| is_on_way);
                    self.below(&entry.sha256, &whole, after, depth + 1)?
                }
                EntryKind::File => {
                    (self.each)(FileAt { path: whole, sha256: entry.sha256, size: entry.size })
                }
            };
            if !goes_on {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What is to be changed in a folder.
#[derive(Debug, Default)]
struct Changes {
    put: BTreeMap<String, FileAt>,
    gone: HashSet<String>,
    within: BTreeMap<String, Changes>,
}

impl Changes {
    /// Those of the folder that a path lies in.
    fn at(&mut self, path: &str) -> &mut Self {
        let mut at = self;
        if let Some((folders, _)) = path.rsplit_once('/') {
            for part in folders.split('/') {
                at = at.within.entry(part.to_owned()).or_default();
            }
        }
        at
    }
}

fn wanted_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}
