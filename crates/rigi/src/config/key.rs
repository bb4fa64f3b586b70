//! One key of the configuration, as data.

use super::sections::Config;
use super::value::Raw;

/// One key.
#[derive(Debug)]
pub struct Key {
    /// Section, as in `[server]`.
    pub section: &'static str,
    /// Name within it.
    pub name: &'static str,
    /// What it is for: Markdown, lines with a leading space as Rust's documentation comments have them.
    pub doc: &'static str,
    /// What may be written, for people.
    pub kind: &'static str,
    /// Its value is never shown whole.
    pub secret: bool,
    /// The default in words, where it depends on the machine; at most one.
    pub default_words: &'static [&'static str],
    /// Reads a value; the error goes on after the key's name.
    pub set: fn(&mut Config, &Raw) -> Result<(), String>,
    /// The value as one would write it, secrets masked; `None` is "none".
    pub show: fn(&Config) -> Option<String>,
}

impl Key {
    /// `server.port`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// `RIGI_SERVER__PORT`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("RIGI_{}__{}", self.section.to_uppercase(), self.name.to_uppercase())
    }

    /// Its documentation as one paragraph.
    #[must_use]
    pub fn words(&self) -> String {
        self.doc.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}
