//! The files of a folder in the order of their keys, a page at a time: only folders that have part in a page are read.

use std::fs;
use std::path::Path;

use super::folder::{etag_of, modified};
use super::{Grouped, ListFrom, ListPage, Listed};
use crate::{Error, Result};

/// How deep folders go.
const DEEPEST: usize = 128;

/// A page. Its token is the last key, or the last folder with its slash: all below that was told.
pub(super) fn page(root: &Path, from: ListFrom<'_>) -> Result<ListPage> {
    let mut walk = Walk { root, from, found: ListPage::default(), more: false };
    // Nothing before the last slash of the prefix differs: the walk begins there.
    let start = from.prefix.rfind('/').map_or("", |at| &from.prefix[..=at]);
    walk.folder(start, 0)?;
    let ListPage { files, folders, .. } = &walk.found;
    if walk.more {
        let last = files.last().map(|file| &file.key).max(folders.last());
        walk.found.next = last.cloned();
    }
    Ok(walk.found)
}

struct Walk<'a> {
    root: &'a Path,
    from: ListFrom<'a>,
    found: ListPage,
    /// There is one more than fit.
    more: bool,
}

impl Walk<'_> {
    /// Whether a key was told before, or is asked to be left out.
    fn is_past(&self, key: &str) -> bool {
        let told = |token: &str| key <= token || (token.ends_with('/') && key.starts_with(token));
        self.from.after.is_some_and(|after| key <= after) || self.from.token.is_some_and(told)
    }

    /// Whether all that is below a folder was told before.
    fn is_over(&self, folder: &str) -> bool {
        let before = |mark: &str| folder <= mark && !mark.starts_with(folder);
        let told = |token: &str| before(token) || (token.ends_with('/') && folder.starts_with(token));
        self.from.after.is_some_and(before) || self.from.token.is_some_and(told)
    }

    fn is_full(&mut self) -> bool {
        self.more = self.found.files.len() + self.found.folders.len() >= self.from.most;
        self.more
    }

    /// Goes through a folder, whose name ends with a slash or is empty. Whether it goes on.
    fn folder(&mut self, folder: &str, depth: usize) -> Result<bool> {
        let at = self.root.join(folder);
        let entries = match fs::read_dir(&at) {
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
                ) =>
            {
                return Ok(true);
            }
            entries => entries.map_err(Error::io(format!("read {}", at.display())))?,
        };
        let mut keys = Vec::new();
        for entry in entries {
            let entry = entry.map_err(Error::io(format!("read {}", at.display())))?;
            let (Ok(kind), Some(name)) = (entry.file_type(), entry.file_name().to_str().map(str::to_owned))
            else {
                continue;
            };
            let key = match (kind.is_file(), kind.is_dir()) {
                (true, _) => format!("{folder}{name}"),
                (_, true) => format!("{folder}{name}/"),
                // Links are nobody's.
                _ => continue,
            };
            let fits =
                key.starts_with(self.from.prefix) || (kind.is_dir() && self.from.prefix.starts_with(&key));
            let over = if kind.is_dir() { self.is_over(&key) } else { self.is_past(&key) };
            if fits && !over {
                keys.push(key);
            }
        }
        keys.sort_unstable();
        for key in keys {
            let goes_on = if key.ends_with('/') { self.below(&key, depth)? } else { self.file(key) };
            if !goes_on {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn below(&mut self, folder: &str, depth: usize) -> Result<bool> {
        let told_as_one = self.from.grouped == Grouped::ByFolder && folder.len() > self.from.prefix.len();
        if !told_as_one {
            return if depth < DEEPEST { self.folder(folder, depth + 1) } else { Ok(true) };
        }
        if self.is_past(folder) || !has_file(&self.root.join(folder), depth) {
            return Ok(true);
        }
        if self.is_full() {
            return Ok(false);
        }
        self.found.folders.push(folder.to_owned());
        Ok(true)
    }

    fn file(&mut self, key: String) -> bool {
        // It went away meanwhile.
        let Ok(facts) = fs::symlink_metadata(self.root.join(&key)) else { return true };
        if !facts.is_file() {
            return true;
        }
        if self.is_full() {
            return false;
        }
        let (size, modified, etag) = (facts.len(), modified(&facts), etag_of(&facts));
        self.found.files.push(Listed { key, size, modified, etag });
        true
    }
}

/// Whether there is a file anywhere below.
fn has_file(folder: &Path, depth: usize) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders = Vec::new();
    for entry in entries {
        match entry.file_type() {
            Ok(kind) if kind.is_file() => return true,
            Ok(kind) if kind.is_dir() && depth < DEEPEST => folders.push(entry.path()),
            _ => {}
        }
    }
    folders.iter().any(|below| has_file(below, depth + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(root: &Path, prefix: &str, grouped: Grouped, most: usize) -> (Vec<String>, usize) {
        let (mut keys, mut pages, mut token) = (Vec::new(), 0, None::<String>);
        loop {
            let from = ListFrom { prefix, grouped, after: None, token: token.as_deref(), most };
            let found = page(root, from).unwrap();
            let mut these: Vec<String> = found.files.into_iter().map(|file| file.key).collect();
            these.extend(found.folders);
            these.sort();
            assert!(these.len() <= most);
            keys.extend(these);
            pages += 1;
            match found.next {
                Some(next) => token = Some(next),
                None => return (keys, pages),
            }
        }
    }

    #[test]
    fn pages_of_any_size_give_every_key_once_in_s3s_order() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        // `a.txt` and `a-b/` come before `a/`, by bytes.
        let names = ["a/1", "a/b/2", "a/b/3", "a.txt", "a-b/x", "b", "c/d/e/f", "ö/ü"];
        for name in names {
            fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            fs::write(root.join(name), name).unwrap();
        }
        fs::create_dir_all(root.join("empty/below")).unwrap();
        std::os::unix::fs::symlink("/etc", root.join("link")).unwrap();
        let mut sorted: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        sorted.sort();
        for most in 1..10 {
            assert_eq!(all(root, "", Grouped::No, most).0, sorted, "{most}");
            let grouped = ["a-b/", "a.txt", "a/", "b", "c/", "ö/"].map(str::to_owned);
            assert_eq!(all(root, "", Grouped::ByFolder, most).0, grouped, "{most}");
            assert_eq!(all(root, "a/", Grouped::ByFolder, most).0, ["a/1", "a/b/"], "{most}");
            assert_eq!(all(root, "a", Grouped::ByFolder, most).0, ["a-b/", "a.txt", "a/"], "{most}");
            assert_eq!(all(root, "a/b", Grouped::No, most).0, ["a/b/2", "a/b/3"], "{most}");
        }
        assert_eq!(all(root, "", Grouped::No, 3).1, 3);
        assert_eq!(all(root, "none/at/all", Grouped::No, 3), (Vec::new(), 1));
        let from = ListFrom { prefix: "", grouped: Grouped::No, after: Some("a/b/2"), token: None, most: 99 };
        let keys: Vec<_> = page(root, from).unwrap().files.into_iter().map(|file| file.key).collect();
        assert_eq!(keys, ["a/b/3", "b", "c/d/e/f", "ö/ü"]);
    }
}
