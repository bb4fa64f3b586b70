//! Packages of environments, and what is publicly known against them: which there are, what advisories say, and what follows. Pure: what
//! files, programs and servers said comes in as text.
//!
//! What could not be checked is never told as "nothing was found": not of an environment, and not of one package.

mod cvss;
mod ignore;
mod locked;
mod osv;
mod osv_match;
mod pip_audit;
mod verdict;
mod version;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use ignore::{Ignored, IgnoredError};
pub use locked::{Listed, of_requirements, of_uv_lock};
pub use osv::{ECOSYSTEM, Record, is_advisory_id};
pub use osv_match::{advisories, affected_names};
pub use pip_audit::read as read_pip_audit;
pub use verdict::{Change, Report, Stands, follow, verdict, words};
pub use version::{clean_text, is_sound, is_version, name_of, pinned};

use crate::state::text_enum;

/// Packages of one environment that are looked at.
pub const MOST_PACKAGES: usize = 5000;

text_enum! {
    /// What an audit of packages came to.
    AuditOutcome {
        /// All of them were checked, and nothing is known against any.
        Clean = "clean",
        /// Something is known against one of them that is not ignored.
        Vulnerable = "vulnerable",
        /// Nothing is known against what could be checked; not all could be.
        Unknown = "unknown",
    }
}

text_enum! {
    /// What made an audit of packages begin.
    AuditCause {
        /// An environment was built.
        Build = "build",
        /// The schedule of the server.
        Schedule = "schedule",
        /// Somebody asked for it.
        Hand = "hand",
    }
}

text_enum! {
    /// How it is known which packages a pipeline has.
    PackageOrigin {
        /// Those that are installed in the environment of its last run.
        Environment = "environment",
        /// Those that its files name: there is no environment of it here.
        Files = "files",
    }
}

text_enum! {
    /// How bad an advisory is, by its own words or by its CVSS vector.
    Severity {
        /// CVSS below 4.
        Low = "low",
        /// CVSS below 7.
        Medium = "medium",
        /// CVSS below 9.
        High = "high",
        /// CVSS of 9 and more.
        Critical = "critical",
    }
}

/// A package of an environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Package {
    /// Its name, as PEP 503 has it.
    pub name: String,
    /// Its version, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Why it cannot be checked, as the end of a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unchecked: Option<String>,
}

impl Package {
    /// One of a known version.
    #[must_use]
    pub fn pinned(name: &str, version: &str) -> Self {
        Self { name: name_of(name), version: Some(version.to_owned()), unchecked: None }
    }

    /// One that cannot be checked.
    #[must_use]
    pub fn unchecked(name: &str, why: &str) -> Self {
        Self { name: name_of(name), version: None, unchecked: Some(why.to_owned()) }
    }
}

/// A package of a version, as advisories are asked about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pinned {
    /// Its name, as PEP 503 has it.
    pub name: String,
    /// Its version, without what was added to it locally (`+cu118`).
    pub version: String,
}

/// Something that is publicly known against a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advisory {
    /// Its id, such as `PYSEC-2023-74`.
    pub id: String,
    /// Its ids elsewhere, such as `CVE-2023-32681`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// How bad it is, where that is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// A line about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Versions in which it is mended, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixed_in: Vec<String>,
}

/// An advisory that is about a package of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// What is known against it.
    #[serde(flatten)]
    pub advisory: Advisory,
    /// Why it does not count here, if an operator has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored: Option<String>,
}

/// What a source of advisories says about a package of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// This is known against it; with none, nothing is.
    Advisories(Vec<Advisory>),
    /// It could not be checked: why, as the end of a sentence. What is known all the same goes with it.
    Unchecked(String, Vec<Advisory>),
}

/// What a source says about all that it was asked about.
pub type Advice = BTreeMap<Pinned, Known>;
