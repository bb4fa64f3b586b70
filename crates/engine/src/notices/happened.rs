//! What is told of something that happened: by which rules, to which channels, under which name it is the same.

use rigi_model::notices::{Facts, Incident, NoticeKind, Told, message};
use rigi_model::{NoticeId, ProjectName, RunId, Timestamp};
use rigi_store::notices::{IncidentRow, NamedRule, NewNotice, Words};

use crate::projects::Projects;

/// What is told.
pub(super) struct Tale<'a> {
    /// What happened.
    pub kind: NoticeKind,
    /// What is known of it.
    pub facts: Facts,
    /// Of what it is: the same is told once.
    pub dedupe: String,
    /// In which project.
    pub project: &'a ProjectName,
}

impl Tale<'_> {
    /// Adds what every rule says of it.
    pub fn tell(&self, rules: &[NamedRule], now: Timestamp, words: &mut Words) {
        let pipeline = self.facts.pipeline.as_deref().unwrap_or_default();
        for rule in rules.iter().filter(|rule| rule.rule.tells(self.kind, pipeline)) {
            let message = message(self.kind, self.facts.clone(), Some(&rule.rule));
            for channel in &rule.rule.channels {
                words.notices.push(NewNotice {
                    project: self.project.clone(),
                    rule: rule.name.clone(),
                    channel: channel.clone(),
                    dedupe: self.dedupe.clone(),
                    message: message.clone(),
                    due: rule.rule.due(now),
                });
            }
        }
    }
}

/// What a project is called where that needs to be said.
pub(super) fn named(projects: &Projects, project: &ProjectName) -> Option<String> {
    (*project != ProjectName::default()).then(|| projects.name_of(project).to_string())
}

/// What is remembered of trouble.
pub(super) fn incident(row: &IncidentRow) -> Incident {
    Incident { opened_at: row.opened_at, count: row.count }
}

/// Adds what becomes of an incident; its id.
pub(super) fn keep(
    (open, told): (Option<&IncidentRow>, &Told),
    (project, kind, pipeline): (&ProjectName, NoticeKind, &str),
    run: Option<&RunId>,
    now: Timestamp,
    words: &mut Words,
) -> Option<NoticeId> {
    let row = match (open, &told.incident, &told.over) {
        (Some(open), Some(incident), _) => IncidentRow {
            count: incident.count,
            last_at: now,
            last_run: run.cloned().or_else(|| open.last_run.clone()),
            ..open.clone()
        },
        (Some(open), None, Some(_)) => IncidentRow { closed_at: Some(now), ..open.clone() },
        (None, Some(incident), _) => IncidentRow {
            id: NoticeId::generate(),
            project: project.clone(),
            kind,
            pipeline: pipeline.to_owned(),
            opened_at: incident.opened_at,
            count: incident.count,
            last_at: now,
            last_run: run.cloned(),
            closed_at: None,
        },
        _ => return None,
    };
    let id = row.id.clone();
    words.incidents.push(row);
    Some(id)
}
