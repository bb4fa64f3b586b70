//! Where things lie in the data folder: the one place that knows, for the server's side and the supervisor's.

use std::path::{Path, PathBuf};

use rigi_model::AttemptKey;

/// The data folder, and where runs have another account, what lies outside of it for them to reach.
#[derive(Debug, Clone)]
pub struct Layout {
    data: PathBuf,
    open: Option<PathBuf>,
}

impl Layout {
    /// `data` must be absolute: the supervisor has another current directory.
    pub const fn new(data: PathBuf) -> Self {
        Self { data, open: None }
    }

    /// With what runs must reach in another folder, also absolute: the data folder is closed to them.
    #[must_use]
    pub fn with_open(self, open: Option<PathBuf>) -> Self {
        Self { open, ..self }
    }

    /// The folder of what runs must reach, if it is not the data folder.
    pub fn open(&self) -> Option<&Path> {
        self.open.as_deref()
    }

    fn reached(&self) -> &Path {
        self.open.as_ref().unwrap_or(&self.data)
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
        self.reached().join("runs")
    }

    /// One attempt's folder.
    pub fn attempt(&self, key: &AttemptKey) -> PathBuf {
        self.reached().join(format!("runs/{key}"))
    }

    /// The parameters of every attempt that has none.
    pub fn no_parameters(&self) -> PathBuf {
        self.reached().join("tools/no-parameters.json")
    }

    /// Helper programs.
    pub fn tools(&self) -> PathBuf {
        self.reached().join("tools")
    }

    /// Credentials of attempts, a folder each.
    pub fn credentials(&self) -> PathBuf {
        self.reached().join("credentials")
    }

    /// Python environments.
    pub fn environments(&self) -> PathBuf {
        self.reached().join("environments")
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
    /// `RIGI_SECRETS`.
    pub const SECRETS: &str = "secrets";
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
