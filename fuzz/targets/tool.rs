//! Any bytes as the description of a tool: read or refused, and what is read becomes a pipeline or says why not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rigi_model::tools::{GeneratedFile, generate, read_ctd, read_defaults};

fuzz_target!(|bytes: &[u8]| {
    for tool in [read_ctd(bytes), read_defaults("tool", bytes)].into_iter().flatten() {
        let _ = generate(&tool, GeneratedFile::new("tool.ctd", bytes));
    }
});
