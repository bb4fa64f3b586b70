//! What an attempt waits for before the supervisor is told of it: its Python environment.

use rigi_model::{Exit, Reason, Timestamp};
use rigi_work::plan::{AttemptPlan, Observation, Observed};
use tokio::sync::mpsc;

pub use crate::environment::Ready;
use crate::environment::{BuildError, Environments};

/// Why it does not start.
#[derive(Debug)]
pub struct Failure {
    /// Its end.
    pub exit: Exit,
    /// For its log.
    pub words: Vec<String>,
}

/// Waits for the environment of a plan; says so at once, since it takes time.
///
/// # Errors
/// If it cannot be built.
pub async fn prepare(
    plan: &AttemptPlan,
    environments: &Environments,
    observed: &mpsc::UnboundedSender<Observed>,
) -> Result<Ready, Failure> {
    let say = |message: String| {
        let what = Observation::Preparing { reason: Reason::PreparingEnvironment, message };
        let _ = observed.send(Observed { key: plan.key.clone(), at: Timestamp::now(), what });
    };
    environments.prepare(plan, say).await.map_err(|BuildError { class, message, words }| {
        let exit = Exit::NotStarted { class, reason: Reason::EnvironmentFailed, message };
        Failure { exit, words }
    })
}
