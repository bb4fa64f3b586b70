//! Pipelines that came from repositories: their files are stored by content, and no folder holds them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rigi_model::pipeline::document::LARGEST_SPEC;
use rigi_model::pipeline::{Mistake, check_pipeline_name};
use rigi_model::quantity::show_bytes;
use rigi_model::{PipelineName, Timestamp};
use rigi_store::Blobs;
use rigi_store::repositories::{LeftOutOf, RepositoryTree};
use rigi_store::tables::versions::{GitFacts, VersionFile};

use super::pipeline::{MadeOf, Origin, Pipeline};
use super::spec_of::{Content, LOOKED_AT, NotReady, read_spec_of};
use crate::folder::{CaptureError, CodeLimits, LeftOut};

/// What to do about something of a repository that is not taken.
const CURE: &str = "Put the file itself into the repository, or take it out.";

/// What a repository holds of pipelines, as the catalog has it.
#[derive(Debug)]
pub struct OfRepository {
    /// The repository.
    pub name: String,
    /// Which sync brought it.
    pub number: i64,
    /// When.
    pub synced_at: Timestamp,
    /// The commit.
    pub commit: String,
    /// Its pipelines, also those whose names another source keeps.
    pub pipelines: BTreeMap<String, Arc<Pipeline>>,
    /// Something of it could not be read, and may be a little later.
    pub unread: bool,
}

impl OfRepository {
    /// Reads the specs of its pipelines from what is stored.
    #[must_use]
    pub fn read(tree: &RepositoryTree, blobs: &Blobs, limits: CodeLimits) -> Self {
        let spec = &tree.spec;
        let git = GitFacts {
            commit: tree.commit.clone(),
            branch: spec.reference.branch().map(str::to_owned),
            dirty: false,
            repository: Some(tree.repository.clone()),
            page: spec.commit_page(&tree.commit),
        };
        let origin = Arc::new(Origin { repository: tree.repository.clone(), git, blobs: blobs.clone() });
        let mut found: BTreeMap<&str, Vec<VersionFile>> = BTreeMap::new();
        for file in &tree.files {
            let Some((name, path)) = file.path.split_once('/') else { continue };
            found.entry(name).or_default().push(VersionFile { path: path.to_owned(), ..file.clone() });
        }
        let place = match spec.folder.trim_matches('/') {
            "" => format!("{}:", tree.repository),
            folder => format!("{}:{folder}/", tree.repository),
        };
        let mut of = Self {
            name: tree.repository.clone(),
            number: tree.number,
            synced_at: tree.synced_at,
            commit: tree.commit.clone(),
            pipelines: BTreeMap::new(),
            unread: false,
        };
        for (name, files) in found {
            let left_out: Vec<LeftOut> =
                tree.told.iter().filter(|left| left.pipeline == name).map(left).collect();
            let read = one(name, &format!("{place}{name}"), files, left_out, (&origin, limits));
            of.unread |= read.is_err();
            let pipeline = read.unwrap_or_else(|unread| unread);
            if let Some(pipeline) = pipeline {
                of.pipelines.insert(name.to_owned(), pipeline);
            }
        }
        of
    }
}

fn left(left: &LeftOutOf) -> LeftOut {
    LeftOut { path: left.path.clone(), why: left.why.clone(), cure: CURE }
}

/// `Ok(None)`: it holds data, and nothing of a pipeline. `Err`: it could not be read now.
fn one(
    name: &str,
    place: &str,
    files: Vec<VersionFile>,
    left_out: Vec<LeftOut>,
    (origin, limits): (&Arc<Origin>, CodeLimits),
) -> Result<Option<Arc<Pipeline>>, Option<Arc<Pipeline>>> {
    let folder = PathBuf::from(place);
    let of = |spec_file, outcome| {
        Arc::new(Pipeline {
            name: PipelineName::unchecked(name),
            folder: folder.clone(),
            origin: Some(origin.clone()),
            spec_file,
            outcome,
            made_of: Mutex::new(MadeOf::default()),
        })
    };
    let wrong = |mistakes: Vec<Mistake>| of(None, Err(mistakes));
    if let Err(mistake) = check_pipeline_name(name) {
        return Ok(Some(wrong(vec![Mistake::of_file("", mistake.to_string()).with_cure(mistake.cure())])));
    }
    if let Some(mistake) = too_large(&files, limits) {
        return Ok(Some(wrong(vec![mistake])));
    }
    let tops = files.iter().filter(|file| !file.path.contains('/')).map(|file| file.path.clone()).collect();
    match read_spec_of(name, tops, &left_out, &Kept { blobs: &origin.blobs, files }) {
        Ok((spec_file, outcome)) => Ok(Some(of(spec_file, outcome))),
        Err(NotReady::NoPipeline) => Ok(None),
        Err(NotReady::Mistakes(mistakes)) => Ok(Some(wrong(mistakes))),
        Err(NotReady::Changing) => Err(Some(wrong(vec![unread("what is stored of it is damaged")]))),
        Err(NotReady::Trouble(error)) => {
            Err(Some(wrong(vec![unread(&format!("what is stored of it cannot be read now: {error}"))])))
        }
    }
}

fn unread(why: &str) -> Mistake {
    Mistake::of_file("", why).with_cure("`rigi storage check` says more; a sync brings it again.")
}

fn too_large(files: &[VersionFile], limits: CodeLimits) -> Option<Mistake> {
    let bytes: u64 = files.iter().map(|file| file.size).sum();
    let (what, key) = match (limits.files, limits.bytes) {
        (Some(most), _) if files.len() as u64 > most => {
            (format!("holds {} files, and may hold {most}", files.len()), "limits.code_files")
        }
        (_, Some(most)) if bytes > most => {
            (format!("holds {}, and may hold {}", show_bytes(bytes), show_bytes(most)), "limits.code_size")
        }
        _ => return None,
    };
    let error = CaptureError::TooLarge { what, key };
    Some(Mistake { cure: error.cure(), ..Mistake::of_file("", error.to_string()) })
}

/// Files by content.
struct Kept<'a> {
    blobs: &'a Blobs,
    files: Vec<VersionFile>,
}

impl Kept<'_> {
    fn head(&self, file: &str, most: usize) -> rigi_store::Result<Option<Vec<u8>>> {
        let Some(file) = self.files.iter().find(|one| one.path == file) else { return Ok(None) };
        let mut blob = self.blobs.get(&file.sha256)?;
        let mut bytes = Vec::new();
        while bytes.len() < most
            && let Some(piece) = blob.next_piece()?
        {
            bytes.extend_from_slice(&piece);
        }
        bytes.truncate(most);
        Ok(Some(bytes))
    }
}

impl Content for Kept<'_> {
    fn spec(&self, file: &str) -> Result<Vec<u8>, NotReady> {
        match self.head(file, LARGEST_SPEC + 1) {
            Ok(bytes) => bytes.ok_or(NotReady::Changing),
            Err(error) => Err(NotReady::Trouble(std::io::Error::other(error.to_string()))),
        }
    }

    fn code(&self, file: &str) -> Option<Vec<u8>> {
        self.head(file, usize::try_from(LOOKED_AT).unwrap_or(usize::MAX)).ok().flatten()
    }

    fn files(&self) -> Vec<VersionFile> {
        self.files.clone()
    }
}
