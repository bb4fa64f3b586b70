//! What a run is started with: the spec, overridden by a schedule, and its environment variables.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::VersionHash;
use crate::parameters::variable_text;
use crate::pipeline::spec::{Limits, PipelineSpec, Schedule, SoftLimits};
use crate::retry::RetrySpec;
use crate::text::is_variable;

/// The variable that says by which entry of `schedules` a run goes.
pub const ENTRY: &str = "RIGI_SCHEDULE";
/// The variable that says which step of its own version's flow a run is.
pub const STEP: &str = "RIGI_FLOW_STEP";

/// Which part of a spec a run goes by. Nothing of it: the spec as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct SpecPart {
    /// An entry of `schedules`.
    pub entry: Option<Arc<str>>,
    /// A step of the flow.
    pub step: Option<Arc<str>>,
}

/// Captured code, and the part of its spec that a run goes by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VersionPart {
    /// The code.
    pub version: VersionHash,
    /// The part.
    pub part: SpecPart,
}

impl SpecPart {
    /// As a run's own variables say it.
    #[must_use]
    pub fn of(variables: &BTreeMap<String, String>) -> Self {
        let value = |name| variables.get(name).map(|value| value.as_str().into());
        Self { entry: value(ENTRY), step: value(STEP) }
    }
}

type Variables = BTreeMap<String, String>;

/// Environment variables by where they come from, from the weakest to the strongest. The order is Fast-Flow's;
/// Rigi's own come last, so that code can rely on them.
#[derive(Debug, Clone, Copy, Default)]
pub struct EnvironmentLayers<'a> {
    /// The executor's: `PATH`, `HOME`, `PYTHONUNBUFFERED`.
    pub base: Option<&'a Variables>,
    /// `env` of the spec.
    pub env: Option<&'a Variables>,
    /// `env` of the schedule.
    pub schedule_env: Option<&'a Variables>,
    /// `encrypted_env` of the spec, opened.
    pub opened_env: Option<&'a Variables>,
    /// `encrypted_env` of the schedule, opened.
    pub opened_schedule_env: Option<&'a Variables>,
    /// The project's secrets that the spec names.
    pub secrets: Option<&'a Variables>,
    /// Variables given with the request (Fast-Flow's `env_vars`).
    pub request_env: Option<&'a Variables>,
    /// Parameters of the run, each as a variable of its name.
    pub parameters: Option<&'a Map<String, Value>>,
    /// `RIGI_RUN_ID` and the others.
    pub rigi: Option<&'a Variables>,
}

/// All variables of a run. A parameter whose name cannot be a variable's is left out: it stands in the file at
/// `$RIGI_PARAMS`, as all of them do.
#[must_use]
pub fn merge_environment(layers: &EnvironmentLayers<'_>) -> Variables {
    let weaker = [
        layers.base,
        layers.env,
        layers.schedule_env,
        layers.opened_env,
        layers.opened_schedule_env,
        layers.secrets,
        layers.request_env,
    ];
    let mut all = Variables::new();
    for layer in weaker.into_iter().flatten() {
        all.extend(layer.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    let parameters = layers.parameters.into_iter().flatten().filter(|(name, _)| is_variable(name));
    all.extend(parameters.map(|(name, value)| (name.clone(), variable_text(value))));
    all.extend(layers.rigi.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())));
    all
}

/// What a spec says for a run, after its schedule's overrides.
#[derive(Debug, Clone, PartialEq)]
pub struct RunConfig {
    /// Zero is no limit; `None` is the server's default.
    pub timeout: Option<Duration>,
    /// `None` is the server's default.
    pub retry: Option<RetrySpec>,
    /// Hard limits.
    pub limits: Limits,
    /// Limits that only notify.
    pub soft_limits: SoftLimits,
}

impl RunConfig {
    /// The spec's words where the schedule says nothing.
    #[must_use]
    pub fn of(spec: &PipelineSpec, schedule: Option<&Schedule>) -> Self {
        let mut config = Self {
            timeout: spec.timeout,
            retry: spec.retry.clone(),
            limits: spec.limits.clone(),
            soft_limits: spec.soft_limits.clone(),
        };
        let Some(schedule) = schedule else { return config };
        config.timeout = schedule.timeout.or(config.timeout);
        config.retry = schedule.retry.clone().or(config.retry);
        config.limits = schedule.limits.over(&config.limits);
        config.soft_limits.cpu = schedule.soft_limits.cpu.or(config.soft_limits.cpu);
        config.soft_limits.memory = schedule.soft_limits.memory.or(config.soft_limits.memory);
        config
    }
}

impl PipelineSpec {
    /// What a run that goes by this part of it goes by. What it does not have changes nothing.
    #[must_use]
    pub fn part(&self, part: &SpecPart) -> Cow<'_, Self> {
        let entry = part.entry.as_deref().and_then(|entry| self.with_entry(entry));
        let whole = entry.map_or(Cow::Borrowed(self), Cow::Owned);
        match part.step.as_deref().and_then(|step| whole.with_step(step)) {
            Some(step) => Cow::Owned(step),
            None => whole,
        }
    }

    /// The same with what an entry of `schedules` says in its place; `None`: there is no such entry.
    #[must_use]
    pub fn with_entry(&self, id: &str) -> Option<Self> {
        let entry = self.schedules.iter().find(|entry| entry.id == id)?;
        let RunConfig { timeout, retry, limits, soft_limits } = RunConfig::of(self, Some(entry));
        let mut spec = Self { timeout, retry, limits, soft_limits, ..self.clone() };
        spec.env.extend(entry.env.clone());
        spec.encrypted_env.extend(entry.encrypted_env.clone());
        spec.labels.extend(entry.labels.clone());
        if let Some(target) = entry.target.as_deref().and_then(crate::Target::parse) {
            spec.target = Some(target);
        }
        Some(spec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(value: &str, names: &[&str]) -> Variables {
        names.iter().map(|name| ((*name).to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn stronger_layers_win() {
        let names = ["A", "B", "C", "D", "E", "F", "G", "H", "I"];
        let layers: Vec<Variables> = (0..9).map(|n| layer(&n.to_string(), &names[n..])).collect();
        let parameters: Map<String, Value> =
            names[7..].iter().map(|name| ((*name).to_owned(), 7.into())).collect();
        let merged = merge_environment(&EnvironmentLayers {
            base: Some(&layers[0]),
            env: Some(&layers[1]),
            schedule_env: Some(&layers[2]),
            opened_env: Some(&layers[3]),
            opened_schedule_env: Some(&layers[4]),
            secrets: Some(&layers[5]),
            request_env: Some(&layers[6]),
            parameters: Some(&parameters),
            rigi: Some(&layers[8]),
        });
        let values: Vec<&str> = merged.values().map(String::as_str).collect();
        assert_eq!(values, ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
    }

    #[test]
    fn parameters_become_text() {
        let parameters =
            serde_json::json!({"A": true, "B": [1], "C": "x", "D": null, "E": 1.5, "not a name": 1});
        let merged = merge_environment(&EnvironmentLayers {
            parameters: parameters.as_object(),
            ..Default::default()
        });
        let values: Vec<&str> = merged.values().map(String::as_str).collect();
        assert_eq!(values, ["true", "[1]", "x", "", "1.5"]);
    }
}
