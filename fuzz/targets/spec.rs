//! Specs in YAML, TOML and JSON: any bytes become a spec or mistakes that stand somewhere in them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rigi_model::pipeline::{FolderFacts, SpecFormat, read_spec};

fuzz_target!(|bytes: &[u8]| {
    let Some((first, text)) = bytes.split_first() else { return };
    let format = [SpecFormat::Yaml, SpecFormat::Toml, SpecFormat::Json][usize::from(*first) % 3];
    match read_spec(format, text, &FolderFacts::new("demo", ["main.py"])) {
        // What was read can be kept, and read again as it is.
        Ok(reading) => {
            let kept = serde_json::to_string(&reading.spec).unwrap();
            let again: rigi_model::pipeline::PipelineSpec = serde_json::from_str(&kept).unwrap();
            assert_eq!(kept, serde_json::to_string(&again).unwrap());
        }
        Err(mistakes) => {
            assert!(!mistakes.is_empty());
            let lines = u32::try_from(text.iter().filter(|&&byte| byte == b'\n' || byte == b'\r').count()).unwrap() + 1;
            assert!(mistakes.iter().all(|mistake| !mistake.message.is_empty() && mistake.line <= lines));
        }
    }
});
