//! Packages of pipelines, and what is publicly known against them.

use rigi_model::Timestamp;
use rigi_model::packages::{AuditCause, AuditOutcome, PackageOrigin, Severity};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The packages that a pipeline has now, with what the last audit found.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PackagesView {
    /// The pipeline.
    pub pipeline: String,
    /// How it is known which there are: `environment`, that of its last run; `files`, what its files name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "environment")]
    pub origin: Option<PackageOrigin>,
    /// The environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Python 3.12.1 with 14 packages")]
    pub environment: Option<String>,
    /// Why there may be more than these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<String>,
    /// Why none can be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub none: Option<String>,
    /// The packages, by name.
    pub packages: Vec<PackageView>,
    /// The last audit; absent: there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<PackageAuditView>,
    /// The packages are others than those that were audited.
    pub outdated: bool,
    /// Who is asked for advisories; absent: nobody, so that nothing is audited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://api.osv.dev")]
    pub source: Option<String>,
    /// When all are audited next, by the server's schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_at: Option<Timestamp>,
}

/// A package.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PackageView {
    /// Its name, as PEP 503 has it.
    #[schema(example = "requests")]
    pub name: String,
    /// Its version, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2.19.0")]
    pub version: Option<String>,
    /// Why it was not, or cannot be, checked. Absent, where it was checked, or where nobody has tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unchecked: Option<String>,
    /// What the last audit found of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingView>,
}

/// Something that is publicly known against a package.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FindingView {
    /// The package.
    #[schema(example = "requests")]
    pub package: String,
    /// Its version.
    #[schema(example = "2.19.0")]
    pub version: String,
    /// The advisory.
    #[schema(example = "PYSEC-2018-28")]
    pub id: String,
    /// Its ids elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// How bad it is, where that is said: `low`, `medium`, `high`, `critical`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "high")]
    pub severity: Option<Severity>,
    /// A line about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Versions in which it is mended, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixed_in: Vec<String>,
    /// Why it does not count here, by `audit.ignore`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored: Option<String>,
    /// Where it is described.
    #[schema(example = "https://osv.dev/vulnerability/PYSEC-2018-28")]
    pub url: String,
}

/// What an audit of a pipeline's packages came to.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PackageAuditView {
    /// The pipeline.
    pub pipeline: String,
    /// Counts from 1 for each pipeline.
    pub number: i64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What made it begin: `build`, `schedule` or `hand`.
    #[schema(value_type = String, example = "schedule")]
    pub cause: AuditCause,
    /// Who asked for it.
    pub asked_by: String,
    /// Who was asked for advisories.
    pub source: String,
    /// How it was known which packages there are.
    #[schema(value_type = String, example = "environment")]
    pub origin: PackageOrigin,
    /// `clean`: all were checked and nothing is known against them; `vulnerable`: something is, and is not ignored; `unknown`: not all could
    /// be checked, and nothing is known against the others.
    #[schema(value_type = String, example = "clean")]
    pub outcome: AuditOutcome,
    /// What could not be checked, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// How many packages there were.
    pub packages: u64,
    /// How many of them could not be checked.
    pub unchecked: u64,
    /// What was found, the worst first; what is ignored comes last.
    pub findings: Vec<FindingView>,
}
