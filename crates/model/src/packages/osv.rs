//! Records of advisories in the OSV format (https://ossf.github.io/osv-schema/), as far as they are read here.

use serde::Deserialize;
use serde_json::Value;

use super::{Severity, clean_text, cvss, name_of};

/// The ecosystem of Python's packages, as OSV names it.
pub const ECOSYSTEM: &str = "PyPI";
/// Characters of an id at most.
const LONGEST_ID: usize = 100;
/// Characters of a summary at most.
const LONGEST_SUMMARY: usize = 300;
/// Ids elsewhere that are kept.
const MOST_ALIASES: usize = 50;

/// A record. What is not known of it is left alone; what is there in another form than the format's makes it none.
#[derive(Debug, Clone, Deserialize)]
pub struct Record {
    /// Its id.
    pub id: String,
    /// When it was changed last.
    #[serde(default)]
    pub modified: Option<String>,
    /// When it was taken back, if it was.
    pub withdrawn: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    summary: Option<String>,
    #[serde(default)]
    details: Option<String>,
    #[serde(default)]
    severity: Vec<Score>,
    #[serde(default)]
    database_specific: Option<Value>,
    #[serde(default)]
    pub(super) affected: Vec<Affected>,
}

/// What of a package is affected.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Affected {
    #[serde(default)]
    package: Option<Named>,
    #[serde(default)]
    pub ranges: Vec<Range>,
    #[serde(default)]
    pub versions: Vec<String>,
    #[serde(default)]
    severity: Vec<Score>,
}

#[derive(Debug, Clone, Deserialize)]
struct Named {
    ecosystem: String,
    name: String,
}

/// From which versions on, and until which.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Range {
    #[serde(rename = "type")]
    pub kind: String,
    pub events: Vec<Event>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Event {
    pub introduced: Option<String>,
    pub fixed: Option<String>,
    pub last_affected: Option<String>,
    pub limit: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Score {
    #[serde(rename = "type")]
    kind: String,
    score: String,
}

/// Whether a text can be the id of an advisory: ids stand in addresses and in what people are told.
#[must_use]
pub fn is_advisory_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST_ID
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c))
        && !text.contains("..")
}

impl Record {
    /// Reads one.
    ///
    /// # Errors
    /// In words, as the end of a sentence.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let record: Self = serde_json::from_slice(bytes)
            .map_err(|error| format!("is no advisory: {}", clean_text(&error.to_string(), 200)))?;
        if !is_advisory_id(&record.id) {
            return Err("has no sound id".to_owned());
        }
        Ok(record)
    }

    /// Whether it was taken back.
    #[must_use]
    pub const fn is_withdrawn(&self) -> bool {
        self.withdrawn.is_some()
    }

    /// Its ids elsewhere, as far as they are sound.
    pub(super) fn aliases(&self) -> Vec<String> {
        let sound = self.aliases.iter().filter(|id| is_advisory_id(id) && **id != self.id);
        sound.take(MOST_ALIASES).cloned().collect()
    }

    /// A line about it.
    pub(super) fn summary(&self) -> Option<String> {
        let said = self.summary.as_deref().filter(|text| !text.trim().is_empty());
        let line = clean_text(said.or(self.details.as_deref())?, LONGEST_SUMMARY);
        (!line.is_empty()).then_some(line)
    }

    /// How bad it is for a package: by the worst of its vectors, else by the word of the database that has it.
    pub(super) fn severity(&self, affected: &[&Affected]) -> Option<Severity> {
        let own = affected.iter().flat_map(|one| &one.severity).chain(&self.severity);
        let scored = own.filter(|one| one.kind == "CVSS_V3").filter_map(|one| cvss::score(&one.score));
        let worst = scored.filter_map(cvss::of_score).max();
        worst.or_else(|| {
            let word = self.database_specific.as_ref()?.get("severity")?.as_str()?;
            match word.to_ascii_lowercase().as_str() {
                "moderate" => Some(Severity::Medium),
                other => Severity::parse(other),
            }
        })
    }
}

impl Affected {
    /// The package's name, if it is one of Python's.
    pub fn name(&self) -> Option<String> {
        let package = self.package.as_ref()?;
        // `PyPI:suffix` names a part of the ecosystem.
        let ecosystem = package.ecosystem.split(':').next().unwrap_or_default();
        (ecosystem == ECOSYSTEM).then(|| name_of(&package.name))
    }
}
