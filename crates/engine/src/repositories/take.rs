//! Taking a repository: what it has, its newest commit, the commit's tree, and the content of what is a pipeline's in it. Nothing is checked
//! out: files come out of `git cat-file` and go into the store by content.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead as _, Read as _};

use rigi_model::ContentHash;
use rigi_model::pipeline::entry::{NOTEBOOK, SCRIPT};
use rigi_model::pipeline::spec_candidates;
use rigi_model::repositories::reference::is_id;
use rigi_model::repositories::tree::{FoundTree, TreeEntry, is_lfs_pointer, sort};
use rigi_model::repositories::{Address, Reference, RepositorySpec};
use rigi_store::Blobs;
use rigi_store::repositories::LeftOutOf;
use rigi_store::tables::versions::VersionFile;
use sha2::{Digest, Sha256};

use super::error::{Failure, SyncError};
use super::program::{Git, broken, prepare};
use super::settings::GitSettings;
use crate::folder::{CodeLimits, left_out};

/// Bytes of what a host says that it has at most.
const MOST_REFS: usize = 8 << 20;
/// Bytes of a record of a tree at most.
const LONGEST_RECORD: u64 = 16 << 10;
/// Where the commit is kept.
const OURS: &str = "refs/rigi/now";
/// Files of content that are held in memory until they are stored: larger ones are stored as they come.
const SMALL: u64 = 1 << 20;
/// So many of them at a time.
const MOST_HELD: usize = 10_000;

/// What was taken of a commit.
pub(super) struct Taken {
    pub commit: String,
    /// The first line of what it says of itself.
    pub subject: String,
    /// Files of all pipelines, each below the name of its own.
    pub files: Vec<VersionFile>,
    pub left_out: Vec<LeftOutOf>,
    /// What belongs to no pipeline.
    pub told: Vec<String>,
}

/// The commit that a repository has now; `None` where only a fetch tells.
pub(super) fn newest(git: &Git, address: &Address, reference: &Reference) -> Result<Option<String>, Failure> {
    let name = reference.remote_name();
    if matches!(reference, Reference::Commit(_)) {
        return Ok(Some(name));
    }
    prepare(git)?;
    let patterns: &[&str] = match reference {
        Reference::Tag(_) => &[&name, &format!("{name}^{{}}")],
        _ => &[&name],
    };
    let arguments = [&["ls-remote", "--quiet", "--", address.as_str()], patterns].concat();
    let said = git.run(&arguments, MOST_REFS)?;
    let said = String::from_utf8_lossy(&said);
    let of = |wanted: &str| {
        let line = said.lines().find_map(|line| line.split_once('\t').filter(|(_, name)| *name == wanted));
        line.map(|(id, _)| id.to_owned()).filter(|id| is_id(id))
    };
    // Of a tag that says something of itself, the commit is told beside it.
    let found = of(&format!("{name}^{{}}")).or_else(|| of(&name));
    found.map(Some).ok_or_else(|| {
        let what = match reference {
            Reference::Head => "it is empty, or has no default branch".to_owned(),
            other => format!("it has no {other}"),
        };
        Failure::new(
            format!("nothing can be taken of the repository: {what}"),
            "Look at its name, and whether it was pushed.",
        )
    })
}

/// Fetches the commit, and says which it is and what it says of itself.
pub(super) fn fetch(
    git: &Git,
    address: &Address,
    reference: &Reference,
) -> Result<(String, String), Failure> {
    prepare(git)?;
    let wanted = format!("+{}:{OURS}", reference.remote_name());
    let fetched = git.run(
        &[
            "fetch",
            "--quiet",
            "--depth=1",
            "--no-tags",
            "--no-recurse-submodules",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--no-show-forced-updates",
            "--",
            address.as_str(),
            &wanted,
        ],
        4096,
    );
    let told = fetched.and_then(|_| git.run(&["log", "-1", "--format=%H%x00%s", OURS, "--"], 64 << 10));
    let told = match told {
        Ok(told) => told,
        Err(failure) => {
            // What is half there is nobody's: the next one begins anew.
            let _ = std::fs::remove_dir_all(&git.folder);
            return Err(failure);
        }
    };
    let told = String::from_utf8_lossy(&told);
    let (commit, subject) = told.trim_end().split_once('\0').unwrap_or_default();
    if !is_id(commit) {
        return Err(Failure::new(
            "what was fetched is no commit",
            "Look at what the branch or tag stands for.",
        ));
    }
    let subject: String = subject.chars().filter(|c| !c.is_control()).take(200).collect();
    Ok((commit.to_owned(), subject))
}

/// The entries of the commit's tree, below the folder that is taken of it.
fn entries(git: &Git, commit: &str, folder: &str, most: usize) -> Result<Vec<TreeEntry>, Failure> {
    let tree = format!("{commit}:{}", folder.trim_matches('/'));
    let read = git.stream(&["ls-tree", "-r", "-z", "-l", "--full-tree", &tree], Vec::new(), |stdout| {
        let (mut all, mut record) = (Vec::new(), Vec::new());
        loop {
            record.clear();
            let n = stdout.by_ref().take(LONGEST_RECORD).read_until(0, &mut record).map_err(|e| broken(&e))?;
            if n == 0 {
                return Ok(all);
            }
            // A tree may hold the same one again and again, and look like more than all disks hold.
            if all.len() >= most {
                return Err(Failure::new(
                    format!("the commit holds more than {most} files"),
                    "Keep data out of the repository, name the folder of the pipelines, or have `git.files` raised.",
                ));
            }
            let entry = record.strip_suffix(b"\0").and_then(TreeEntry::read).ok_or_else(|| {
                Failure::new("the commit holds an entry that is none", "Look at the repository with `git fsck`.")
            })?;
            all.push(entry);
        }
    });
    read.map_err(|failure| {
        if failure.message.contains("Not a valid object name")
            || failure.message.contains("not a tree object")
        {
            let short = commit.get(..7).unwrap_or(commit);
            return Failure::new(
                format!("there is no folder `{folder}` in commit {short}"),
                "Look at its name.",
            );
        }
        failure
    })
}

/// Takes what is a pipeline's out of a commit. `former` is stored already.
pub(super) fn take(
    git: &Git,
    (commit, subject): (String, String),
    spec: &RepositorySpec,
    blobs: &Blobs,
    former: &[VersionFile],
    (settings, limits): (&GitSettings, CodeLimits),
) -> Result<Taken, SyncError> {
    let entries = entries(git, &commit, &spec.folder, settings.files)?;
    let at_top = |entry: &&TreeEntry| [SCRIPT.as_bytes(), b"pipeline.yaml"].contains(&&*entry.path);
    let top = entries.iter().find(at_top).map(|entry| String::from_utf8_lossy(&entry.path).into_owned());
    let mut found = sort(entries, |name| left_out::by_name(name.as_bytes()));
    found.told.extend(top.map(|file| {
        format!("`{file}` lies beside the folders of pipelines, and is no part of any; name the folder above its own")
    }));
    keep_pipelines(&mut found, limits);
    let mut wanted: BTreeMap<&str, u64> = BTreeMap::new();
    for file in found.folders.values().flat_map(|folder| &folder.files) {
        wanted.insert(&file.id, file.size);
    }
    let total: u64 = wanted.values().sum();
    if total > settings.size {
        return Err(Failure::new(
            format!("the pipelines of the commit have {total} bytes, and may have {}", settings.size),
            "Keep data out of the repository, or have `git.size` raised.",
        )
        .into());
    }
    let stored = store(git, &wanted, blobs, former)?;
    let mut taken = Taken { commit, subject, files: Vec::new(), left_out: Vec::new(), told: found.told };
    for (name, folder) in found.folders {
        let of = |path: String, why: String| LeftOutOf { pipeline: name.clone(), path, why };
        taken.left_out.extend(folder.left_out.into_iter().map(|(path, why)| of(path, why)));
        for file in folder.files {
            let Some(kept) = stored.get(&file.id) else { continue };
            if kept.pointer {
                let why = "is no more than a pointer of Git LFS, whose content is not fetched; the pointer is taken";
                taken.left_out.push(of(file.path.clone(), why.to_owned()));
            }
            let path = format!("{name}/{}", file.path);
            taken.files.push(VersionFile {
                path,
                executable: file.executable,
                size: kept.size,
                sha256: kept.sha256,
            });
        }
    }
    Ok(taken)
}

/// Folders without a file that makes one a pipeline are nobody's; neither are environments. One that is too large is told by its first files
/// alone: it is refused by its size, and nothing of it is stored.
fn keep_pipelines(found: &mut FoundTree, limits: CodeLimits) {
    let is_served = |name: &str| !name.starts_with('.') && !name.starts_with("__");
    found.folders.retain(|name, folder| {
        let marks: Vec<String> = spec_candidates(name)
            .into_iter()
            .map(|(file, _)| file)
            .chain([SCRIPT, NOTEBOOK].map(str::to_owned))
            .collect();
        let is_mark = |path: &String| marks.contains(path);
        let has = folder.files.iter().any(|file| is_mark(&file.path))
            || folder.left_out.iter().any(|(path, _)| is_mark(path));
        is_served(name) && has
    });
    for (name, folder) in &mut found.folders {
        let bytes: u64 = folder.files.iter().map(|file| file.size).sum();
        let files = folder.files.len() as u64;
        let over =
            limits.files.is_some_and(|most| files > most) || limits.bytes.is_some_and(|most| bytes > most);
        if over {
            found.told.push(format!("`{name}` holds {files} files with {bytes} bytes, which is more than a pipeline's code may have"));
            folder.files.clear();
        }
    }
    found.folders.retain(|_, folder| !folder.files.is_empty());
}

/// A file that is stored.
struct KeptFile {
    sha256: ContentHash,
    size: u64,
    pointer: bool,
}

/// Stores the content of these objects.
fn store(
    git: &Git,
    wanted: &BTreeMap<&str, u64>,
    blobs: &Blobs,
    former: &[VersionFile],
) -> Result<HashMap<String, KeptFile>, SyncError> {
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let known: std::collections::HashSet<ContentHash> = former.iter().map(|file| file.sha256).collect();
    let input: Vec<u8> = wanted.keys().flat_map(|id| [id.as_bytes(), b"\n"].concat()).collect();
    let mut trouble = None;
    let read = git.stream(&["cat-file", "--batch", "--buffer"], input, |stdout| {
        let mut kept = HashMap::with_capacity(wanted.len());
        let (mut small, mut held) = (Vec::new(), 0);
        for (id, said) in wanted {
            let size = header(stdout, id, *said)?;
            let mut content = stdout.by_ref().take(size);
            if size > SMALL {
                match blobs.put(&mut content) {
                    Ok(stored) if stored.size == size => {
                        kept.insert(
                            (*id).to_owned(),
                            KeptFile { sha256: stored.sha256, size, pointer: false },
                        );
                    }
                    Ok(_) => return Err(cut_off()),
                    Err(error) => return Err(refused(&mut trouble, error)),
                }
            } else {
                let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
                content.read_to_end(&mut bytes).map_err(|error| broken(&error))?;
                if bytes.len() as u64 != size {
                    return Err(cut_off());
                }
                let sha256 = ContentHash::new(Sha256::digest(&bytes).into());
                let pointer = is_lfs_pointer(&bytes);
                kept.insert((*id).to_owned(), KeptFile { sha256, size, pointer });
                if !known.contains(&sha256) {
                    held += size;
                    small.push(bytes);
                }
            }
            if small.len() >= MOST_HELD || held > SMALL * 32 {
                held = 0;
                blobs.put_all(&std::mem::take(&mut small)).map_err(|error| refused(&mut trouble, error))?;
            }
            let mut end = [0];
            stdout.read_exact(&mut end).map_err(|_| cut_off())?;
        }
        blobs.put_all(&small).map_err(|error| refused(&mut trouble, error))?;
        Ok(kept)
    });
    match trouble {
        Some(error) => Err(SyncError::Store(error)),
        None => Ok(read?),
    }
}

/// What could not be stored is no fault of the repository's.
fn refused(trouble: &mut Option<rigi_store::Error>, error: rigi_store::Error) -> Failure {
    *trouble = Some(error);
    Failure::new("it cannot be stored", "")
}

/// The line before an object's content: its id, kind and size, which is what the tree said.
fn header(stdout: &mut impl std::io::BufRead, id: &str, said: u64) -> Result<u64, Failure> {
    let mut line = String::new();
    stdout.take(256).read_line(&mut line).map_err(|error| broken(&error))?;
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    match *words.as_slice() {
        [there, "blob", size] if there == id && size.parse() == Ok(said) => Ok(said),
        _ => Err(cut_off()),
    }
}

fn cut_off() -> Failure {
    Failure::new(
        "the commit holds files whose content is not there",
        "Look at the repository with `git fsck`.",
    )
}
