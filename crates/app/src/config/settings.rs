//! What the configuration means for the engine.

use rigi_engine::Settings;
use rigi_exec::plan::PlanLimits;
use rigi_model::Target;
use rigi_model::retry::{RetryPolicy, RetryStrategy};
use rigi_store::retention::Keep;

use super::sections::Config;

impl Config {
    /// The engine's settings.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let (limits, retention) = (&self.limits, &self.retention);
        Settings {
            max_active_runs: limits.runs,
            target: Target::parse(&self.targets.default).unwrap_or(Target::PROCESS),
            timeout: limits.timeout.map(|limit| limit.0),
            grace_period: limits.grace_period.0,
            retry: RetryPolicy {
                attempts: self.retry.attempts,
                strategy: RetryStrategy::FixedDelay { delay: self.retry.delay.0 },
                jitter: 0.0,
            },
            limits: PlanLimits {
                cpu: limits.cpu.map(|limit| limit.0),
                memory: limits.memory.map(|limit| limit.0),
                processes: limits.processes,
                open_files: limits.open_files,
                output_size: limits.output_size.map(|limit| limit.0),
                log_size: limits.log_size.map(|limit| limit.0),
                gpus: None,
            },
            keep: Keep {
                runs: retention.runs,
                age: retention.age.map(|limit| limit.0),
                bytes: retention.bytes.map(|limit| limit.0),
            },
            keep_bytes: retention.total_bytes.map(|limit| limit.0),
            python_version: self.python.default_version.clone(),
            free_disk: limits.free_disk.map(|room| room.0),
            uploads_age: retention.uploads_age.0,
            collect_after: retention.collect_after.0,
            ..Settings::default()
        }
    }
}
