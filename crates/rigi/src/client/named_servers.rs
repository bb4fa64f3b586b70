//! Servers that somebody has signed in to: their names, addresses and tokens, in a file that its owner alone may read.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedServer {
    /// Where it answers.
    pub url: String,
    /// Signs in there, and nowhere else.
    pub token: String,
    /// As whom.
    pub person: String,
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedServers {
    /// The one that is meant where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// By name.
    #[serde(default)]
    pub servers: BTreeMap<String, NamedServer>,
}

impl NamedServers {
    /// The file; `None` when there is no home.
    #[must_use]
    pub fn file() -> Option<PathBuf> {
        let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let config = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")))?;
        Some(config.join("rigi").join("servers.toml"))
    }

    /// What the file says; nothing where there is none.
    ///
    /// # Errors
    /// If it cannot be read, or is none of ours.
    pub fn read(file: &Path) -> io::Result<Self> {
        match fs::read_to_string(file) {
            Ok(text) => toml::from_str(&text).map_err(|error| io::Error::other(error.message().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, file: &Path) -> io::Result<()> {
        let folder = file.parent().unwrap_or(Path::new("."));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let text = toml::to_string(self).map_err(io::Error::other)?;
        let draft = folder.join(format!(".servers.{}", std::process::id()));
        let mut out =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        out.write_all(text.as_bytes())?;
        out.sync_all()?;
        fs::rename(draft, file)
    }

    /// The server of an address: a token goes to where it came from, and nowhere else.
    #[must_use]
    pub fn of_url(&self, url: &str) -> Option<&NamedServer> {
        let plain = |url: &str| url.trim_end_matches('/').to_ascii_lowercase();
        self.servers.values().find(|server| plain(&server.url) == plain(url))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn servers_are_kept_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rigi/servers.toml");
        assert_eq!(NamedServers::read(&file).unwrap(), NamedServers::default());
        let server = NamedServer {
            url: "https://rigi.example.org".into(),
            token: "rigi_d_x".into(),
            person: "Ada".into(),
        };
        let all = NamedServers {
            current: Some("lab".into()),
            servers: [("lab".to_owned(), server.clone())].into(),
        };
        all.write(&file).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let read = NamedServers::read(&file).unwrap();
        assert_eq!(read, all);
        assert_eq!(read.of_url("HTTPS://rigi.example.org/"), Some(&server));
        assert_eq!(read.of_url("https://rigi.example.org.evil.example"), None);
        fs::write(&file, "nonsense = [").unwrap();
        assert!(NamedServers::read(&file).is_err());
    }
}
