//! Submissions with nothing of their own, and those that ask for a run again.

use std::collections::BTreeMap;

use rigi_model::{PipelineName, Target, Trigger};
use rigi_store::NewRun;
use serde_json::Map;

use super::{InputSource, Submission};

impl Submission {
    /// One run of a pipeline, with its defaults.
    #[must_use]
    pub fn of(pipeline: PipelineName, trigger: Trigger) -> Self {
        Self {
            pipeline,
            parameters: Map::new(),
            inputs: BTreeMap::new(),
            env: BTreeMap::new(),
            labels: BTreeMap::new(),
            priority: None,
            target: None,
            trigger,
            rerun_of: None,
            version: None,
            entry: None,
            due: None,
            step: None,
            no_cache: false,
            keeps: None,
            count: 1,
        }
    }

    /// A run again: with the same parameters, files, variables, labels, priority and place, and the code of now.
    #[must_use]
    pub fn again(run: &NewRun, trigger: Trigger) -> Self {
        let mut inputs: BTreeMap<String, Vec<InputSource>> = BTreeMap::new();
        for file in run.inputs.iter() {
            inputs.entry(file.input.clone()).or_default().push(InputSource::Stored(file.clone()));
        }
        Self {
            parameters: (*run.parameters).clone(),
            inputs,
            env: (*run.env).clone(),
            labels: (*run.labels).clone(),
            priority: Some(run.priority),
            // Where the steps of a flow execute is among its variables.
            target: Some(run.target.to_string()).filter(|_| run.target != Target::FLOW),
            rerun_of: Some(run.id.clone()),
            ..Self::of(run.pipeline.clone(), trigger)
        }
    }
}
