//! Has Python read files of DAGs, within bounds, and takes what it says of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rigi_model::ErrorCode;
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use crate::trouble::Trouble;

/// What Python is given: its own library alone, and nothing of the folder.
const PROGRAM: &str = concat!(include_str!("values.py"), include_str!("tasks.py"), include_str!("dags.py"));
const PATIENCE: Duration = Duration::from_secs(120);
/// Bytes that it may say.
const MOST_SAID: u64 = 64 << 20;

/// What the files of a folder say.
#[derive(Debug, Default, Deserialize)]
pub struct Read {
    /// Files that were read.
    pub files: u64,
    pub(super) dags: Vec<ReadDag>,
    /// Files beside the DAGs that their functions need, by their names.
    pub(super) modules: BTreeMap<String, String>,
    pub(super) notes: Vec<ReadNote>,
}

/// A DAG.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ReadDag {
    pub file: String,
    pub line: u32,
    pub args: BTreeMap<String, Value>,
    pub tasks: Vec<ReadTask>,
    pub edges: Vec<(String, String)>,
}

/// A task, and what it does: `bash`, `python`, `empty`, `pipeline` or `missing`.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct ReadTask {
    pub id: String,
    pub line: u32,
    pub kind: String,
    /// Why it is not taken.
    pub why: Option<String>,
    pub command: Option<String>,
    pub env: Option<BTreeMap<String, Value>>,
    pub cwd: Option<String>,
    pub pipeline: Option<String>,
    pub function: Option<String>,
    pub source: Option<String>,
    pub packages: Vec<String>,
    pub modules: Vec<String>,
    /// What it is called with, by place and by name.
    pub given: Vec<Value>,
    pub named: BTreeMap<String, Value>,
    /// Results of tasks that it is called with, by name.
    pub results: BTreeMap<String, String>,
    pub retries: Option<i64>,
    pub retry_delay: Option<Value>,
    pub retry_exponential_backoff: Option<Value>,
    pub max_retry_delay: Option<Value>,
    pub execution_timeout: Option<Value>,
    pub trigger_rule: Option<Value>,
    pub doc_md: Option<Value>,
}

/// What Python could not take.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ReadNote {
    pub file: String,
    pub line: u32,
    pub dag: Option<String>,
    pub task: Option<String>,
    pub why: String,
}

impl ReadNote {
    /// Where it is, for people.
    pub(super) fn place(&self) -> String {
        let mut place = format!("{}:{}", self.file, self.line);
        for name in self.dag.iter().chain(&self.task) {
            place.push(' ');
            place.push_str(name);
        }
        place
    }
}

/// Reads a folder.
///
/// # Errors
/// If it is none, there is no Python, or Python says nothing of use.
pub async fn read(folder: &Path, python: &Path) -> Result<Read, Trouble> {
    if !folder.is_dir() {
        let what = format!("{} is not a folder", folder.display());
        return Err(Trouble::new(ErrorCode::NotFound, what, "name the folder of your DAGs"));
    }
    let failed = |why: String| {
        let what = format!("the DAGs in {} cannot be read: {why}", folder.display());
        Trouble::new(
            ErrorCode::RequestInvalid,
            what,
            "name a folder of DAGs alone, with fewer or smaller files",
        )
    };
    let mut command = Command::new(python);
    command.args(["-I", "-X", "utf8", "-"]).arg(folder).env_clear().kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| {
        let what = format!("{} cannot be started: {error}", python.display());
        Trouble::new(
            ErrorCode::ConfigInvalid,
            what,
            "install Python 3.10 or newer, or name it with `--python`",
        )
    })?;
    let (Some(mut ask), Some(answer), Some(errors)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(failed("it was started without its pipes".to_owned()));
    };
    let told = async {
        // It may end before it has read all: that is said by its end.
        let _ = ask.write_all(PROGRAM.as_bytes()).await;
        drop(ask);
        let (mut said, mut wrong) = (Vec::new(), Vec::new());
        let (mut answer, mut errors) = (answer.take(MOST_SAID + 1), errors.take(1 << 16));
        let (read, _) = tokio::join!(answer.read_to_end(&mut said), errors.read_to_end(&mut wrong));
        read.map_err(|error| error.to_string())?;
        if said.len() as u64 > MOST_SAID {
            return Err("they say too much".to_owned());
        }
        let status = child.wait().await.map_err(|error| error.to_string())?;
        if status.success() {
            return serde_json::from_slice(&said).map_err(|error| error.to_string());
        }
        let wrong = String::from_utf8_lossy(&wrong);
        let last = wrong.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
        Err(format!("Python ended with {status}: {}", rigi_model::text::plain_line(last, 200)))
    };
    match tokio::time::timeout(PATIENCE, told).await {
        Ok(read) => read.map_err(failed),
        Err(_) => Err(failed(format!("it takes longer than {} s", PATIENCE.as_secs()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_read_and_never_run() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("ran");
        let text = format!(
            "open({:?}, 'w')\nfrom airflow import DAG\nfrom airflow.operators.bash import BashOperator\nwith DAG('a', schedule='@daily') as dag:\n    BashOperator(task_id='x', bash_command='echo 1')\n",
            mark.display().to_string()
        );
        std::fs::write(folder.path().join("a.py"), text).unwrap();
        std::fs::write(folder.path().join("json.py"), "raise SystemExit(3)\n").unwrap();
        std::fs::write(folder.path().join("bad.py"), "def x(:\n").unwrap();
        std::fs::write(folder.path().join("deep.py"), "-".repeat(30_000) + "1").unwrap();
        let read = read(folder.path(), Path::new("python3")).await.unwrap();
        assert_eq!((read.files, read.dags.len(), read.dags[0].tasks.len()), (4, 1, 1));
        assert!(!mark.exists());
        let places: Vec<&str> = read.notes.iter().map(|note| &*note.file).collect();
        assert_eq!(places, ["bad.py", "deep.py"]);
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let missing = read(&folder.path().join("none"), Path::new("python3")).await.unwrap_err();
        assert!(missing.message.contains("not a folder"));
        let python = read(folder.path(), Path::new("/nothing/python3")).await.unwrap_err();
        assert!(python.message.contains("cannot be started"));
        let other = read(folder.path(), Path::new("true")).await.unwrap_err();
        assert!(other.message.contains("cannot be read"), "{other}");
    }
}
