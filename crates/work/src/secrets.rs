//! What an attempt is given that nobody else may read. It goes with its plan, through memory and encrypted connections alone, and is
//! written down nowhere but in the attempt's own folder.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanSecrets {
    /// Files to be put below `$RIGI_SECRETS`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<SecretFile>,
    /// What is covered in all that the attempt says; see [`crate::mask`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covered: Vec<String>,
    /// What the image is pulled with, as the secret has it. For executors alone: no runner is told.
    #[serde(skip)]
    pub registry: Option<String>,
    /// Versions of the project's secrets among them, for the run's story; runners need not know.
    #[serde(skip)]
    pub versions: BTreeMap<String, i64>,
}

/// A secret as a file.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretFile {
    /// Its name in the folder: one path segment.
    pub name: String,
    /// What it holds.
    pub content: String,
}

impl PlanSecrets {
    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.files.is_empty() && self.covered.is_empty()
    }
}

impl std::fmt::Debug for PlanSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PlanSecrets({} files, {} values)", self.files.len(), self.covered.len())
    }
}

impl std::fmt::Debug for SecretFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretFile({})", self.name)
    }
}
