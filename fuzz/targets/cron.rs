//! Cron texts, as they stand in specs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rigi_model::pipeline::{FolderFacts, SpecFormat, read_spec};
use serde_json::json;

fuzz_target!(|text: &str| {
    let spec = json!({"command": ["true"], "schedules": [{"cron": text}], "schedule_cron": text}).to_string();
    let _ = read_spec(SpecFormat::Json, spec.as_bytes(), &FolderFacts::new("demo", ["main.py"]));
    let spec = json!({"command": ["true"], "schedules": [{"cron": text, "timezone": text, "start": text, "every": text}]});
    let _ = read_spec(SpecFormat::Yaml, spec.to_string().as_bytes(), &FolderFacts::new("demo", ["main.py"]));
});
