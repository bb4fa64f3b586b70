//! Files that a trigger waits for: which ones it means, and which of those that are there are new. Pure: time is a parameter.

use std::collections::HashMap;
use std::time::Duration;

use globset::{GlobBuilder, GlobMatcher};

use super::lines::id_of;
use crate::Timestamp;

/// What stands before a pattern below the project's storage.
const STORAGE: &str = "storage:";
/// Bytes of a pattern at most.
const LONGEST: usize = 1024;

/// Which files are meant.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// Whether they lie in the project's storage; else on the server's machine.
    pub stored: bool,
    /// The folder below which all of them lie, without `/` at its end.
    pub folder: String,
    /// Whether they may lie in folders below it.
    pub deep: bool,
    matcher: GlobMatcher,
}

/// A file that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// Its whole path, or key.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// When it was changed last.
    pub modified: Timestamp,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// In words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (stored, path) = match text.strip_prefix(STORAGE) {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if path.len() > LONGEST {
            return Err(format!("it has more than {LONGEST} bytes"));
        }
        if stored == path.starts_with('/') {
            return Err(
                "it is an absolute path such as `/data/in/*.csv`, or `storage:` and one below the project's \
                        storage such as `storage:incoming/*.csv`"
                    .to_owned(),
            );
        }
        let below = path.trim_start_matches('/');
        if below.split('/').any(|part| matches!(part, "" | "." | "..")) || below.contains(char::is_control) {
            return Err("it has an empty part, `.`, `..` or a control character in it".to_owned());
        }
        let parts: Vec<&str> = below.split('/').collect();
        let fixed = parts.iter().take(parts.len() - 1).take_while(|part| !is_wild(part)).count();
        if fixed == 0 {
            return Err("it begins with a folder that has no `*`, `?`, `[` or `{` in it".to_owned());
        }
        let folder = parts[..fixed].join("/");
        if stored && ["blobs", "logs", "runs"].contains(&parts[0]) {
            return Err(format!("`{}` is where Rigi keeps its own files", parts[0]));
        }
        let glob = GlobBuilder::new(path)
            .literal_separator(true)
            .build()
            .map_err(|error| error.kind().to_string())?;
        Ok(Self {
            stored,
            folder: if stored { folder } else { format!("/{folder}") },
            deep: fixed + 1 < parts.len(),
            matcher: glob.compile_matcher(),
        })
    }

    /// Whether a path is one of those.
    #[must_use]
    pub fn means(&self, path: &str) -> bool {
        self.matcher.is_match(path)
    }
}

fn is_wild(part: &str) -> bool {
    part.contains(['*', '?', '[', '{'])
}

impl FoundFile {
    /// Names it as it is now: changed, it is another.
    #[must_use]
    pub fn event(&self) -> String {
        id_of(&format!("{}@{}-{}", self.path, self.modified.0, self.size))
    }

    /// The last part of its path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

/// Files that are still being written, as far as one knows.
#[derive(Debug, Clone, Default)]
pub struct Settling {
    since: HashMap<String, (String, Timestamp)>,
}

impl Settling {
    /// Those that have not changed for `settle`, by their own time or by what was seen before; the others are remembered.
    pub fn settled(&mut self, files: Vec<FoundFile>, settle: Duration, now: Timestamp) -> Vec<FoundFile> {
        let before = std::mem::take(&mut self.since);
        let (done, rest): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| {
            let old = file.modified <= now && now.since(file.modified) >= settle;
            let same = before
                .get(&file.path)
                .is_some_and(|(event, since)| *event == file.event() && now.since(*since) >= settle);
            old || same
        });
        for file in rest {
            let event = file.event();
            let since = match before.get(&file.path) {
                Some((known, since)) if *known == event => *since,
                _ => now,
            };
            self.since.insert(file.path, (event, since));
        }
        done
    }

    /// Whether any is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.since.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_say_where_and_which() {
        let one = Pattern::parse("/data/in/*.csv").unwrap();
        assert_eq!((one.folder.as_str(), one.deep, one.stored), ("/data/in", false, false));
        assert!(
            one.means("/data/in/a.csv") && !one.means("/data/in/b/a.csv") && !one.means("/data/in/a.txt")
        );
        let deep = Pattern::parse("storage:incoming/**/*.{csv,tsv}").unwrap();
        assert_eq!((deep.folder.as_str(), deep.deep, deep.stored), ("incoming", true, true));
        assert!(
            deep.means("incoming/a/b/x.tsv") && deep.means("incoming/x.csv") && !deep.means("other/x.csv")
        );
        assert_eq!(Pattern::parse("/data/in/exactly.csv").unwrap().folder, "/data/in");
        for wrong in [
            "data/*.csv",
            "/*.csv",
            "/data/../etc/*",
            "/data//x",
            "storage:/in/*",
            "storage:*.csv",
            "storage:blobs/*",
            "/data/[",
            "/data/./x",
            "",
            "storage:",
            "/d\u{0}/x",
        ] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_still_changes_is_waited_for() {
        let at = |seconds: i64| Timestamp(seconds * 1_000_000);
        let file = |size, seconds| FoundFile { path: "/in/a".to_owned(), size, modified: at(seconds) };
        let (mut settling, settle) = (Settling::default(), Duration::from_secs(5));
        assert_eq!(settling.settled(vec![file(1, 100)], settle, at(105)), vec![file(1, 100)]);
        assert!(settling.settled(vec![file(2, 104)], settle, at(105)).is_empty() && !settling.is_empty());
        assert_eq!(settling.settled(vec![file(2, 104)], settle, at(109)), vec![file(2, 104)]);
        // A clock that is ahead.
        assert!(settling.settled(vec![file(3, 900)], settle, at(110)).is_empty());
        assert!(settling.settled(vec![file(4, 900)], settle, at(114)).is_empty());
        assert!(settling.settled(vec![file(4, 900)], settle, at(118)).is_empty());
        assert_eq!(settling.settled(vec![file(4, 900)], settle, at(119)), vec![file(4, 900)]);
        assert!(settling.is_empty());
        assert_ne!(file(1, 1).event(), file(1, 2).event());
    }
}
