//! All triggers of a project: those of specs and those that people made beside them.

use std::collections::HashMap;

use rigi_model::Timestamp;
use rigi_model::project::ProjectState;
use rigi_model::triggers::{TriggerOn, TriggerSpec};
use rigi_store::Store;
use rigi_store::triggers::{Pause, TriggerKey, TriggerRow};

use super::awaited::Names;
use crate::projects::Project;

/// A trigger, and whether it starts anything now.
#[derive(Debug, Clone)]
pub struct KnownTrigger {
    /// Which.
    pub key: TriggerKey,
    /// What it says.
    pub spec: TriggerSpec,
    /// A person made it beside the spec.
    pub made: bool,
    /// It is kept, and starts nothing: why.
    pub off: Option<&'static str>,
    /// It starts nothing for now.
    pub paused: Option<Pause>,
    /// What it waited for when it was looked last.
    pub watched: Option<String>,
    /// When that was.
    pub looked_at: Option<Timestamp>,
    /// Why nothing could be seen.
    pub problem: Option<String>,
}

impl KnownTrigger {
    /// Whether it starts runs now.
    #[must_use]
    pub const fn is_armed(&self) -> bool {
        self.off.is_none() && self.paused.is_none()
    }
}

/// All of them, by pipeline and id.
///
/// # Errors
/// If the database does not answer.
pub(in crate::triggers) async fn of_project(
    store: &Store,
    project: &Project,
) -> rigi_store::Result<Vec<KnownTrigger>> {
    let rows = store.db().triggers(project.id()).await?;
    let mut rows: HashMap<TriggerKey, TriggerRow> =
        rows.into_iter().map(|row| (row.key.clone(), row)).collect();
    let archived = (project.state() == ProjectState::Archived).then_some("its project is archived");
    let mut all = Vec::new();
    let mut fates = HashMap::new();
    for pipeline in project.catalog.all() {
        let Ok(ready) = &pipeline.outcome else {
            fates.insert(pipeline.name.clone(), Some("its pipeline has mistakes"));
            continue;
        };
        let off = archived.or((!ready.spec.enabled).then_some("its pipeline is switched off"));
        fates.insert(pipeline.name.clone(), off);
        for spec in &ready.spec.triggers {
            let (project, pipeline) = (project.id().clone(), pipeline.name.clone());
            let key = TriggerKey { project, pipeline, id: spec.id.clone() };
            let row = rows.remove(&key);
            let off = off.or((!spec.enabled).then_some("its spec switches it off"));
            all.push(known(key, spec.clone(), row, off));
        }
    }
    for row in rows.into_values() {
        let Some(spec) = row.made.clone() else { continue };
        let off = fates.get(&row.key.pipeline).copied().unwrap_or(Some("its pipeline is not there"));
        let off = off.or((!spec.enabled).then_some("it is switched off"));
        all.push(KnownTrigger { made: true, ..known(row.key.clone(), spec, Some(row), off) });
    }
    all.sort_by(|one, other| one.key.cmp(&other.key));
    Ok(all)
}

fn known(
    key: TriggerKey,
    spec: TriggerSpec,
    row: Option<TriggerRow>,
    off: Option<&'static str>,
) -> KnownTrigger {
    let (paused, watched, looked_at, problem) =
        row.map(|row| (row.paused, row.watched, row.looked_at, row.problem)).unwrap_or_default();
    KnownTrigger { key, spec, made: false, off, paused, watched, looked_at, problem }
}

/// Whose ends these wait for. One that is paused waits for none: what ends meanwhile is not made up for.
pub(in crate::triggers) fn awaited(all: &[KnownTrigger]) -> Names {
    let mut names = Names::default();
    for one in all.iter().filter(|one| one.is_armed()) {
        names.all.extend(one.spec.on.awaited().map(str::to_owned));
        if let TriggerOn::Sensor(pipeline) = &one.spec.on {
            names.sensors.insert(pipeline.clone());
        }
    }
    names
}
