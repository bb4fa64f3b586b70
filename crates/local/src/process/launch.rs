//! From a plan to what the supervisor is told.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rigi_model::attempt::FailureClass;
use rigi_model::pipeline::spec::Entry;
use rigi_model::{Exit, Reason};
use rigi_work::credentials::GivenBy;
use rigi_work::plan::{AttemptPlan, PlanLimits};

use super::{ProcessConfig, variables};
use crate::account::Apart;
use crate::allowed::inherited;
use crate::credential_files::CredentialFiles;
use crate::layout::{Layout, name};
use crate::wire::Launch;

/// What all attempts have in common.
#[derive(Debug)]
pub struct Context {
    inherited: BTreeMap<String, String>,
    default_processes: Option<u64>,
    /// The notebook runner, written out.
    runner: PathBuf,
    layout: Layout,
    apart: Option<Apart>,
    contained: Option<PathBuf>,
    credentials: CredentialFiles,
}

impl Context {
    /// Looks at the server's environment once.
    pub fn new(layout: &Layout, config: &ProcessConfig) -> Self {
        let server = std::env::vars_os().filter_map(|(name, value)| {
            // What is not UTF-8 is not passed on.
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self {
            inherited: inherited(server, &config.env_allow),
            default_processes: config.default_processes,
            runner: crate::environment::runner_path(&layout.tools()),
            layout: layout.clone(),
            apart: config.apart.clone(),
            contained: config.contained.clone(),
            credentials: files(layout, config),
        }
    }

    /// Credentials of attempts.
    pub const fn credentials(&self) -> &CredentialFiles {
        &self.credentials
    }

    /// What the supervisor is told to start `plan`; `venv` is its environment's folder.
    ///
    /// # Errors
    /// If this executor cannot run such a thing.
    pub fn launch(&self, plan: AttemptPlan, venv: Option<&Path>) -> Result<Launch, Exit> {
        let (env, notes) =
            variables::of_attempt(&plan, &self.inherited, &self.layout, &self.credentials, venv);
        self.put_credentials(&plan)?;
        let user = self.apart.as_ref().map(|apart| apart.user_of(&plan.project));
        let argv = self.argv(&plan, venv)?;
        let parameters = (!plan.parameters.is_empty())
            .then(|| serde_json::to_string(&plan.parameters).unwrap_or_else(|_| "{}".into()));
        Ok(Launch {
            argv,
            env,
            parameters,
            cgroup: self.wants_group(&plan.limits),
            timeout_us: plan.timeout.map(micros),
            grace_us: micros(plan.grace),
            notes,
            key: plan.key,
            code: plan.code,
            secrets: plan.secrets,
            inputs: plan.inputs,
            outputs: plan.outputs,
            limits: plan.limits,
            user,
            work: self.contained.clone(),
        })
    }

    fn put_credentials(&self, plan: &AttemptPlan) -> Result<(), Exit> {
        let Some(bucket) = plan.bucket.as_ref().filter(|bucket| bucket.given == GivenBy::File) else {
            return Ok(());
        };
        self.credentials.write(&plan.key, &bucket.credential).map_err(|error| {
            let message = format!("The run's credentials could not be put in place: {error}");
            let (class, reason) = (FailureClass::Infrastructure, Reason::StagingFailed);
            Exit::NotStarted { class, reason, message }
        })
    }

    fn wants_group(&self, limits: &PlanLimits) -> bool {
        self.contained.is_some()
            || limits.memory.is_some()
            || limits.cpu.is_some()
            || (limits.processes.is_some() && limits.processes != self.default_processes)
    }

    fn argv(&self, plan: &AttemptPlan, venv: Option<&Path>) -> Result<Vec<String>, Exit> {
        let python = || {
            let python = venv
                .map_or_else(|| "python3".to_owned(), |venv| venv.join("bin/python").display().to_string());
            vec![python, "-u".to_owned()]
        };
        match &plan.entry {
            Entry::Script { file } => Ok([python(), vec![file.clone()]].concat()),
            Entry::Notebook { file } => {
                let cells = serde_json::to_string(&plan.cells).unwrap_or_else(|_| "[]".into());
                let outputs = self.layout.attempt(&plan.key).join(name::OUTPUTS).display().to_string();
                let parameters = variables::parameters_file(plan, &self.layout);
                let runner = self.runner.display().to_string();
                let rest = [&runner, file, "--params", &parameters, "--cells", &cells, "--out", &outputs];
                Ok([python(), rest.map(str::to_owned).to_vec()].concat())
            }
            Entry::Command { argv } => Ok(argv.clone()),
            Entry::Image { image, .. } => {
                let message =
                    format!("The image {image} needs the target `container` or `kubernetes`, not `process`.");
                let (class, reason) = (FailureClass::User, Reason::TargetUnavailable);
                Err(Exit::NotStarted { class, reason, message })
            }
            Entry::Flow | Entry::Approval { .. } => {
                let message = "A flow has nothing to run by itself.".to_owned();
                let (class, reason) = (FailureClass::Infrastructure, Reason::StartFailed);
                Err(Exit::NotStarted { class, reason, message })
            }
        }
    }
}

/// Where the credentials of attempts lie.
pub fn files(layout: &Layout, config: &ProcessConfig) -> CredentialFiles {
    CredentialFiles::new(layout.credentials(), config.apart.as_ref().map(|apart| apart.user))
}

/// Microseconds of a duration.
pub fn micros(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
