//! What triggers wait for, as it is stored: those that people made, what has happened, and what became of it. The run of an event is accepted
//! with a key of its own ([`event_key`]); the row follows, and takes the key with it.

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::triggers::join::Arrived;
use rigi_model::triggers::{EventOutcome, TriggerSpec};
use rigi_model::{PipelineName, ProjectName, RunId, Timestamp};
use serde_json::{Value, json};

use super::follow_ups;
use super::{FollowUp, Pause, RunLink, ScheduleKey};
use crate::people::{Deed, Entry, audit};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::tables::idempotency;
use crate::write::Write;
use crate::{Result, Store};

/// Which trigger: as schedules, by project, pipeline and id.
pub type TriggerKey = ScheduleKey;

/// What is stored of a trigger.
#[derive(Debug, Clone, PartialEq)]
pub struct TriggerRow {
    /// Which.
    pub key: TriggerKey,
    /// What it is, where a person made it; else it is in the pipeline's spec.
    pub made: Option<TriggerSpec>,
    /// What it waited for when it was looked last.
    pub watched: Option<String>,
    /// When that was.
    pub looked_at: Option<Timestamp>,
    /// Why it could not be looked.
    pub problem: Option<String>,
    /// Whether it is paused.
    pub paused: Option<Pause>,
}

/// Something that has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerEvent {
    /// For which trigger.
    pub key: TriggerKey,
    /// Names it among those of the trigger.
    pub event: String,
    /// When it was seen.
    pub at: Timestamp,
    /// What became of it.
    pub outcome: EventOutcome,
    /// Why, for people.
    pub reason: Option<String>,
    /// The run that was made.
    pub run: Option<RunId>,
}

/// It was looked for a trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookedAt {
    /// For which.
    pub key: TriggerKey,
    /// What it waits for.
    pub watched: String,
    /// Why nothing could be seen.
    pub problem: Option<String>,
}

/// What is written together when something has happened.
#[derive(Debug, Clone, Default)]
pub struct Noted {
    /// What has happened.
    pub events: Vec<TriggerEvent>,
    /// That it was looked.
    pub looked: Option<LookedAt>,
    /// Ends that wait for others, each with the key that they have in common.
    pub arrived: Vec<(TriggerKey, String, Arrived)>,
    /// Ends that were used.
    pub used: Vec<(TriggerKey, String)>,
    /// Where a sensor goes on, and the run that said so.
    pub cursor: Option<(ProjectName, PipelineName, String, RunId)>,
    /// Which runs came of which.
    pub links: Vec<RunLink>,
    /// What is done with it, and what is said of that run.
    pub done: Option<(FollowUp, Vec<String>)>,
}

impl Noted {
    /// Whether nothing has happened.
    const fn is_nothing(&self) -> bool {
        self.events.is_empty()
            && self.arrived.is_empty()
            && self.used.is_empty()
            && self.links.is_empty()
            && self.cursor.is_none()
    }
}

/// Where a sensor goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SensorCursor {
    /// Its next run is given this.
    pub value: String,
    /// Since when.
    pub at: Timestamp,
    /// The run that said so; `None`: a person did.
    pub run: Option<RunId>,
}

const KEY: [&str; 3] = ["project", "pipeline", "id"];
static EVENT: Statement = Statement::insert(
    "trigger_events",
    &[
        (KEY[0], Text),
        (KEY[1], Text),
        (KEY[2], Text),
        ("event", Text),
        ("at", Int),
        ("outcome", Text),
        ("reason", Text),
        ("run", Text),
    ],
    "ON CONFLICT (project, pipeline, id, event) DO UPDATE SET at = excluded.at, outcome = excluded.outcome, reason = excluded.reason, \
     run = excluded.run WHERE trigger_events.outcome IN ('refused', 'taken')",
);
static LOOKED: Statement = Statement::insert(
    "triggers",
    &[
        (KEY[0], Text),
        (KEY[1], Text),
        (KEY[2], Text),
        ("watched", Text),
        ("looked_at", Int),
        ("problem", Text),
    ],
    "ON CONFLICT (project, pipeline, id) DO UPDATE SET watched = excluded.watched, looked_at = excluded.looked_at, \
     problem = excluded.problem",
);
static ARRIVED: Statement = Statement::insert(
    "trigger_arrivals",
    &[
        (KEY[0], Text),
        (KEY[1], Text),
        (KEY[2], Text),
        ("match_key", Text),
        ("source", Text),
        ("run", Text),
        ("at", Int),
    ],
    "ON CONFLICT (project, pipeline, id, match_key, source) DO UPDATE SET run = excluded.run, at = excluded.at",
);
static USED: Statement = Statement::delete(
    "trigger_arrivals",
    &[(KEY[0], Text), (KEY[1], Text), (KEY[2], Text), ("match_key", Text)],
    "trigger_arrivals.project = v.project AND trigger_arrivals.pipeline = v.pipeline AND trigger_arrivals.id = v.id \
     AND trigger_arrivals.match_key = v.match_key",
);
static CURSOR: Statement = Statement::insert(
    "cursors",
    &[("project", Text), ("pipeline", Text), ("value", Text), ("at", Int), ("run", Text)],
    "ON CONFLICT (project, pipeline) DO UPDATE SET value = excluded.value, at = excluded.at, run = excluded.run",
);
static NO_CURSOR: Statement = Statement::delete(
    "cursors",
    &[("project", Text), ("pipeline", Text)],
    "cursors.project = v.project AND cursors.pipeline = v.pipeline",
);
static MAKE: Statement = Statement::insert(
    "triggers",
    &[(KEY[0], Text), (KEY[1], Text), (KEY[2], Text), ("spec", Text), ("made_by", Text)],
    "ON CONFLICT (project, pipeline, id) DO UPDATE SET spec = excluded.spec, made_by = excluded.made_by",
);
static PAUSE: Statement = Statement::insert(
    "triggers",
    &[(KEY[0], Text), (KEY[1], Text), (KEY[2], Text), ("paused_at", Int), ("paused_by", Text)],
    "ON CONFLICT (project, pipeline, id) DO UPDATE SET paused_at = excluded.paused_at, paused_by = excluded.paused_by",
);
static REMOVE: Statement = Statement::delete(
    "triggers",
    &[(KEY[0], Text), (KEY[1], Text), (KEY[2], Text)],
    "triggers.project = v.project AND triggers.pipeline = v.pipeline AND triggers.id = v.id",
);
static FORGET: Statement = Statement::delete(
    "trigger_events",
    &[(KEY[0], Text), (KEY[1], Text), (KEY[2], Text), ("event", Text)],
    "trigger_events.project = v.project AND trigger_events.pipeline = v.pipeline AND trigger_events.id = v.id \
     AND trigger_events.event = v.event",
);

static TOO_OLD: Statement = Statement::delete(
    "trigger_events",
    &[(KEY[0], Text), (KEY[1], Text), (KEY[2], Text), ("at", Int)],
    "trigger_events.project = v.project AND trigger_events.pipeline = v.pipeline AND trigger_events.id = v.id \
     AND trigger_events.at < v.at",
);
static WAITED: Statement = Statement::delete(
    "trigger_arrivals",
    &[(KEY[0], Text), (KEY[1], Text), (KEY[2], Text), ("at", Int)],
    "trigger_arrivals.project = v.project AND trigger_arrivals.pipeline = v.pipeline AND trigger_arrivals.id = v.id \
     AND trigger_arrivals.at < v.at",
);

/// Under which key the run of an event is accepted. No request can have such a one: headers are ASCII.
#[must_use]
pub fn event_key(key: &TriggerKey, event: &str) -> String {
    format!("⚑ {} {} {event}", key.pipeline, key.id)
}

fn key_of(key: &TriggerKey) -> [crate::rows::Value<'static>; 3] {
    [key.project.to_string().into(), key.pipeline.to_string().into(), key.id.clone().into()]
}

fn telling(key: &TriggerKey, kind: &'static str, at: Timestamp) -> Write {
    let mut write = Write::removal();
    write.tell(&key.project, Subject::Trigger, &key.to_string(), kind, at);
    write
}

fn audited(write: &mut Write, deed: &Deed, action: &'static str, key: &TriggerKey, after: Option<Value>) {
    let (id, project) = (key.to_string(), Some(&key.project));
    audit::add(write, deed, Entry { action, project, subject: "trigger", id: &id, after, before: None });
}

fn add_event(write: &mut Write, one: &TriggerEvent) {
    let [project, pipeline, id] = key_of(&one.key);
    let row = [
        project,
        pipeline,
        id,
        one.event.clone().into(),
        one.at.0.into(),
        one.outcome.as_str().to_owned().into(),
        one.reason.clone().into(),
        one.run.as_ref().map(ToString::to_string).into(),
    ];
    write.rows.add(&EVENT, row);
    if one.run.is_some() {
        idempotency::remove(&mut write.rows, &one.key.project, event_key(&one.key, &one.event));
    }
}

impl Store {
    /// Writes down what has happened, all of it or nothing.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn note_triggers(&self, noted: &Noted, now: Timestamp) -> Result<()> {
        let mut write = Write::removal();
        let mut told: Vec<&TriggerKey> = noted.events.iter().map(|one| &one.key).collect();
        told.extend(noted.arrived.iter().map(|(key, ..)| key));
        told.extend(noted.looked.iter().map(|looked| &looked.key));
        told.sort();
        told.dedup();
        for key in told {
            write.tell(&key.project, Subject::Trigger, &key.to_string(), SubjectEvent::FIRED, now);
        }
        noted.events.iter().for_each(|one| add_event(&mut write, one));
        if let Some(looked) = &noted.looked {
            let [project, pipeline, id] = key_of(&looked.key);
            let (watched, problem) = (looked.watched.clone(), looked.problem.clone());
            let row = [project, pipeline, id, watched.into(), now.0.into(), problem.into()];
            write.rows.add(&LOOKED, row);
        }
        for (key, match_key) in &noted.used {
            let [project, pipeline, id] = key_of(key);
            write.rows.add(&USED, [project, pipeline, id, match_key.clone().into()]);
        }
        for (key, match_key, one) in &noted.arrived {
            let [project, pipeline, id] = key_of(key);
            let (source, run) = (one.pipeline.clone(), one.run.to_string());
            let row =
                [project, pipeline, id, match_key.clone().into(), source.into(), run.into(), one.at.0.into()];
            write.rows.add(&ARRIVED, row);
        }
        if let Some((project, pipeline, value, run)) = &noted.cursor {
            let (project, pipeline) = (project.to_string(), pipeline.to_string());
            let run = Some(run.to_string());
            write.rows.add(
                &CURSOR,
                [project.into(), pipeline.into(), value.clone().into(), now.0.into(), run.into()],
            );
        }
        match &noted.done {
            // Nobody waited for it: nothing is to be told.
            Some((done, told)) if told.is_empty() && noted.is_nothing() => follow_ups::done(&mut write, done),
            Some((done, told)) => follow_ups::finish(&mut write, done, &noted.links, told, now),
            None => {
                let project = noted.events.first().map(|one| &one.key.project);
                project.into_iter().for_each(|project| follow_ups::link(&mut write, project, &noted.links));
            }
        }
        self.write(write).await
    }

    /// Makes a trigger beside the spec, or changes it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn put_trigger(&self, key: &TriggerKey, spec: &TriggerSpec, deed: &Deed) -> Result<()> {
        let mut write = telling(key, SubjectEvent::CHANGED, deed.at);
        let [project, pipeline, id] = key_of(key);
        let text = serde_json::to_string(spec).unwrap_or_default();
        write.rows.add(&MAKE, [project, pipeline, id, text.into(), deed.actor.clone().into()]);
        audited(&mut write, deed, "triggers.set", key, Some(json!({"trigger": spec})));
        self.write(write).await
    }

    /// Removes a trigger that was made beside the spec. What has happened stays known.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn remove_trigger(&self, key: &TriggerKey, deed: &Deed) -> Result<()> {
        let mut write = telling(key, SubjectEvent::REMOVED, deed.at);
        write.rows.add(&REMOVE, key_of(key));
        audited(&mut write, deed, "triggers.remove", key, None);
        self.write(write).await
    }

    /// Pauses a trigger, or lets it go on.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn pause_trigger(&self, key: &TriggerKey, pause: Option<&Pause>, deed: &Deed) -> Result<()> {
        let mut write = telling(key, SubjectEvent::CHANGED, deed.at);
        let [project, pipeline, id] = key_of(key);
        let (at, by) = (pause.map(|pause| pause.at.0), pause.map(|pause| pause.by.clone()));
        write.rows.add(&PAUSE, [project, pipeline, id, at.into(), by.into()]);
        let action = if pause.is_some() { "triggers.pause" } else { "triggers.resume" };
        audited(&mut write, deed, action, key, None);
        self.write(write).await
    }

    /// Sets where a sensor goes on; `None`: from the beginning.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn set_cursor(
        &self,
        project: &ProjectName,
        pipeline: &str,
        value: Option<&str>,
        deed: &Deed,
    ) -> Result<()> {
        let mut write = Write::removal();
        write.tell(project, Subject::Trigger, pipeline, SubjectEvent::CHANGED, deed.at);
        let own = [project.to_string().into(), pipeline.to_owned().into()];
        match value {
            Some(value) => {
                let [project, pipeline] = own;
                let row =
                    [project, pipeline, value.to_owned().into(), deed.at.0.into(), None::<String>.into()];
                write.rows.add(&CURSOR, row);
            }
            None => write.rows.add(&NO_CURSOR, own),
        }
        let after = Some(json!({"cursor": value}));
        let entry = Entry {
            action: "triggers.cursor",
            project: Some(project),
            subject: "pipeline",
            id: pipeline,
            after,
            before: None,
        };
        audit::add(&mut write, deed, entry);
        self.write(write).await
    }

    /// Forgets what happened for a trigger before `before`, and ends that have waited since then.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn remove_trigger_events(&self, key: &TriggerKey, before: Timestamp) -> Result<()> {
        let mut write = Write::removal();
        for statement in [&TOO_OLD, &WAITED] {
            let [project, pipeline, id] = key_of(key);
            write.rows.add(statement, [project, pipeline, id, before.0.into()]);
        }
        self.write(write).await
    }

    /// Forgets events: were they to happen again, they would be new.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn forget_events(&self, key: &TriggerKey, events: &[String]) -> Result<()> {
        for some in events.chunks(1000) {
            let mut write = Write::removal();
            for event in some {
                let [project, pipeline, id] = key_of(key);
                write.rows.add(&FORGET, [project, pipeline, id, event.clone().into()]);
            }
            self.write(write).await?;
        }
        Ok(())
    }
}
