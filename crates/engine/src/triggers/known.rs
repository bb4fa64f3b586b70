//! The schedules of a project: those in the specs of its pipelines, and those that people made beside them.

use std::collections::HashMap;
use std::time::Duration;

use rigi_model::pipeline::PipelineSpec;
use rigi_model::pipeline::spec::Schedule;
use rigi_model::project::ProjectState;
use rigi_model::triggers::{CatchUp, Overlap, Rhythm, Rules};
use rigi_model::{PipelineName, Timestamp};
use rigi_store::Store;
use rigi_store::triggers::{Pause, ScheduleKey, ScheduleRow};

use crate::projects::Project;

/// A schedule, and how it stands.
#[derive(Debug, Clone)]
pub struct Scheduled {
    /// Which.
    pub key: ScheduleKey,
    /// What it says.
    pub schedule: Schedule,
    /// A person made it, beside the spec.
    pub made: bool,
    /// It starts anew what runs, and nothing else: `restart.interval` of the spec.
    pub restarts: bool,
    /// When it is due; `None`: it is a named set of overrides.
    pub rhythm: Option<Rhythm>,
    /// It is kept, and starts nothing: by its spec, or because its pipeline is switched off or has mistakes, or its project is archived.
    pub off: Option<&'static str>,
    /// It starts nothing for now.
    pub paused: Option<Pause>,
    /// When it was let go on last.
    pub resumed_at: Option<Timestamp>,
    /// What was due before is settled; `None`: no server that leads has seen it as it is.
    pub since: Option<Timestamp>,
    /// The last due time that is settled.
    pub last: Option<Timestamp>,
    /// What is made up for, where it does not say.
    catch_up: CatchUp,
}

impl Scheduled {
    /// Whether it starts runs now.
    #[must_use]
    pub const fn is_armed(&self) -> bool {
        self.rhythm.is_some() && self.off.is_none() && self.paused.is_none()
    }

    /// What it says of what is late.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules {
            catch_up: self.schedule.catch_up.unwrap_or(self.catch_up),
            start_within: self.schedule.start_within,
            jitter: self.schedule.jitter.unwrap_or_default(),
        }
    }

    /// What is done while a run of it has not ended.
    #[must_use]
    pub fn overlap(&self) -> Overlap {
        self.schedule.overlap.unwrap_or(Overlap::Queue)
    }

    /// The next due times from a time on, so many at most.
    #[must_use]
    pub fn next(&self, after: Timestamp, count: usize) -> Vec<Timestamp> {
        let Some(rhythm) = &self.rhythm else { return Vec::new() };
        std::iter::successors(rhythm.next_after(after), |due| rhythm.next_after(*due)).take(count).collect()
    }
}

/// A schedule's rhythm as a text: where it is another than before, what was due by the former one is settled.
#[must_use]
pub fn rhythm_text(schedule: &Schedule) -> String {
    let parts = [
        schedule.cron.clone(),
        schedule.interval.map(|every| format!("{every:?}")),
        schedule.once_at.clone(),
        schedule.start.clone(),
        schedule.end.clone(),
        schedule.timezone.clone(),
    ];
    parts.map(Option::unwrap_or_default).join("|")
}

/// All schedules of a project, as its folder and the database have them now.
///
/// # Errors
/// If the database does not answer.
pub(super) async fn of_project(store: &Store, project: &Project) -> rigi_store::Result<Vec<Scheduled>> {
    let rows = store.db().schedules(project.id()).await?;
    let last = store.db().last_fires(project.id()).await?;
    let last: HashMap<(String, String), Timestamp> =
        last.into_iter().map(|(pipeline, id, due)| ((pipeline, id), due)).collect();
    let mut rows: HashMap<ScheduleKey, ScheduleRow> =
        rows.into_iter().map(|row| (row.key.clone(), row)).collect();
    let archived = (project.state() == ProjectState::Archived).then_some("its project is archived");
    let mut all = Vec::new();
    let mut fates: HashMap<PipelineName, Option<&'static str>> = HashMap::new();
    for pipeline in project.catalog.all() {
        let Ok(ready) = &pipeline.outcome else {
            fates.insert(pipeline.name.clone(), Some("its pipeline has mistakes"));
            continue;
        };
        let off = archived.or((!ready.spec.enabled).then_some("its pipeline is switched off"));
        fates.insert(pipeline.name.clone(), off);
        // A folder of Fast-Flow's has made nothing up so far.
        let catch_up = if pipeline.spec_file.as_deref().is_some_and(|file| file.ends_with(".json")) {
            CatchUp::Skip
        } else {
            CatchUp::Latest
        };
        for schedule in &ready.spec.schedules {
            let (project, pipeline) = (project.id().clone(), pipeline.name.clone());
            let key = ScheduleKey { project, pipeline, id: schedule.id.clone() };
            let row = rows.remove(&key);
            let off = off.or((!schedule.enabled).then_some("its spec switches it off"));
            all.push(scheduled(key, schedule.clone(), row, off, catch_up));
        }
        if let Some(schedule) = restarts(&ready.spec) {
            let (project, pipeline) = (project.id().clone(), pipeline.name.clone());
            let key = ScheduleKey { project, pipeline, id: schedule.id.clone() };
            let row = rows.remove(&key);
            let mut one = scheduled(key, schedule, row, off, CatchUp::Skip);
            one.restarts = true;
            all.push(one);
        }
    }
    for row in rows.into_values() {
        let Some(schedule) = row.made.clone() else { continue };
        let off = fates.get(&row.key.pipeline).copied().unwrap_or(Some("its pipeline is not there"));
        let off = off.or((!schedule.enabled).then_some("it is switched off"));
        let mut one = scheduled(row.key.clone(), schedule, Some(row), off, CatchUp::Latest);
        one.made = true;
        all.push(one);
    }
    for one in &mut all {
        let key = (one.key.pipeline.to_string(), one.key.id.clone());
        one.last = last.get(&key).copied();
        one.since = one.since.map(|since| one.last.map_or(since, |last| last.max(since)));
    }
    all.sort_by(|one, other| one.key.cmp(&other.key));
    Ok(all)
}

/// The id of the schedule by which what runs for ever is started anew.
pub const RESTART: &str = "restart";

/// The regular restarts of a pipeline, as a schedule.
fn restarts(spec: &PipelineSpec) -> Option<Schedule> {
    let text = spec.restart.interval.as_deref()?;
    if spec.schedules.iter().any(|schedule| schedule.id == RESTART) {
        return None;
    }
    let seconds = text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let interval = seconds.or_else(|| rigi_model::quantity::parse_duration(text).ok());
    let cron = interval.is_none().then(|| text.to_owned());
    Some(Schedule { interval, cron, overlap: Some(Overlap::Replace), ..Schedule::named(RESTART) })
}

fn scheduled(
    key: ScheduleKey,
    schedule: Schedule,
    row: Option<ScheduleRow>,
    off: Option<&'static str>,
    catch_up: CatchUp,
) -> Scheduled {
    // What a spec holds was read before, and has a rhythm or none.
    let rhythm = schedule.when().ok().flatten();
    let text = rhythm_text(&schedule);
    let since = row.as_ref().filter(|row| row.rhythm == text).map(|row| row.since);
    let resumed_at = row.as_ref().and_then(|row| row.resumed_at);
    let paused = row.and_then(|row| row.paused);
    Scheduled {
        key,
        schedule,
        made: false,
        restarts: false,
        rhythm,
        off,
        paused,
        resumed_at,
        since,
        last: None,
        catch_up,
    }
}
