//! Schedules of Fast-Flow's database: those of `pipeline.json` are here with their pipelines, and what the page there changed about them, or
//! made beside them, is made beside the spec.

use rigi_engine::triggers::rhythm_text;
use rigi_model::PipelineName;
use rigi_model::pipeline::spec::Schedule;
use rigi_model::pipeline::{FolderFacts, PipelineSpec, SpecFormat, read_spec};
use rigi_model::triggers::Rhythm;
use rigi_store::ForeignRow;
use rigi_store::triggers::{Pause, ScheduleKey, ScheduleRow};
use serde_json::json;

use super::values::{time, truth};
use super::{Moving, of_store};
use crate::trouble::Trouble;

const SUBJECT: &str = "schedules";
/// The schedule by which what runs for ever is started anew.
const RESTART: &str = "restart";

/// What becomes of a job.
#[derive(Debug, PartialEq)]
enum Fate {
    /// The spec has it as it is.
    AsInSpec,
    /// The one of the spec starts nothing for now.
    Paused(String),
    /// It is made beside the spec; the one of the spec that it was before is paused.
    Made(Box<Schedule>, Option<String>),
}

/// A job's rhythm, read as in a `pipeline.json`.
fn read_rhythm(job: &ForeignRow, id: &str) -> Result<Schedule, String> {
    let value = job.get("trigger_value").unwrap_or_default();
    let mut entry = json!({"id": id});
    match job.get("trigger_type").unwrap_or_default() {
        "CRON" => entry["schedule_cron"] = value.into(),
        "INTERVAL" => entry["schedule_interval_seconds"] = value.into(),
        "DATE" => entry["run_once_at"] = value.into(),
        other => return Err(format!("`{other}` is no kind of schedule")),
    }
    for (column, field) in [("start_date", "schedule_start"), ("end_date", "schedule_end")] {
        if let Some(text) = job.get(column) {
            let at = time(text).ok_or_else(|| format!("its `{column}` is no time"))?;
            entry[field] = at.to_string().into();
        }
    }
    let spec = json!({"schedules": [entry]}).to_string();
    let read = read_spec(SpecFormat::Json, spec.as_bytes(), &FolderFacts::new("x", ["main.py"]));
    let why = |mistakes: Vec<rigi_model::pipeline::Mistake>| {
        mistakes.into_iter().next().map_or_else(|| "it says no time".to_owned(), |mistake| mistake.message)
    };
    let read = read.map_err(why)?;
    let schedule = read.spec.schedules.into_iter().next();
    let schedule = schedule.filter(|one| matches!(one.when(), Ok(Some(_))));
    schedule.ok_or_else(|| why(read.warnings))
}

/// Whether two are due at the same times.
fn same_times(one: &Schedule, other: &Schedule) -> bool {
    let times = |schedule: &Schedule| -> Option<Rhythm> { schedule.when().ok().flatten() };
    let at = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    times(one).is_some()
        && (&one.cron, one.interval, at(&one.once_at)) == (&other.cron, other.interval, at(&other.once_at))
        && (at(&one.start), at(&one.end)) == (at(&other.start), at(&other.end))
}

/// The rhythm of one in another that keeps its overrides.
fn with_rhythm(overrides: Schedule, rhythm: Schedule) -> Schedule {
    let Schedule { cron, interval, once_at, start, end, timezone, .. } = rhythm;
    Schedule { cron, interval, once_at, start, end, timezone, ..overrides }
}

/// What becomes of a job of a pipeline with this spec.
fn fate(job: &ForeignRow, spec: &PipelineSpec) -> Result<Fate, String> {
    let config = job.get("run_config_id").filter(|id| !id.is_empty());
    let enabled = job.get("enabled").is_none_or(truth);
    let source = job.get("source").unwrap_or("api");
    if source == "daemon_restart" {
        if spec.restart.interval.is_none() {
            return Err("its `pipeline.json` has no `restart_interval` any more".to_owned());
        }
        return Ok(if enabled { Fate::AsInSpec } else { Fate::Paused(RESTART.to_owned()) });
    }
    let of_spec = |id: &str| spec.schedules.iter().find(|schedule| schedule.id == id);
    if source == "pipeline_json" {
        let id = config.unwrap_or("default");
        let there = of_spec(id).ok_or_else(|| {
            format!(
                "`pipeline.json` has no schedule `{id}` any more, and Fast-Flow drops it at the next sync"
            )
        })?;
        let rhythm = read_rhythm(job, id)?;
        if same_times(&rhythm, there) {
            let is_on = spec.enabled && there.enabled;
            return Ok(if !enabled && is_on { Fate::Paused(id.to_owned()) } else { Fate::AsInSpec });
        }
        let made = Schedule {
            id: format!("{id}-edited"),
            enabled,
            webhook_key: None,
            ..with_rhythm(there.clone(), rhythm)
        };
        return Ok(Fate::Made(Box::new(made), Some(id.to_owned())));
    }
    let own: String =
        job.get("id").unwrap_or_default().chars().filter(char::is_ascii_hexdigit).take(8).collect();
    let id = format!("fast-flow-{own}");
    let rhythm = read_rhythm(job, &id)?;
    let base = config.and_then(of_spec).cloned().unwrap_or_else(|| Schedule::named(&id));
    Ok(Fate::Made(Box::new(Schedule { id, enabled, webhook_key: None, ..with_rhythm(base, rhythm) }), None))
}

impl Moving<'_> {
    pub(super) async fn bring_schedules(&mut self) -> Result<(), Trouble> {
        self.report.about(SUBJECT);
        let jobs = self.rows("scheduled_jobs").await?;
        let known = match self.known() {
            Some(store) => store.db().schedules(&self.project).await.map_err(|e| of_store(&e))?,
            None => Vec::new(),
        };
        for job in jobs {
            let pipeline = job.get("pipeline_name").unwrap_or_default().to_owned();
            let name = match job.get("run_config_id").filter(|id| !id.is_empty()) {
                Some(config) => format!("{pipeline}/{config}"),
                None => pipeline.clone(),
            };
            let Some(spec) = self.specs.get(&pipeline) else {
                self.report.left_out(SUBJECT, &name, "there is no such pipeline that runs");
                continue;
            };
            match fate(&job, spec) {
                Err(why) => self.report.left_out(SUBJECT, &name, why),
                Ok(Fate::AsInSpec) => self.report.here(SUBJECT, 1),
                Ok(Fate::Paused(id)) => {
                    let why = "switched off in Fast-Flow";
                    self.pause(&pipeline, &id, why, &known).await.map_err(|e| of_store(&e))?;
                }
                Ok(Fate::Made(schedule, instead_of)) => {
                    self.make(&pipeline, *schedule, instead_of, &known).await.map_err(|e| of_store(&e))?;
                }
            }
        }
        Ok(())
    }

    fn schedule_key(&self, pipeline: &str, id: &str) -> ScheduleKey {
        let pipeline = PipelineName::unchecked(pipeline);
        ScheduleKey { project: self.project.clone(), pipeline, id: id.to_owned() }
    }

    async fn pause(
        &mut self,
        pipeline: &str,
        id: &str,
        why: &str,
        known: &[ScheduleRow],
    ) -> rigi_store::Result<()> {
        let key = self.schedule_key(pipeline, id);
        let row = known.iter().find(|row| row.key == key);
        // Whoever let it go on here has the last word.
        if row.is_some_and(|row| row.paused.is_some() || row.resumed_at.is_some()) {
            self.report.here(SUBJECT, 1);
            return Ok(());
        }
        self.report.came(SUBJECT, 1);
        let spec = self.specs.get(pipeline);
        let schedule = spec.and_then(|spec| spec.schedules.iter().find(|schedule| schedule.id == id));
        let rhythm = schedule.map(rhythm_text).unwrap_or_default();
        if let Some(store) = self.store() {
            let by = self.deed.actor.clone();
            let pause = Pause { at: self.deed.at, by, why: Some(why.to_owned()) };
            store.pause_schedule(&key, &rhythm, Some(&pause), &self.deed).await?;
        }
        Ok(())
    }

    async fn make(
        &mut self,
        pipeline: &str,
        schedule: Schedule,
        instead_of: Option<String>,
        known: &[ScheduleRow],
    ) -> rigi_store::Result<()> {
        let key = self.schedule_key(pipeline, &schedule.id);
        if let Some(row) = known.iter().find(|row| row.key == key) {
            self.report.here(SUBJECT, 1);
            if row.made.as_ref() != Some(&schedule) {
                self.report.differs(SUBJECT, &key.to_string(), "is another here, which stays");
            }
            return Ok(());
        }
        let what = match &instead_of {
            Some(id) => format!(
                "`{id}` was changed in Fast-Flow's page, and `pipeline.json` says otherwise: what it was changed to is made beside the spec, and the one of the spec is paused"
            ),
            None => "made in Fast-Flow, and in no `pipeline.json`: it is made beside the spec".to_owned(),
        };
        self.report.differs(SUBJECT, &key.to_string(), what);
        self.report.came(SUBJECT, 1);
        if let Some(store) = self.store() {
            store.put_schedule(&key, &schedule, &rhythm_text(&schedule), &self.deed).await?;
        }
        match instead_of {
            Some(id) => {
                let why = format!("changed in Fast-Flow: `{}` has its place", schedule.id);
                let counted = self.report.subjects.clone();
                self.pause(pipeline, &id, &why, known).await?;
                // It is one schedule to people.
                self.report.subjects = counted;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> PipelineSpec {
        let text = json!({
            "restart_interval": "0 4 * * *",
            "schedules": [
                {"id": "prod", "schedule_cron": "30 3 * * 0", "timeout": 60, "schedule_end": "2099-01-01"},
                {"id": "off", "schedule_interval_seconds": 60, "enabled": false},
                {"id": "once", "schedule_interval_seconds": 90},
            ],
        });
        let facts = FolderFacts::new("x", ["main.py"]);
        read_spec(SpecFormat::Json, text.to_string().as_bytes(), &facts).unwrap().spec
    }

    fn job(more: &[(&str, &str)]) -> Result<Fate, String> {
        let all = [("id", "84f7dd36-03"), ("enabled", "1"), ("source", "pipeline_json")];
        let mut all: std::collections::BTreeMap<&str, &str> = all.into();
        all.extend(more.iter().copied());
        fate(&ForeignRow::from_iter(all), &spec())
    }

    #[test]
    fn what_the_spec_says_stays_with_the_spec() {
        let prod = [
            ("run_config_id", "prod"),
            ("trigger_type", "CRON"),
            ("trigger_value", "30 3 * * 0"),
            ("end_date", "2099-01-01 23:59:59.999999"),
        ];
        assert_eq!(job(&prod), Ok(Fate::AsInSpec));
        assert_eq!(job(&[&prod[..], &[("enabled", "false")]].concat()), Ok(Fate::Paused("prod".into())));
        let off = [
            ("run_config_id", "off"),
            ("trigger_type", "INTERVAL"),
            ("trigger_value", "60"),
            ("enabled", "0"),
        ];
        assert_eq!(job(&off), Ok(Fate::AsInSpec));
        assert!(job(&[("run_config_id", "gone"), ("trigger_type", "CRON")]).unwrap_err().contains("gone"));
        let restart =
            [("source", "daemon_restart"), ("trigger_type", "CRON"), ("trigger_value", "0 4 * * *")];
        assert_eq!(job(&restart), Ok(Fate::AsInSpec));
        assert_eq!(job(&[&restart[..], &[("enabled", "f")]].concat()), Ok(Fate::Paused("restart".into())));
    }

    #[test]
    fn what_was_changed_or_made_in_the_page_is_made_beside_it() {
        let edited = [("run_config_id", "prod"), ("trigger_type", "CRON"), ("trigger_value", "15 4 * * 1")];
        let Ok(Fate::Made(made, Some(before))) = job(&edited) else { panic!("not made") };
        assert_eq!((&*made.id, &*before), ("prod-edited", "prod"));
        // Monday is 0 there, and what it overrides stays.
        assert_eq!(made.cron.as_deref(), Some("15 4 * * TUE"));
        assert_eq!(made.timeout, Some(std::time::Duration::from_secs(60)));
        assert!(made.end.is_none() && made.enabled);
        let own = [
            ("source", "api"),
            ("trigger_type", "INTERVAL"),
            ("trigger_value", "300"),
            ("start_date", "2026-01-01 00:00:00"),
        ];
        let Ok(Fate::Made(made, None)) = job(&own) else { panic!("not made") };
        assert_eq!(made.id, "fast-flow-84f7dd36");
        assert!(made.start.is_some());
    }

    #[test]
    fn what_is_no_time_is_told() {
        for (kind, value) in [
            ("CRON", "99 * * * *"),
            ("CRON", ""),
            ("INTERVAL", "soon"),
            ("INTERVAL", "0"),
            ("DATE", "x"),
            ("NEVER", "1"),
        ] {
            let said = job(&[("source", "api"), ("trigger_type", kind), ("trigger_value", value)]);
            assert!(said.is_err(), "{kind} {value}: {said:?}");
        }
    }
}
