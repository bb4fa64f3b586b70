//! What a commit's tree holds of pipelines. Nothing of it is ever put on a disk under its own name before each of its paths was looked
//! at here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Bytes of a path at most.
const LONGEST_PATH: usize = 1024;
/// Bytes of one name in it at most: file systems take no more.
const LONGEST_PART: usize = 255;
/// Levels of folders.
const DEEPEST: usize = 32;
/// Lines that are told of one tree at most.
const MOST_TOLD: usize = 100;

/// An entry of a tree, as `git ls-tree -r -z -l` writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// What it is.
    pub kind: EntryKind,
    /// The id of its content.
    pub id: String,
    /// Bytes of it.
    pub size: u64,
    /// Where it is.
    pub path: Vec<u8>,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A file.
    File,
    /// A file that may be executed.
    Executable,
    /// A link.
    Link,
    /// Another repository.
    Module,
    /// Of a kind that is not known.
    Odd,
}

impl TreeEntry {
    /// Reads one record, without its NUL.
    #[must_use]
    pub fn read(record: &[u8]) -> Option<Self> {
        let tab = record.iter().position(|byte| *byte == b'\t')?;
        let head = std::str::from_utf8(&record[..tab]).ok()?;
        let mut words = head.split_ascii_whitespace();
        let (mode, kind, id, size) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let kind = match (mode, kind) {
            ("100644" | "100664", "blob") => EntryKind::File,
            ("100755", "blob") => EntryKind::Executable,
            ("120000", _) => EntryKind::Link,
            ("160000", _) => EntryKind::Module,
            _ => EntryKind::Odd,
        };
        let id = Some(id).filter(|id| super::reference::is_id(id))?;
        Some(Self {
            kind,
            id: id.to_owned(),
            size: size.parse().unwrap_or(0),
            path: record[tab + 1..].to_vec(),
        })
    }
}

/// A file of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeFile {
    /// Path below the pipeline's folder.
    pub path: String,
    /// The id of its content.
    pub id: String,
    /// Bytes.
    pub size: u64,
    /// May be executed.
    pub executable: bool,
}

/// What was found of one folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundFolder {
    /// Its files, by path.
    pub files: Vec<TreeFile>,
    /// What of it is not taken: the path, and why.
    pub left_out: Vec<(String, String)>,
}

/// What was found of a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundTree {
    /// Its folders, by name.
    pub folders: BTreeMap<String, FoundFolder>,
    /// What of it is not taken, and belongs to no folder.
    pub told: Vec<String>,
}

/// Sorts a tree's entries into folders. `is_left_out` says by a name whether it is nobody's code.
#[must_use]
pub fn sort(entries: Vec<TreeEntry>, is_left_out: impl Fn(&str) -> bool) -> FoundTree {
    let mut found = FoundTree::default();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for entry in entries {
        let shown = entry.path.escape_ascii().to_string();
        let path = match check_path(&entry.path) {
            Ok(path) => path,
            Err(why) => {
                tell(&mut found.told, format!("`{}` {why}, and is not taken", cut(&shown)));
                continue;
            }
        };
        if path.split('/').any(&is_left_out) {
            continue;
        }
        let Some((top, rest)) = path.split_once('/') else { continue };
        let folder = found.folders.entry(top.to_owned()).or_default();
        let why = match entry.kind {
            EntryKind::File | EntryKind::Executable => None,
            EntryKind::Link => Some("is a link"),
            EntryKind::Module => Some("is another repository (a submodule)"),
            EntryKind::Odd => Some("is of a kind that is not known"),
        };
        // A tree that was made to harm may have a name twice, or a file where another entry has a folder.
        let why = why.or_else(|| (!seen.insert(path.to_owned())).then_some("is there twice"));
        if let Some(why) = why {
            if folder.left_out.len() < MOST_TOLD {
                folder.left_out.push((rest.to_owned(), why.to_owned()));
            }
            continue;
        }
        let executable = entry.kind == EntryKind::Executable;
        folder.files.push(TreeFile { path: rest.to_owned(), id: entry.id, size: entry.size, executable });
    }
    for folder in found.folders.values_mut() {
        settle(folder);
    }
    found
}

/// No file where a folder is; and what differs by capital letters alone is told.
fn settle(folder: &mut FoundFolder) {
    folder.files.sort_by(|a, b| a.path.cmp(&b.path));
    let above: BTreeSet<String> = folder.files.iter().flat_map(|file| parents(&file.path)).collect();
    let (files, odd): (Vec<_>, Vec<_>) =
        std::mem::take(&mut folder.files).into_iter().partition(|file| !above.contains(&file.path));
    folder.files = files;
    folder
        .left_out
        .extend(odd.into_iter().map(|file| (file.path, "is a file and a folder at once".to_owned())));
    let mut folded: HashMap<String, &str> = HashMap::new();
    let mut alike = Vec::new();
    for file in &folder.files {
        if let Some(other) = folded.insert(file.path.to_lowercase(), &file.path) {
            alike.push((
                file.path.clone(),
                format!("differs from `{other}` by capital letters alone; both are taken"),
            ));
        }
    }
    folder.left_out.extend(alike);
    folder.left_out.truncate(MOST_TOLD);
}

fn parents(path: &str) -> impl Iterator<Item = String> + '_ {
    path.match_indices('/').map(|(at, _)| path[..at].to_owned())
}

fn tell(told: &mut Vec<String>, line: String) {
    match told.len() {
        len if len < MOST_TOLD => told.push(line),
        MOST_TOLD => told.push("and more".to_owned()),
        _ => {}
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Looks at a path of a tree: relative, plain, and nothing of `git`'s own.
///
/// # Errors
/// What is wrong with it, as the end of a sentence.
pub fn check_path(path: &[u8]) -> Result<&str, &'static str> {
    let text = std::str::from_utf8(path).map_err(|_| "has a name that is not UTF-8")?;
    if text.is_empty() || text.len() > LONGEST_PATH {
        return Err("is too long");
    }
    if text.chars().any(char::is_control) {
        return Err("has a control character in its name");
    }
    if text.starts_with('/') {
        return Err("is an absolute path");
    }
    let mut depth = 0;
    for part in text.split('/') {
        depth += 1;
        if part.is_empty() || part == "." || part == ".." {
            return Err("leaves its folder");
        }
        if part.len() > LONGEST_PART {
            return Err("has a name that no file system takes");
        }
        if is_gits_own(part) {
            return Err("is called as what belongs to git itself");
        }
    }
    if depth > DEEPEST { Err("lies more than 32 folders deep") } else { Ok(text) }
}

/// `.git` as any file system may read it: with other capitals, with what some do not see, or by its short name.
fn is_gits_own(part: &str) -> bool {
    let unseen = |c: char| matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    let plain: String = part.chars().filter(|c| !unseen(*c)).collect::<String>().to_lowercase();
    let plain = plain.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']);
    matches!(plain, ".git" | "git~1" | ".gitmodules")
}

/// What is wrong with the folder that pipelines are looked for in; empty is the top.
///
/// # Errors
/// In words.
pub fn check_folder(folder: &str) -> Result<(), String> {
    if folder.is_empty() {
        return Ok(());
    }
    check_path(folder.as_bytes()).map(drop).map_err(|why| format!("`{}` {why}", folder.escape_debug()))
}

/// Whether a file's content is no more than a word of where it lies in Git LFS.
#[must_use]
pub fn is_lfs_pointer(content: &[u8]) -> bool {
    content.len() < 1024 && content.starts_with(b"version https://git-lfs.github.com/spec/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: EntryKind, path: &str) -> TreeEntry {
        TreeEntry { kind, id: "a".repeat(40), size: 1, path: path.as_bytes().to_vec() }
    }

    #[test]
    fn records_are_read() {
        let id = "b".repeat(40);
        let read = TreeEntry::read(format!("100755 blob {id}      12\ta b/c.sh").as_bytes());
        let expected =
            TreeEntry { kind: EntryKind::Executable, id: id.clone(), size: 12, path: b"a b/c.sh".to_vec() };
        assert_eq!(read, Some(expected));
        let module = TreeEntry::read(format!("160000 commit {id}       -\tsub").as_bytes());
        assert_eq!(module.map(|entry| entry.kind), Some(EntryKind::Module));
        assert!(TreeEntry::read(b"garbage").is_none() && TreeEntry::read(b"100644 blob x 1\ta").is_none());
    }

    #[test]
    fn hostile_paths_are_told_and_not_taken() {
        let bad = [
            "../x",
            "a/../x",
            "/etc/passwd",
            ".git/config",
            "a/.GIT/hooks/x",
            "a/.g\u{200c}it/x",
            "a/git~1/x",
            "a//b",
            "a/./b",
            "a/x\r",
            "a/\u{1b}[2J",
            "a/.git./x",
            ".gitmodules",
        ];
        let long = format!("a/{}", "x".repeat(256));
        let deep = "a/".repeat(33) + "x";
        let entries = bad.iter().copied().chain([&*long, &*deep]).map(|path| entry(EntryKind::File, path));
        let found = sort(entries.collect(), |_| false);
        assert!(found.folders.values().all(|folder| folder.files.is_empty()), "{found:?}");
        assert_eq!(found.told.len(), bad.len() + 2);
        assert!(check_path(b"a/\xff").is_err() && check_path("a/ä b.py".as_bytes()).is_ok());
    }

    #[test]
    fn links_modules_and_doubles_are_left_out_with_a_word() {
        let file = EntryKind::File;
        let found = sort(
            vec![
                entry(file, "p/main.py"),
                entry(file, "p/main.py"),
                entry(EntryKind::Link, "p/out"),
                entry(EntryKind::Module, "p/sub"),
                entry(file, "p/lib"),
                entry(file, "p/lib/x.py"),
                entry(file, "p/MAIN.py"),
                entry(file, "p/__pycache__/x.pyc"),
                entry(file, "README.md"),
            ],
            |name| name == "__pycache__",
        );
        let folder = &found.folders["p"];
        let paths: Vec<&str> = folder.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["MAIN.py", "lib/x.py", "main.py"]);
        let told: Vec<&str> = folder.left_out.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(told, ["main.py", "out", "sub", "lib", "main.py"]);
        assert!(found.told.is_empty() && found.folders.len() == 1);
    }

    #[test]
    fn what_is_told_is_bounded() {
        let many = (0..500).map(|n| entry(EntryKind::File, &format!("../{n}"))).collect();
        assert_eq!(sort(many, |_| false).told.len(), MOST_TOLD + 1);
        assert!(
            is_lfs_pointer(b"version https://git-lfs.github.com/spec/v1\noid sha256:x\n")
                && !is_lfs_pointer(b"version 1")
        );
    }
}
