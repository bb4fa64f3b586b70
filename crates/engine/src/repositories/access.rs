//! How a repository is opened: a token goes in a header by a variable, a key lies in a file for as long as a sync takes. Neither is ever an
//! argument, nor part of an address.

use std::fs;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rigi_model::UploadId;
use rigi_model::repositories::{Address, RepositorySpec, Scheme};
use rigi_store::repositories::Opened;

use super::error::Failure;
use super::guard::Place;
use super::program::{Git, broken, quoted};
use super::settings::GitSettings;

/// What folders of syncs are called, below `tmp` in the data folder.
const NAMED: &str = "git-";

/// A folder for what one sync needs, which goes with it.
pub(super) struct Desk {
    folder: PathBuf,
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Desk {
    /// Makes it, for the account of the server alone.
    pub fn open(data: &Path) -> Result<Self, Failure> {
        let above = data.join("tmp");
        let folder = above.join(format!("{NAMED}{}", UploadId::generate()));
        let make = |path: &Path| fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        fs::create_dir_all(&above)
            .and_then(|()| make(&folder))
            .and_then(|()| make(&folder.join("home")))
            .map_err(|error| broken(&error))?;
        Ok(Self { folder })
    }

    /// Removes those that a killed server left.
    pub fn clear(data: &Path) {
        let entries = fs::read_dir(data.join("tmp")).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(NAMED)) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }

    /// A file of it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// An empty folder.
    pub fn home(&self) -> PathBuf {
        self.folder.join("home")
    }

    /// Writes a file that only the server's account reads.
    pub fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.file(name);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(text.as_bytes())?;
        Ok(path)
    }

    /// By which keys the host is known now.
    pub fn host_key(&self) -> Option<String> {
        let text = fs::read_to_string(self.file("known_hosts")).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty() && text.len() < 64 << 10)
    }
}

/// Whom to ask, and what is known of it.
pub(super) struct Asked<'a> {
    pub address: &'a Address,
    pub spec: &'a RepositorySpec,
    pub place: &'a Place,
    pub opened: &'a Opened,
    /// By which keys the host is known.
    pub host_key: Option<&'a str>,
}

/// The program for one repository.
pub(super) fn git(
    asked: &Asked<'_>,
    desk: &Desk,
    folder: PathBuf,
    settings: &GitSettings,
    deadline: Instant,
) -> Result<Git, Failure> {
    let address = asked.address;
    let mut git = Git {
        folder,
        home: desk.home(),
        protocols: settings.protocols.join(":"),
        variables: Vec::new(),
        configuration: settings.protocols.iter().map(|one| format!("protocol.{one}.allow=always")).collect(),
        size: settings.size,
        deadline,
        host: if address.host.is_empty() { address.path.clone() } else { address.host.clone() },
    };
    match address.scheme {
        Scheme::Ssh => git.variables.extend(ssh(asked, desk)?),
        Scheme::Https | Scheme::Http => {
            let all: Vec<String> = asked.place.addresses.iter().map(bracketed).collect();
            let host = address.host.as_str();
            if host.parse::<IpAddr>().is_err() {
                let resolved =
                    format!("http.curloptResolve={host}:{}:{}", address.port_or_default(), all.join(","));
                git.configuration.push(resolved);
            }
            git.variables.extend(token(asked));
        }
        Scheme::File => {}
    }
    Ok(git)
}

fn bracketed(address: &IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// The header is for this host alone, and redirects are not followed.
fn token(asked: &Asked<'_>) -> Vec<(String, String)> {
    let Some(token) = &asked.opened.token else { return Vec::new() };
    // GitHub, GitLab, Gitea and Bitbucket take a token as the password of these names.
    let user = asked.spec.user.as_deref().unwrap_or(match asked.address.host.as_str() {
        host if host.contains("bitbucket") => "x-token-auth",
        host if host.contains("gitlab") => "oauth2",
        _ => "x-access-token",
    });
    let header = format!("Authorization: Basic {}", STANDARD.encode(format!("{user}:{}", token.0)));
    let address = asked.address;
    let host = if address.host.contains(':') { format!("[{}]", address.host) } else { address.host.clone() };
    let port = address.port.map(|port| format!(":{port}")).unwrap_or_default();
    let of = format!("http.{}://{host}{port}/.extraHeader", address.scheme);
    [("GIT_CONFIG_COUNT", "1".to_owned()), ("GIT_CONFIG_KEY_0", of), ("GIT_CONFIG_VALUE_0", header)]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
}

fn ssh(asked: &Asked<'_>, desk: &Desk) -> Result<Vec<(String, String)>, Failure> {
    let key = asked.opened.private_key.as_ref().ok_or_else(|| {
        Failure::new(
            "the repository has no key to be opened with",
            "Make one, and add its public half at the host: `rigi repositories key NAME`.",
        )
    })?;
    let write = |name: &str, text: &str| desk.write(name, text).map_err(|error| broken(&error));
    let identity = write("key", &format!("{}\n", key.0.trim_end()))?;
    let known = asked.host_key.unwrap_or_default();
    let hosts = write("known_hosts", &format!("{known}\n"))?;
    // Known by its first key from the first time on, and by no other one after that.
    let strict = if known.is_empty() { "accept-new" } else { "yes" };
    let mut command = "ssh -F /dev/null".to_owned();
    let mut option = |text: &str| {
        command.push_str(" -o ");
        command.push_str(text);
    };
    for fixed in [
        "BatchMode=yes",
        "IdentitiesOnly=yes",
        "IdentityAgent=none",
        "GlobalKnownHostsFile=/dev/null",
        "HashKnownHosts=no",
        "UpdateHostKeys=no",
        "CheckHostIP=no",
        "ConnectTimeout=15",
        "ServerAliveInterval=10",
        "PreferredAuthentications=publickey",
        "PasswordAuthentication=no",
        "ForwardAgent=no",
        "ForwardX11=no",
        "ClearAllForwardings=yes",
        "PermitLocalCommand=no",
        "ProxyCommand=none",
        "ControlMaster=no",
        "ControlPath=none",
    ] {
        option(fixed);
    }
    option(&format!("StrictHostKeyChecking={strict}"));
    option(&format!("IdentityFile={}", quoted(&identity)));
    option(&format!("UserKnownHostsFile={}", quoted(&hosts)));
    option(&format!("HostKeyAlias={}", asked.address.host));
    if let Some(first) = asked.place.addresses.first() {
        option(&format!("HostName={first}"));
    }
    Ok(vec![("GIT_SSH_COMMAND".to_owned(), command), ("GIT_SSH_VARIANT".to_owned(), "ssh".to_owned())])
}
