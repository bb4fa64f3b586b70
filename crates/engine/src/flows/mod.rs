//! Flows go on: which steps come next says [`rigi_model::flows`], and here they are started and their ends heard.
//!
//! A flow's run executes nothing: its target is one of Rigi's own, which takes no place. What became of its steps is stored when it is
//! known, and their runs are runs like any other, so that whatever dies, a flow goes on from what is stored.

mod approvals;
mod begin;
mod cache;
mod files;
mod flow;
mod names;
mod report;
mod router;
mod runs;

pub use crate::flow_words::REUSED;
pub use cache::{Difference, NotCached};
pub(crate) use names::{VALUES, values};
pub use router::start;

use std::path::PathBuf;
use std::time::Duration;

use rigi_model::pipeline::PipelineSpec;
use rigi_model::{AttemptKey, Target};
use rigi_work::plan::{AttemptPlan, Executor};

use crate::flow_words::{FlowWord, FlowWords};

/// Where flows go on.
pub(crate) struct FlowExecutor {
    words: FlowWords,
}

impl FlowExecutor {
    pub(crate) const fn new(words: FlowWords) -> Self {
        Self { words }
    }
}

impl Executor for FlowExecutor {
    fn target(&self) -> Target {
        Target::FLOW
    }

    fn refuses(&self, spec: &PipelineSpec) -> Option<String> {
        let runs = spec.entry.is_run();
        runs.then(|| {
            "`flow` is where the steps of flows are seen to: use a target that runs something".to_owned()
        })
    }

    fn launch(&self, plan: AttemptPlan) {
        self.words.send(FlowWord::Launch(plan.key));
    }

    fn stop(&self, key: &AttemptKey, _grace: Duration) {
        self.words.send(FlowWord::Stop(key.clone()));
    }

    fn release(&self, _key: &AttemptKey) {}

    /// It has none: what a flow has to say comes with its end.
    fn log_file(&self, _key: &AttemptKey) -> PathBuf {
        PathBuf::new()
    }
}
