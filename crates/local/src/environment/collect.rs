//! Removes environments that nothing has used for long.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::{Environments, build, lock};

/// Its age is the time since the environment's last use.
pub const USED: &str = "used";

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Environments.
    pub count: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Environments {
    /// Removes environments that are not in `keep` and were last used longer than `older_than` before `now`. Only
    /// folders that carry an environment's marks are touched, and none that is being built.
    #[must_use]
    pub fn collect(&self, keep: &HashSet<String>, older_than: Duration, now: SystemTime) -> Collected {
        let building: HashSet<String> = lock(&self.builds)
            .iter()
            .filter(|(_, build)| build.strong_count() > 0)
            .map(|(hash, _)| hash.clone())
            .collect();
        let mut collected = Collected::default();
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let Ok(hash) = entry.file_name().into_string() else { continue };
            let folder = entry.path();
            if keep.contains(&hash) || building.contains(&hash) || !is_ours(&folder) {
                continue;
            }
            let used = last_use(&folder).unwrap_or(SystemTime::UNIX_EPOCH);
            if now.duration_since(used).is_ok_and(|age| age > older_than) {
                lock(&self.messages).remove(&hash);
                let bytes = size(&folder);
                // The mark first: what is half removed is never taken for whole.
                let _ = fs::remove_file(folder.join(build::COMPLETE));
                if fs::remove_dir_all(&folder).is_ok() {
                    collected.count += 1;
                    collected.bytes += bytes;
                }
            }
        }
        if building.is_empty() {
            collected.bytes += self.forget_packages(older_than, now);
        }
        collected
    }

    /// Removes packages that were fetched, if nothing was built from them for so long. Returns their bytes.
    fn forget_packages(&self, older_than: Duration, now: SystemTime) -> u64 {
        let (cache, mark) = (self.uv.own_cache(), self.uv.cache_mark());
        let built = fs::metadata(&mark).and_then(|facts| facts.modified());
        if !built.is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age > older_than)) {
            return 0;
        }
        // At once, so that no build finds half of it.
        let gone = cache.with_extension("gone");
        let _ = fs::remove_file(&mark);
        if fs::rename(&cache, &gone).is_err() {
            return 0;
        }
        let bytes = size(&gone);
        let _ = fs::remove_dir_all(&gone);
        bytes
    }
}

fn is_ours(folder: &Path) -> bool {
    folder.join(build::COMPLETE).is_file() || folder.join("build.log").is_file()
}

fn last_use(folder: &Path) -> Option<SystemTime> {
    let file = [USED, build::COMPLETE, "build.log"].into_iter().find(|name| folder.join(name).is_file())?;
    fs::metadata(folder.join(file)).ok()?.modified().ok()
}

fn size(folder: &Path) -> u64 {
    crate::supervisor::bytes_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::UvConfig;

    #[test]
    fn packages_go_when_nothing_was_built_from_them_for_long() {
        let dir = tempfile::tempdir().unwrap();
        let tools = dir.path().join("tools");
        let environments =
            Environments::new(dir.path().join("environments"), tools.clone(), UvConfig::default());
        fs::create_dir_all(tools.join("packages/wheels")).unwrap();
        fs::write(tools.join("packages/wheels/a"), "12345").unwrap();
        let collect = |seconds: u64| {
            let later = SystemTime::now() + Duration::from_secs(seconds);
            environments.collect(&HashSet::new(), Duration::from_secs(100), later)
        };
        // Without the mark nobody knows whose they are.
        assert_eq!(collect(1000), Collected::default());
        fs::write(tools.join("packages.used"), "").unwrap();
        assert_eq!(collect(10), Collected::default());
        assert!(tools.join("packages/wheels/a").is_file());
        assert!(collect(1000).bytes >= 5);
        assert_eq!(fs::read_dir(&tools).unwrap().count(), 0);
    }
}
