//! The doors at which runners knock: a socket that is mounted into this machine's containers, and a port for those of
//! other machines, if one is set.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rigi_model::ErrorCode;
use rigi_server::door::{self, Patience};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;

use super::listen;
use crate::config::Config;
use crate::trouble::Trouble;

/// Open doors that nobody answers at yet.
pub(crate) struct Doors {
    socket: UnixListener,
    port: Option<TcpListener>,
}

/// The folder of the socket, in the data folder. It is mounted as a whole: another server makes another socket.
pub(crate) fn folder(data: &Path) -> PathBuf {
    data.join("runners")
}

impl Doors {
    /// Opens them.
    pub(crate) async fn open(config: &Config, data: &Path) -> Result<Self, Trouble> {
        let folder = folder(data);
        let path = folder.join("sock");
        let bound = || {
            fs::DirBuilder::new().recursive(true).mode(0o755).create(&folder)?;
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            // The data folder above is closed to all others, and a path may be longer than an address may.
            let open = fs::File::open(&folder)?;
            let short = format!("/proc/self/fd/{}/sock", std::os::fd::AsRawFd::as_raw_fd(&open));
            let socket = UnixListener::bind(short)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o666))?;
            Ok(socket)
        };
        let socket = bound().map_err(|error| {
            let message = format!("the socket for containers ({}) cannot be made: {error}", path.display());
            Trouble::new(
                ErrorCode::StorageUnavailable,
                message,
                "check the rights and the disk of the data folder",
            )
        })?;
        let port = match config.runners.bind {
            None => None,
            Some(address) => Some(TcpListener::bind(address).await.map_err(|error| {
                let message = format!("cannot listen on {address} for runners: {error}");
                Trouble::new(ErrorCode::ConfigInvalid, message, "check `runners.bind`")
            })?),
        };
        Ok(Self { socket, port })
    }

    /// Answers until the server stops.
    pub(crate) fn serve(self, router: &axum::Router, stop: &watch::Receiver<bool>) {
        let (gate, patience) = (listen::gate(), Patience::default());
        let socket = door::serve(self.socket, router.clone(), gate, patience, stop.clone());
        tokio::spawn(socket);
        if let Some(port) = self.port {
            tokio::spawn(door::serve(port, router.clone(), listen::gate(), patience, stop.clone()));
        }
    }
}
