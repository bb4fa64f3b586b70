//! Where things lie in the data folder: the one place that knows, for the server's side and the supervisor's.

use std::path::{Path, PathBuf};

use rigi_model::AttemptKey;

/// The data folder.
#[derive(Debug, Clone)]
pub struct Layout {
    data: PathBuf,
}

impl Layout {
    /// `data` must be absolute: the supervisor has another current directory.
    pub const fn new(data: PathBuf) -> Self {
        Self { data }
    }

    /// The data folder itself.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The supervisor's own folder.
    pub fn supervisor(&self) -> PathBuf {
        self.data.join("supervisor")
    }

    /// The supervisor's socket.
    pub fn socket(&self) -> PathBuf {
        self.data.join("supervisor/sock")
    }

    /// Attempts' folders.
    pub fn runs(&self) -> PathBuf {
        self.data.join("runs")
    }

    /// One attempt's folder.
    pub fn attempt(&self, key: &AttemptKey) -> PathBuf {
        self.data.join(format!("runs/{key}"))
    }

    /// The parameters of every attempt that has none.
    pub fn no_parameters(&self) -> PathBuf {
        self.data.join("tools/no-parameters.json")
    }

    /// Helper programs.
    pub fn tools(&self) -> PathBuf {
        self.data.join("tools")
    }

    /// Python environments.
    pub fn environments(&self) -> PathBuf {
        self.data.join("environments")
    }
}

/// Names within an attempt's folder.
pub mod name {
    /// The current directory: a copy of the code.
    pub const WORK: &str = "work";
    /// `TMPDIR` and `HOME`.
    pub const TMP: &str = "tmp";
    /// `RIGI_PARAMS`.
    pub const PARAMS: &str = "params.json";
    /// `RIGI_INPUTS`.
    pub const INPUTS: &str = "inputs";
    /// `RIGI_OUTPUTS`.
    pub const OUTPUTS: &str = "outputs";
    /// `RIGI_EVENTS`.
    pub const EVENTS: &str = "events";
    /// `FASTFLOW_ROUTE_FILE`.
    pub const ROUTE: &str = "route";
    /// The log, once it has outgrown memory.
    pub const LOG: &str = "log";
}

/// A path to the socket in this open folder that is short enough for every system.
pub fn short_socket(folder: &std::fs::File) -> PathBuf {
    use std::os::fd::AsRawFd;
    PathBuf::from(format!("/proc/self/fd/{}/sock", folder.as_raw_fd()))
}
