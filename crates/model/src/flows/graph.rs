//! A flow drawn: as text, for Graphviz, for Mermaid.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::pipeline::spec::Entry;
use crate::pipeline::step::{ForEach, RunIf, StepAction, StepSpec};
use crate::state::text_enum;

text_enum! {
    /// As what a flow is drawn.
    GraphForm {
        /// Lines, in the order in which steps can begin.
        Text = "text",
        /// For Graphviz.
        Dot = "dot",
        /// For pages that draw Mermaid.
        Mermaid = "mermaid",
    }
}

/// The steps of a flow, drawn.
#[must_use]
pub fn graph(name: &str, steps: &[StepSpec], form: GraphForm) -> String {
    match form {
        GraphForm::Text => text(steps),
        GraphForm::Dot => dot(name, steps),
        GraphForm::Mermaid => mermaid(steps),
    }
}

/// What a step does, in a few words.
#[must_use]
pub fn does(step: &StepSpec) -> String {
    let what = match &step.action {
        StepAction::Run { entry } => executes(entry),
        StepAction::Pipeline { pipeline, .. } => format!("pipeline {pipeline}"),
        StepAction::Approval { role, .. } => format!("approval by {role}"),
    };
    match &step.for_each {
        Some(ForEach::Input(input)) => format!("{what}, for each file of {input}"),
        Some(ForEach::Values(serde_json::Value::Array(items))) => {
            format!("{what}, for each of {}", items.len())
        }
        Some(ForEach::Values(value)) => format!("{what}, for each of {}", value.as_str().unwrap_or_default()),
        None => what,
    }
}

/// What an entry executes, in a few words: the file, the command, the image.
#[must_use]
pub fn executes(entry: &Entry) -> String {
    match entry {
        Entry::Script { file } | Entry::Notebook { file } => file.clone(),
        Entry::Command { argv } => shown(argv),
        Entry::Image { image, argv } if argv.is_empty() => image.clone(),
        Entry::Image { image, argv } => format!("{image}: {}", shown(argv)),
        Entry::Flow | Entry::Approval { .. } => String::new(),
    }
}

/// A command as it was written, cut.
fn shown(argv: &[String]) -> String {
    let text = match argv {
        [shell, flag, text] if shell == "sh" && flag == "-c" => text.clone(),
        argv => argv.join(" "),
    };
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= 40 {
        return line;
    }
    let mut cut: String = line.chars().take(39).collect();
    cut.push('…');
    cut
}

/// A label of the lines that lead to a step.
fn rule(step: &StepSpec) -> Option<&'static str> {
    (step.run_if != RunIf::Success).then(|| step.run_if.as_str())
}

/// Steps by how many come before them at least.
fn depths(steps: &[StepSpec]) -> BTreeMap<&str, usize> {
    let mut depths: BTreeMap<&str, usize> = BTreeMap::new();
    // Each round settles one more of a chain; there are no circles.
    for _ in 0..steps.len() {
        for step in steps {
            let of_needs =
                step.needs.iter().map(|need| depths.get(need.as_str()).map_or(0, |depth| depth + 1));
            let depth = of_needs.max().unwrap_or(0);
            depths.insert(&step.name, depth);
        }
    }
    depths
}

fn text(steps: &[StepSpec]) -> String {
    let depths = depths(steps);
    let mut sorted: Vec<&StepSpec> = steps.iter().collect();
    sorted.sort_by_key(|step| depths[step.name.as_str()]);
    let wide = steps.iter().map(|step| step.name.len() + 2 * depths[step.name.as_str()]).max().unwrap_or(0);
    let mut all = String::new();
    for step in sorted {
        let name = format!("{}{}", "  ".repeat(depths[step.name.as_str()]), step.name);
        let mut notes = Vec::new();
        if !step.needs.is_empty() {
            notes.push(format!("after {}", step.needs.join(", ")));
        }
        notes.extend(rule(step).map(|rule| format!("if {rule}")));
        notes.extend(step.when.as_ref().map(|when| format!("when {when}")));
        if step.optional {
            notes.push("optional".to_owned());
        }
        let does = does(step);
        // Writing to memory does not fail.
        let _ = if notes.is_empty() {
            writeln!(all, "{name:wide$}  {does}")
        } else {
            writeln!(all, "{name:wide$}  {does}  ({})", notes.join("; "))
        };
    }
    all
}

fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

fn dot(name: &str, steps: &[StepSpec]) -> String {
    let mut all = format!("digraph \"{}\" {{\n  rankdir=LR;\n  node [shape=box];\n", quoted(name));
    for step in steps {
        let label = format!("{}\\n{}", quoted(&step.name), quoted(&does(step)));
        let style = if step.optional { ", style=dashed" } else { "" };
        let _ = writeln!(all, "  \"{}\" [label=\"{label}\"{style}];", step.name);
    }
    for step in steps {
        for need in &step.needs {
            let label = rule(step).map(|rule| format!(" [label=\"{rule}\"]")).unwrap_or_default();
            let _ = writeln!(all, "  \"{need}\" -> \"{}\"{label};", step.name);
        }
    }
    all.push_str("}\n");
    all
}

fn mermaid(steps: &[StepSpec]) -> String {
    let places: BTreeMap<&str, usize> =
        steps.iter().enumerate().map(|(at, step)| (step.name.as_str(), at)).collect();
    let plain = |text: &str| text.replace('"', "#quot;").replace(['\n', '\r'], " ");
    let mut all = "flowchart LR\n".to_owned();
    for (at, step) in steps.iter().enumerate() {
        let _ = writeln!(all, "  s{at}[\"{}<br/>{}\"]", plain(&step.name), plain(&does(step)));
    }
    for (at, step) in steps.iter().enumerate() {
        for need in step.needs.iter().filter_map(|need| places.get(need.as_str())) {
            let arrow = rule(step).map_or_else(|| "-->".to_owned(), |rule| format!("-->|{rule}|"));
            let _ = writeln!(all, "  s{need} {arrow} s{at}");
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, needs: &[&str], command: &str) -> StepSpec {
        let entry = Entry::Command { argv: vec!["sh".into(), "-c".into(), command.into()] };
        StepSpec {
            needs: needs.iter().map(|need| (*need).to_owned()).collect(),
            ..StepSpec::of(name, StepAction::Run { entry })
        }
    }

    #[test]
    fn each_form_has_steps_and_lines() {
        let steps = [
            step("tell", &["count"], "echo \"done\""),
            step("count", &[], "wc -l data.csv"),
            StepSpec { run_if: RunIf::Failed, optional: true, ..step("help", &["count"], "false") },
        ];
        assert_eq!(
            graph("demo", &steps, GraphForm::Text),
            "count   wc -l data.csv\n  tell  echo \"done\"  (after count)\n  help  false  (after count; if failed; optional)\n"
        );
        let dot = graph("demo", &steps, GraphForm::Dot);
        assert!(dot.contains("\"tell\" [label=\"tell\\necho \\\"done\\\"\"];"), "{dot}");
        assert!(dot.contains("\"count\" -> \"help\" [label=\"failed\"];"), "{dot}");
        let mermaid = graph("demo", &steps, GraphForm::Mermaid);
        assert!(mermaid.contains("s0[\"tell<br/>echo #quot;done#quot;\"]"), "{mermaid}");
        assert!(mermaid.contains("s1 -->|failed| s2"), "{mermaid}");
    }
}
