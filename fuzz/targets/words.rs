//! Short texts that people and programs send: cursors and ids, amounts, names. What is read and written again is the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rigi_model::pipeline::check_pipeline_name;
use rigi_model::quantity::{parse_bytes, parse_cpu, parse_duration, write_bytes, write_duration};
use rigi_model::{RunId, RunState, UploadId};

fuzz_target!(|text: &str| {
    if let Ok(id) = text.parse::<RunId>() {
        assert_eq!(id.to_string().parse::<RunId>().as_ref(), Ok(&id));
        assert!(id.as_str().ends_with(id.short()));
    }
    let _ = text.parse::<UploadId>();
    let _ = RunState::parse(text);
    let _ = check_pipeline_name(text);
    if let Ok(bytes) = parse_bytes(text) {
        assert_eq!(parse_bytes(&write_bytes(bytes)), Ok(bytes));
    }
    if let Ok(time) = parse_duration(text) {
        assert_eq!(parse_duration(&write_duration(time)), Ok(time));
    }
    if let Ok(cores) = parse_cpu(text) {
        assert!(cores.is_finite() && cores >= 0.0);
    }
});
