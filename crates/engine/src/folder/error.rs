//! Why a folder cannot be captured, and what to do about it.

/// Why a folder cannot be captured.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// A symbolic link leads out of the folder.
    #[error("`{path}` is a link that leaves the folder (to `{target}`)")]
    LinkLeaves {
        /// The link.
        path: String,
        /// Where it leads.
        target: String,
    },
    /// Too much.
    #[error("the folder {what}")]
    TooLarge {
        /// What it holds and may hold.
        what: String,
        /// Configuration key that says so.
        key: &'static str,
    },
    /// Folders within folders, without an end.
    #[error("`{path}` lies more than 32 folders deep")]
    TooDeep {
        /// The folder.
        path: String,
    },
    /// Not UTF-8.
    #[error("`{path}` has a name that is not UTF-8")]
    Name {
        /// The name, its odd bytes as `\xe9`.
        path: String,
    },
    /// Cannot be read.
    #[error("`{path}` cannot be read: {source}")]
    Read {
        /// Which file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It changed while it was read, again and again.
    #[error("the folder keeps changing while it is read")]
    Changing,
    /// It cannot be kept.
    #[error(transparent)]
    Store(#[from] rigi_store::Error),
}

impl CaptureError {
    /// What to do, as a sentence; `None` where the error is the server's and no folder's.
    #[must_use]
    pub fn cure(&self) -> Option<String> {
        let cure = match self {
            Self::LinkLeaves { .. } => {
                "Copy what it leads to into the folder, or give it to runs as an input.".to_owned()
            }
            Self::TooLarge { key, .. } => {
                format!("Keep data out of the folder and give it as inputs, or raise `{key}`.")
            }
            Self::TooDeep { .. } => "Move it further up, or out of the folder.".to_owned(),
            Self::Name { .. } => "Rename it.".to_owned(),
            Self::Read { .. } => {
                "Give the account of the server the right to read it, or move it out of the folder."
                    .to_owned()
            }
            Self::Changing => "Keep what is written all the time out of the folder.".to_owned(),
            Self::Store(_) => return None,
        };
        Some(cure)
    }

    /// What it is about, below the folder; `None`: the folder as a whole.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::LinkLeaves { path, .. }
            | Self::TooDeep { path }
            | Self::Name { path }
            | Self::Read { path, .. } => Some(path),
            Self::TooLarge { .. } | Self::Changing | Self::Store(_) => None,
        }
    }
}
