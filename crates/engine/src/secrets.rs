//! Secret parameters and variables of runs: sealed before they are stored, opened for the one who executes them.

use std::collections::{BTreeMap, BTreeSet};

use rigi_model::pipeline::PipelineSpec;
use rigi_store::{Result, seal::Sealer};
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

/// Opens what was sealed.
pub(crate) fn open_parameters(sealer: &Sealer, parameters: &mut Map<String, Value>) -> Result<()> {
    parameters.values_mut().try_for_each(|value| open_value(sealer, value))
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

fn open_value(sealer: &Sealer, value: &mut Value) -> Result<()> {
    let Value::String(text) = value else { return Ok(()) };
    if let Some(open) = sealer.unseal(text)? {
        *value = serde_json::from_str(&open).unwrap_or(Value::String(open));
    }
    Ok(())
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
