//! A task of a DAG as a step: what it does, in a file of its own where that is a command or a function.

use serde_json::{Map, Value, json};

use super::read::ReadTask;
use super::schedule::{duration, retries};
use super::template::{PRELUDE, for_shell, has_templates};

/// A step, with its files.
pub(super) struct Step {
    pub fields: Map<String, Value>,
    pub files: Vec<(String, String)>,
    /// Why it is not taken: it fails and says so.
    pub missing: Option<String>,
    /// What is another here.
    pub said: Vec<String>,
}

/// What a step needs of the DAG around it.
pub(super) struct Around<'a> {
    pub dag: &'a str,
    /// Its name as a step.
    pub name: &'a str,
    /// Steps that end before it begins, by name.
    pub needs: &'a [String],
    /// The step of a task.
    pub step_of: &'a dyn Fn(&str) -> Option<String>,
}

/// Makes it.
pub(super) fn step(task: &ReadTask, around: &Around<'_>) -> Step {
    let mut step = Step { fields: Map::new(), files: Vec::new(), missing: None, said: Vec::new() };
    if let Some(Value::String(text)) = &task.doc_md {
        step.fields.insert("description".to_owned(), rigi_model::text::plain_line(text, 200).into());
    }
    let done = match task.kind.as_str() {
        "bash" => bash(task, around, &mut step),
        "python" => python(task, around, &mut step),
        "empty" => {
            step.fields.insert("command".to_owned(), "true".into());
            Ok(())
        }
        "pipeline" => match &task.pipeline {
            Some(pipeline) => {
                step.fields.insert("pipeline".to_owned(), pipeline.clone().into());
                step.said.push(format!(
                    "it waits for the run of `{pipeline}` that it starts; Airflow waits if told"
                ));
                Ok(())
            }
            None => Err("what it starts is not known".to_owned()),
        },
        _ => Err(task.why.clone().unwrap_or_else(|| "what it does has no counterpart".to_owned())),
    };
    if let Err(why) = done {
        let says = format!("This step was not brought from Airflow: {why}.").replace('\'', "`");
        step.fields.insert("command".to_owned(), format!("echo '{says}' >&2; exit 1").into());
        step.files.clear();
        step.missing = Some(why);
    }
    if !around.needs.is_empty() {
        step.fields.insert("needs".to_owned(), around.needs.into());
    }
    let rule = task.trigger_rule.as_ref().and_then(Value::as_str).unwrap_or("all_success");
    when(rule, around.needs, &mut step);
    let again = retries(
        task.retries,
        task.retry_delay.as_ref(),
        task.retry_exponential_backoff.as_ref(),
        task.max_retry_delay.as_ref(),
    );
    if let Some(again) =
        again.filter(|_| step.missing.is_none() && task.kind != "pipeline" && task.kind != "empty")
    {
        step.fields.insert("retries".to_owned(), again);
    }
    if let Some(longest) = task.execution_timeout.as_ref().and_then(duration) {
        step.fields.insert("timeout".to_owned(), longest.into());
    }
    step
}

/// How what it needs must have ended. Rigi's words mean each of them together; what Airflow says beyond these is a condition.
fn when(rule: &str, needs: &[String], step: &mut Step) {
    let each = |states: &str| -> String {
        let all: Vec<String> = needs.iter().map(|need| format!("steps.{need}.state in {states}")).collect();
        all.join(" and ")
    };
    let any = |state: &str| -> String {
        let all: Vec<String> =
            needs.iter().map(|need| format!("steps.{need}.state == \"{state}\"")).collect();
        format!("({})", all.join(" or "))
    };
    let ended = "[\"succeeded\", \"skipped\"]";
    let (run_if, condition) = match rule {
        "all_success" => return,
        _ if needs.is_empty() => return,
        "one_success" => {
            step.said.push(
                "`one_success`: it begins once all that it needs have ended, and one has succeeded"
                    .to_owned(),
            );
            ("any_success", None)
        }
        "one_failed" => {
            step.said.push(
                "`one_failed`: it begins once all that it needs have ended, and one has failed".to_owned(),
            );
            ("failed", None)
        }
        "all_done" | "always" | "one_done" | "all_done_setup_success" => ("done", None),
        "none_skipped" => ("not_skipped", None),
        "none_failed" => ("done", Some(each(ended))),
        "none_failed_min_one_success" | "none_failed_or_skipped" => {
            ("done", Some(format!("{} and {}", each(ended), any("succeeded"))))
        }
        "all_failed" => ("done", Some(each("[\"failed\", \"timed_out\"]"))),
        "all_skipped" => ("done", Some(each("[\"skipped\"]"))),
        "all_done_min_one_success" => ("done", Some(any("succeeded"))),
        other => {
            step.said
                .push(format!("`{other}` is no rule that is known here: it begins when all have succeeded"));
            return;
        }
    };
    step.fields.insert("run_if".to_owned(), run_if.into());
    if let Some(condition) = condition {
        step.fields.insert("when".to_owned(), condition.into());
    }
}

fn bash(task: &ReadTask, around: &Around<'_>, step: &mut Step) -> Result<(), String> {
    let command = task.command.as_deref().unwrap_or_default();
    let is_template = has_templates(command);
    let command =
        for_shell(command, around.dag).map_err(|what| format!("its template {what} has no counterpart"))?;
    let mut text = String::new();
    if is_template {
        text.push_str(PRELUDE);
        step.said.push("its templates are variables of the shell now".to_owned());
    }
    if let Some(cwd) = &task.cwd {
        text.push_str("cd '");
        text.push_str(&cwd.replace('\'', "'\\''"));
        text.push_str("' || exit 1\n");
    }
    text.push_str(command.trim_end());
    text.push('\n');
    if let Some(env) = &task.env {
        let mut shown = Map::new();
        for (name, value) in env {
            let value = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            if has_templates(&value) {
                return Err(format!("its variable `{name}` is a template"));
            }
            shown.insert(name.clone(), value.into());
        }
        if !shown.is_empty() {
            step.fields.insert("env".to_owned(), Value::Object(shown));
        }
    }
    let file = format!("task_{}.sh", around.name);
    step.fields.insert("command".to_owned(), json!(["bash", file]));
    step.files.push((file, text));
    Ok(())
}

/// The end of a function's file: it is called with what the step is given, and what it returns is handed on.
const CALL: &str = r#"
if __name__ == "__main__":
    import json
    import os

    with open(os.environ["RIGI_PARAMS"], encoding="utf-8") as file:
        given = json.load(file)
    result = FUNCTION(*GIVEN, **{name: given[name] for name in NAMES if name in given})
    if result is not None:
        with open(os.path.join(os.environ["RIGI_OUTPUTS"], "outputs.json"), "w", encoding="utf-8") as file:
            json.dump({"return_value": result}, file)
"#;

fn python(task: &ReadTask, around: &Around<'_>, step: &mut Step) -> Result<(), String> {
    let (Some(function), Some(source)) = (&task.function, &task.source) else {
        return Err("its function is not known".to_owned());
    };
    let templates = |value: &Value| has_templates(&value.to_string());
    if task.named.values().chain(&task.given).any(templates) {
        return Err("what it is called with is a template".to_owned());
    }
    let mut parameters: Map<String, Value> =
        task.named.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
    for (name, of) in &task.results {
        let of = (around.step_of)(of).ok_or("the task whose result it is given is not known")?;
        parameters.insert(name.clone(), format!("${{steps.{of}.outputs.return_value}}").into());
    }
    let names: Vec<&String> = parameters.keys().collect();
    let places = literal(&Value::Array(task.given.clone()));
    let call = CALL.replace("FUNCTION", function).replace("*GIVEN", &format!("*{places}"));
    let call = call.replace("NAMES", &serde_json::to_string(&names).unwrap_or_default());
    let file = format!("task_{}.py", around.name);
    let text = format!(
        "\"\"\"The task `{}` of a DAG of Airflow (line {} of its file).\"\"\"\n{source}\n{call}",
        task.id, task.line
    );
    step.fields.insert("script".to_owned(), file.clone().into());
    if !parameters.is_empty() {
        step.fields.insert("parameters".to_owned(), Value::Object(parameters));
    }
    step.files.push((file, text));
    let packages: Vec<&String> =
        task.packages.iter().filter(|package| !task.modules.contains(package)).collect();
    if !packages.is_empty() {
        let names: Vec<&str> = packages.iter().map(|name| name.as_str()).collect();
        step.said
            .push(format!("it imports {}: name the packages of these in `requirements`", names.join(", ")));
    }
    Ok(())
}

/// A `$` in a text of the spec would begin an expression.
fn plain(value: &Value) -> Value {
    match value {
        Value::String(text) => text.replace("${", "$${").into(),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
        }
        other => other.clone(),
    }
}

/// A value as Python writes it.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Array(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                format!("{}: {}", Value::from(name.as_str()), literal(value))
            };
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        // What JSON writes of numbers and texts, Python reads.
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(task: Value, needs: &[&str]) -> Step {
        let task: ReadTask = serde_json::from_value(task).unwrap();
        let needs: Vec<String> = needs.iter().map(|need| (*need).to_owned()).collect();
        let step_of = |id: &str| (id == "up.x").then(|| "up_x".to_owned());
        step(&task, &Around { dag: "etl", name: "load", needs: &needs, step_of: &step_of })
    }

    #[test]
    fn a_command_is_a_file_with_its_folder_and_variables() {
        let step = made(
            json!({"kind": "bash", "command": "echo '{{ ds }}'\n", "cwd": "/srv/it's", "env": {"A": 1}, "retries": 2, "execution_timeout": {"seconds": 90}}),
            &["a"],
        );
        assert_eq!(step.fields["command"], json!(["bash", "task_load.sh"]));
        assert!(
            step.files[0].1.ends_with("cd '/srv/it'\\''s' || exit 1\necho ''\"${airflow_ds}\"''\n"),
            "{}",
            step.files[0].1
        );
        assert_eq!(
            (&step.fields["env"], &step.fields["timeout"], &step.fields["needs"]),
            (&json!({"A": "1"}), &json!("90s"), &json!(["a"]))
        );
        assert_eq!(step.fields["retries"]["attempts"], 2);
    }

    #[test]
    fn a_function_is_a_file_that_calls_it() {
        let step = made(
            json!({"id": "load", "kind": "python", "function": "load", "source": "def load(a, b, c):\n    return a", "given": [true, null, "x"],
                "named": {"b": "costs ${5}"}, "results": {"c": "up.x"}, "packages": ["pandas", "helper"], "modules": ["helper"]}),
            &[],
        );
        assert_eq!(step.fields["script"], "task_load.py");
        assert_eq!(
            step.fields["parameters"],
            json!({"b": "costs $${5}", "c": "${steps.up_x.outputs.return_value}"})
        );
        let text = &step.files[0].1;
        assert!(
            text.contains(
                "load(*[True, None, \"x\"], **{name: given[name] for name in [\"b\",\"c\"] if name in given})"
            ),
            "{text}"
        );
        assert!(step.said.iter().any(|said| said.contains("pandas") && !said.contains("helper")));
    }

    #[test]
    fn what_is_not_taken_fails_and_says_so() {
        for task in [
            json!({"kind": "missing", "why": "it's a `FileSensor`"}),
            json!({"kind": "bash", "command": "{{ macros.x }}"}),
            json!({"kind": "bash", "command": "x", "env": {"A": "{{ ds }}"}}),
            json!({"kind": "python", "function": "f", "source": "", "named": {"a": "{{ ds }}"}}),
            json!({"kind": "python", "function": "f", "source": "", "results": {"a": "unknown"}}),
            json!({"kind": "pipeline"}),
            json!({"kind": "something"}),
        ] {
            let step = made(task.clone(), &[]);
            let command = step.fields["command"].as_str().unwrap();
            assert!(
                step.missing.is_some() && command.ends_with(">&2; exit 1") && step.files.is_empty(),
                "{task}"
            );
            assert_eq!(command.matches('\'').count(), 2, "{command}");
        }
    }

    #[test]
    fn rules_are_words_and_conditions() {
        let of = |rule: &str| {
            let step = made(json!({"kind": "empty", "trigger_rule": rule}), &["a", "b"]);
            (
                step.fields.get("run_if").cloned(),
                step.fields.get("when").and_then(Value::as_str).map(str::to_owned),
            )
        };
        assert_eq!(of("all_success"), (None, None));
        assert_eq!(of("all_done"), (Some("done".into()), None));
        assert_eq!(of("one_failed"), (Some("failed".into()), None));
        let (run_if, when) = of("none_failed_min_one_success");
        assert_eq!(run_if, Some("done".into()));
        let expected = "steps.a.state in [\"succeeded\", \"skipped\"] and steps.b.state in [\"succeeded\", \"skipped\"] and (steps.a.state == \"succeeded\" or steps.b.state == \"succeeded\")";
        assert_eq!(when.as_deref(), Some(expected));
        assert_eq!(of("something"), (None, None));
        assert!(
            made(json!({"kind": "empty", "trigger_rule": "all_done"}), &[]).fields.get("run_if").is_none()
        );
    }
}
