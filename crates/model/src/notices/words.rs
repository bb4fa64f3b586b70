//! What a notice says.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{NoticeKind, Rule};
use crate::quantity::show_duration;

/// What is known of what happened. Expressions of a template know it by these names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// The project's name; none where there is but one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Of which pipeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
    /// Of which run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// How the run stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Why, as a stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Of which schedule, repository or what else there is to name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// How often it has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures: Option<u32>,
    /// How long it took, has waited, or had failed, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// How long it takes as a rule, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usual_ms: Option<u64>,
    /// What a program sends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// A notice as channels are told it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Of what.
    pub kind: NoticeKind,
    /// One line.
    pub title: String,
    /// The rest.
    pub text: String,
    /// Where it is seen, below the server's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What is known of it.
    pub facts: Facts,
}

fn time(ms: Option<u64>) -> String {
    let rounded = Duration::from_secs(ms.unwrap_or(0).div_ceil(1000));
    show_duration(rounded)
}

/// How often it has happened, in words.
#[must_use]
pub fn minutes_words(count: u32, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

/// What is said by a rule of what happened.
#[must_use]
pub fn message(kind: NoticeKind, facts: Facts, rule: Option<&Rule>) -> Message {
    let pipeline = facts.pipeline.as_deref().unwrap_or("a pipeline");
    let subject = facts.subject.as_deref().unwrap_or_default();
    let why = facts.message.clone().unwrap_or_default();
    let (title, text) = match kind {
        NoticeKind::Failed => (format!("{pipeline} failed"), why),
        // Nothing has failed: its packages are well again.
        NoticeKind::Recovered if facts.failures.is_none() && !why.is_empty() => {
            (format!("{pipeline} recovered"), why)
        }
        NoticeKind::Recovered => {
            let failures = minutes_words(facts.failures.unwrap_or(1), "failure", "failures");
            (format!("{pipeline} recovered"), format!("after {}, {failures}", time(facts.duration_ms)))
        }
        NoticeKind::Succeeded => (format!("{pipeline} succeeded"), format!("in {}", time(facts.duration_ms))),
        NoticeKind::Slow => (
            format!("{pipeline} was slow"),
            format!("it took {}, and takes {} as a rule", time(facts.duration_ms), time(facts.usual_ms)),
        ),
        NoticeKind::Missed => (format!("{pipeline} missed a due time"), format!("schedule {subject}: {why}")),
        NoticeKind::Waiting => {
            (format!("{pipeline} waits"), format!("a run has waited for {}; {why}", time(facts.duration_ms)))
        }
        NoticeKind::Stopped => {
            (format!("{pipeline} was stopped"), format!("schedule {subject} is paused: {why}"))
        }
        NoticeKind::SoftLimit => (format!("{pipeline} used more than its soft limits"), why),
        NoticeKind::Storage => ("The storage is nearly full".to_owned(), why),
        NoticeKind::Approval => (format!("{pipeline} asks for an answer"), why),
        NoticeKind::Vulnerable => (format!("{pipeline} has vulnerable packages"), why),
        NoticeKind::Sync => (format!("The repository {subject} could not be synchronised"), why),
        NoticeKind::Sent => (facts.title.clone().unwrap_or_else(|| "A message".to_owned()), why),
        NoticeKind::Test => ("Notices from Rigi arrive".to_owned(), why),
    };
    let path = facts.run.as_ref().map(|run| match &facts.project {
        Some(project) => format!("/projects/{project}/runs/{run}"),
        None => format!("/runs/{run}"),
    });
    let of_packages =
        kind == NoticeKind::Vulnerable || (kind == NoticeKind::Recovered && facts.run.is_none());
    let path = path.or_else(|| {
        let pipeline = facts.pipeline.as_ref().filter(|_| of_packages)?;
        Some(match &facts.project {
            Some(project) => format!("/projects/{project}/pipelines/{pipeline}?tab=packages"),
            None => format!("/pipelines/{pipeline}?tab=packages"),
        })
    });
    let title = match &facts.project {
        Some(project) if kind != NoticeKind::Sent => format!("[{project}] {title}"),
        _ => title,
    };
    let mut message = Message { kind, title: line(&title), text, path, facts };
    if let Some(Ok(Some(template))) = rule.map(Rule::template) {
        match template.value(&message.names()) {
            Ok(Value::String(text)) => message.text = text,
            Ok(other) => message.text = other.to_string(),
            // What cannot be said in other words is said in ours.
            Err(error) => message.text = format!("{} (the rule's `template`: {error})", message.text),
        }
    }
    message.text = message.text.chars().take(2000).collect();
    message
}

fn line(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(200).map(plain).collect()
}

impl Message {
    /// What expressions know.
    #[must_use]
    pub fn names(&self) -> Value {
        let mut names = serde_json::to_value(&self.facts).unwrap_or_default();
        if let Some(names) = names.as_object_mut() {
            names.insert("kind".to_owned(), self.kind.as_str().into());
            names.insert("title".to_owned(), self.title.clone().into());
            names.insert("text".to_owned(), self.text.clone().into());
            names.insert("path".to_owned(), json!(self.path));
        }
        names
    }
}

/// Several as one.
#[must_use]
pub fn together(all: &[Message]) -> Option<Message> {
    let [first, ..] = all else { return None };
    if all.len() == 1 {
        return Some(first.clone());
    }
    const SHOWN: usize = 30;
    let mut lines: Vec<String> = all
        .iter()
        .take(SHOWN)
        .map(|one| {
            let text = one.text.split_whitespace().collect::<Vec<_>>().join(" ");
            if text.is_empty() { one.title.clone() } else { format!("{}: {text}", one.title) }
        })
        .collect();
    if all.len() > SHOWN {
        lines.push(format!("and {} more", all.len() - SHOWN));
    }
    Some(Message {
        kind: first.kind,
        title: format!("{} notices: {}", all.len(), first.title),
        text: lines.join("\n"),
        path: None,
        facts: Facts { project: first.facts.project.clone(), ..Facts::default() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            pipeline: Some("etl".into()),
            run: Some("run_1".into()),
            message: Some("exit 1".into()),
            duration_ms: Some(10_800_000),
            failures: Some(4),
            ..Facts::default()
        }
    }

    #[test]
    fn each_says_what_happened_in_a_line() {
        let told = |kind| {
            let message = message(kind, facts(), None);
            format!("{} | {}", message.title, message.text)
        };
        assert_eq!(told(NoticeKind::Failed), "etl failed | exit 1");
        assert_eq!(told(NoticeKind::Recovered), "etl recovered | after 3h, 4 failures");
        assert_eq!(told(NoticeKind::Vulnerable), "etl has vulnerable packages | exit 1");
        let packages = Facts { run: None, failures: None, ..facts() };
        let over = message(NoticeKind::Recovered, packages, None);
        assert_eq!(
            (&*over.title, &*over.text, over.path.as_deref()),
            ("etl recovered", "exit 1", Some("/pipelines/etl?tab=packages"))
        );
        let named = Facts { project: Some("lab".into()), ..facts() };
        let message = message(NoticeKind::Failed, named, None);
        assert_eq!(
            (&*message.title, message.path.as_deref()),
            ("[lab] etl failed", Some("/projects/lab/runs/run_1"))
        );
    }

    #[test]
    fn a_template_says_it_in_other_words_and_never_nothing() {
        let rule = |template: &str| Rule {
            on: vec![NoticeKind::Failed],
            pipelines: Vec::new(),
            channels: Vec::new(),
            digest: None,
            quiet: None,
            waiting_after: None,
            template: Some(template.to_owned()),
            paused: false,
        };
        let told = |template: &str| message(NoticeKind::Failed, facts(), Some(&rule(template))).text;
        assert_eq!(told("${pipeline} is down: ${message} (${kind})"), "etl is down: exit 1 (failed)");
        assert!(told("${failures > 'x'}").starts_with("exit 1 (the rule's `template`"));
    }

    #[test]
    fn many_are_told_as_one() {
        let all: Vec<Message> = (0..40).map(|_| message(NoticeKind::Failed, facts(), None)).collect();
        let one = together(&all).unwrap();
        assert_eq!(one.title, "40 notices: etl failed");
        assert!(one.text.ends_with("and 10 more") && one.text.starts_with("etl failed: exit 1\n"));
        assert_eq!(together(&all[..1]), Some(all[0].clone()));
        assert_eq!(together(&[]), None);
    }
}
