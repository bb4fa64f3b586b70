//! Pipelines that follow others by a row of Fast-Flow's database: here that stands in the spec of the one that goes before. What to write
//! there is told, or it is written.

use std::fs;
use std::path::Path;

use rigi_model::pipeline::PipelineSpec;
use rigi_store::ForeignRow;
use serde_json::{Map, Value, json};

use super::values::truth;
use super::{Moving, Run, Specs};
use crate::trouble::Trouble;

const SUBJECT: &str = "downstream triggers";
/// Bytes of a spec that are read at most.
const LARGEST: u64 = 1 << 20;

/// An entry of `downstream_triggers` that says the same.
fn entry(row: &ForeignRow) -> Value {
    let mut entry = Map::new();
    entry.insert("pipeline".to_owned(), row.get("downstream_pipeline").unwrap_or_default().into());
    let (success, failure) =
        (row.get("on_success").is_none_or(truth), row.get("on_failure").is_some_and(truth));
    if !success {
        entry.insert("on_success".to_owned(), false.into());
    }
    if failure {
        entry.insert("on_failure".to_owned(), true.into());
    }
    for name in ["on_route", "run_config_id"] {
        if let Some(text) = row.get(name).filter(|text| !text.is_empty()) {
            entry.insert(name.to_owned(), text.into());
        }
    }
    Value::Object(entry)
}

/// Whether a spec has it: Fast-Flow takes those of one pipeline and run configuration for the same.
fn has(spec: &PipelineSpec, row: &ForeignRow) -> bool {
    let config = row.get("run_config_id").filter(|id| !id.is_empty());
    spec.downstream_triggers.iter().any(|one| {
        Some(one.pipeline.as_str()) == row.get("downstream_pipeline")
            && one.run_config_id.as_deref() == config
    })
}

/// A `pipeline.json` with one trigger more; why it is not changed by a program.
fn with_entry(text: &str, entry: &Value) -> Result<String, String> {
    let mut spec: Value =
        serde_json::from_str(text).map_err(|error| format!("it is not plain JSON ({error})"))?;
    let members = spec.as_object_mut().ok_or("it is no object")?;
    let list = members.entry("downstream_triggers").or_insert_with(|| json!([]));
    list.as_array_mut().ok_or("its `downstream_triggers` is no list")?.push(entry.clone());
    serde_json::to_string_pretty(&spec).map(|text| text + "\n").map_err(|error| error.to_string())
}

fn write(file: &Path, entry: &Value) -> Result<(), String> {
    let read = |error: std::io::Error| error.to_string();
    let text = match fs::metadata(file) {
        Ok(facts) if facts.len() > LARGEST => return Err("it is too large".to_owned()),
        Ok(_) => fs::read_to_string(file).map_err(read)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "{}".to_owned(),
        Err(error) => return Err(read(error)),
    };
    let text = with_entry(&text, entry)?;
    let draft = file.with_extension("json.part");
    fs::write(&draft, text).and_then(|()| fs::rename(&draft, file)).map_err(read)
}

impl Moving<'_> {
    pub(super) async fn bring_triggers(&mut self) -> Result<(), Trouble> {
        self.report.about(SUBJECT);
        for row in self.rows("downstream_triggers").await? {
            let upstream = row.get("upstream_pipeline").unwrap_or_default().to_owned();
            let name = format!("{upstream} → {}", row.get("downstream_pipeline").unwrap_or_default());
            let Some(spec) = self.specs.get(&upstream) else {
                self.report.left_out(SUBJECT, &name, "there is no such pipeline that runs");
                continue;
            };
            if !row.get("enabled").is_none_or(truth) {
                let why = format!(
                    "it is switched off in Fast-Flow; to have it, write into `downstream_triggers`: {}",
                    entry(&row)
                );
                self.report.left_out(SUBJECT, &name, why);
            } else if has(spec, &row) {
                self.report.here(SUBJECT, 1);
            } else {
                self.add(&upstream, &name, &entry(&row));
            }
        }
        Ok(())
    }

    fn add(&mut self, upstream: &str, name: &str, entry: &Value) {
        let file = self.folder.join(upstream);
        let file = ["pipeline.json".to_owned(), format!("{upstream}.json")]
            .iter()
            .map(|spec| file.join(spec))
            .find(|file| file.is_file())
            .unwrap_or_else(|| file.join("pipeline.json"));
        let shown = file.display();
        if self.options.specs == Specs::Told {
            self.report.left_out(SUBJECT, name, format!("it belongs into `downstream_triggers` of {shown} (`--write-specs` puts it there): {entry}"));
            return;
        }
        let written = if self.options.run == Run::Dry { Ok(()) } else { write(&file, entry) };
        match written {
            Ok(()) => {
                self.report.came(SUBJECT, 1);
                self.report.differs(
                    SUBJECT,
                    name,
                    format!("it stands in {shown} now: commit it where the folder comes from"),
                );
            }
            Err(why) => {
                self.report.left_out(
                    SUBJECT,
                    name,
                    format!("{shown} is not changed, as {why}; write into `downstream_triggers`: {entry}"),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_says_what_is_not_usual() {
        let row = ForeignRow::from([("downstream_pipeline", "b"), ("on_success", "1"), ("on_failure", "0")]);
        assert_eq!(entry(&row), json!({"pipeline": "b"}));
        let row = ForeignRow::from([
            ("downstream_pipeline", "b"),
            ("on_success", "false"),
            ("on_failure", "true"),
            ("on_route", "large"),
            ("run_config_id", "prod"),
        ]);
        let expected = json!({"pipeline": "b", "on_success": false, "on_failure": true, "on_route": "large", "run_config_id": "prod"});
        assert_eq!(entry(&row), expected);
    }

    #[test]
    fn a_spec_keeps_its_order_and_odd_ones_are_left_alone() {
        let text = with_entry(
            r#"{"tags": ["x"], "downstream_triggers": [{"pipeline": "a"}], "enabled": true}"#,
            &json!({"pipeline": "b"}),
        );
        let text = text.unwrap();
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["downstream_triggers"], json!([{"pipeline": "a"}, {"pipeline": "b"}]));
        assert!(text.find("tags") < text.find("downstream_triggers") && text.ends_with("}\n"));
        assert!(with_entry("{}", &json!({})).is_ok());
        for odd in ["// why\n{}", "[]", "{", r#"{"downstream_triggers": 3}"#] {
            assert!(with_entry(odd, &json!({})).is_err(), "{odd}");
        }
    }
}
