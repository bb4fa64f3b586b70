//! The code of runs: out of the repository of Fast-Flow's pipelines, where it is there and has the commit. Else the run keeps what is known
//! of its code, and says so when somebody asks for it again.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use rigi_engine::catalog::read_pipeline;
use rigi_engine::code::{keep, version_of};
use rigi_engine::folder::CodeLimits;
use rigi_model::pipeline::PipelineSpec;
use rigi_model::pipeline::spec::Entry;
use rigi_model::{PipelineName, ProjectName, Timestamp, VersionHash};
use rigi_store::Store;
use rigi_store::tables::versions::{GitFacts, Version, VersionFile};

/// The file of a version of which only this is known.
const NOTE: &str = "from-fast-flow.json";
/// Bytes of one file that are read from a repository.
const LARGEST_FILE: u64 = 256 << 20;

/// What Fast-Flow knew of a run's code.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct TheirCode {
    pub pipeline: String,
    pub commit: Option<String>,
    pub branch: Option<String>,
    pub subject: Option<String>,
}

/// The version of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub hash: VersionHash,
    /// Its files are those that ran; else it says where they are.
    pub has_code: bool,
}

/// Makes the versions of runs, each once.
pub(super) struct Versions {
    /// Fast-Flow's pipelines, in their repository.
    folder: PathBuf,
    limits: CodeLimits,
    made: HashMap<TheirCode, Found>,
    /// Trees of the repository that have become versions; `None`: they do not make one.
    trees: HashMap<(String, String), Option<VersionHash>>,
}

impl Versions {
    pub(super) fn of(folder: &Path, limits: CodeLimits) -> Self {
        Self { folder: folder.to_owned(), limits, made: HashMap::new(), trees: HashMap::new() }
    }

    /// The version of a run, stored.
    pub(super) async fn version(
        &mut self,
        store: &Store,
        project: &ProjectName,
        code: &TheirCode,
        now: Timestamp,
    ) -> rigi_store::Result<Found> {
        if let Some(found) = self.made.get(code) {
            return Ok(*found);
        }
        let found = match self.of_tree(store, project, code, now).await? {
            Some(hash) => Found { hash, has_code: true },
            None => {
                let version = noted(store, project, code)?;
                let hash = version.hash;
                store.add_version(project, version, now).await?;
                Found { hash, has_code: false }
            }
        };
        self.made.insert(code.clone(), found);
        Ok(found)
    }

    /// The version of what the repository has of a pipeline in a commit; many commits have the same.
    async fn of_tree(
        &mut self,
        store: &Store,
        project: &ProjectName,
        code: &TheirCode,
        now: Timestamp,
    ) -> rigi_store::Result<Option<VersionHash>> {
        let Some(commit) = code.commit.as_deref() else { return Ok(None) };
        let Some(tree) = tree_of(&self.folder, commit, &code.pipeline) else { return Ok(None) };
        let key = (code.pipeline.clone(), tree);
        if let Some(known) = self.trees.get(&key) {
            return Ok(*known);
        }
        let read = self.captured(store, project, code, &key.1)?;
        let hash = read.as_ref().map(|version| version.hash);
        if let Some(version) = read {
            store.add_version(project, version, now).await?;
        }
        self.trees.insert(key, hash);
        Ok(hash)
    }

    /// A tree of the repository, read as a pipeline and stored.
    fn captured(
        &self,
        store: &Store,
        project: &ProjectName,
        code: &TheirCode,
        tree: &str,
    ) -> rigi_store::Result<Option<Version>> {
        let draft = store.data().join("tmp").join(format!("import-{}", rigi_model::UploadId::generate()));
        let folder = draft.join(&code.pipeline);
        let read = put_tree(&self.folder, tree, &folder, self.limits).and_then(|()| {
            read_pipeline(&code.pipeline, &folder, self.limits).map_err(|error| error.to_string())
        });
        let made = match read {
            Ok(Some(pipeline)) => match &pipeline.outcome {
                Ok(ready) => {
                    let kept = keep(&store.blobs(project), &folder, &pipeline.listing(), |_| false);
                    let mut spec = ready.spec.clone();
                    spec.hide_secrets();
                    let git = code.commit.clone().map(|commit| GitFacts {
                        commit,
                        branch: code.branch.clone(),
                        dirty: false,
                        repository: None,
                        page: None,
                    });
                    let (hash, files) = (ready.version, ready.files.clone());
                    let pipeline = pipeline.name.clone();
                    match kept {
                        Ok(()) => Ok(Some(Version { hash, pipeline, spec, files, git })),
                        Err(rigi_engine::folder::CaptureError::Store(error)) => Err(error),
                        Err(_) => Ok(None),
                    }
                }
                Err(_) => Ok(None),
            },
            Ok(None) => Ok(None),
            Err(why) => {
                tracing::debug!(tree, why, "code of a run stays in its repository");
                Ok(None)
            }
        };
        let _ = fs::remove_dir_all(&draft);
        made
    }
}

/// A version that says where the code is.
fn noted(store: &Store, project: &ProjectName, code: &TheirCode) -> rigi_store::Result<Version> {
    let note = serde_json::json!({
        "pipeline": code.pipeline,
        "commit": code.commit,
        "branch": code.branch,
        "subject": code.subject,
        "note": "The code of this run stayed in the repository of Fast-Flow's pipelines.",
    });
    let text = serde_json::to_string_pretty(&note).unwrap_or_default() + "\n";
    let stored = store.blobs(project).put(text.as_bytes())?;
    let files = vec![VersionFile {
        path: NOTE.to_owned(),
        executable: false,
        size: stored.size,
        sha256: stored.sha256,
    }];
    let says = format!("cat {NOTE} >&2; exit 1");
    let spec = PipelineSpec::of(Entry::Command { argv: vec!["sh".to_owned(), "-c".to_owned(), says] });
    let git = code.commit.clone().map(|commit| GitFacts {
        commit,
        branch: code.branch.clone(),
        dirty: false,
        repository: None,
        page: None,
    });
    let pipeline = PipelineName::unchecked(code.pipeline.as_str());
    Ok(Version { hash: version_of(&files), pipeline, spec, files, git })
}

/// `git` in a folder. A repository's own configuration may name a program to be started: none is.
fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]).arg("-C").arg(folder);
    command.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_NO_LAZY_FETCH", "1").env("GIT_TERMINAL_PROMPT", "0");
    command.stdin(Stdio::null()).stderr(Stdio::null());
    command
}

fn is_hash(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The tree of a pipeline in a commit.
fn tree_of(folder: &Path, commit: &str, pipeline: &str) -> Option<String> {
    if !is_hash(commit) || pipeline.contains(['/', ':', '\0']) || pipeline.starts_with('.') {
        return None;
    }
    let said = git(folder)
        .args(["rev-parse", "--verify", "--quiet"])
        .arg(format!("{commit}:./{pipeline}"))
        .output()
        .ok()?;
    let tree = String::from_utf8(said.stdout).ok()?.trim().to_owned();
    (said.status.success() && is_hash(&tree)).then_some(tree)
}

/// A file of a tree.
struct Blob {
    hash: String,
    path: PathBuf,
    is_executable: bool,
}

/// The plain files of a tree: links and other repositories are left out, as everywhere.
fn list_tree(folder: &Path, tree: &str, limits: CodeLimits) -> Result<Vec<Blob>, String> {
    let said =
        git(folder).args(["ls-tree", "-r", "-z", "--full-tree", tree]).output().map_err(|e| e.to_string())?;
    if !said.status.success() {
        return Err("git does not list it".to_owned());
    }
    let mut blobs = Vec::new();
    for entry in said.stdout.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
        let Ok(entry) = std::str::from_utf8(entry) else { continue };
        let Some((facts, path)) = entry.split_once('\t') else { continue };
        let mut facts = facts.split(' ');
        let (Some(mode), Some("blob"), Some(hash)) = (facts.next(), facts.next(), facts.next()) else {
            continue;
        };
        let path = PathBuf::from(path);
        let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        if !is_plain || !mode.starts_with("100") || !is_hash(hash) {
            continue;
        }
        blobs.push(Blob { hash: hash.to_owned(), path, is_executable: mode == "100755" });
    }
    match limits.files {
        Some(most) if blobs.len() as u64 > most => Err(format!("it has more than {most} files")),
        _ => Ok(blobs),
    }
}

/// Puts the files of a tree into a folder, as they are stored: no filter of the repository is run.
fn put_tree(from: &Path, tree: &str, to: &Path, limits: CodeLimits) -> Result<(), String> {
    let blobs = list_tree(from, tree, limits)?;
    fs::create_dir_all(to).map_err(|error| error.to_string())?;
    let mut child = git(from)
        .args(["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let put = put_blobs(&mut child, &blobs, to, limits);
    if put.is_err() {
        let _ = child.kill();
    }
    let ended = child.wait().map_err(|error| error.to_string());
    put.and(ended.map(drop))
}

fn put_blobs(
    child: &mut std::process::Child,
    blobs: &[Blob],
    to: &Path,
    limits: CodeLimits,
) -> Result<(), String> {
    let told = |error: std::io::Error| error.to_string();
    let (Some(mut ask), Some(answer)) = (child.stdin.take(), child.stdout.take()) else {
        return Err("git was started without its pipes".to_owned());
    };
    let mut answer = BufReader::new(answer);
    let mut left = limits.bytes.unwrap_or(u64::MAX);
    for blob in blobs {
        writeln!(ask, "{}", blob.hash).map_err(told)?;
        ask.flush().map_err(told)?;
        let mut head = String::new();
        (&mut answer).take(200).read_line(&mut head).map_err(told)?;
        let size: u64 = head
            .trim_end()
            .strip_prefix(&format!("{} blob ", blob.hash))
            .and_then(|size| size.parse().ok())
            .ok_or("git does not have one of its files")?;
        left = left.checked_sub(size).filter(|_| size <= LARGEST_FILE).ok_or("it is too large")?;
        let path = to.join(&blob.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(told)?;
        }
        let mut file = fs::File::create_new(&path).map_err(told)?;
        let copied = std::io::copy(&mut (&mut answer).take(size), &mut file).map_err(told)?;
        let mut newline = [0];
        answer.read_exact(&mut newline).map_err(told)?;
        if copied != size {
            return Err("git broke off".to_owned());
        }
        if blob.is_executable {
            use std::os::unix::fs::PermissionsExt as _;
            file.set_permissions(fs::Permissions::from_mode(0o755)).map_err(told)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(folder: &Path, args: &[&str]) -> String {
        let said = Command::new("git").arg("-C").arg(folder).args(args).output().unwrap();
        assert!(said.status.success(), "{args:?}: {}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8(said.stdout).unwrap().trim().to_owned()
    }

    #[test]
    fn a_commit_gives_the_files_that_a_pipeline_had_in_it() {
        let root = tempfile::tempdir().unwrap();
        let repo = root.path().join("repo");
        fs::create_dir_all(repo.join("pipelines/fit/lib")).unwrap();
        run(&repo, &["init", "-q", "-b", "main"]);
        fs::write(repo.join("pipelines/fit/main.py"), "print(1)\n").unwrap();
        fs::write(repo.join("pipelines/fit/lib/x.txt"), "no newline").unwrap();
        fs::write(repo.join("pipelines/fit/empty"), "").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", repo.join("pipelines/fit/link")).unwrap();
        run(&repo, &["add", "-A"]);
        run(&repo, &["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "one"]);
        let commit = run(&repo, &["rev-parse", "HEAD"]);
        fs::write(repo.join("pipelines/fit/main.py"), "print(2)\n").unwrap();

        let pipelines = repo.join("pipelines");
        let tree = tree_of(&pipelines, &commit, "fit").unwrap();
        let to = root.path().join("out");
        put_tree(&pipelines, &tree, &to, CodeLimits::default()).unwrap();
        assert_eq!(fs::read_to_string(to.join("main.py")).unwrap(), "print(1)\n");
        assert_eq!(fs::read_to_string(to.join("lib/x.txt")).unwrap(), "no newline");
        assert!(to.join("empty").is_file() && !to.join("link").exists());
        let few = CodeLimits { bytes: Some(3), ..CodeLimits::default() };
        assert!(put_tree(&pipelines, &tree, &root.path().join("few"), few).is_err());
        for (commit, pipeline) in
            [(&*commit, "none"), (&commit, "../x"), ("HEAD", "fit"), (&"0".repeat(40), "fit")]
        {
            assert_eq!(tree_of(&pipelines, commit, pipeline), None, "{commit} {pipeline}");
        }
        assert_eq!(tree_of(root.path(), &commit, "fit"), None);
    }
}
