//! Who knows what is publicly known against packages: an OSV API, a copy of its records, or the `pip-audit` program.

use std::path::{Path, PathBuf};

use rigi_model::packages::{Advice, Known, Pinned, is_sound};

use super::osv_api::OsvApi;
use super::{osv_files, program};

/// See the module. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Source {
    /// An API as OSV's own is.
    Api(OsvApi),
    /// A folder of records, or an archive of them (`all.zip` of an ecosystem).
    Files(PathBuf),
    /// `pip-audit`, by its name on `PATH` or by its path.
    Program(PathBuf),
}

/// Advice, and whose it is.
pub(super) struct Answer {
    /// Who was asked; with how new it is, where that is known.
    pub source: String,
    /// What they say, or why they say nothing.
    pub advice: Result<Advice, String>,
}

impl Source {
    /// Reads what an operator has set.
    ///
    /// # Errors
    /// In words that go on after the key's name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.starts_with("https://") || text.starts_with("http://") {
            return OsvApi::new(text).map(Self::Api);
        }
        let path = Path::new(text);
        let is_program = path.file_name().is_some_and(|name| name == "pip-audit");
        match (is_program, path.is_absolute()) {
            (true, _) => Ok(Self::Program(path.to_owned())),
            (false, true) => Ok(Self::Files(path.to_owned())),
            (false, false) => Err(format!(
                "is `{text}` and must be an address (`https://api.osv.dev`), the full path of a folder or a zip with OSV's records, or \
                 `pip-audit`"
            )),
        }
    }

    /// For people.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Api(api) => api.name(),
            Self::Files(path) | Self::Program(path) => path.display().to_string(),
        }
    }

    /// Asks about packages. What cannot be asked about is answered for.
    pub(super) async fn ask(&self, all: Vec<Pinned>, folder: &Path) -> Answer {
        let (asked, odd): (Vec<_>, Vec<_>) = all.into_iter().partition(is_sound);
        let mut source = self.name();
        let advice = if asked.is_empty() {
            Ok(Advice::new())
        } else {
            match self {
                Self::Api(api) => api.ask(&asked).await,
                Self::Program(path) => program::ask(path, &asked, folder).await,
                Self::Files(path) => {
                    let read = osv_files::ask(path, asked).await;
                    read.map(|(advice, newest)| {
                        source.extend(newest.map(|day| format!(" (newest record of {day})")));
                        advice
                    })
                }
            }
        };
        let odd = odd.into_iter().map(|one| {
            let why = "its name or its version is none that can be asked about".to_owned();
            (one, Known::Unchecked(why, Vec::new()))
        });
        Answer {
            source,
            advice: advice.map(|mut advice| {
                advice.extend(odd);
                advice
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_an_address_a_path_or_the_program() {
        assert!(matches!(Source::parse("https://api.osv.dev/"), Ok(Source::Api(_))));
        assert!(matches!(Source::parse("/srv/osv/all.zip"), Ok(Source::Files(_))));
        assert!(matches!(Source::parse("pip-audit"), Ok(Source::Program(_))));
        assert!(matches!(Source::parse("/opt/venv/bin/pip-audit"), Ok(Source::Program(_))));
        for bad in ["", "osv", "all.zip", "https://", "https://user:pass@example.org", "ftp://example.org"] {
            assert!(Source::parse(bad).is_err(), "{bad}");
        }
    }
}
