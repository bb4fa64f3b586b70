//! Stored files of all projects, as lines of path, size, SHA-256 and time of the last change. A path begins with the
//! project, wherever the file lies.

use std::cmp::Ordering;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rigi_model::ProjectName;

use super::Progress;
use super::Watch;
use super::chunks::{ChunkWriter, LineReader};
use super::manifest::{Listed, Manifest};
use super::repository::{Added, Repository};
use crate::blobs::BlobKind;
use crate::bucket::{Bucket, Facts};
use crate::{Blobs, Error, Result};

/// One stored file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredFile {
    /// `<project>/blobs/…` or `<project>/logs/…`.
    pub path: String,
    pub size: u64,
    pub sha256: String,
    /// Microseconds.
    pub modified: i64,
}

impl StoredFile {
    fn line(&self) -> String {
        format!("{}\t{}\t{}\t{}\n", self.path, self.size, self.sha256, self.modified)
    }

    /// The folder of its project.
    pub(super) fn area(&self) -> &str {
        self.path.split('/').next().unwrap_or_default()
    }

    /// Reads a line; a path that would leave the folder is damage.
    pub(super) fn parse(line: &str) -> Result<Self> {
        let fields: Vec<&str> = line.split('\t').collect();
        let parsed = match fields[..] {
            [path, size, sha256, modified] => size
                .parse()
                .ok()
                .zip(modified.parse().ok())
                .map(|(size, modified)| Self { path: path.into(), size, sha256: sha256.into(), modified }),
            _ => None,
        };
        let plain = |file: &Self| {
            Path::new(&file.path).components().all(|part| matches!(part, std::path::Component::Normal(_)))
        };
        parsed.filter(plain).filter(|file| !file.area().is_empty()).ok_or_else(|| Error::Damaged {
            what: "the backup's list of files".into(),
            why: format!("`{}` is no entry of it", line.escape_debug()),
        })
    }
}

/// Copies what is not in the repository yet.
pub(super) struct Copier<'a> {
    pub repository: &'a Repository,
    pub previous: Previous<'a>,
    pub watch: Watch<'a>,
}

/// What became of the files.
pub(super) struct Copied {
    pub files: Listed,
    pub bytes: u64,
    pub damaged: Vec<String>,
}

impl Copier<'_> {
    /// Copies everything of the projects, by path: the names of projects come in that order.
    pub(super) fn copy(
        mut self,
        blobs: &Blobs,
        projects: &[ProjectName],
        added: &mut Added,
    ) -> Result<Copied> {
        let mut copied = Copied { files: Listed::default(), bytes: 0, damaged: Vec::new() };
        let mut listed = Added::default();
        let mut lines = ChunkWriter::new(self.repository, &mut listed)?;
        let mut done = 0;
        let mut keep = |watch: Watch<'_>, file: Option<StoredFile>, name: &dyn Fn() -> String| {
            match file {
                Some(file) => {
                    copied.bytes += file.size;
                    lines.push(file.line().as_bytes())?;
                }
                None => copied.damaged.push(name()),
            }
            done += 1;
            watch(Progress { step: "files", done, total: None });
            Ok(())
        };
        for project in projects {
            if let Some(root) = blobs.root() {
                self.folder(&root.join(project.as_str()), &mut |copier, path, facts| {
                    let file = copier.file(root, path, facts, added)?;
                    keep(copier.watch, file, &|| path.display().to_string())
                })?;
            }
            let Some(bucket) = blobs.bucket().map(|bucket| bucket.of(project)) else { continue };
            // What runs have written themselves is theirs, and not Rigi's to keep.
            for folder in [BlobKind::Blobs, BlobKind::Logs] {
                bucket.list(folder.folder(), |key, facts| {
                    let file = self.object(&bucket, &format!("{project}/{key}"), key, facts, added)?;
                    keep(self.watch, file, &|| bucket.name(key))
                })?;
            }
        }
        copied.files = lines.finish()?;
        added.objects += listed.objects;
        added.bytes += listed.bytes;
        Ok(copied)
    }

    /// `None`: its content is not what its name says.
    fn object(
        &mut self,
        bucket: &Bucket,
        path: &str,
        key: &str,
        facts: &Facts,
        added: &mut Added,
    ) -> Result<Option<StoredFile>> {
        let (size, modified) = (facts.size, facts.modified.0);
        let file = StoredFile { path: path.to_owned(), size, sha256: String::new(), modified };
        let repository = self.repository;
        self.keep(file, || {
            let mut at = 0;
            repository.put_pieces(added, || {
                if at >= size {
                    return Ok(Vec::new());
                }
                let (bytes, _) = bucket.read(key, at)?;
                at += bytes.len() as u64;
                Ok(bytes.to_vec())
            })
        })
    }

    fn folder(&mut self, folder: &Path, each: EachFile<'_>) -> Result<()> {
        let read = || Error::io(format!("read {}", folder.display()));
        let items = match fs::read_dir(folder) {
            Ok(items) => items,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(read()(e)),
        };
        let mut names = Vec::new();
        for item in items {
            names.push(item.map_err(read())?.file_name());
        }
        names.sort();
        for name in names {
            let path = folder.join(&name);
            let facts = fs::symlink_metadata(&path).map_err(read())?;
            if facts.is_dir() && name != ".tmp" {
                self.folder(&path, each)?;
            } else if facts.is_file() && !name.to_string_lossy().ends_with(".tmp") {
                each(self, &path, &facts)?;
            }
        }
        Ok(())
    }

    /// `None`: its content is not what its name says.
    fn file(
        &mut self,
        root: &Path,
        path: &Path,
        facts: &fs::Metadata,
        added: &mut Added,
    ) -> Result<Option<StoredFile>> {
        let inner = path.strip_prefix(root).ok().and_then(Path::to_str);
        let inner = inner.ok_or_else(|| Error::Damaged {
            what: path.display().to_string(),
            why: "no name that Rigi gives".into(),
        })?;
        let file = StoredFile {
            path: inner.to_owned(),
            size: facts.len(),
            sha256: String::new(),
            modified: facts.mtime() * 1_000_000 + facts.mtime_nsec() / 1000,
        };
        let repository = self.repository;
        self.keep(file, || repository.put_file(path, added))
    }

    fn keep(
        &mut self,
        mut file: StoredFile,
        put: impl FnOnce() -> Result<(String, u64)>,
    ) -> Result<Option<StoredFile>> {
        let by_content = file.path.split('/').nth(1) == Some("blobs");
        let name = file.path.rsplit('/').next().unwrap_or_default().to_owned();
        let known = if by_content { Some(name.clone()) } else { self.previous.find(&file)? };
        if let Some(known) = known.filter(|known| self.repository.has(known, file.size)) {
            file.sha256 = known;
            return Ok(Some(file));
        }
        let (sha256, size) = put()?;
        let whole = !by_content || sha256 == name;
        (file.sha256, file.size) = (sha256, size);
        Ok(whole.then_some(file))
    }
}

type EachFile<'a> = &'a mut dyn FnMut(&mut Copier<'_>, &Path, &fs::Metadata) -> Result<()>;

/// The files of the snapshot before: what has the same path, size and time is not read again.
pub(super) struct Previous<'a> {
    lines: Option<LineReader<'a>>,
    next: Option<StoredFile>,
}

impl<'a> Previous<'a> {
    pub(super) fn new(repository: &'a Repository, manifest: Option<&'a Manifest>) -> Self {
        Self { lines: manifest.map(|manifest| LineReader::new(repository, &manifest.files)), next: None }
    }

    /// Asked in the order of paths, which is that of the list.
    fn find(&mut self, file: &StoredFile) -> Result<Option<String>> {
        let Some(lines) = &mut self.lines else { return Ok(None) };
        loop {
            if self.next.is_none() {
                // A list that cannot be read saves nothing; `verify` names it.
                self.next = lines.next_line().ok().flatten().map(StoredFile::parse).transpose()?;
            }
            let Some(next) = &self.next else { return Ok(None) };
            match Path::new(&next.path).cmp(Path::new(&file.path)) {
                Ordering::Less => self.next = None,
                Ordering::Greater => return Ok(None),
                Ordering::Equal => {
                    let same = (next.size, next.modified) == (file.size, file.modified);
                    return Ok(same.then(|| next.sha256.clone()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_names_no_file_of_a_project_is_no_entry() {
        let parse = |path: &str| StoredFile::parse(&format!("{path}\t1\t{}\t2", "0".repeat(64)));
        let good = parse("lab/blobs/ab/file").unwrap();
        assert_eq!(good.area(), "lab");
        assert_eq!(StoredFile::parse(good.line().trim_end()).unwrap(), good);
        for bad in ["", "/", "/lab/blobs", "..", "../lab", "lab/../other", ".", "./lab"] {
            assert!(matches!(parse(bad), Err(Error::Damaged { .. })), "{bad}");
        }
    }
}
