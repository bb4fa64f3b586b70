//! Folders of code: a name for all that is in one, and a copy of it.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

use sha2::{Digest, Sha256};

/// Of a larger file elsewhere on the machine only size and time of change count.
const READ_WHOLE: u64 = 16 << 20;

/// Everything in a captured folder: names, content, and what is executable. Links are left out: captured code has none.
///
/// # Errors
/// If something of it cannot be read.
pub fn digest(folder: &Path) -> io::Result<Vec<u8>> {
    let mut digest = Sha256::new();
    walk(folder, folder, &mut digest, &|path, facts, digest| {
        digest.update([u8::from(facts.mode() & 0o111 != 0)]);
        add_content(path, digest)
    })?;
    Ok(digest.finalize().to_vec())
}

/// The same for something that may be anywhere, and anything: what cannot be read is told by uv.
pub fn look(path: &Path) -> Vec<u8> {
    let mut digest = Sha256::new();
    let add = |path: &Path, facts: &fs::Metadata, digest: &mut Sha256| {
        if facts.len() <= READ_WHOLE {
            return add_content(path, digest);
        }
        digest.update(facts.mtime().to_le_bytes());
        Ok(())
    };
    let looked = match fs::metadata(path) {
        Ok(facts) if facts.is_dir() => walk(path, path, &mut digest, &add),
        Ok(facts) if facts.is_file() => add(path, &facts, &mut digest),
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    digest.update(looked.map_or_else(|error| error.kind().to_string(), |()| String::new()));
    digest.finalize().to_vec()
}

type Add<'a> = &'a dyn Fn(&Path, &fs::Metadata, &mut Sha256) -> io::Result<()>;

fn walk(root: &Path, folder: &Path, digest: &mut Sha256, add: Add<'_>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type()?);
        if is_made(&entry.file_name().to_string_lossy()) {
            continue;
        }
        if kind.is_dir() {
            walk(root, &path, digest, add)?;
        } else if kind.is_file() {
            let name = path.strip_prefix(root).unwrap_or(&path).as_os_str().as_encoded_bytes();
            let facts = entry.metadata()?;
            digest.update((name.len() as u64).to_le_bytes());
            digest.update(name);
            digest.update(facts.len().to_le_bytes());
            add(&path, &facts, digest)?;
        }
    }
    Ok(())
}

/// What tools leave beside code, and what is no part of it.
fn is_made(name: &str) -> bool {
    matches!(name, "__pycache__" | ".git" | ".venv") || name.ends_with(".pyc")
}

fn add_content(path: &Path, digest: &mut Sha256) -> io::Result<()> {
    let (mut file, mut piece) = (fs::File::open(path)?, vec![0; 64 << 10]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(()),
            n => digest.update(&piece[..n]),
        }
    }
}

/// Makes a folder that others can enter, whatever the server's own habit is.
///
/// # Errors
/// If it cannot be made.
pub fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    fs::set_permissions(folder, Permissions::from_mode(0o755))
}

/// Copies files and folders, without links.
///
/// # Errors
/// If something cannot be read or written.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    make(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, to) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &to)?;
        } else if kind.is_file() {
            let executable = entry.metadata()?.mode() & 0o111 != 0;
            fs::copy(entry.path(), &to)?;
            let mode = if executable { 0o755 } else { 0o644 };
            fs::set_permissions(&to, Permissions::from_mode(mode))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_named_by_all_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        fs::create_dir_all(a.join("pkg")).unwrap();
        fs::write(a.join("pkg/x.py"), "1").unwrap();
        let first = digest(&a).unwrap();
        copy(&a, &b).unwrap();
        assert_eq!(digest(&b).unwrap(), first);
        fs::create_dir(b.join("__pycache__")).unwrap();
        fs::write(b.join("__pycache__/x.pyc"), "made").unwrap();
        assert_eq!(digest(&b).unwrap(), first);
        fs::set_permissions(b.join("pkg/x.py"), Permissions::from_mode(0o755)).unwrap();
        assert_ne!(digest(&b).unwrap(), first);
        fs::write(a.join("pkg/x.py"), "2").unwrap();
        assert_ne!(digest(&a).unwrap(), first);
        let before = look(&a);
        fs::write(a.join("pkg/y.py"), "").unwrap();
        assert_ne!(look(&a), before);
        assert_ne!(look(&a.join("nothing")), look(&a));
    }
}
