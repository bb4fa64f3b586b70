//! What starts runs by itself, as it is stored: schedules, and what became of each due time.

mod backfills;
pub mod deliveries;
mod fires;
pub(crate) mod follow_ups;
mod happened;
mod happened_read;
mod schedules;
mod webhooks;

pub use backfills::{Backfill, BackfillTime, TimesPage, backfill_key};
pub use deliveries::{Came, Delivery, delivery_key};
pub use fires::{Fire, FirePage, FiredRun, fire_key};
pub use follow_ups::{FollowUp, RunLink, follow_key};
pub use happened::{LookedAt, Noted, SensorCursor, TriggerEvent, TriggerKey, TriggerRow, event_key};
pub use schedules::{Pause, ScheduleRow};
pub use webhooks::Webhook;

use rigi_model::{PipelineName, ProjectName};

/// Which schedule.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScheduleKey {
    /// In which project.
    pub project: ProjectName,
    /// Of which pipeline.
    pub pipeline: PipelineName,
    /// Its id among those of the pipeline.
    pub id: String,
}

impl std::fmt::Display for ScheduleKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.pipeline, self.id)
    }
}
