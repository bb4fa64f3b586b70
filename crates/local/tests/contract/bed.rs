//! A data folder with a supervisor of its own, and short words for what tests do with it.

use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rigi_local::account::Apart;
use rigi_local::environment::UvConfig;
use rigi_local::{ProcessConfig, ProcessExecutor};
use rigi_model::log::{Ending, Scanner, Stream, decode_lines};
use rigi_model::pipeline::spec::Entry;
use rigi_model::{AttemptKey, PipelineName, ProjectName, RunId, TriggerKind};
use rigi_work::plan::{AttemptPlan, Ended, Executor, Known, Observation, Observed, PlanLimits};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// No test waits longer than this for anything.
pub const BOUND: Duration = Duration::from_secs(60);

/// See the module.
pub struct Bed {
    pub data: tempfile::TempDir,
    executor: Option<ProcessExecutor>,
    observed: UnboundedReceiver<Observed>,
    pub known: Vec<Known>,
    seen: HashMap<AttemptKey, Vec<Observed>>,
    codes: u32,
}

fn config(data: &Path) -> ProcessConfig {
    let supervisor = PathBuf::from(env!("CARGO_BIN_EXE_rigi-supervisor"));
    ProcessConfig {
        data: data.to_owned(),
        // Packages are fetched once for all tests.
        uv: UvConfig { cache: Some(std::env::temp_dir().join("rigi-test-packages")), ..UvConfig::default() },
        supervisor: (supervisor, vec![data.display().to_string(), "1".into()]),
        env_allow: Vec::new(),
        default_processes: Some(512),
        apart: None,
        contained: None,
    }
}

/// The same with runs of another account.
fn config_apart(data: &Path, apart: Apart) -> ProcessConfig {
    let mut config = config(data);
    config.supervisor.1.push(apart.folder.display().to_string());
    config.apart = Some(apart);
    config
}

/// The limits that a server fills in.
pub fn default_limits() -> PlanLimits {
    PlanLimits { processes: Some(512), log_size: Some(64 << 20), ..PlanLimits::default() }
}

/// As a server opens it.
pub async fn open(
    data: &Path,
) -> Result<(ProcessExecutor, UnboundedReceiver<Observed>, Vec<Known>), rigi_local::process::Error> {
    let (sender, observed) = unbounded_channel();
    let (executor, known) = ProcessExecutor::open(config(data), sender).await?;
    Ok((executor, observed, known))
}

impl Bed {
    pub async fn new() -> Self {
        Self::within(tempfile::tempdir().unwrap()).await
    }

    /// In a folder that holds something already.
    pub async fn within(data: tempfile::TempDir) -> Self {
        let (executor, observed, known) = open(data.path()).await.unwrap();
        Self { data, executor: Some(executor), observed, known, seen: HashMap::new(), codes: 0 }
    }

    /// A data folder whose runs have another account: as the server makes it, closed to all others.
    pub async fn apart(apart: Apart) -> Self {
        let closed = std::fs::Permissions::from_mode(0o700);
        let data = tempfile::Builder::new().permissions(closed).tempdir().unwrap();
        let config = config_apart(data.path(), apart);
        let (sender, observed) = unbounded_channel();
        let (executor, known) = ProcessExecutor::open(config, sender).await.unwrap();
        Self { data, executor: Some(executor), observed, known, seen: HashMap::new(), codes: 0 }
    }

    /// A supervisor that a program of Python starts, which executes its arguments.
    pub async fn started_by(program: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut config = config(data.path());
        let before = ["-c", program, config.supervisor.0.to_str().unwrap()].map(str::to_owned);
        config.supervisor.1.splice(0..0, before);
        config.supervisor.0 = "python3".into();
        let (sender, observed) = unbounded_channel();
        let (executor, known) = ProcessExecutor::open(config, sender).await.unwrap();
        Self { data, executor: Some(executor), observed, known, seen: HashMap::new(), codes: 0 }
    }

    /// The server vanishes without a word and another one comes.
    pub async fn reopen(mut self) -> Self {
        self.executor = None;
        self.observed.close();
        let (executor, observed, known) = open(self.data.path()).await.unwrap();
        self.executor = Some(executor);
        self.observed = observed;
        self.known = known;
        self.seen.clear();
        self
    }

    /// Another server comes while this one goes on. Returns this one when it was cut off, came back, and was refused.
    pub async fn follow(&mut self) -> ProcessExecutor {
        let (newer, observed, known) = open(self.data.path()).await.unwrap();
        let mut before = std::mem::replace(&mut self.observed, observed);
        self.known = known;
        let refused = tokio::time::timeout(BOUND, async { while before.recv().await.is_some() {} });
        refused.await.expect("it was not refused");
        self.executor.replace(newer).unwrap()
    }

    pub fn executor(&self) -> &ProcessExecutor {
        self.executor.as_ref().unwrap()
    }

    /// A released attempt's folder goes in the background.
    pub async fn gone(&self, folder: &Path) {
        let since = std::time::Instant::now();
        while folder.exists() {
            assert!(since.elapsed() < BOUND);
            tokio::task::yield_now().await;
        }
    }

    /// A folder of code with these files.
    pub fn code(&mut self, files: &[(&str, &str)]) -> PathBuf {
        self.codes += 1;
        let folder = self.data.path().join(format!("code-{}", self.codes));
        std::fs::create_dir(&folder).unwrap();
        for (name, text) in files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    pub fn plan(&mut self, entry: Entry, files: &[(&str, &str)]) -> AttemptPlan {
        AttemptPlan {
            key: AttemptKey { run: RunId::generate(), number: 1 },
            project: ProjectName::default(),
            pipeline: PipelineName::unchecked("test"),
            step: "main".into(),
            trigger: TriggerKind::Manual,
            entry,
            cells: Vec::new(),
            code: self.code(files),
            environment: None,
            parameters: serde_json::Map::new(),
            env: BTreeMap::new(),
            own: std::collections::BTreeMap::new(),
            secrets: rigi_work::secrets::PlanSecrets::default(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            container: rigi_model::pipeline::container::ContainerSpec::default(),
            limits: default_limits(),
            timeout: Some(Duration::from_secs(3600)),
            grace: Duration::from_secs(5),
            bucket: None,
            notes: Vec::new(),
        }
    }

    /// A plan that runs a line of shell.
    pub fn shell(&mut self, line: &str) -> AttemptPlan {
        let argv = ["/bin/sh", "-c", line].map(str::to_owned).to_vec();
        self.plan(Entry::Command { argv }, &[])
    }

    /// Launches a plan and waits for its end.
    pub async fn run(&mut self, plan: AttemptPlan) -> Ended {
        let key = plan.key.clone();
        self.executor().launch(plan);
        self.end_of(&key).await
    }

    pub async fn end_of(&mut self, key: &AttemptKey) -> Ended {
        let found = self.until(key, |what| matches!(what, Observation::Ended(_))).await;
        match found.what {
            Observation::Ended(ended) => *ended,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until something is seen of an attempt; what was seen before counts.
    pub async fn until(&mut self, key: &AttemptKey, wanted: impl Fn(&Observation) -> bool) -> Observed {
        let find = |seen: &HashMap<AttemptKey, Vec<Observed>>| {
            seen.get(key).and_then(|list| list.iter().find(|observed| wanted(&observed.what)).cloned())
        };
        loop {
            if let Some(found) = find(&self.seen) {
                return found;
            }
            let next = tokio::time::timeout(BOUND, self.observed.recv()).await;
            let observed = next.unwrap_or_else(|_| panic!("waited in vain; seen: {:#?}", self.seen.get(key)));
            let observed = observed.expect("the executor has gone");
            self.seen.entry(observed.key.clone()).or_default().push(observed);
        }
    }

    pub async fn started(&mut self, key: &AttemptKey) -> i32 {
        let found = self.until(key, |what| matches!(what, Observation::Started { .. })).await;
        match found.what {
            Observation::Started { pid } => pid,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until its log has this many lines.
    pub async fn lines(&mut self, key: &AttemptKey, count: u64) {
        self.until(key, |what| matches!(what, Observation::Log { lines, .. } if *lines >= count)).await;
    }

    pub fn seen(&self, key: &AttemptKey) -> &[Observed] {
        self.seen.get(key).map_or(&[], Vec::as_slice)
    }

    pub fn supervisor_pid(&self) -> i32 {
        let text = std::fs::read_to_string(self.data.path().join("supervisor/lock")).unwrap();
        text.trim().parse().unwrap()
    }

    pub fn folder(&self, key: &AttemptKey) -> PathBuf {
        self.data.path().join(format!("runs/{key}"))
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        // It kills what still runs and ends.
        signal(self.supervisor_pid(), 15);
    }
}

/// One line, owned.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub at: i64,
    pub stream: Stream,
    pub text: Vec<u8>,
    pub ending: Ending,
}

/// All lines of an ended attempt's log, checked for gaps.
pub fn log_of(ended: &Ended) -> Vec<Line> {
    let bytes = match &ended.log.file {
        Some(path) => std::fs::read(path).unwrap(),
        None => ended.log.inline.clone(),
    };
    let lines = read_log(&bytes);
    assert_eq!(lines.len() as u64, ended.log.lines);
    lines
}

pub fn read_log(bytes: &[u8]) -> Vec<Line> {
    let mut scanner = Scanner::new(std::io::Cursor::new(bytes));
    let mut lines = Vec::new();
    while let Some(block) = scanner.next_block().unwrap() {
        let body = scanner.read_body(&block).unwrap();
        for line in decode_lines(&block.header, &body).unwrap() {
            assert_eq!(line.number, lines.len() as u64 + 1);
            let (at, stream, text, ending) = (line.at.0, line.stream, line.text.to_vec(), line.ending);
            lines.push(Line { at, stream, text, ending });
        }
    }
    lines
}

/// The text of one stream, as people read it.
pub fn text_of(ended: &Ended, stream: Stream) -> String {
    let lines = log_of(ended).into_iter().filter(|line| line.stream == stream);
    lines.map(|line| String::from_utf8_lossy(&line.text).into_owned() + "\n").collect()
}

pub fn stdout_of(ended: &Ended) -> String {
    text_of(ended, Stream::Stdout)
}

/// Whether a process exists and is no zombie.
pub fn is_alive(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|text| !text[text.rfind(')').unwrap()..].starts_with(") Z"))
}

pub fn signal(pid: i32, signal: i32) {
    let status = std::process::Command::new("kill").arg(format!("-{signal}")).arg(pid.to_string()).status();
    assert!(status.is_ok());
}

/// Processes whose environment names this run.
pub fn processes_of(run: &RunId) -> Vec<i32> {
    let marker = format!("RIGI_RUN_ID={run}");
    let pids = std::fs::read_dir("/proc").unwrap().flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|&pid: &i32| is_alive(pid))
        .filter(|pid| {
            let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environ.split(|&byte| byte == 0).any(|variable| variable == marker.as_bytes())
        })
        .collect()
}
