//! Who is asked what is known against packages, when, and what does not count.

use rigi_model::packages::Ignored;
use rigi_model::triggers::Rhythm;
use rigi_server::packages::{AuditSettings, Source};

use super::sections::Config;
use super::value::{Lines, Raw, Value};

/// See [`Source`].
#[derive(Debug, Clone)]
pub struct AuditSource(pub Source);

impl Value for AuditSource {
    const KIND: &'static str = "address, path or `pip-audit`";

    fn read(raw: &Raw) -> Result<Self, String> {
        Source::parse(&raw.text()?).map(Self)
    }

    fn show(&self) -> Option<String> {
        Some(self.0.name())
    }
}

/// A cron text, in UTC.
#[derive(Debug, Clone)]
pub struct AuditTimes {
    text: String,
    rhythm: Option<Rhythm>,
}

impl Default for AuditTimes {
    fn default() -> Self {
        // At night, as Fast-Flow has it.
        let text = "0 3 * * *".to_owned();
        Self { rhythm: Rhythm::cron(&text, None).ok(), text }
    }
}

impl Value for AuditTimes {
    const KIND: &'static str = "cron (`0 3 * * *`)";

    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text()?;
        let rhythm = Rhythm::cron(&text, None).map_err(|error| format!("cannot be taken: {error}"))?;
        Ok(Self { text, rhythm: Some(rhythm) })
    }

    fn show(&self) -> Option<String> {
        Some(self.text.clone())
    }
}

/// Advisories that do not count.
#[derive(Debug, Clone, Default)]
pub struct IgnoredAdvisories {
    lines: Lines,
    all: Vec<Ignored>,
}

impl Value for IgnoredAdvisories {
    const KIND: &'static str = "list of `ID: reason` or `ID until DATE: reason`";

    fn read(raw: &Raw) -> Result<Self, String> {
        let lines = Lines::read(raw)?;
        let read = |line: &String| Ignored::parse(line).map_err(|error| format!("cannot be taken: {error}"));
        let all = lines.0.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { lines, all })
    }

    fn show(&self) -> Option<String> {
        self.lines.show()
    }
}

impl Config {
    /// How packages are audited.
    #[must_use]
    pub fn audit_settings(&self) -> AuditSettings {
        let own = &self.audit;
        AuditSettings {
            source: own.source.as_ref().map(|source| source.0.clone()),
            rhythm: own.schedule.as_ref().and_then(|times| times.rhythm.clone()),
            ignored: own.ignore.all.clone(),
            timeout: own.timeout.0,
        }
    }
}
