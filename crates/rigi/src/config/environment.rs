//! Reads settings from environment variables: `RIGI_SECTION__KEY`, and `…_FILE` for one that stands in a file.

use rigi_model::text::nearest;

use super::error::ConfigMistake;

use super::key::Key;
use super::named::NAMED;
use super::sections::{Config, KEYS};
use super::value::Raw;

/// Variables that say where things are rather than how they behave.
const PLACES: &[&str] =
    &["RIGI_URL", "RIGI_TOKEN", "RIGI_DATA", "RIGI_CONFIG", "RIGI_IMPORT_DATABASE", "RIGI_IMPORT_KEY"];

/// Variables that running code gets: a `rigi` that is called by a pipeline sees them.
const OF_RUNS: &[&str] = &[
    "RIGI_RUN_ID",
    "RIGI_PIPELINE",
    "RIGI_PROJECT",
    "RIGI_ATTEMPT",
    "RIGI_STEP",
    "RIGI_TRIGGER",
    "RIGI_PARAMS",
    "RIGI_INPUTS",
    "RIGI_OUTPUTS",
    "RIGI_EVENTS",
    "RIGI_STORAGE",
    "RIGI_STORAGE_RUN",
    "RIGI_STORAGE_CREDENTIALS",
];

/// Applies the variables, in the order of their names. Every applied key is handed to `applied` with its variable. One that
/// is no setting is a mistake where it has a section; without one it may be somebody's own, and is told in `warnings`.
pub fn apply(
    variables: &[(String, String)],
    config: &mut Config,
    mistakes: &mut Vec<ConfigMistake>,
    warnings: &mut Vec<String>,
    mut applied: impl FnMut(String, String),
) {
    let mut variables: Vec<_> = variables.iter().filter(|(name, _)| is_ours(name)).collect();
    variables.sort();
    for (name, value) in &variables {
        if PLACES.contains(&name.as_str()) || OF_RUNS.contains(&name.as_str()) || is_service_link(name, value)
        {
            continue;
        }
        let mut wrong = |message: String| mistakes.push(ConfigMistake { place: name.clone(), message });
        let Some((key, from_file)) = find(name) else {
            let named = NAMED.iter().find_map(|named| Some((named, named.of_variable(name)?)));
            match named {
                None if !name.contains("__") => warnings.push(format!("`{name}`: {}", unknown(name))),
                None => wrong(unknown(name)),
                Some((named, (table, key, from_file))) => {
                    let text = if from_file { read(value) } else { Ok(value.clone()) };
                    match text.and_then(|text| named.set(config, &table, &key, &Raw::Text(text))) {
                        Ok(()) => applied(named.path(&table, &key), name.clone()),
                        Err(message) => wrong(message),
                    }
                }
            }
            continue;
        };
        if from_file && variables.iter().any(|(other, _)| *other == key.variable()) {
            wrong(format!("`{}` is set too; keep one of them", key.variable()));
            continue;
        }
        let text = if from_file { read(value) } else { Ok(value.clone()) };
        match text.and_then(|text| (key.set)(config, &Raw::Text(text))) {
            Ok(()) => applied(key.path(), name.clone()),
            Err(message) => wrong(format!("`{}` {message}", key.path())),
        }
    }
}

fn is_ours(name: &str) -> bool {
    name.starts_with("RIGI_")
}

/// Kubernetes hands every pod variables named after the services of its namespace: `RIGI_PORT`, `RIGI_SERVICE_HOST`,
/// `RIGI_PORT_7444_TCP_ADDR`, … They are not meant for us.
fn is_service_link(name: &str, value: &str) -> bool {
    let is_address = value.starts_with("tcp://") || value.starts_with("udp://");
    let numbered_port = name
        .split("_PORT_")
        .nth(1)
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()) && !name.contains("__"));
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || numbered_port
        || (name.ends_with("_PORT") && is_address)
}

/// The key that a variable sets, and whether by a file.
fn find(name: &str) -> Option<(&'static Key, bool)> {
    let exact = |wanted: &str| KEYS.iter().find(|key| key.variable() == wanted);
    exact(name).map(|key| (key, false)).or_else(|| exact(name.strip_suffix("_FILE")?).map(|key| (key, true)))
}

fn read(path: &str) -> Result<String, String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("cannot be read from `{path}`: {error}"))?;
    // Editors and `kubectl create secret --from-file` leave a line end behind.
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn unknown(name: &str) -> String {
    let keys: Vec<String> = KEYS.iter().map(Key::variable).collect();
    let names = keys.iter().map(String::as_str).chain(PLACES.iter().copied());
    match nearest(name, names) {
        Some(right) => format!("there is no such setting; the nearest is `{right}`"),
        None => "there is no such setting; `rigi config show` lists them".to_owned(),
    }
}
