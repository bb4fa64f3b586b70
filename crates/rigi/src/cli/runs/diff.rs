//! `rigi runs diff`: what two runs differ in.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use clap_complete::ArgValueCompleter;
use rigi_api::view::RunView;
use serde::Serialize;
use serde_json::Value;

use crate::cli::complete;
use crate::cli::output::{List, OutputArgs};
use crate::cli::session::Session;
use crate::cli::table::Column;
use crate::terminal::Exit;

/// `rigi runs diff`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi runs diff 7Q2A 7Q19
  rigi runs diff 7Q2A 7Q19 -o name    the names of what differs")]
pub struct Diff {
    /// One run: its id, or a part of it
    #[arg(value_name = "RUN", add = ArgValueCompleter::new(complete::runs))]
    one: String,
    /// The other
    #[arg(value_name = "OTHER", add = ArgValueCompleter::new(complete::runs))]
    other: String,
    #[command(flatten)]
    output: OutputArgs,
}

/// Something that two runs do not have in common; absent where a run has no such thing.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Difference {
    what: String,
    one: Option<Value>,
    other: Option<Value>,
}

impl Diff {
    /// Prints the differences.
    ///
    /// # Errors
    /// When there is no such run.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        let differences = session.block_on(async {
            let one: RunView = client.get(&["runs", &self.one], &[]).await?;
            let other: RunView = client.get(&["runs", &self.other], &[]).await?;
            Ok(between(&facts(&one)?, &facts(&other)?))
        })?;
        let columns = [Column::fixed("WHAT"), Column::elastic("ONE", 16), Column::elastic("OTHER", 16)];
        let text = |value: &Option<Value>| match value {
            None => "–".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
        };
        let list = List {
            items: &differences,
            columns: &columns,
            wide: &[],
            row: &|d| vec![d.what.clone().into(), text(&d.one).into(), text(&d.other).into()],
            name: &|d| d.what.clone(),
            nothing: "They differ in nothing but their times.",
        };
        list.print(self.output, &session.terminal)?;
        Ok(Exit::Ok.into())
    }
}

/// What is compared, by name: all that decides what a run does, and how it ended. Not its times.
fn facts(run: &RunView) -> anyhow::Result<BTreeMap<String, Value>> {
    let mut facts = BTreeMap::new();
    let Value::Object(whole) = serde_json::to_value(run)? else { return Ok(facts) };
    let compared = [
        "pipeline",
        "version",
        "target",
        "priority",
        "state",
        "reason",
        "exit_code",
        "signal",
        "parameters",
        "inputs",
        "env",
        "labels",
        "limits",
        "environment",
        "git",
    ];
    for name in compared {
        match whole.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::Object(inner)) => {
                // How long an environment took this time says nothing of what it is.
                let inner = inner.iter().filter(|(key, _)| *key != "took_ms");
                facts.extend(inner.map(|(key, value)| (format!("{name}.{key}"), value.clone())));
            }
            Some(Value::Array(items)) => {
                for item in items {
                    let part = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
                    let key = format!("{name}.{}/{}", part("input"), part("name"));
                    facts.insert(key, item.get("sha256").cloned().unwrap_or(Value::Null));
                }
            }
            Some(value) => _ = facts.insert(name.to_owned(), value.clone()),
        }
    }
    Ok(facts)
}

fn between(one: &BTreeMap<String, Value>, other: &BTreeMap<String, Value>) -> Vec<Difference> {
    let names: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let differing = names.into_iter().filter(|name| one.get(*name) != other.get(*name));
    let difference = |name: &String| Difference {
        what: name.clone(),
        one: one.get(name).cloned(),
        other: other.get(name).cloned(),
    };
    differing.map(difference).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let of = |pairs: &[(&str, Value)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<BTreeMap<_, _>>()
        };
        let one = of(&[("parameters.a", json!(1)), ("state", json!("failed")), ("version", json!("x"))]);
        let other =
            of(&[("parameters.b", json!(null)), ("state", json!("succeeded")), ("version", json!("x"))]);
        let told: Vec<_> = between(&one, &other).into_iter().map(|d| (d.what, d.one, d.other)).collect();
        assert_eq!(
            told,
            [
                ("parameters.a".to_owned(), Some(json!(1)), None),
                ("parameters.b".to_owned(), None, Some(json!(null))),
                ("state".to_owned(), Some(json!("failed")), Some(json!("succeeded"))),
            ]
        );
        assert_eq!(between(&one, &one), []);
    }
}
