//! Sections whose tables have names of their own: `[targets.NAME]`, `[projects.NAME]`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rigi_model::text::nearest;

use super::projects::PROJECTS;
use super::providers::PROVIDERS;
use super::sections::Config;
use super::targets::TARGETS;
use super::value::Raw;

/// All of them. Adding one is a file and a name here.
pub const NAMED: &[&dyn Named] = &[&TARGETS, &PROJECTS, &PROVIDERS];

/// One key of such a table.
pub struct NamedKey<T> {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// What may be written, for people.
    pub kind: &'static str,
    /// Which kinds of tables have it, in words; empty: all.
    pub of: &'static [&'static str],
    /// The default, in words.
    pub default: &'static str,
    /// Reads a value; the error goes on after the key's name.
    pub set: fn(&mut T, &Raw) -> Result<(), String>,
    /// The value as one would write it.
    pub show: fn(&T) -> Option<String>,
}

/// A section, and where its tables are.
pub struct Section<T: 'static> {
    /// Such as `targets`.
    pub name: &'static str,
    /// One of its tables, for people.
    pub one: &'static str,
    /// What it is, for the reference.
    pub doc: &'static str,
    /// Every key, in the order of the reference.
    pub keys: &'static [NamedKey<T>],
    /// The tables.
    pub tables: fn(&Config) -> &BTreeMap<String, T>,
    /// The same, to be changed.
    pub tables_mut: fn(&mut Config) -> &mut BTreeMap<String, T>,
    /// Why a text cannot be a name.
    pub refuses: fn(&str) -> Option<String>,
}

/// What is asked of a section, whatever its tables hold.
pub trait Named: Sync {
    /// Its name.
    fn section(&self) -> &'static str;
    /// A table without any key is there all the same.
    ///
    /// # Errors
    /// If it cannot have this name.
    fn add(&self, config: &mut Config, name: &str) -> Result<(), String>;
    /// Sets one key of one table.
    ///
    /// # Errors
    /// If there is no such key, or no such value.
    fn set(&self, config: &mut Config, name: &str, key: &str, raw: &Raw) -> Result<(), String>;
    /// Every key that is set, with its value.
    fn shown(&self, config: &Config) -> Vec<(String, Option<String>)>;
    /// Whether its tables have this key.
    fn knows(&self, key: &str) -> bool;
    /// Its chapter of the reference.
    fn reference(&self) -> String;

    /// `targets.NAME.key`.
    fn path(&self, name: &str, key: &str) -> String {
        format!("{}.{name}.{key}", self.section())
    }

    /// The table and key that a variable sets, and whether by a file: `RIGI_TARGETS__LAB_GPU__IMAGE`.
    fn of_variable(&self, variable: &str) -> Option<(String, String, bool)> {
        let rest = variable.strip_prefix(&format!("RIGI_{}__", self.section().to_ascii_uppercase()))?;
        let (name, key) = rest.split_once("__")?;
        let name = name.to_ascii_lowercase().replace('_', "-");
        let lower = key.to_ascii_lowercase();
        match lower.strip_suffix("_file") {
            Some(short) if !self.knows(&lower) && self.knows(short) => Some((name, short.to_owned(), true)),
            _ => Some((name, lower, false)),
        }
    }
}

impl<T: Default> Named for Section<T> {
    fn section(&self) -> &'static str {
        self.name
    }

    fn add(&self, config: &mut Config, name: &str) -> Result<(), String> {
        if let Some(why) = (self.refuses)(name) {
            return Err(format!("`{}.{name}`: {why}", self.name));
        }
        (self.tables_mut)(config).entry(name.to_owned()).or_default();
        Ok(())
    }

    fn set(&self, config: &mut Config, name: &str, key: &str, raw: &Raw) -> Result<(), String> {
        let path = self.path(name, key);
        let Some(known) = self.keys.iter().find(|known| known.name == key) else {
            return Err(match nearest(key, self.keys.iter().map(|key| key.name)) {
                Some(right) => format!("`{path}`: there is no such key; the nearest is `{right}`"),
                None => {
                    let all: Vec<_> = self.keys.iter().map(|key| format!("`{}`", key.name)).collect();
                    format!("`{path}`: there is no such key; {} has {}", self.one, all.join(", "))
                }
            });
        };
        self.add(config, name)?;
        let table = (self.tables_mut)(config).entry(name.to_owned()).or_default();
        (known.set)(table, raw).map_err(|message| format!("`{path}` {message}"))
    }

    fn shown(&self, config: &Config) -> Vec<(String, Option<String>)> {
        let of = |(name, table): (&String, &T)| {
            let set =
                self.keys.iter().filter_map(|key| Some((self.path(name, key.name), (key.show)(table)?)));
            set.map(|(path, value)| (path, Some(value))).collect::<Vec<_>>()
        };
        (self.tables)(config).iter().flat_map(of).collect()
    }

    fn knows(&self, key: &str) -> bool {
        self.keys.iter().any(|known| known.name == key)
    }

    fn reference(&self) -> String {
        let of = self.keys.iter().any(|key| !key.of.is_empty());
        let (head, line) = if of { (" of |", "---|") } else { ("", "") };
        let mut text = format!(
            "\n## `[{}.NAME]`\n\n{}\n\n| key |{head} value | default | what it is for |\n|---|{line}---|---|---|\n",
            self.name, self.doc
        );
        for key in self.keys {
            let kinds = if of { format!(" {} |", key.of.join(", ")) } else { String::new() };
            let doc = key.doc.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
            // Writing to a String cannot fail.
            let _ = writeln!(text, "| `{}` |{kinds} {} | {} | {doc} |", key.name, key.kind, key.default);
        }
        text
    }
}

/// Defines a table as a struct whose fields are all optional, and the list of its keys.
macro_rules! named_keys {
    ($(#[doc = $table_doc:literal])+ $Table:ident, $KEYS:ident {
        $($(#[doc = $doc:literal])+ $key:ident: $ty:ty, $of:expr, $default:literal;)+
    }) => {
        $(#[doc = $table_doc])+
        #[derive(Debug, Clone, Default)]
        pub struct $Table { $($(#[doc = $doc])+ pub $key: Option<$ty>,)+ }

        /// Every key, in the order of the reference.
        const $KEYS: &[$crate::config::named::NamedKey<$Table>] = &[$($crate::config::named::NamedKey {
            name: stringify!($key),
            doc: concat!($($doc, "\n"),+),
            kind: <$ty as $crate::config::value::Value>::KIND,
            of: $of,
            default: $default,
            set: |table, raw| {
                table.$key = Some(<$ty as $crate::config::value::Value>::read(raw)?);
                Ok(())
            },
            show: |table| table.$key.as_ref().and_then($crate::config::value::Value::show),
        },)+];
    };
}
pub(super) use named_keys;
