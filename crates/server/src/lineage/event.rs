//! One event as JSON, by <https://openlineage.io/spec/2-0-2/OpenLineage.json>. Pure.

use rigi_model::{RunId, Timestamp};
use serde_json::{Map, Value, json};

const PRODUCER: &str = concat!("https://github.com/rigi-run/rigi/tree/v", env!("CARGO_PKG_VERSION"));
const SPEC: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";
const FACETS: &str = "https://openlineage.io/spec/facets";
/// Characters of an error or a description.
const LONGEST: usize = 4000;

/// What an event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// The first attempt has started.
    Start,
    /// A later one has.
    Running,
    /// It succeeded.
    Complete,
    /// It failed.
    Fail,
    /// Somebody stopped it, or it was skipped.
    Abort,
}

/// What a run is one of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Job {
    /// Its name in the namespace.
    pub name: String,
    /// `PIPELINE`, `FLOW` or `STEP`.
    pub kind: &'static str,
    /// What it is for.
    pub description: Option<String>,
    /// Page, commit and branch of its code.
    pub git: Option<(String, String, Option<String>)>,
    /// The language that its code is in, where that is known.
    pub language: &'static str,
}

/// The flow that a run is a step of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// Its run.
    pub run: RunId,
    /// Its job.
    pub job: String,
}

/// What a run was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Name in the namespace.
    pub name: String,
    /// Which of its versions.
    pub version: String,
    /// Bytes and files.
    pub size: (u64, u64),
}

/// What a run left.
pub type Left = Given;

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineageEvent {
    /// What it says.
    pub kind: EventKind,
    /// When that was.
    pub at: Timestamp,
    /// Of which run.
    pub run: RunId,
    /// What the run is one of.
    pub job: Job,
    /// The flow that it is a step of.
    pub parent: Option<Parent>,
    /// Why it failed.
    pub error: Option<String>,
    /// What it was given.
    pub inputs: Vec<Given>,
    /// What it left.
    pub outputs: Vec<Left>,
}

/// A facet: what it says, who says so, and by which schema.
fn facet(schema: &str, version: &str, mut says: Value) -> Value {
    if let Some(all) = says.as_object_mut() {
        all.retain(|_, value| !value.is_null());
        all.insert("_producer".to_owned(), PRODUCER.into());
        let address = format!("{FACETS}/{version}/{schema}.json#/$defs/{schema}");
        all.insert("_schemaURL".to_owned(), address.into());
    }
    says
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

impl LineageEvent {
    /// As it is sent.
    #[must_use]
    pub fn to_json(&self, namespace: &str) -> Value {
        let kind = match self.kind {
            EventKind::Start => "START",
            EventKind::Running => "RUNNING",
            EventKind::Complete => "COMPLETE",
            EventKind::Fail => "FAIL",
            EventKind::Abort => "ABORT",
        };
        json!({
            "eventTime": self.at.to_string(),
            "eventType": kind,
            "producer": PRODUCER,
            "schemaURL": SPEC,
            "run": {"runId": self.run.uuid(), "facets": self.run_facets(namespace)},
            "job": {"namespace": namespace, "name": self.job.name, "facets": self.job_facets()},
            "inputs": self.inputs.iter().map(|one| dataset(namespace, one, Side::Input)).collect::<Vec<_>>(),
            "outputs": self.outputs.iter().map(|one| dataset(namespace, one, Side::Output)).collect::<Vec<_>>(),
        })
    }

    fn run_facets(&self, namespace: &str) -> Value {
        let version = env!("CARGO_PKG_VERSION");
        let mut all = Map::new();
        let engine = json!({"name": "Rigi", "version": version, "openlineageAdapterVersion": version});
        all.insert("processing_engine".to_owned(), facet("ProcessingEngineRunFacet", "1-1-1", engine));
        if let Some(Parent { run, job }) = &self.parent {
            let parent = json!({"run": {"runId": run.uuid()}, "job": {"namespace": namespace, "name": job}});
            all.insert("parent".to_owned(), facet("ParentRunFacet", "1-2-0", parent));
        }
        if let Some(error) = &self.error {
            let error = json!({"message": cut(error), "programmingLanguage": self.job.language});
            all.insert("errorMessage".to_owned(), facet("ErrorMessageRunFacet", "1-0-1", error));
        }
        Value::Object(all)
    }

    fn job_facets(&self) -> Value {
        let mut all = Map::new();
        let kind = json!({"processingType": "BATCH", "integration": "RIGI", "jobType": self.job.kind});
        all.insert("jobType".to_owned(), facet("JobTypeJobFacet", "2-0-4", kind));
        if let Some(about) = &self.job.description {
            let about = json!({"description": cut(about)});
            all.insert("documentation".to_owned(), facet("DocumentationJobFacet", "1-1-0", about));
        }
        if let Some((page, commit, branch)) = &self.job.git {
            let place = json!({"type": "git", "url": page, "version": commit, "branch": branch});
            all.insert("sourceCodeLocation".to_owned(), facet("SourceCodeLocationJobFacet", "1-1-0", place));
        }
        Value::Object(all)
    }
}

#[derive(Clone, Copy)]
enum Side {
    Input,
    Output,
}

fn dataset(namespace: &str, one: &Given, side: Side) -> Value {
    let version = facet("DatasetVersionDatasetFacet", "1-0-1", json!({"datasetVersion": one.version}));
    let count = json!({"size": one.size.0, "fileCount": one.size.1});
    let (key, name, counted) = match side {
        Side::Input => {
            ("inputFacets", "inputStatistics", facet("InputStatisticsInputDatasetFacet", "1-0-0", count))
        }
        Side::Output => {
            ("outputFacets", "outputStatistics", facet("OutputStatisticsOutputDatasetFacet", "1-0-2", count))
        }
    };
    json!({"namespace": namespace, "name": one.name, "facets": {"version": version}, key: {name: counted}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_says_what_the_spec_asks_for_and_nothing_is_null() {
        let id = RunId::from_bits(0x0192_3b4c_5d6e_7f80_91a2_b3c4_d5e6_f708);
        let event = LineageEvent {
            kind: EventKind::Fail,
            at: Timestamp(1_796_040_249_123_456),
            run: id.clone(),
            job: Job { name: "lab/fit.plot".into(), kind: "STEP", language: "python", ..Job::default() },
            parent: Some(Parent { run: id, job: "lab/fit".into() }),
            error: Some("exit 1".into()),
            inputs: vec![Given { name: "lab/sea/level".into(), version: "3".into(), size: (10, 1) }],
            outputs: vec![Left { name: "lab/fit.plot/a.png".into(), version: "ab".into(), size: (5, 1) }],
        };
        let told = event.to_json("rigi");
        assert_eq!(told["run"]["runId"], "01923b4c-5d6e-7f80-91a2-b3c4d5e6f708");
        assert_eq!(
            (&told["eventType"], &told["eventTime"]),
            (&json!("FAIL"), &json!("2026-11-30T12:04:09.123456Z"))
        );
        assert_eq!(told["inputs"][0]["facets"]["version"]["datasetVersion"], "3");
        assert_eq!(told["outputs"][0]["outputFacets"]["outputStatistics"]["size"], 5);
        assert_eq!(told["run"]["facets"]["parent"]["job"]["name"], "lab/fit");
        assert!(!told.to_string().contains("null"), "{told}");
    }
}
