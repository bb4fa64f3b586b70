//! Finds the server that a command is meant for.
//!
//! In this order: a name or an address given by flag or variable; a data folder given; the nearest `.rigi`: in the current
//! folder, in its subfolders, in its parents; the server that was signed in to and chosen; the only server of this user that runs on
//! this machine.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rigi_model::Timestamp;
use rigi_store::FolderLock;
use serde::{Deserialize, Serialize};

use super::named_servers::NamedServers;

/// What a running server writes to `server.json` in its data folder, readable by its owner alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServerFile {
    /// Where people reach it.
    pub url: String,
    /// Where commands of this machine reach it, if not there: what has TLS of its own, or stands behind a proxy, answers here without.
    #[serde(default)]
    pub local: Option<String>,
    /// Signs commands of this machine in.
    pub token: String,
    /// Its process.
    pub pid: u32,
    /// The pipelines folder.
    pub pipelines_folder: String,
    /// Its version.
    pub version: String,
    /// Since when it runs.
    pub started_at: Timestamp,
}

impl ServerFile {
    /// Name of the file in the data folder.
    pub const NAME: &'static str = "server.json";

    /// What a data folder says, if a server has it: its lock is held. The number of its process says nothing: it may be that
    /// of another one, after a restart or in another container.
    #[must_use]
    pub fn of_running(data: &Path) -> Option<Self> {
        let path = data.join(Self::NAME);
        // Somebody else's file could send our runs to their server: a shared folder such as `/tmp` is enough.
        if std::fs::metadata(&path).ok()?.uid() != rustix::process::geteuid().as_raw() {
            return None;
        }
        let text = std::fs::read_to_string(path).ok()?;
        let file: Self = serde_json::from_str(&text).ok()?;
        FolderLock::is_held(data).then_some(file)
    }

    /// The server, for commands of this machine.
    #[must_use]
    pub fn place(self, data: Option<PathBuf>) -> ServerPlace {
        let (url, public) = match self.local {
            Some(local) => (local, Some(self.url)),
            None => (self.url, None),
        };
        ServerPlace { url, public, token: Some(self.token), data, pid: Some(self.pid) }
    }
}

/// A server to talk to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerPlace {
    /// Where it answers.
    pub url: String,
    /// Where people reach it, if not there.
    pub public: Option<String>,
    /// Signs in.
    pub token: Option<String>,
    /// Its data folder, where it was found by that.
    pub data: Option<PathBuf>,
    /// Its process, where it was found by its data folder.
    pub pid: Option<u32>,
}

/// Where to look.
#[derive(Debug, Clone, Default)]
pub struct SearchPlace {
    /// `--url` or `RIGI_URL`.
    pub url: Option<String>,
    /// `--token` or `RIGI_TOKEN`.
    pub token: Option<String>,
    /// `--data` or `RIGI_DATA`.
    pub data: Option<PathBuf>,
    /// The current folder.
    pub current: PathBuf,
    /// The list of running servers.
    pub list: Option<PathBuf>,
    /// `--server` or `RIGI_SERVER`.
    pub server: Option<String>,
    /// Servers that somebody has signed in to.
    pub named: NamedServers,
}

/// No server, or too many.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// None runs.
    #[error("no Rigi server was found")]
    None,
    /// None runs on the data folder that was named.
    #[error("no Rigi server runs on {}", .0.display())]
    NotOn(PathBuf),
    /// Nobody has signed in to one of this name.
    #[error("there is no server called `{0}`")]
    NoName(String),
    /// More than one runs, and none is nearer than the others.
    #[error("{} Rigi servers run here; say which one", .0.len())]
    Several(Vec<PathBuf>),
}

/// Finds the server.
///
/// # Errors
/// When there is none, or more than one.
pub fn find(place: &SearchPlace) -> Result<ServerPlace, FindError> {
    let of_name = |name: &String| {
        let server = place.named.servers.get(name).ok_or_else(|| FindError::NoName(name.clone()))?;
        let token = place.token.clone().or_else(|| Some(server.token.clone()));
        Ok(ServerPlace { url: server.url.clone(), public: None, token, data: None, pid: None })
    };
    if let Some(name) = &place.server {
        return of_name(name);
    }
    if let Some(url) = &place.url {
        let kept = || Some(place.named.of_url(url)?.token.clone());
        let token = place.token.clone().or_else(|| token_in(place.data.as_deref()?)).or_else(kept);
        return Ok(ServerPlace { url: url.clone(), public: None, token, data: None, pid: None });
    }
    let open = |data: &Path| {
        let file = ServerFile::of_running(data)?;
        let found = file.place(Some(data.to_owned()));
        Some(ServerPlace { token: place.token.clone().or(found.token), ..found })
    };
    if let Some(data) = &place.data {
        return open(data).ok_or_else(|| FindError::NotOn(data.clone()));
    }
    let near = near(&place.current);
    let running: Vec<ServerPlace> = near.iter().filter_map(|data| open(data)).collect();
    match near.into_iter().next() {
        // Who stands beside the data of a server that has ended does not mean some other server of this machine.
        Some(data) if running.is_empty() => return Err(FindError::NotOn(data)),
        Some(_) => return only(running),
        None => {}
    }
    if let Some(name) = &place.named.current {
        return of_name(name);
    }
    let listed = place.list.as_deref().map(read_list).unwrap_or_default();
    only(listed.iter().filter_map(|data| open(data)).collect())
}

/// The token that a data folder keeps. Whoever names both an address and a folder means it for there.
fn token_in(data: &Path) -> Option<String> {
    let token = std::fs::read_to_string(data.join("token")).ok()?;
    Some(token.trim().to_owned()).filter(|token| !token.is_empty())
}

fn only(mut found: Vec<ServerPlace>) -> Result<ServerPlace, FindError> {
    match found.len() {
        0 => Err(FindError::None),
        1 => Ok(found.remove(0)),
        _ => Err(FindError::Several(found.into_iter().filter_map(|server| server.data).collect())),
    }
}

/// The data folders nearest to a folder: its own, else those of its subfolders, else that of its nearest parent.
fn near(folder: &Path) -> Vec<PathBuf> {
    // A folder with very many entries is no place where somebody keeps pipelines side by side.
    const MOST: usize = 2000;
    let own = folder.join(".rigi");
    if is_ours(&own) {
        return vec![own];
    }
    let entries = std::fs::read_dir(folder).into_iter().flatten().take(MOST).flatten();
    let mut below: Vec<PathBuf> =
        entries.map(|entry| entry.path().join(".rigi")).filter(|data| is_ours(data)).collect();
    below.sort();
    if !below.is_empty() {
        return below;
    }
    let above = folder.ancestors().skip(1).map(|parent| parent.join(".rigi")).find(|data| is_ours(data));
    above.into_iter().collect()
}

/// Whether commands in a folder find a data folder by themselves.
#[must_use]
pub fn finds(current: &Path, data: &Path) -> bool {
    let whole = |path: &Path| path.canonicalize().ok();
    // It is not made yet: where it will be is enough.
    let beside = data.parent().and_then(whole) == whole(current) && data.ends_with(".rigi");
    beside || matches!(&near(current)[..], [one] if whole(one) == whole(data))
}

/// A folder of this user: others may leave what they want in a shared place such as `/tmp`.
fn is_ours(data: &Path) -> bool {
    let facts = std::fs::metadata(data);
    // What a server left that never came to serve hides none that does.
    let used = || [ServerFile::NAME, "secret.key", "rigi.db"].iter().any(|file| data.join(file).exists());
    facts.is_ok_and(|facts| facts.is_dir() && facts.uid() == rustix::process::geteuid().as_raw()) && used()
}

fn read_list(path: &Path) -> BTreeSet<PathBuf> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// Where the servers of this user are listed: a JSON list of data folders. `None` when there is no home.
#[must_use]
pub fn running_servers_file() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))?;
    Some(state.join("rigi").join("servers.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server leaves; it has ended once the lock is dropped.
    fn server(data: &Path) -> FolderLock {
        std::fs::create_dir_all(data).unwrap();
        let file = ServerFile {
            url: format!("http://127.0.0.1/{}", data.display()),
            local: None,
            token: "t".to_owned(),
            pid: 1,
            pipelines_folder: String::new(),
            version: String::new(),
            started_at: Timestamp(0),
        };
        std::fs::write(data.join(ServerFile::NAME), serde_json::to_string(&file).unwrap()).unwrap();
        FolderLock::take(data, "a test").unwrap()
    }

    fn place(current: &Path) -> SearchPlace {
        SearchPlace {
            current: current.to_owned(),
            list: Some(current.join("servers.json")),
            ..SearchPlace::default()
        }
    }

    #[test]
    fn the_nearest_server_is_found() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("project/deep");
        std::fs::create_dir_all(&inner).unwrap();
        assert_eq!(find(&place(&inner)).unwrap_err(), FindError::None);

        let (far, middle) = (root.path().join("elsewhere/.rigi"), root.path().join("project/.rigi"));
        let _far = server(&far);
        assert_eq!(find(&place(root.path())).unwrap().data, Some(far.clone()), "in a subfolder");
        assert_eq!(find(&place(&inner)).unwrap_err(), FindError::None);
        std::fs::write(inner.join("servers.json"), serde_json::to_string(&[&far]).unwrap()).unwrap();
        assert_eq!(find(&place(&inner)).unwrap().data, Some(far.clone()), "by the list");
        let _middle = server(&middle);
        assert_eq!(find(&place(&inner)).unwrap().data, Some(middle.clone()), "in a parent");
        // Its process had number 1, which is there.
        drop(server(&inner.join(".rigi")));
        assert_eq!(
            find(&place(&inner)).unwrap_err(),
            FindError::NotOn(inner.join(".rigi")),
            "the nearest has ended"
        );

        // A start that failed left this.
        std::fs::create_dir_all(root.path().join("other/.rigi")).unwrap();
        std::fs::write(root.path().join("other/.rigi/lock"), "").unwrap();
        let listed =
            SearchPlace { list: Some(inner.join("servers.json")), ..place(&root.path().join("other")) };
        std::fs::rename(&middle, root.path().join("away")).unwrap();
        assert_eq!(find(&listed).unwrap().data, Some(far.clone()), "by the list, past an empty folder");
        std::fs::rename(root.path().join("away"), &middle).unwrap();

        let named = SearchPlace { data: Some(far.clone()), ..place(&inner) };
        assert_eq!(find(&named).unwrap().data, Some(far.clone()));
        let given = SearchPlace { url: Some("http://x".to_owned()), ..place(&inner) };
        let found = find(&given).unwrap();
        assert_eq!((found.url.as_str(), found.token), ("http://x", None));
        // Its folder, if it is named too, has the token; one that is given counts more.
        std::fs::write(far.join("token"), "of-the-folder\n").unwrap();
        let both = SearchPlace { data: Some(far.clone()), ..given };
        assert_eq!(find(&both).unwrap().token.as_deref(), Some("of-the-folder"));
        let all = SearchPlace { token: Some("given".to_owned()), ..both };
        assert_eq!(find(&all).unwrap().token.as_deref(), Some("given"));
        let several = vec![far, middle];
        assert_eq!(find(&place(root.path())).unwrap_err(), FindError::Several(several));
    }
}
