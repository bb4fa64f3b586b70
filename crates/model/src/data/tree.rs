//! The objects that trees are made of: a folder's entries by name, written in one way alone, so that what is equal has one hash.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::path::{PathMistake, check_path, sameness};
use crate::ContentHash;

/// Entries of one folder at most.
const MOST_ENTRIES: usize = 1_000_000;
/// Bytes of a folder's object at most.
pub const LARGEST_FOLDER: u64 = 512 << 20;
/// What every folder's object begins with.
const HEAD: &str = "rigi folder 1\n";

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A file.
    File,
    /// A folder with so many files in it and below it.
    Folder(u64),
}

/// An entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// A file or a folder.
    pub kind: EntryKind,
    /// Of the file's content, or of the folder's object.
    pub sha256: ContentHash,
    /// Bytes of the file, or of all files below.
    pub size: u64,
}

/// A folder: its entries by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folder {
    /// By name.
    pub entries: BTreeMap<String, Entry>,
}

/// What lies in a folder and below it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files.
    pub files: u64,
    /// Bytes of them.
    pub bytes: u64,
}

/// A file that is to be part of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileAt {
    /// Its whole path.
    pub path: String,
    /// Of its content.
    pub sha256: ContentHash,
    /// Bytes.
    pub size: u64,
}

/// Why files make no tree, or an object is no folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeMistake {
    /// A path cannot be.
    #[error(transparent)]
    Path(#[from] PathMistake),
    /// Two files have one path.
    #[error("`{0}` stands twice")]
    Twice(String),
    /// Two paths differ by case or Unicode form alone.
    #[error("`{0}` and `{1}` differ by case or by Unicode form alone: not every disk can hold both")]
    Alike(String, String),
    /// A file's path is a folder's too.
    #[error("`{0}` is a file and a folder")]
    Both(String),
    /// Too many entries in one folder.
    #[error("a folder has more than {MOST_ENTRIES} entries")]
    Many,
    /// It does not read as a folder.
    #[error("it is no folder's object: {0}")]
    Damaged(String),
}

impl Folder {
    /// Its object. Names have no control characters, so that a line is an entry.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut text = String::with_capacity(HEAD.len() + self.entries.len() * 96);
        text.push_str(HEAD);
        for (name, Entry { kind, sha256, size }) in &self.entries {
            let line = match kind {
                EntryKind::File => format!("f {sha256} {size} {name}\n"),
                EntryKind::Folder(files) => format!("d {sha256} {size}/{files} {name}\n"),
            };
            text.push_str(&line);
        }
        text.into_bytes()
    }

    /// Reads an object.
    ///
    /// # Errors
    /// [`TreeMistake::Damaged`].
    pub fn decode(bytes: &[u8]) -> Result<Self, TreeMistake> {
        let damaged = |why: &str| TreeMistake::Damaged(why.to_owned());
        let text = std::str::from_utf8(bytes).map_err(|_| damaged("it is no UTF-8"))?;
        let rest = text.strip_prefix(HEAD).ok_or_else(|| damaged("it does not begin as one"))?;
        let mut entries = BTreeMap::new();
        for line in rest.lines() {
            let entry = read_line(line).ok_or_else(|| damaged("a line is no entry"))?;
            if entries.insert(entry.0, entry.1).is_some() {
                return Err(damaged("a name stands twice"));
            }
        }
        Ok(Self { entries })
    }

    /// The hash of its object.
    #[must_use]
    pub fn hash(&self) -> ContentHash {
        ContentHash::new(Sha256::digest(self.encode()).into())
    }

    /// What lies in it and below it.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.entries.values().fold(Totals::default(), |all, entry| {
            let files = match entry.kind {
                EntryKind::File => 1,
                EntryKind::Folder(files) => files,
            };
            Totals { files: all.files.saturating_add(files), bytes: all.bytes.saturating_add(entry.size) }
        })
    }

    /// Two names that differ by case or Unicode form alone.
    #[must_use]
    pub fn alike(&self) -> Option<(&str, &str)> {
        let mut seen: BTreeMap<String, &str> = BTreeMap::new();
        self.entries.keys().find_map(|name| Some((seen.insert(sameness(name), name)?, name.as_str())))
    }

    /// As the entry of the folder above it.
    #[must_use]
    pub fn as_entry(&self) -> Entry {
        let Totals { files, bytes } = self.totals();
        Entry { kind: EntryKind::Folder(files), sha256: self.hash(), size: bytes }
    }
}

fn read_line(line: &str) -> Option<(String, Entry)> {
    let mut parts = line.splitn(4, ' ');
    let (kind, hash, size, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let (kind, size) = match kind {
        "f" => (EntryKind::File, size.parse().ok()?),
        "d" => {
            let (size, files) = size.split_once('/')?;
            (EntryKind::Folder(files.parse().ok()?), size.parse().ok()?)
        }
        _ => return None,
    };
    (!name.contains('/') && check_path(name).is_ok()).then_some(())?;
    Some((name.to_owned(), Entry { kind, sha256: hash.parse().ok()?, size }))
}

#[derive(Default)]
struct Growing {
    files: BTreeMap<String, Entry>,
    folders: BTreeMap<String, Growing>,
}

/// The folders of a tree of these files: those below come before those above, the root is the last.
///
/// # Errors
/// [`TreeMistake`].
pub fn build(files: &[FileAt]) -> Result<Vec<Folder>, TreeMistake> {
    let mut root = Growing::default();
    for file in files {
        check_path(&file.path)?;
        let (folders, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        let mut at = &mut root;
        for part in folders.split('/').filter(|part| !part.is_empty()) {
            at = at.folders.entry(part.to_owned()).or_default();
        }
        let entry = Entry { kind: EntryKind::File, sha256: file.sha256, size: file.size };
        if at.files.insert(name.to_owned(), entry).is_some() {
            return Err(TreeMistake::Twice(file.path.clone()));
        }
    }
    let mut all = Vec::new();
    let root = finish(root, "", &mut all)?;
    all.push(root);
    Ok(all)
}

fn finish(growing: Growing, path: &str, all: &mut Vec<Folder>) -> Result<Folder, TreeMistake> {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
    let mut folder = Folder { entries: growing.files };
    for (name, inner) in growing.folders {
        if folder.entries.contains_key(&name) {
            return Err(TreeMistake::Both(below(&name)));
        }
        let inner = finish(inner, &below(&name), all)?;
        folder.entries.insert(name, inner.as_entry());
        all.push(inner);
    }
    if let Some((one, other)) = folder.alike() {
        return Err(TreeMistake::Alike(below(one), below(other)));
    }
    match folder.entries.len() > MOST_ENTRIES {
        true => Err(TreeMistake::Many),
        false => Ok(folder),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(path: &str, content: &str) -> FileAt {
        let sha256 = ContentHash::new(Sha256::digest(content.as_bytes()).into());
        FileAt { path: path.to_owned(), sha256, size: content.len() as u64 }
    }

    #[test]
    fn files_become_folders_and_equal_folders_are_one() {
        let all = build(&[file("a/x", "1"), file("b/x", "1"), file("top", "22")]).unwrap();
        assert_eq!(all.len(), 3);
        assert_eq!(all[0].hash(), all[1].hash());
        let root = all.last().unwrap();
        assert_eq!(root.totals(), Totals { files: 3, bytes: 4 });
        assert_eq!(root.entries["a"], all[0].as_entry());
        assert_eq!(Folder::decode(&root.encode()).as_ref(), Ok(root));
        assert_eq!(build(&[]).unwrap().last().unwrap().totals(), Totals::default());
    }

    #[test]
    fn what_makes_no_tree_is_told() {
        let why = |paths: &[&str]| {
            let files: Vec<_> = paths.iter().map(|path| file(path, "x")).collect();
            build(&files).unwrap_err().to_string()
        };
        assert_eq!(why(&["a", "a"]), "`a` stands twice");
        assert_eq!(why(&["d/a", "d/a/b"]), "`d/a` is a file and a folder");
        assert!(why(&["d/A", "d/a"]).starts_with("`d/A` and `d/a` differ by case"));
        assert!(why(&["\u{e9}", "e\u{301}"]).contains("Unicode form"));
        assert!(why(&["../a"]).contains("`..`"));
    }

    #[test]
    fn objects_that_are_none_are_refused() {
        let line = format!("f {} 1 a\n", "0".repeat(64));
        for wrong in [
            "".to_owned(),
            line.clone(),
            format!("{HEAD}x"),
            format!("{HEAD}{line}{line}"),
            format!("{HEAD}{}", line.replace(" a", " a/b")),
            format!("{HEAD}{}", line.replace(" a", " ..")),
            format!("{HEAD}{}", line.replace('f', "d")),
            format!("{HEAD}{}", line.replace(" 1 ", " -1 ")),
        ] {
            assert!(Folder::decode(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
        assert!(Folder::decode(&[0xff]).is_err());
    }

    proptest! {
        #[test]
        fn the_order_of_files_makes_no_difference(paths in proptest::collection::btree_set("[a-c]{1,2}(/[a-c]{1,2}){0,2}\\.x", 1..20), seed in 0..100_usize) {
            let mut files: Vec<FileAt> = paths.iter().map(|path| file(path, path)).collect();
            let one = build(&files).map(|all| all.last().unwrap().hash());
            let middle = seed % files.len();
            files.rotate_left(middle);
            let other = build(&files).map(|all| all.last().unwrap().hash());
            prop_assert_eq!(one.is_ok(), other.is_ok());
            if let (Ok(one), Ok(other)) = (one, other) {
                prop_assert_eq!(one, other);
            }
        }

        #[test]
        fn anything_may_be_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut text = HEAD.as_bytes().to_vec();
            text.extend(&bytes);
            _ = Folder::decode(&text);
            _ = Folder::decode(&bytes);
        }
    }
}
