//! Writes `docs/operate/configuration.md` from the table of keys.

use std::fmt::Write as _;

use super::key::Key;
use super::named::NAMED;
use super::sections::{Config, KEYS, SECTIONS};

const HEAD: &str = "\
# Configuration

<!-- Made by `rigi config reference`. Change crates/rigi/src/config/sections.rs instead. -->

Rigi needs no configuration. What can be set, can be set in four places; the first that says something counts:

1. a flag (`rigi up --port 8000`),
2. an environment variable (`RIGI_SERVER__PORT=8000`, or `RIGI_SERVER__PORT_FILE=/run/secrets/port` for a value that
   stands in a file),
3. one file: the one that `--config` or `RIGI_CONFIG` names, else `rigi.toml` in the pipelines folder, else in the
   data folder,
4. the default.

A key or a variable that does not exist is an error that names the nearest one. `rigi config show --origin` prints
every value and where it came from; passwords are left out. Amounts carry their unit: `30s`, `1h30m`, `512MiB`. Where
there may be no value, `none` says so.
";

/// The reference, in Markdown.
#[must_use]
pub fn reference() -> String {
    let defaults = Config::default();
    let mut text = HEAD.to_owned();
    for (section, doc) in SECTIONS {
        let doc = doc.split_whitespace().collect::<Vec<_>>().join(" ");
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n## `[{section}]`\n\n{doc}\n\n| key | value | default | what it is for |\n|---|---|---|---|\n"
        );
        for key in KEYS.iter().filter(|key| key.section == *section) {
            let default = default_of(key, &defaults);
            let kind = if key.secret { format!("{}, secret", key.kind) } else { key.kind.to_owned() };
            let _ = writeln!(
                text,
                "| `{}` | {} | {default} | {} |",
                key.name,
                kind,
                key.words().replace('|', "\\|")
            );
        }
    }
    NAMED.iter().for_each(|named| text += &named.reference());
    text
}

fn default_of(key: &Key, defaults: &Config) -> String {
    match (key.default_words.first(), (key.show)(defaults)) {
        (Some(words), _) => (*words).to_owned(),
        (None, Some(value)) => format!("`{value}`"),
        (None, None) => "none".to_owned(),
    }
}
