//! Servers that somebody has signed in to: their names, addresses and tokens, in a file that its owner alone may read.
//!
//! A file and no keyring: what signs in here is used by jobs, over SSH and in containers, where none is unlocked, or there is none; and to
//! speak to one takes D-Bus, which a static binary would have to bring.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
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
    /// Others could read the file until now: whoever uses it is to be told.
    #[serde(skip)]
    pub was_open: bool,
}

impl NamedServers {
    /// The file; `None` when there is no home.
    #[must_use]
    pub fn file() -> Option<PathBuf> {
        let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let config = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")))?;
        Some(config.join("rigi").join("servers.toml"))
    }

    /// What the file says; nothing where there is none. One that others could read is closed to them.
    ///
    /// # Errors
    /// If it cannot be read, belongs to somebody else, or is none of ours.
    pub fn read(file: &Path) -> io::Result<Self> {
        let mut open = match fs::File::open(file) {
            Ok(open) => open,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let was_open = close_to_others(&open)?;
        let mut text = String::new();
        open.read_to_string(&mut text)?;
        let read = toml::from_str(&text).map_err(|error| io::Error::other(error.message().to_owned()));
        read.map(|servers| Self { was_open, ..servers })
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, file: &Path) -> io::Result<()> {
        let folder = file.parent().unwrap_or(Path::new("."));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let facts = fs::metadata(folder)?;
        if facts.mode() & 0o077 != 0 && facts.uid() == rustix::process::geteuid().as_raw() {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        }
        let text = toml::to_string(self).map_err(io::Error::other)?;
        let draft = folder.join(format!(".servers.{}", std::process::id()));
        // What a process of this number has left, or somebody has laid there, is not written into.
        let _ = fs::remove_file(&draft);
        let mut out = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        let written = out.write_all(text.as_bytes()).and_then(|()| out.sync_all());
        if let Err(error) = written.and_then(|()| fs::rename(&draft, file)) {
            let _ = fs::remove_file(&draft);
            return Err(error);
        }
        // The name is durable with its folder; where that cannot be, it is so soon.
        let _ = fs::File::open(folder).and_then(|folder| folder.sync_all());
        Ok(())
    }

    /// The server of an address: a token goes to where it came from, and nowhere else.
    #[must_use]
    pub fn of_url(&self, url: &str) -> Option<&NamedServer> {
        let plain = |url: &str| url.trim_end_matches('/').to_ascii_lowercase();
        self.servers.values().find(|server| plain(&server.url) == plain(url))
    }
}

/// Tokens that others could read are not kept so; whether they were.
fn close_to_others(open: &fs::File) -> io::Result<bool> {
    let (facts, own) = (open.metadata()?, rustix::process::geteuid());
    if facts.uid() != own.as_raw() && !own.is_root() {
        return Err(io::Error::other("it belongs to another account, which would choose where tokens go"));
    }
    let was_open = facts.mode() & 0o077 != 0;
    if was_open {
        open.set_permissions(fs::Permissions::from_mode(0o600))?;
    }
    Ok(was_open)
}

#[cfg(test)]
mod tests {
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
            was_open: false,
        };
        all.write(&file).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let read = NamedServers::read(&file).unwrap();
        assert_eq!(read, all);
        assert_eq!(read.of_url("HTTPS://rigi.example.org/"), Some(&server));
        assert_eq!(read.of_url("https://rigi.example.org.evil.example"), None);
        let folder = file.parent().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        // What others could read is closed to them, at the next look and the next change.
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(NamedServers::read(&file).unwrap(), NamedServers { was_open: true, ..all.clone() });
        assert_eq!(mode(&file), 0o600);
        assert_eq!(NamedServers::read(&file).unwrap(), all);
        // A link that somebody has laid where the draft comes leads nowhere.
        let (draft, elsewhere) =
            (folder.join(format!(".servers.{}", std::process::id())), folder.join("elsewhere"));
        std::os::unix::fs::symlink(&elsewhere, &draft).unwrap();
        all.write(&file).unwrap();
        assert_eq!((mode(folder), mode(&file)), (0o700, 0o600));
        assert!(!elsewhere.exists() && fs::symlink_metadata(&draft).is_err());
        assert!(fs::symlink_metadata(&file).unwrap().is_file());
        fs::write(&file, "nonsense = [").unwrap();
        assert!(NamedServers::read(&file).is_err());
    }
}
