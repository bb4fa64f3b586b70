//! `rigi run ./folder`: the same engine in this process, without a server.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rigi_engine::Engine;
use rigi_engine::submit::{InputSource, Submission};
use rigi_model::log::Stream;
use rigi_model::{ErrorCode, RunId, Timestamp};
use rigi_store::{Accepted, Run};

use super::data_folder::DataFolder;
use super::error::{failure, of_store};
use super::parts::Parts;
use crate::api::view::SubmitRun;
use crate::cli::{Exit, Failure, Terminal, words};
use crate::config::Loaded;

/// What is shown of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// Its log and its end.
    Log,
    /// Its end.
    End,
}

/// Runs the pipeline that a folder holds, to its end. Its data lie in `.rigi` beside it.
///
/// # Errors
/// If it cannot be started.
pub fn run_here(
    mut loaded: Loaded,
    folder: PathBuf,
    request: SubmitRun,
    inputs: Vec<(String, PathBuf)>,
    follow: Follow,
) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let code = runtime.block_on(async {
        let folder = folder.canonicalize().map_err(|e| {
            failure(ErrorCode::NotFound, format!("{}: {e}", folder.display()), "name a pipeline's folder, or a pipeline of a running server")
        })?;
        let (name, parent) = name_and_parent(&folder)?;
        loaded.pipelines = parent;
        let parts = Parts::open(&loaded, DataFolder::take(&loaded.data_folder())?).await?;
        let run = submit(&parts, &name, request, inputs).await?;
        let code = watch(&parts, &run, follow).await;
        parts.process.quit();
        code
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    Ok(code?)
}

fn name_and_parent(folder: &Path) -> Result<(String, PathBuf), Failure> {
    let name = folder.file_name().and_then(|name| name.to_str());
    let found = name.zip(folder.parent()).map(|(name, parent)| (name.to_owned(), parent.to_owned()));
    found.ok_or_else(|| failure(ErrorCode::NotFound, format!("{} is no pipeline's folder", folder.display()), "name one"))
}

async fn submit(
    parts: &Parts,
    name: &str,
    request: SubmitRun,
    inputs: Vec<(String, PathBuf)>,
) -> Result<RunId, Failure> {
    let store = parts.engine.store();
    let mut files: std::collections::BTreeMap<String, Vec<InputSource>> = Default::default();
    for (input, path) in inputs {
        let open = |e: std::io::Error| {
            failure(ErrorCode::InputInvalid, format!("{}: {e}", path.display()), "name a file that can be read").note("given by", format!("-i {input}={}", path.display()))
        };
        let file = std::fs::File::open(&path).map_err(open)?;
        let stored = store.blobs().put(file).map_err(|e| of_store(&e))?;
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("input").to_owned();
        let added = store.add_upload(&parts.engine.settings().project, &name, &stored, Timestamp::now()).await;
        let id = added.map_err(|e| of_store(&e))?;
        files.entry(input).or_default().push(InputSource::Upload { id, name: None });
    }
    let wanted = Submission {
        pipeline: name.to_owned(),
        parameters: request.parameters,
        inputs: files,
        env: request.env,
        labels: request.labels,
        priority: request.priority,
        target: request.target,
        trigger_kind: "manual".into(),
        trigger_by: "you".into(),
        rerun_of: None,
        version: None,
        count: 1,
    };
    let accepted = parts.engine.submit(&parts.catalog, vec![wanted], None).await.map_err(|e| refused(name, e))?;
    let (Accepted::New(ids) | Accepted::Before(ids)) = accepted;
    ids.into_iter().next().ok_or_else(|| failure(ErrorCode::Internal, "no run was made", "report this"))
}

/// The same words as a server's answer.
fn refused(name: &str, error: rigi_engine::submit::SubmitError) -> Failure {
    let error = crate::api::ApiError::from(error);
    let mut failure = Failure::new(Exit::of_error(error.code), format!("{name} was not started: {}", error.detail));
    for entry in &error.errors {
        let text = |key: &str| entry.get(key).and_then(serde_json::Value::as_str);
        if let Some(source) = text("source") {
            let message = text("message").unwrap_or_default();
            failure = failure.note("rule", format!("{source}  {message}"));
        }
    }
    if let Some(cure) = &error.cure {
        failure = failure.cure(cure.clone());
    }
    failure.note("code", error.code.to_string())
}

async fn watch(parts: &Parts, id: &RunId, follow: Follow) -> Result<ExitCode, Failure> {
    let terminal = Terminal::of_process();
    let mut commits = parts.engine.store().commits();
    let mut pulses = parts.engine.pulses();
    let mut shown = Shown { attempt: 1, next: 1 };
    let mut interrupted = false;
    loop {
        let run = read(&parts.engine, id).await?;
        if follow == Follow::Log {
            shown.log(&parts.engine, &run, &terminal).await?;
        }
        if run.status.state.is_terminal() {
            eprintln!("{}", words::end_of_run(&run, &terminal));
            return Ok(ExitCode::from(Exit::of_state(run.status.state) as u8));
        }
        tokio::select! {
            commit = commits.recv() => drop(commit),
            pulse = pulses.recv() => drop(pulse),
            _ = tokio::signal::ctrl_c(), if !interrupted => {
                interrupted = true;
                eprintln!("cancelling");
                parts.engine.cancel(id, "you").await;
            }
        }
    }
}

async fn read(engine: &Engine, id: &RunId) -> Result<Run, Failure> {
    engine.store().db().run(&engine.settings().project, id).await.map_err(|e| of_store(&e))
}

/// How far a log was shown.
struct Shown {
    attempt: u32,
    next: u64,
}

impl Shown {
    async fn log(&mut self, engine: &Engine, run: &Run, terminal: &Terminal) -> Result<(), Failure> {
        loop {
            let source = engine.log_of(run, self.attempt).await.map_err(|e| of_store(&e))?;
            let (lines, _) = source.page(self.next, 5000, None).map_err(|e| of_store(&e))?;
            for line in &lines {
                let text = String::from_utf8_lossy(&line.text);
                println!("{}", words::log_line(line.at, line.stream == Stream::Stderr, &text, terminal));
                self.next = line.number + 1;
            }
            if lines.is_empty() {
                if self.attempt >= run.status.attempt {
                    return Ok(());
                }
                (self.attempt, self.next) = (self.attempt + 1, 1);
            }
        }
    }
}
