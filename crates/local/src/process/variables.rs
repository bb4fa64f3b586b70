//! The environment of a run's process: little of the server's, all of the contract's, then the pipeline's own.

use std::collections::BTreeMap;
use std::path::Path;

use rigi_work::plan::AttemptPlan;
use serde_json::Value;

use crate::allowed::listed;
use crate::credential_files::CredentialFiles;
use crate::layout::{Layout, name};

/// A parameter must not decide which code a program loads, nor where it works.
const RESERVED: &[&str] = &[
    "RIGI_*",
    "LD_*",
    "DYLD_*",
    "GLIBC_TUNABLES",
    "PATH",
    "HOME",
    "TMPDIR",
    "SHELL",
    "IFS",
    "ENV",
    "BASH_ENV",
    "BASH_FUNC_*",
    "SHELLOPTS",
    "PYTHON*",
    "PERL5*",
    "RUBY*",
    "NODE_OPTIONS",
    "JAVA_TOOL_OPTIONS",
    "VIRTUAL_ENV",
    "FASTFLOW_ROUTE_FILE",
    "_fastflow_*",
];

/// A longer value is only in the parameters' file: a process cannot be started with it in its environment.
const LONGEST: usize = 64 * 1024;
/// All parameters together, for the same reason.
const ALL_TOGETHER: usize = 512 * 1024;

/// The environment of an attempt, and words for its log about what could not be set.
pub fn of_attempt(
    plan: &AttemptPlan,
    inherited: &BTreeMap<String, String>,
    layout: &Layout,
    credentials: &CredentialFiles,
    python: Option<&Path>,
) -> (Vec<(String, String)>, Vec<String>) {
    let mut variables = inherited.clone();
    let mut words = plan.notes.clone();
    let mut set = |name: &str, value: String| variables.insert(name.to_owned(), value);
    let folder = layout.attempt(&plan.key);
    let tmp = folder.join(name::TMP).display().to_string();
    set("HOME", tmp.clone());
    set("TMPDIR", tmp);
    set("PYTHONUNBUFFERED", "1".into());
    set("PYTHONDONTWRITEBYTECODE", "1".into());
    if let Some(venv) = python {
        let path = inherited.get("PATH").map_or("", String::as_str);
        set("PATH", format!("{}/bin:{path}", venv.display()));
        set("VIRTUAL_ENV", venv.display().to_string());
    }
    if plan.key.number > 1 {
        set("_fastflow_retry_count", (plan.key.number - 1).to_string());
        // There a retry is a run of its own, here it is an attempt of the same.
        set("_fastflow_previous_run_id", plan.key.run.to_string());
    }
    for (name, value) in &plan.env {
        match refusal(name, value, &["RIGI_*"]) {
            Some(why) => words.push(format!("The variable `{}` was not set: {why}.", name.escape_debug())),
            None => _ = variables.insert(name.clone(), value.clone()),
        }
    }
    add_parameters(plan, &mut variables, &mut words);
    if let Some(bucket) = &plan.bucket {
        variables.extend(bucket.of_process(&plan.env, &credentials.folder(&plan.key)));
    }
    let mut set = |name: &str, value: String| variables.insert(name.to_owned(), value);
    let at = |inner: &str| folder.join(inner).display().to_string();
    plan.own.iter().for_each(|(name, value)| _ = set(name, value.clone()));
    set("RIGI_RUN_ID", plan.key.run.to_string());
    set("RIGI_ATTEMPT", plan.key.number.to_string());
    set("RIGI_PIPELINE", plan.pipeline.to_string());
    set("RIGI_PROJECT", plan.project.to_string());
    set("RIGI_STEP", plan.step.clone());
    set("RIGI_TRIGGER", plan.trigger.to_string());
    set("RIGI_PARAMS", parameters_file(plan, layout));
    set("RIGI_INPUTS", at(name::INPUTS));
    set("RIGI_OUTPUTS", at(name::OUTPUTS));
    set("RIGI_EVENTS", at(name::EVENTS));
    if !plan.secrets.files.is_empty() {
        set("RIGI_SECRETS", at(name::SECRETS));
    }
    set("FASTFLOW_ROUTE_FILE", at(name::ROUTE));
    (variables.into_iter().collect(), words)
}

/// Where the parameters of an attempt lie.
pub fn parameters_file(plan: &AttemptPlan, layout: &Layout) -> String {
    let file = match plan.parameters.is_empty() {
        true => layout.no_parameters(),
        false => layout.attempt(&plan.key).join(name::PARAMS),
    };
    file.display().to_string()
}

fn add_parameters(plan: &AttemptPlan, variables: &mut BTreeMap<String, String>, words: &mut Vec<String>) {
    let mut room = ALL_TOGETHER;
    for (name, value) in &plan.parameters {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let why = match refusal(name, &text, RESERVED) {
            None if text.len() > LONGEST.min(room) => Some("it is too large for a variable"),
            other => other,
        };
        if let Some(why) = why {
            let name = name.escape_debug();
            words.push(format!(
                "The parameter `{name}` is in $RIGI_PARAMS but no variable of its own: {why}."
            ));
        } else {
            room -= text.len();
            variables.insert(name.clone(), text);
        }
    }
}

fn refusal(name: &str, value: &str, reserved: &[&str]) -> Option<&'static str> {
    if name.is_empty() || name.contains(['=', '\0']) {
        Some("its name cannot be a variable's")
    } else if value.contains('\0') {
        Some("it holds a NUL character")
    } else if listed(name, reserved) {
        Some("the name is reserved")
    } else {
        None
    }
}
