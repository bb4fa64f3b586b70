//! What a server that follows has in place of an executor: it knows what a target takes, and starts nothing.

use std::path::PathBuf;
use std::time::Duration;

use rigi_model::pipeline::spec::PipelineSpec;
use rigi_model::{AttemptKey, Target};
use rigi_work::Executor;
use rigi_work::plan::AttemptPlan;

use super::targets::Settled;

/// See the module.
pub(super) struct Elsewhere {
    pub target: Settled,
    /// Where nothing lies.
    pub folder: PathBuf,
}

impl Executor for Elsewhere {
    fn target(&self) -> Target {
        self.target.name().clone()
    }

    fn refuses(&self, spec: &PipelineSpec) -> Option<String> {
        self.target.refuses(spec)
    }

    fn launch(&self, plan: AttemptPlan) {
        tracing::error!(attempt = %plan.key, "an attempt was given to a server that follows; it starts none");
    }

    fn stop(&self, _key: &AttemptKey, _grace: Duration) {}

    fn release(&self, _key: &AttemptKey) {}

    fn log_file(&self, key: &AttemptKey) -> PathBuf {
        self.folder.join(key.to_string())
    }
}
