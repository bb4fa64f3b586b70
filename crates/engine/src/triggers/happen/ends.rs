//! A run has ended: its lines are events for those that it is a sensor of, and its end is one for those that wait for it.

use rigi_model::expression::Template;
use rigi_model::log::Stream;
use rigi_model::triggers::join::{Arrived, Joined, event_of, join};
use rigi_model::triggers::lines::{Said, id_of, read_line};
use rigi_model::triggers::{AfterOn, AwaitedEnd, EventOutcome, FollowUpKind, TriggerOn};
use rigi_model::{RunState, Timestamp, TriggerKind};
use rigi_store::Run;
use rigi_store::logs::LogSource;
use rigi_store::triggers::{FollowUp, Noted, RunLink};
use serde_json::{Map, Value, json};

use super::KnownTrigger;
use super::known::of_project;
use super::start::Happened;
use crate::Engine;
use crate::projects::{Project, Projects};
use crate::secrets::without_sealed;
use crate::triggers::follow::{chain_of, way_of};

/// Lines of one run that are events, at most.
const MOST_LINES: usize = 1000;
/// Events that are written together.
const TOGETHER: usize = 64;

/// Does what an end asks for. `false`: it is to be tried again.
pub(in crate::triggers) async fn ended(
    engine: &Engine,
    projects: &Projects,
    one: &FollowUp,
) -> rigi_store::Result<bool> {
    let now = Timestamp::now();
    let mut noted = Noted { done: Some((one.clone(), Vec::new())), ..Noted::default() };
    let run = match engine.store().db().run_of_any(&one.run).await {
        Ok(run) => Some(run),
        Err(error) if error.is_damage() || matches!(error, rigi_store::Error::NotFound { .. }) => {
            tracing::error!(run = %one.run, %error, "the triggers that wait for it are not told");
            None
        }
        Err(error) => return Err(error),
    };
    if let (Some(run), Some(project)) = (run, projects.of(&one.project)) {
        let all = of_project(engine.store(), &project).await?;
        let meant = |one: &&KnownTrigger| {
            one.is_armed() && one.spec.on.awaited().any(|name| run.request.pipeline == name)
        };
        let meant: Vec<&KnownTrigger> = all.iter().filter(meant).collect();
        if !meant.is_empty() {
            let ending = Ending { engine, project: &project, run: &run, now };
            if !ending.tell(&meant, &mut noted).await? {
                return Ok(false);
            }
        }
    }
    engine.store().note_triggers(&noted, now).await?;
    Ok(true)
}

struct Ending<'a> {
    engine: &'a Engine,
    project: &'a Project,
    run: &'a Run,
    now: Timestamp,
}

impl Ending<'_> {
    /// `false`: it is to be tried again.
    async fn tell(&self, meant: &[&KnownTrigger], noted: &mut Noted) -> rigi_store::Result<bool> {
        let chain = chain_of(self.engine, &self.run.request).await?;
        let mut sensed = Vec::new();
        for one in meant {
            if chain.contains(&one.key.pipeline.to_string()) {
                told(
                    noted,
                    format!(
                        "the trigger `{}` starts nothing: its pipeline is in the chain already ({})",
                        one.key,
                        way_of(&chain)
                    ),
                );
                continue;
            }
            let done = match &one.spec.on {
                TriggerOn::After(after) if counts(after.on, self.run.status.state) => {
                    self.arrive(one, after, noted).await?
                }
                TriggerOn::Sensor(_) if self.run.status.state == RunState::Succeeded => {
                    sensed.push(*one);
                    true
                }
                _ => true,
            };
            if !done {
                return Ok(false);
            }
        }
        match sensed.is_empty() {
            true => Ok(true),
            false => self.sense(&sensed, noted).await,
        }
    }

    async fn sense(&self, triggers: &[&KnownTrigger], noted: &mut Noted) -> rigi_store::Result<bool> {
        let (lines, total) = self.lines().await?;
        let mut cursor = None;
        let mut events = 0;
        for line in &lines {
            let (id, event) = match read_line(line) {
                Ok(Said::Nothing) => continue,
                Ok(Said::Cursor(value)) => {
                    cursor = Some(value);
                    continue;
                }
                Ok(Said::Event { id, event }) => (id, event),
                Err(why) => {
                    told(noted, format!("a line says nothing to triggers: {why}"));
                    continue;
                }
            };
            events += 1;
            for one in triggers {
                if !self.happened(one, &id, &event, noted).await? {
                    return Ok(false);
                }
            }
            if noted.events.len() >= TOGETHER {
                let some = Noted { done: None, ..std::mem::take(noted) };
                noted.done = Some((self.follow_up(), Vec::new()));
                self.engine.store().note_triggers(&some, self.now).await?;
            }
        }
        if total > lines.len() {
            told(
                noted,
                format!(
                    "{events} of its lines are events, and {} more lines are not read",
                    total - lines.len()
                ),
            );
        }
        noted.cursor = cursor.map(|value| {
            let request = &self.run.request;
            (request.project.clone(), request.pipeline.clone(), value, request.id.clone())
        });
        Ok(true)
    }

    fn follow_up(&self) -> FollowUp {
        let request = &self.run.request;
        FollowUp {
            run: request.id.clone(),
            project: request.project.clone(),
            kind: FollowUpKind::Trigger,
            due: self.now,
        }
    }

    /// One event of one trigger. `false`: it is to be tried again.
    async fn happened(
        &self,
        one: &KnownTrigger,
        id: &str,
        event: &Value,
        noted: &mut Noted,
    ) -> rigi_store::Result<bool> {
        let known = self.engine.store().db().trigger_event(&one.key, id).await?;
        let again = noted.events.iter().any(|seen| seen.key == one.key && seen.event == id);
        if again || known.is_some_and(|known| known.outcome != EventOutcome::Refused) {
            return Ok(true);
        }
        let names = json!({"event": event, "id": id, "run": facts(self.run)});
        let happened = Happened {
            event: id.to_owned(),
            names,
            inputs: std::collections::BTreeMap::new(),
            kind: TriggerKind::Event,
        };
        let Some(became) = self.engine.happen(self.project, one, happened, self.now).await? else {
            return Ok(false);
        };
        self.link(&became, noted);
        noted.events.push(became);
        Ok(true)
    }

    fn link(&self, became: &rigi_store::triggers::TriggerEvent, noted: &mut Noted) {
        let parent = self.run.request.id.clone();
        noted.links.extend(became.run.clone().map(|child| RunLink {
            parent,
            child,
            kind: FollowUpKind::Trigger,
        }));
    }

    /// What it said on standard output, in lines, so many of it at most; and how many there are.
    async fn lines(&self) -> rigi_store::Result<(Vec<String>, usize)> {
        let log = self.engine.log_of(self.run, self.run.status.attempt).await?;
        let read = tokio::task::spawn_blocking(move || read_lines(log)).await;
        read.map_err(|_| rigi_store::Error::Closed)?
    }

    /// Its end, for a trigger that waits for others as well. `false`: it is to be tried again.
    async fn arrive(
        &self,
        one: &KnownTrigger,
        after: &AfterOn,
        noted: &mut Noted,
    ) -> rigi_store::Result<bool> {
        let request = &self.run.request;
        let key = match key_of(after, self.run, self.params(self.run)?) {
            Ok(key) => key,
            Err(why) => {
                told(noted, format!("the trigger `{}` does not count it: {why}", one.key));
                return Ok(true);
            }
        };
        let store = self.engine.store();
        let there = store.db().arrivals(&one.key, &key).await?;
        let at = self.run.status.ended_at.unwrap_or(self.now);
        let arrived = Arrived { pipeline: request.pipeline.to_string(), run: request.id.clone(), at };
        let runs = match join(after, &there, &arrived) {
            Joined::Waits(_) => {
                noted.arrived.push((one.key.clone(), key, arrived));
                return Ok(true);
            }
            Joined::Complete(runs) => runs,
        };
        let mut facts_of = Map::new();
        for arrived in &runs {
            let facts = match arrived.run == request.id {
                true => self.whole_facts(self.run).await?,
                false => match store.db().run_of_any(&arrived.run).await {
                    Ok(run) => self.whole_facts(&run).await?,
                    Err(rigi_store::Error::NotFound { .. }) => json!({"id": arrived.run.as_str()}),
                    Err(error) => return Err(error),
                },
            };
            facts_of.insert(arrived.pipeline.clone(), facts);
        }
        let id = event_of(&key, &runs);
        let own = facts_of.get(request.pipeline.as_str()).cloned();
        let names = json!({"run": own, "runs": facts_of, "key": key, "id": id});
        let (inputs, kind) = (std::collections::BTreeMap::new(), TriggerKind::Downstream);
        let happened = Happened { event: id, names, inputs, kind };
        let Some(became) = self.engine.happen(self.project, one, happened, self.now).await? else {
            return Ok(false);
        };
        self.link(&became, noted);
        noted.events.push(became);
        noted.used.push((one.key.clone(), key));
        Ok(true)
    }

    /// Its parameters, but for secret ones: those are handed on to nobody.
    fn params(&self, run: &Run) -> rigi_store::Result<Value> {
        let plain = without_sealed(self.engine.store().sealer(), &run.request.parameters)?;
        Ok(Value::Object(plain))
    }

    /// With its outputs.
    async fn whole_facts(&self, run: &Run) -> rigi_store::Result<Value> {
        let (store, request) = (self.engine.store(), &run.request);
        let mut facts = facts(run);
        if let Some(file) = store.db().artifact(&request.id, crate::flows::VALUES).await?
            && let Ok(values) = crate::flows::values(store, &request.project, file).await?
        {
            facts["outputs"] = values;
        }
        facts["params"] = self.params(run)?;
        Ok(facts)
    }
}

fn told(noted: &mut Noted, message: String) {
    if let Some((_, told)) = &mut noted.done {
        told.push(message);
    }
}

const fn counts(on: AwaitedEnd, state: RunState) -> bool {
    let failed = matches!(state, RunState::Failed | RunState::TimedOut);
    match on {
        AwaitedEnd::Success => matches!(state, RunState::Succeeded),
        AwaitedEnd::Failure => failed,
        AwaitedEnd::End => failed || matches!(state, RunState::Succeeded),
    }
}

fn facts(run: &Run) -> Value {
    json!({
        "id": run.request.id.as_str(),
        "pipeline": run.request.pipeline.as_str(),
        "state": run.status.state.as_str(),
        "due": run.request.env.get("RIGI_DUE"),
        "labels": *run.request.labels,
    })
}

/// What runs that belong together have in common.
fn key_of(after: &AfterOn, run: &Run, params: Value) -> Result<String, String> {
    let Some(key) = &after.key else { return Ok(String::new()) };
    let template = Template::parse(&Value::from(key.as_str())).map_err(|error| error.to_string())?;
    let names = json!({"run": facts(run), "params": params});
    match template.value(&names).map_err(|error| error.to_string())? {
        Value::Null => Err(format!("`{key}` has no value")),
        Value::String(text) => Ok(id_of(&text)),
        other => Ok(id_of(&other.to_string())),
    }
}

fn read_lines(log: LogSource) -> rigi_store::Result<(Vec<String>, usize)> {
    let (mut lines, mut from, mut total): (Vec<String>, u64, usize) = (Vec::new(), 1, 0);
    let mut continues = false;
    loop {
        let (page, _) = log.clone().page(from, MOST_LINES, Some(Stream::Stdout))?;
        let Some(last) = page.last() else { return Ok((lines, total)) };
        from = last.number + 1;
        for line in page {
            let text = String::from_utf8_lossy(&line.text).into_owned();
            match lines.last_mut() {
                // It was too long for one line of the log.
                Some(last) if continues && total <= MOST_LINES => last.push_str(&text),
                _ if continues => {}
                _ => {
                    total += 1;
                    if total <= MOST_LINES {
                        lines.push(text);
                    }
                }
            }
            continues = line.continues;
        }
    }
}
