//! Folders of the machine in which triggers may look for files.

use std::path::{Path, PathBuf};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchedFolders {
    /// Any: whoever writes pipelines may read what the server may.
    Any,
    /// These, and what lies below them.
    These(Vec<PathBuf>),
}

impl WatchedFolders {
    /// A folder by its true path, if it may be looked at. Rigi's own data may not.
    ///
    /// # Errors
    /// In words.
    pub fn check(&self, folder: &Path, data: &Path) -> Result<PathBuf, String> {
        let shown = folder.display();
        let refused = || {
            format!(
                "triggers may not look into {shown}; `triggers.folders` of the server's configuration says where they may"
            )
        };
        // Whether there is such a folder is nobody's business who may not look into it.
        if let Self::These(folders) = self
            && !folders.iter().any(|may| folder.starts_with(may))
        {
            return Err(refused());
        }
        let there =
            folder.canonicalize().map_err(|error| format!("the folder {shown} cannot be read: {error}"))?;
        let data = data.canonicalize().unwrap_or_else(|_| data.to_owned());
        if there.starts_with(&data) || data.starts_with(&there) {
            return Err(format!("the folder {shown} holds the server's own data"));
        }
        if let Self::These(folders) = self
            && !folders.iter().filter_map(|may| may.canonicalize().ok()).any(|may| there.starts_with(may))
        {
            return Err(refused());
        }
        match there == folder {
            true => Ok(there),
            false => Err(format!("the folder {shown} is reached by a link: name {}", there.display())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_is_looked_at_and_never_the_data() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        for name in ["in/deep", "other", "data/tmp"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
        }
        std::os::unix::fs::symlink(root.join("other"), root.join("in/link")).unwrap();
        let data = root.join("data");
        let these = WatchedFolders::These(vec![root.join("in")]);
        let ok = |of: &WatchedFolders, name: &str| of.check(&root.join(name), &data).is_ok();
        assert!(ok(&these, "in") && ok(&these, "in/deep"));
        for wrong in ["other", "in/link", "in/../other", "none", "data", "data/tmp", ""] {
            assert!(!ok(&these, wrong), "{wrong}");
        }
        assert!(ok(&WatchedFolders::Any, "other"));
        for wrong in ["data", "data/tmp", "in/link", ""] {
            assert!(!ok(&WatchedFolders::Any, wrong), "{wrong}");
        }
        assert!(WatchedFolders::These(Vec::new()).check(&root.join("in"), &data).is_err());
    }
}
