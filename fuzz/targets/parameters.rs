//! Parameters: a schema in the first line, values in the second. What passes once passes again, unchanged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rigi_model::parameters::{ParameterSchema, ParameterSources, check_free, coerce_text};
use serde_json::Value;

fuzz_target!(|text: &str| {
    let (schema, values) = text.split_once('\n').unwrap_or((text, "{}"));
    let Ok(schema) = serde_json::from_str::<Value>(schema) else { return };
    let _ = coerce_text(Some(&schema), "start", values);
    let Ok(Value::Object(given)) = serde_json::from_str(values) else { return };
    let sources = ParameterSources::default();
    let _ = check_free(given.clone(), &sources);
    let Ok(compiled) = ParameterSchema::compile(&schema) else { return };
    let _ = compiled.check_some(&given, &sources);
    if let Ok(all) = compiled.check(given, &sources) {
        assert_eq!(compiled.check(all.clone(), &sources).as_ref(), Ok(&all));
    }
});
