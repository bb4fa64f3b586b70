//! What differs between two folders.

use super::tree::{Entry, EntryKind, Folder};
use crate::state::text_enum;

text_enum! {
    /// What became of an entry.
    ChangeKind {
        /// It was not there before.
        Added = "added",
        /// It is not there any more.
        Removed = "removed",
        /// Its content is another.
        Changed = "changed",
    }
}

/// An entry that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub name: String,
    /// What became of it.
    pub kind: ChangeKind,
    /// As it was.
    pub before: Option<Entry>,
    /// As it is.
    pub after: Option<Entry>,
}

impl Change {
    /// Whether both are folders: what differs lies within.
    #[must_use]
    pub fn is_within(&self) -> bool {
        let folder = |entry: &Option<Entry>| matches!(entry, Some(Entry { kind: EntryKind::Folder(_), .. }));
        folder(&self.before) && folder(&self.after)
    }
}

/// The entries that differ, by name. Folders with one hash are equal, however much lies below.
#[must_use]
pub fn diff_folders(before: &Folder, after: &Folder) -> Vec<Change> {
    let names: std::collections::BTreeSet<&String> =
        before.entries.keys().chain(after.entries.keys()).collect();
    let change = |name: &String| {
        let (old, new) = (before.entries.get(name), after.entries.get(name));
        let kind = match (old, new) {
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Removed,
            (Some(old), Some(new)) if old == new => return None,
            _ => ChangeKind::Changed,
        };
        Some(Change { name: name.clone(), kind, before: old.cloned(), after: new.cloned() })
    };
    names.into_iter().filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::{FileAt, build};
    use super::*;
    use crate::ContentHash;

    #[test]
    fn what_differs_is_told_by_name() {
        let root = |files: &[(&str, u8)]| {
            let file = |(path, content): &(&str, u8)| FileAt {
                path: (*path).to_owned(),
                sha256: ContentHash::new([*content; 32]),
                size: 1,
            };
            build(&files.iter().map(file).collect::<Vec<_>>()).unwrap().pop().unwrap()
        };
        let before = root(&[("a", 1), ("b", 1), ("d/x", 1), ("e/x", 1)]);
        let after = root(&[("a", 1), ("b", 2), ("c", 1), ("d/x", 2), ("e/x", 1)]);
        let told: Vec<_> = diff_folders(&before, &after)
            .into_iter()
            .map(|change| (change.is_within(), format!("{} {}", change.name, change.kind)))
            .collect();
        let expected = [(false, "b changed"), (false, "c added"), (true, "d changed")];
        assert_eq!(told, expected.map(|(within, text)| (within, text.to_owned())));
        assert_eq!(diff_folders(&before, &before), []);
        assert_eq!(
            diff_folders(&after, &before).iter().filter(|one| one.kind == ChangeKind::Removed).count(),
            1
        );
    }
}
