//! An executor without processes. What a run does is said by its parameters: `hold` keeps it running until it is stopped; `tell`
//! has it tell what it was given; `environment` is what was built for it; `fail` has it fail, `route` choose a route, `outputs` leave small
//! values, `say` says just that; else it ends at once, with a
//! line in its log and a file.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rigi_model::log::{Encoder, Stream};
use rigi_model::pipeline::spec::PipelineSpec;
use rigi_model::{AttemptKey, Exit, Target, Timestamp};
use rigi_work::plan::{AttemptPlan, Ended, EndedLog, Executor, Observation, Observed};
use serde_json::{Map, Value};
use tokio::sync::mpsc;

/// See the module.
pub struct FakeExecutor {
    pub folder: PathBuf,
    pub observed: mpsc::UnboundedSender<Observed>,
    held: Arc<Mutex<HashSet<AttemptKey>>>,
}

impl FakeExecutor {
    pub fn new(folder: PathBuf, observed: mpsc::UnboundedSender<Observed>) -> Self {
        Self { folder, observed, held: Arc::default() }
    }

    fn tell(&self, key: &AttemptKey, what: Observation) {
        let _ = self.observed.send(Observed { key: key.clone(), at: Timestamp::now(), what });
    }

    fn end(&self, key: &AttemptKey, exit: Exit, words: &str, left: &Map<String, Value>) {
        let mut encoder = Encoder::new(1);
        encoder.write(Timestamp::now(), Stream::Stdout, words.as_bytes());
        let mut log = EndedLog { lines: encoder.lines(), ..EndedLog::default() };
        encoder.take(&mut log.inline);
        let outputs = self.folder.join(key.to_string());
        std::fs::create_dir_all(&outputs).unwrap();
        std::fs::write(outputs.join("result.txt"), words).unwrap();
        if let Some(values) = left.get("outputs") {
            std::fs::write(outputs.join("outputs.json"), values.to_string()).unwrap();
        }
        let route = left.get("route").and_then(Value::as_str).map(str::to_owned);
        let (outputs, started_at) = (Some(outputs), Some(Timestamp::now()));
        let ended = Ended { outputs, started_at, route, ..Ended::bare(exit, log) };
        self.tell(key, Observation::Ended(Box::new(ended)));
    }
}

impl Executor for FakeExecutor {
    fn target(&self) -> Target {
        Target::PROCESS
    }

    fn refuses(&self, _spec: &PipelineSpec) -> Option<String> {
        None
    }

    fn launch(&self, plan: AttemptPlan) {
        if let Some(environment) = plan.parameters.get("environment").and_then(Value::as_str) {
            let (environment, message) = (environment.to_owned(), "Python 3.12.1 with packages".to_owned());
            self.tell(
                &plan.key,
                Observation::Prepared { environment, message, took: Duration::from_secs(1) },
            );
        }
        self.tell(&plan.key, Observation::Started { pid: 1 });
        if plan.parameters.get("hold").is_some_and(|hold| hold == true) {
            self.held.lock().unwrap().insert(plan.key);
            return;
        }
        let mut words = format!("{} of {}\n", plan.pipeline, plan.project);
        if plan.parameters.get("tell").is_some_and(|tell| tell == true) {
            let files = plan.secrets.files.iter().map(|file| (&file.name, &file.content));
            words.extend(
                plan.env
                    .iter()
                    .chain(&plan.own)
                    .chain(files)
                    .map(|(name, value)| format!("{name}={value}\n")),
            );
            words.extend(["covered: ", &plan.secrets.covered.join(" "), "\n"]);
            // As a flow's step is told them.
            if plan.step != "main" {
                words.extend(["parameters ", &Value::Object(plan.parameters.clone()).to_string(), "\n"]);
            }
            words.extend(plan.inputs.iter().map(|file| format!("input {}/{}\n", file.input, file.name)));
        }
        if let Some(said) = plan.parameters.get("say").and_then(Value::as_str) {
            words = said.replace("$CURSOR", plan.own.get("RIGI_CURSOR").map_or("none", String::as_str));
        }
        let fails = plan.parameters.get("fail").is_some_and(|fail| fail == true);
        self.end(&plan.key, Exit::Code { code: i32::from(fails) }, &words, &plan.parameters);
    }

    fn stop(&self, key: &AttemptKey, _grace: Duration) {
        if self.held.lock().unwrap().remove(key) {
            self.end(key, Exit::Stopped, "stopped\n", &Map::new());
        }
    }

    fn release(&self, key: &AttemptKey) {
        let _ = std::fs::remove_dir_all(self.folder.join(key.to_string()));
    }

    fn log_file(&self, key: &AttemptKey) -> PathBuf {
        self.folder.join(key.to_string()).join("log")
    }
}
