//! Reads `rigi.toml`, with the place of every key.

use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use rigi_model::text::nearest;
use rustix::fs::OFlags;
use toml::de::{DeTable, DeValue};

use super::error::ConfigMistake;

use super::named::NAMED;
use super::sections::{Config, KEYS, SECTIONS};
use super::value::Raw;

/// A configuration file larger than this is something else.
const LARGEST: u64 = 1 << 20;

/// Reads the file and applies it. Every applied key is handed to `applied` with its place.
pub fn apply(
    path: &Path,
    config: &mut Config,
    mistakes: &mut Vec<ConfigMistake>,
    mut applied: impl FnMut(String, String),
) {
    let name = path.display().to_string();
    let text = match read(path) {
        Ok(text) => text,
        Err(message) => return mistakes.push(ConfigMistake { place: name, message }),
    };
    let table = match DeTable::parse(&text) {
        Ok(table) => table.into_inner(),
        Err(error) => {
            let place = place(&name, &text, error.span().map_or(0, |span| span.start));
            return mistakes.push(ConfigMistake { place, message: error.message().to_owned() });
        }
    };
    let mut wrong =
        |at: usize, message: String| mistakes.push(ConfigMistake { place: place(&name, &text, at), message });
    for (section, value) in &table {
        let (section_name, at): (&str, usize) = (section.get_ref(), section.span().start);
        let named = NAMED.iter().find(|named| named.section() == section_name);
        if named.is_none() && !SECTIONS.iter().any(|(known, _)| *known == section_name) {
            wrong(at, unknown_section(section_name));
            continue;
        }
        let Some(keys) = value.get_ref().as_table() else {
            wrong(at, format!("`{section_name}` is a section: write `[{section_name}]` and its keys below"));
            continue;
        };
        for (key, value) in keys {
            let (key_name, at): (&str, usize) = (key.get_ref(), key.span().start);
            if let (Some(named), Some(table)) = (named, value.get_ref().as_table()) {
                if let Err(message) = named.add(config, key_name) {
                    wrong(at, message);
                    continue;
                }
                for (inner, value) in table {
                    let (inner, at): (&str, usize) = (inner.get_ref(), inner.span().start);
                    let set = raw(value.get_ref()).and_then(|raw| named.set(config, key_name, inner, &raw));
                    match set {
                        Ok(()) => applied(named.path(key_name, inner), place(&name, &text, at)),
                        Err(message) => wrong(at, message),
                    }
                }
                continue;
            }
            let Some(known) =
                KEYS.iter().find(|known| known.section == section_name && known.name == key_name)
            else {
                wrong(at, unknown_key(section_name, key_name));
                continue;
            };
            let read = raw(value.get_ref()).and_then(|raw| (known.set)(config, &raw));
            match read {
                Ok(()) => applied(known.path(), place(&name, &text, at)),
                Err(message) => wrong(value.span().start, format!("`{}` {message}", known.path())),
            }
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    let bytes = read_bounded(path).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("has more than the {LARGEST} bytes that a configuration may have"));
    }
    String::from_utf8(bytes)
        .map_err(|error| format!("is not UTF-8 (byte {})", error.utf8_error().valid_up_to()))
}

/// How long a pipe (`--config <(…)`) may take to say what is in it.
const PATIENCE: Duration = Duration::from_secs(10);

/// One byte more than a configuration may have is enough. A link may lead to what never ends, or never begins.
fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut at_once = std::fs::File::options();
    let wait_for_nothing = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file = at_once.read(true).custom_flags(wait_for_nothing).open(path)?;
    let facts = file.metadata()?;
    if facts.is_dir() {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
    if facts.is_file() {
        return read_all(file);
    }
    let (sender, read) = mpsc::channel();
    let path = path.to_owned();
    // Left to itself where it waits for ever: the program ends without it.
    std::thread::spawn(move || sender.send(std::fs::File::open(path).and_then(read_all)));
    read.recv_timeout(PATIENCE).unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}

fn read_all(file: std::fs::File) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// `file:line:column` of a byte.
fn place(name: &str, text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    format!("{name}:{line}:{column}")
}

fn unknown_section(name: &str) -> String {
    let named = NAMED.iter().map(|named| named.section());
    let named: Vec<_> = named.filter(|named| SECTIONS.iter().all(|(section, _)| section != named)).collect();
    let sections = || SECTIONS.iter().map(|(section, _)| *section).chain(named.iter().copied());
    // A key outside its section is the more probable mistake when the name is exactly that of a key.
    if let Some(key) = KEYS.iter().find(|key| key.name == name) {
        return format!("`{name}` stands outside a section; it belongs to `[{}]`", key.section);
    }
    match nearest(name, sections()) {
        Some(right) => format!("`[{name}]`: there is no such section; the nearest is `[{right}]`"),
        None => {
            let all: Vec<String> = sections().map(|section| format!("`{section}`")).collect();
            format!("`[{name}]`: there is no such section; there are {}", all.join(", "))
        }
    }
}

fn unknown_key(section: &str, name: &str) -> String {
    if !SECTIONS.iter().any(|(known, _)| *known == section) {
        return format!("`{section}.{name}` is a table: write `[{section}.{name}]` and its keys below");
    }
    let of_section: Vec<&str> =
        KEYS.iter().filter(|key| key.section == section).map(|key| key.name).collect();
    if let Some(other) = KEYS.iter().find(|key| key.name == name) {
        return format!("`{section}.{name}`: there is no such key; it belongs to `[{}]`", other.section);
    }
    match nearest(name, of_section.iter().copied()) {
        Some(right) => {
            format!("`{section}.{name}`: there is no such key; the nearest is `{section}.{right}`")
        }
        None => format!(
            "`{section}.{name}`: there is no such key; `[{section}]` has `{}`",
            of_section.join("`, `")
        ),
    }
}

fn raw(value: &DeValue<'_>) -> Result<Raw, String> {
    match value {
        DeValue::String(text) => Ok(Raw::Text(text.to_string())),
        DeValue::Integer(number) => {
            let digits = number.as_str().replace('_', "");
            let parsed = i64::from_str_radix(&digits, number.radix());
            parsed.map(Raw::Integer).map_err(|_| format!("is `{digits}`, which is too large"))
        }
        DeValue::Float(number) => {
            let parsed = number.as_str().replace('_', "").parse();
            parsed.map(Raw::Float).map_err(|_| format!("is `{}`, which is no number", number.as_str()))
        }
        DeValue::Boolean(value) => Ok(Raw::Bool(*value)),
        DeValue::Array(items) => {
            let texts = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned));
            let texts: Option<Vec<String>> = texts.collect();
            texts.map(Raw::List).ok_or_else(|| "is a list and may hold texts only".to_owned())
        }
        DeValue::Datetime(_) | DeValue::Table(_) => Err(format!("cannot be a {}", value.type_str())),
    }
}
