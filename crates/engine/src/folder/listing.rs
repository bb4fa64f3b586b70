//! The content of a pipeline's code by its hashes: read once, and after that only where something has changed.

use std::collections::HashMap;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::Path;

use rigi_model::ContentHash;
use rigi_store::tables::versions::VersionFile;
use sha2::{Digest, Sha256};

use super::{Folder, Mark, SeenFile, Walked};
use crate::folder::CaptureError;

/// A file system may tell time this coarsely (FAT does), or by another clock: what changed so shortly before it was read may
/// change once more without a sign of it.
const COARSE: i128 = 2_000_000_000;

/// What was read of a file.
#[derive(Debug, Clone)]
struct ReadFile {
    seen: SeenFile,
    /// When reading began, in nanoseconds since 1970.
    at: i128,
    file: VersionFile,
}

/// A folder's files as they were when they were last read: what has not changed since is not read again.
#[derive(Debug, Default)]
pub struct Listing {
    files: HashMap<String, ReadFile>,
}

impl Listing {
    /// The files, by path.
    #[must_use]
    pub fn files(&self) -> Vec<VersionFile> {
        let mut files: Vec<_> = self.files.values().map(|read| read.file.clone()).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files
    }

    /// Whether a file has this content.
    #[must_use]
    pub fn has(&self, path: &str, sha256: &ContentHash) -> bool {
        self.files.get(path).is_some_and(|read| read.file.sha256 == *sha256)
    }

    /// Whether both hold the same content under the same names.
    #[must_use]
    pub fn is_same_code(&self, other: &Self) -> bool {
        let same = |(path, read): (&String, &ReadFile)| {
            other.files.get(path).is_some_and(|there| there.file == read.file)
        };
        self.files.len() == other.files.len() && self.files.iter().all(same)
    }

    /// Whether nothing that was walked has changed since it was read.
    #[must_use]
    pub fn is_fresh(&self, walked: &Walked) -> bool {
        let fresh = |(path, seen): (&String, &SeenFile)| self.fresh(path, seen).is_some();
        self.files.len() == walked.files.len() && walked.files.iter().all(fresh)
    }

    fn fresh(&self, path: &str, seen: &SeenFile) -> Option<&ReadFile> {
        let is_settled = |read: &ReadFile| read.seen.mark.newest() + COARSE < read.at;
        self.files.get(path).filter(|read| read.seen == *seen && is_settled(read))
    }

    /// Opens a file of the code.
    ///
    /// # Errors
    /// If it is not there any more, or something else is in its place.
    pub fn open(&self, folder: &Folder, path: &str) -> Result<fs::File, CaptureError> {
        let real = self.files.get(path).and_then(|read| read.seen.real.as_deref());
        let read = |source| CaptureError::Read { path: path.to_owned(), source };
        folder.file(real.unwrap_or(Path::new(path))).map_err(read)
    }
}

/// Reads what was walked, and of that only what has changed since `former`.
///
/// # Errors
/// [`CaptureError::Changing`] if a file is not what it was when it was walked, or it cannot be read.
pub fn list(folder: &Folder, walked: &Walked, former: &Listing) -> Result<Listing, CaptureError> {
    let mut files = HashMap::with_capacity(walked.files.len());
    for (path, seen) in &walked.files {
        let read = match former.fresh(path, seen) {
            Some(read) => read.clone(),
            None => read_file(folder, path, seen)?,
        };
        files.insert(path.clone(), read);
    }
    Ok(Listing { files })
}

fn read_file(folder: &Folder, path: &str, seen: &SeenFile) -> Result<ReadFile, CaptureError> {
    let at = now();
    let broken = |source| CaptureError::Read { path: path.to_owned(), source };
    let mut file = folder.file(seen.real.as_deref().unwrap_or(Path::new(path))).map_err(|source| {
        // It was a plain file when it was walked.
        let kind = source.kind();
        let other = matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidInput);
        let link = source.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
        if other || link { CaptureError::Changing } else { broken(source) }
    })?;
    let (mut hash, mut size) = (Sha256::new(), 0);
    let mut piece = vec![0; usize::try_from(seen.mark.size() + 1).unwrap_or(PIECE).min(PIECE)];
    // One that grows has no end.
    while size <= seen.mark.size() {
        let n = file.read(&mut piece).map_err(broken)?;
        if n == 0 {
            break;
        }
        size += n as u64;
        hash.update(&piece[..n]);
    }
    if Mark::of(&file).map_err(broken)? != seen.mark || size != seen.mark.size() {
        return Err(CaptureError::Changing);
    }
    let sha256 = ContentHash::new(hash.finalize().into());
    let file = VersionFile { path: path.to_owned(), executable: seen.mark.is_executable(), size, sha256 };
    Ok(ReadFile { seen: seen.clone(), at, file })
}

const PIECE: usize = 64 << 10;

fn now() -> i128 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i128::try_from(since.as_nanos()).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::folder::{CodeLimits, walk};

    fn listed(folder: &Path, former: &Listing) -> Result<Listing, CaptureError> {
        let folder = Folder::open(folder).unwrap();
        list(&folder, &walk(&folder, CodeLimits::default())?, former)
    }

    /// As if it had been read long after it was written.
    fn settled(mut listing: Listing) -> Listing {
        listing.files.values_mut().for_each(|read| read.at += 10 * COARSE);
        listing
    }

    #[test]
    fn a_change_is_seen_whatever_it_leaves_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("main.py");
        let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        let write = |text: &str| {
            fs::write(&file, text).unwrap();
            fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
        };
        write("print(1)");
        let first = settled(listed(dir.path(), &Listing::default()).unwrap());
        assert!(first.is_same_code(&listed(dir.path(), &first).unwrap()));
        // Same size, same time of change: as `cp -p` and `rsync -t` leave it.
        write("print(2)");
        let second = settled(listed(dir.path(), &first).unwrap());
        assert!(!first.is_same_code(&second));
        // Another file moved over it.
        let other = dir.path().join("other");
        fs::write(&other, "print(3)").unwrap();
        fs::File::options().write(true).open(&other).unwrap().set_modified(time).unwrap();
        fs::rename(&other, &file).unwrap();
        assert!(!second.is_same_code(&listed(dir.path(), &second).unwrap()));
        // The right to execute alone.
        let third = settled(listed(dir.path(), &second).unwrap());
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(!third.is_same_code(&listed(dir.path(), &third).unwrap()));
    }

    #[test]
    fn what_was_read_as_soon_as_it_was_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("main.py"), "print(1)").unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let walked = walk(&folder, CodeLimits::default()).unwrap();
        let soon = list(&folder, &walked, &Listing::default()).unwrap();
        assert!(!soon.is_fresh(&walked), "the clock of the file system may not have moved on");
        let mut late = settled(soon);
        assert!(late.is_fresh(&walked));
        // What is fresh is taken as it was, without a look inside.
        late.files.get_mut("main.py").unwrap().file.sha256 = ContentHash::new([0; 32]);
        assert!(late.is_same_code(&list(&folder, &walked, &late).unwrap()));
    }

    #[test]
    fn a_file_that_is_exchanged_after_the_walk_is_a_change() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("main.py");
        let folder = Folder::open(dir.path()).unwrap();
        let changes: [&dyn Fn(); 3] = [
            &|| fs::remove_file(&file).unwrap(),
            &|| fs::write(&file, "much longer than before").unwrap(),
            &|| {
                fs::remove_file(&file).unwrap();
                std::os::unix::fs::symlink("/etc/passwd", &file).unwrap();
            },
        ];
        for change in changes {
            let _ = fs::remove_file(&file);
            fs::write(&file, "short").unwrap();
            let walked = walk(&folder, CodeLimits::default()).unwrap();
            change();
            let error = list(&folder, &walked, &Listing::default()).unwrap_err();
            assert!(matches!(error, CaptureError::Changing), "{error}");
        }
    }
}
