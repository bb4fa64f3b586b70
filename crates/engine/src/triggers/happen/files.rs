//! Looking at files for one trigger: what is new becomes runs.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use rigi_model::quantity::show_bytes;
use rigi_model::triggers::files::{FoundFile, Settling};
use rigi_model::triggers::lines::id_of;
use rigi_model::triggers::{Each, EventOutcome, Existing, FilesOn};
use rigi_model::{Timestamp, TriggerKind};
use rigi_store::IdempotencyKey;
use rigi_store::triggers::{LookedAt, Noted, TriggerEvent, event_key};
use serde_json::{Value, json};

use super::KnownTrigger;
use super::folder::Place;
use super::known::of_project;
use super::start::Happened;
use crate::Engine;
use crate::projects::Project;
use crate::submit::InputSource;

/// Events that are written together.
const TOGETHER: usize = 500;
/// Runs that are started before it is looked again.
const AT_ONCE: usize = 500;
/// Bytes of a file that becomes an input, at most.
const LARGEST: u64 = 50 << 30;
/// Files of one batch at most.
const LARGEST_BATCH: usize = 5000;
/// What could not be done is tried again after this time.
const AGAIN: Duration = Duration::from_secs(10);
/// What is known of a file that is gone is forgotten after this time.
const FORGOTTEN: Duration = Duration::from_secs(30 * 86_400);
/// What is known is read anew after this time.
const REREAD: Duration = Duration::from_secs(86_400);

/// What is known of the files of a trigger.
#[derive(Debug)]
pub(super) struct Looking {
    place: Place,
    seen: Option<(Timestamp, HashMap<String, Timestamp>)>,
    settling: Settling,
    watched: Option<String>,
    problem: Option<String>,
}

impl Looking {
    pub fn new(place: Place, one: &KnownTrigger) -> Self {
        let (watched, problem) = (one.watched.clone(), one.problem.clone());
        Self { place, seen: None, settling: Settling::default(), watched, problem }
    }

    pub const fn place(&self) -> &Place {
        &self.place
    }
}

/// One look.
pub(super) struct Look<'a> {
    pub engine: &'a Engine,
    pub project: &'a Project,
    pub one: &'a KnownTrigger,
    pub files: &'a FilesOn,
    pub now: Timestamp,
}

impl Look<'_> {
    /// Looks, and says after which time to look again.
    pub async fn look(&self, looking: &mut Looking) -> rigi_store::Result<Duration> {
        let is_stale = |(at, _): &(Timestamp, _)| self.now.since(*at) > REREAD;
        let rereads = looking.seen.as_ref().is_none_or(is_stale);
        if rereads {
            self.settle_taken().await?;
            let seen = self.engine.store().db().seen_events(&self.one.key).await?;
            looking.seen = Some((self.now, seen.into_iter().collect()));
        }
        let place = looking.place.clone();
        let listed = tokio::task::spawn_blocking(move || place.list()).await;
        let found = match listed.map_err(|_| rigi_store::Error::Closed)? {
            Ok(found) => found,
            Err(why) => {
                self.note_look(looking, Some(why)).await?;
                return Ok(self.files.interval);
            }
        };
        let Some((_, seen)) = &mut looking.seen else { return Ok(self.files.interval) };
        if rereads {
            self.forget(&found, seen).await?;
        }
        let mut new = found;
        new.retain(|file| !seen.contains_key(&file.event()));
        let is_first = looking.watched.as_deref() != Some(self.files.pattern.as_str());
        if is_first && self.files.existing == Existing::Skip {
            let rows = new.iter().map(|file| self.row(&file.event(), EventOutcome::Seen));
            let rows: Vec<TriggerEvent> = rows.collect();
            for some in rows.chunks(TOGETHER) {
                self.note(some.to_vec(), seen).await?;
            }
            new.clear();
        }
        let mut new = looking.settling.settled(new, self.files.settle, self.now);
        // Word that it was paused or removed may still be on its way.
        if !new.is_empty() && !self.is_still_armed().await? {
            return Ok(self.files.interval);
        }
        new.sort_by(|one, other| (one.modified, &one.path).cmp(&(other.modified, &other.path)));
        let more = match self.files.each {
            Each::File => self.each(&new, &looking.place, seen).await?,
            Each::Batch => self.batch(&new, &looking.place, seen).await?,
        };
        self.note_look(looking, None).await?;
        Ok(match more {
            More::None if looking.settling.is_empty() => self.files.interval,
            More::None => self.files.settle.min(self.files.interval).max(Duration::from_millis(100)),
            More::Now => Duration::ZERO,
            More::Later => AGAIN.min(self.files.interval),
        })
    }

    async fn is_still_armed(&self) -> rigi_store::Result<bool> {
        let all = of_project(self.engine.store(), self.project).await?;
        let one = all.iter().find(|one| one.key == self.one.key);
        Ok(one.is_some_and(|one| one.is_armed() && one.spec == self.one.spec))
    }

    fn row(&self, event: &str, outcome: EventOutcome) -> TriggerEvent {
        let key = self.one.key.clone();
        TriggerEvent { key, event: event.to_owned(), at: self.now, outcome, reason: None, run: None }
    }

    async fn note(
        &self,
        events: Vec<TriggerEvent>,
        seen: &mut HashMap<String, Timestamp>,
    ) -> rigi_store::Result<()> {
        let noted = Noted { events, ..Noted::default() };
        self.engine.store().note_triggers(&noted, self.now).await?;
        seen.extend(noted.events.into_iter().map(|event| (event.event, self.now)));
        Ok(())
    }

    /// Written when it says something new.
    async fn note_look(&self, looking: &mut Looking, problem: Option<String>) -> rigi_store::Result<()> {
        // What was never seen is no beginning.
        let watched = match &problem {
            Some(_) => looking.watched.clone(),
            None => Some(self.files.pattern.clone()),
        };
        if watched == looking.watched && problem == looking.problem {
            return Ok(());
        }
        (looking.watched, looking.problem) = (watched.clone(), problem.clone());
        let looked = LookedAt { key: self.one.key.clone(), watched: watched.unwrap_or_default(), problem };
        let noted = Noted { looked: Some(looked), ..Noted::default() };
        self.engine.store().note_triggers(&noted, self.now).await
    }

    async fn each(
        &self,
        new: &[FoundFile],
        place: &Place,
        seen: &mut HashMap<String, Timestamp>,
    ) -> rigi_store::Result<More> {
        let mut rows = Vec::new();
        for file in new.iter().take(AT_ONCE) {
            let event = file.event();
            let names = json!({"file": facts(file), "id": event});
            let Some(row) = self.start(event, names, std::slice::from_ref(file), place).await? else {
                self.note(rows, seen).await?;
                return Ok(More::Later);
            };
            rows.push(row);
            if rows.len() >= 32 {
                self.note(std::mem::take(&mut rows), seen).await?;
            }
        }
        if !rows.is_empty() {
            self.note(rows, seen).await?;
        }
        Ok(if new.len() > AT_ONCE { More::Now } else { More::None })
    }

    /// All together. That these files are meant is written before, so that they are not meant again with others.
    async fn batch(
        &self,
        new: &[FoundFile],
        place: &Place,
        seen: &mut HashMap<String, Timestamp>,
    ) -> rigi_store::Result<More> {
        let some = &new[..new.len().min(LARGEST_BATCH)];
        if some.is_empty() {
            return Ok(More::None);
        }
        let events: Vec<String> = some.iter().map(FoundFile::event).collect();
        // Longer than any name, so that it becomes a hash.
        let id = id_of(&format!("batch\n{}", events.join("\n")));
        let mut rows: Vec<TriggerEvent> =
            events.iter().map(|event| self.row(event, EventOutcome::Taken)).collect();
        for row in &mut rows {
            row.reason = Some(id.clone());
        }
        let taken = Noted { events: rows.clone(), ..Noted::default() };
        self.engine.store().note_triggers(&taken, self.now).await?;
        let names = json!({"files": some.iter().map(facts).collect::<Vec<_>>(), "id": id});
        let Some(became) = self.start(id.clone(), names, some, place).await? else {
            self.engine.store().forget_events(&self.one.key, &events).await?;
            return Ok(More::Later);
        };
        for row in &mut rows {
            (row.outcome, row.reason, row.run) = (became.outcome, became.reason.clone(), became.run.clone());
        }
        self.note(rows, seen).await?;
        Ok(if new.len() > some.len() { More::Now } else { More::None })
    }

    async fn start(
        &self,
        event: String,
        names: Value,
        files: &[FoundFile],
        place: &Place,
    ) -> rigi_store::Result<Option<TriggerEvent>> {
        let wanted = self.one.spec.when.as_ref().is_none_or(|when| when.holds(&names).unwrap_or(false));
        let mut inputs = BTreeMap::new();
        if let Some(input) = self.files.input.as_ref().filter(|_| wanted) {
            let mut given = Vec::new();
            let mut names = HashSet::new();
            for file in files {
                match self.upload(file, place, &mut names).await? {
                    Ok(source) => given.push(source),
                    Err(why) => {
                        let reason = Some(format!("`{}` cannot be taken: {why}", file.path));
                        return Ok(Some(TriggerEvent { reason, ..self.row(&event, EventOutcome::Refused) }));
                    }
                }
            }
            inputs.insert(input.clone(), given);
        }
        let happened = Happened { event, names, inputs, kind: TriggerKind::Event };
        self.engine.happen(self.project, self.one, happened, self.now).await
    }

    /// A file as an input; of two of one name the second gets another.
    async fn upload(
        &self,
        file: &FoundFile,
        place: &Place,
        names: &mut HashSet<String>,
    ) -> rigi_store::Result<Result<InputSource, String>> {
        if file.size > LARGEST {
            return Ok(Err(format!(
                "it has {}, and may have {}",
                show_bytes(file.size),
                show_bytes(LARGEST)
            )));
        }
        if let Some(exceeded) = self.engine.beyond_storage(&self.one.key.project).await? {
            return Ok(Err(exceeded.to_string()));
        }
        let (place, path) = (place.clone(), file.path.clone());
        let taken = tokio::task::spawn_blocking(move || place.take(&path)).await;
        let stored = match taken.map_err(|_| rigi_store::Error::Closed)? {
            Ok(stored) => stored,
            Err(why) => return Ok(Err(why)),
        };
        let mut name = file.name().to_owned();
        for number in 2.. {
            if names.insert(name.clone()) {
                break;
            }
            name = format!("{number}-{}", file.name());
        }
        let id = self.engine.store().add_upload(&self.one.key.project, &name, &stored, self.now).await?;
        Ok(Ok(InputSource::Upload { id, name: Some(name) }))
    }

    /// What was being made with others when a server ended: it has a run, or it is found again.
    async fn settle_taken(&self) -> rigi_store::Result<()> {
        let mut batches: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (event, batch) in self.engine.store().db().taken_events(&self.one.key).await? {
            batches.entry(batch).or_default().push(event);
        }
        for (batch, events) in batches {
            let key = event_key(&self.one.key, &batch);
            let key = IdempotencyKey { key, request: "event".to_owned() };
            let before = self.engine.store().accepted_before(&self.one.key.project, &key).await?;
            match before.and_then(|runs| runs.into_iter().next()) {
                None => self.engine.store().forget_events(&self.one.key, &events).await?,
                Some(run) => {
                    let row = |event: &String| TriggerEvent {
                        run: Some(run.clone()),
                        ..self.row(event, EventOutcome::Run)
                    };
                    let events = events.iter().map(row).collect();
                    let noted = Noted { events, ..Noted::default() };
                    self.engine.store().note_triggers(&noted, self.now).await?;
                }
            }
        }
        Ok(())
    }

    /// Files that are long gone.
    async fn forget(
        &self,
        found: &[FoundFile],
        seen: &mut HashMap<String, Timestamp>,
    ) -> rigi_store::Result<()> {
        let there: HashSet<String> = found.iter().map(FoundFile::event).collect();
        let gone =
            seen.iter().filter(|(event, at)| !there.contains(*event) && self.now.since(**at) > FORGOTTEN);
        let gone: Vec<String> = gone.map(|(event, _)| event.clone()).collect();
        if !gone.is_empty() {
            self.engine.store().forget_events(&self.one.key, &gone).await?;
            seen.retain(|event, _| !gone.contains(event));
        }
        Ok(())
    }
}

/// Whether there is more to be done.
enum More {
    None,
    Now,
    Later,
}

fn facts(file: &FoundFile) -> Value {
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    json!({
        "path": file.path,
        "name": file.name(),
        "folder": folder,
        "size": file.size,
        "modified": file.modified.to_string(),
    })
}
