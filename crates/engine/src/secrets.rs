//! Secret parameters and variables of runs: sealed before they are stored, opened for the one who executes them.

use std::collections::{BTreeMap, BTreeSet};

use rigi_model::RunId;
use rigi_model::pipeline::PipelineSpec;
use rigi_model::text::plain_line;
use rigi_store::{NewRun, Result, Store, seal::Sealer};
use serde_json::{Map, Value};

/// Seals the values of secret parameters; values of any type come back as they were.
pub(crate) fn seal_parameters(
    sealer: &Sealer,
    secret: &BTreeSet<String>,
    parameters: &mut Map<String, Value>,
) -> Result<()> {
    for (name, value) in parameters.iter_mut() {
        if secret.contains(name) {
            *value = Value::String(sealer.seal(&value.to_string())?);
        }
    }
    Ok(())
}

/// Opens what was sealed; the names of what was.
pub(crate) fn open_parameters(sealer: &Sealer, parameters: &mut Map<String, Value>) -> Result<Vec<String>> {
    let mut opened = Vec::new();
    for (name, value) in parameters.iter_mut() {
        if open_value(sealer, value)? {
            opened.push(name.clone());
        }
    }
    Ok(opened)
}

/// Words in the name of a variable that say that its value is nobody's to see.
const SECRET_WORDS: [&str; 6] = ["SECRET", "TOKEN", "PASSWORD", "PASSWD", "CREDENTIAL", "PRIVATE"];

/// Adds what is to be covered of values that a run was given with the request: secret parameters, and the variables whose
/// names say that they are secret. Of other variables most are words, which the log would lack.
pub(crate) fn add_covered(
    parameters: &Map<String, Value>,
    sealed: &[String],
    env: &BTreeMap<String, String>,
    covered: &mut Vec<String>,
) {
    for value in sealed.iter().filter_map(|name| parameters.get(name)) {
        add_values(value, covered);
    }
    let says = |name: &str| {
        let name = name.to_ascii_uppercase();
        SECRET_WORDS.iter().any(|word| name.contains(word)) || name.split('_').any(|part| part == "KEY")
    };
    covered.extend(env.iter().filter(|(name, _)| says(name)).map(|(_, value)| value.clone()));
}

fn add_values(value: &Value, covered: &mut Vec<String>) {
    match value {
        Value::String(text) => covered.push(text.clone()),
        Value::Number(number) => covered.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| add_values(item, covered)),
        Value::Object(items) => items.values().for_each(|item| add_values(item, covered)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// Seals what a spec itself gives to secret parameters.
pub(crate) fn seal_spec(sealer: &Sealer, spec: &mut PipelineSpec) -> Result<()> {
    for value in spec.secret_values_mut() {
        *value = Value::String(sealer.seal(&value.to_string())?);
    }
    Ok(())
}

/// Opens it.
pub(crate) fn open_spec(sealer: &Sealer, spec: &mut PipelineSpec) -> Result<()> {
    for value in spec.secret_values_mut() {
        open_value(sealer, value)?;
    }
    Ok(())
}

/// Parameters without those that are sealed.
pub(crate) fn without_sealed(sealer: &Sealer, parameters: &Map<String, Value>) -> Result<Map<String, Value>> {
    let mut plain = Map::new();
    for (name, value) in parameters {
        if !open_value(sealer, &mut value.clone())? {
            plain.insert(name.clone(), value.clone());
        }
    }
    Ok(plain)
}

/// Whether it was sealed.
fn open_value(sealer: &Sealer, value: &mut Value) -> Result<bool> {
    let Value::String(text) = value else { return Ok(false) };
    let Some(open) = sealer.unseal(text)? else { return Ok(false) };
    *value = serde_json::from_str(&open).unwrap_or(Value::String(open));
    Ok(true)
}

/// Seals the values of variables that were given with a run.
pub(crate) fn seal_variables(sealer: &Sealer, variables: &mut BTreeMap<String, String>) -> Result<()> {
    for value in variables.values_mut() {
        *value = sealer.seal(value)?;
    }
    Ok(())
}

/// Opens what was sealed.
pub(crate) fn open_variables(sealer: &Sealer, variables: &mut BTreeMap<String, String>) -> Result<()> {
    for value in variables.values_mut() {
        if let Some(open) = sealer.unseal(value)? {
            *value = open;
        }
    }
    Ok(())
}

/// Characters of a quoted line at most.
const MOST_QUOTED: usize = 200;
/// What stands for a secret.
const COVER: &str = "***";
/// Shorter secrets are found everywhere, and covering them says where.
const SHORTEST: usize = 3;
/// The same of variables: most are none, and are words.
const SHORTEST_VARIABLE: usize = 8;

/// A line that a run wrote, as it may be shown where the run is: short, and without the secrets that the run was given;
/// nothing if they cannot be read.
pub(crate) async fn cover(store: &Store, run: &RunId, line: &str) -> Option<String> {
    let secrets = match store.db().runs_by_id(std::slice::from_ref(run)).await {
        Ok(found) => found.first().map(|found| secrets_of(store.sealer(), &found.request))?,
        Err(error) => Err(error),
    };
    match secrets {
        Ok(secrets) => Some(plain_line(&covered(line, &secrets), MOST_QUOTED)),
        Err(error) => {
            tracing::warn!(%run, %error, "the last words of a run are not quoted: its secrets cannot be read");
            None
        }
    }
}

/// The secrets that a run was given, line by line, longest first.
fn secrets_of(sealer: &Sealer, request: &NewRun) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for value in request.parameters.values() {
        let Value::String(text) = value else { continue };
        if let Some(open) = sealer.unseal(text)? {
            let value = serde_json::from_str(&open).unwrap_or(Value::String(open));
            add_texts(&value, SHORTEST, &mut texts);
        }
    }
    for value in request.env.values() {
        if let Some(open) = sealer.unseal(value)? {
            add_texts(&Value::String(open), SHORTEST_VARIABLE, &mut texts);
        }
    }
    texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
    Ok(texts)
}

fn add_texts(value: &Value, shortest: usize, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let lines = text.lines().map(|line| plain_line(line, usize::MAX));
            texts.extend(lines.filter(|line| line.chars().count() >= shortest));
        }
        Value::Number(number) => add_texts(&Value::String(number.to_string()), shortest, texts),
        Value::Array(items) => items.iter().for_each(|item| add_texts(item, shortest, texts)),
        Value::Object(items) => items.values().for_each(|item| add_texts(item, shortest, texts)),
        Value::Null | Value::Bool(_) => {}
    }
}

fn covered(line: &str, secrets: &[String]) -> String {
    let mut line = line.to_owned();
    for secret in secrets {
        line = line.replace(&**secret, COVER);
        // Of a line that was cut, the beginning of one may be the end.
        let starts = secret.char_indices().map(|(end, _)| &secret[..end]).rev();
        let start =
            starts.take_while(|start| start.len() >= SHORTEST_VARIABLE).find(|start| line.ends_with(start));
        if let Some(start) = start {
            line.truncate(line.len() - start.len());
            line.push_str(COVER);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spec_gives_to_secrets_is_sealed_and_comes_back() {
        let data = tempfile::tempdir().unwrap();
        let sealer = Sealer::open(data.path()).unwrap();
        let text = "parameters:\n  token: {type: string, secret: true, default: hunter2}\n  pin: {type: integer, secret: true}\n\
                    \x20 start: {type: integer, default: 1}\npresets: {p: {pin: 4711, start: 2}}\n\
                    schedule: {cron: 0 6 * * *, parameters: {token: hunter3}}";
        let folder = rigi_model::pipeline::FolderFacts::new("demo", ["main.py"]);
        let format = rigi_model::pipeline::SpecFormat::Yaml;
        let spec = rigi_model::pipeline::read_spec(format, text.as_bytes(), &folder).unwrap().spec;
        let mut sealed = spec.clone();
        seal_spec(&sealer, &mut sealed).unwrap();
        let mut hidden = spec.clone();
        hidden.hide_secrets();
        for spec in [&sealed, &hidden] {
            let stored = serde_json::to_string(spec).unwrap();
            assert!(["hunter2", "hunter3", "4711"].iter().all(|secret| !stored.contains(secret)), "{stored}");
            assert_eq!(spec.presets["p"].parameters["start"], 2);
        }
        open_spec(&sealer, &mut sealed).unwrap();
        assert_eq!(sealed, spec);
    }

    #[test]
    fn what_a_run_says_of_its_secrets_is_covered() {
        let secrets: Vec<String> = ["hunter2 and more", "hunter2", "4711"].map(str::to_owned).into();
        assert_eq!(covered("no hunter2 and more, hunter2: 4711", &secrets), "no ***, ***: ***");
        assert_eq!(covered("ValueError: hunter2 and mo", &secrets), "ValueError: ***");
        assert_eq!(covered("ValueError: hunt", &secrets), "ValueError: hunt");
        let mut texts = Vec::new();
        let value = serde_json::json!({"a": ["x\ty  z\nab", 4711, true, null], "b": "ü12"});
        add_texts(&value, SHORTEST, &mut texts);
        assert_eq!(texts, ["x y z", "4711", "ü12"]);
    }

    #[test]
    fn secrets_of_any_type_come_back() {
        let data = tempfile::tempdir().unwrap();
        let sealer = Sealer::open(data.path()).unwrap();
        let given: Map<String, Value> =
            serde_json::from_str(r#"{"token": "x", "pin": 42, "start": 1}"#).unwrap();
        let mut parameters = given.clone();
        seal_parameters(&sealer, &["token".to_owned(), "pin".to_owned()].into(), &mut parameters).unwrap();
        assert_eq!(parameters["start"], 1);
        assert!(parameters["pin"].as_str().is_some_and(|text| text.starts_with("sealed1:")));
        open_parameters(&sealer, &mut parameters).unwrap();
        assert_eq!(parameters, given);
    }
}
