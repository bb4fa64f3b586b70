//! Secret parameters and variables of runs: sealed before they are stored, opened for the one who executes them.

use std::collections::{BTreeMap, BTreeSet};

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
    for value in parameters.values_mut() {
        let Value::String(text) = value else { continue };
        if let Some(open) = sealer.unseal(text)? {
            *value = serde_json::from_str(&open).unwrap_or(Value::String(open));
        }
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
