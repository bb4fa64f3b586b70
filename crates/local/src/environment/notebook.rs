//! The program that runs notebooks: a folder of Python, written out beside `uv`, named by what is in it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use rigi_model::hash::hex;

use super::BuildError;

macro_rules! python {
    ($($file:literal),* $(,)?) => {
        &[$(($file, include_str!(concat!("../python/notebook/", $file)))),*]
    };
}

/// Its files. `python FOLDER` runs `__main__.py`.
const FILES: &[(&str, &str)] = python![
    "__main__.py",
    "rigi_notebook/__init__.py",
    "rigi_notebook/cells.py",
    "rigi_notebook/client.py",
    "rigi_notebook/console.py",
    "rigi_notebook/kernel.py",
    "rigi_notebook/outputs.py",
    "rigi_notebook/runner.py",
    "rigi_notebook/streams.py",
];

/// Where this build's notebook runner is, or will be.
#[must_use]
pub fn runner_path(tools: &Path) -> PathBuf {
    let mut digest = Sha256::new();
    for (name, text) in FILES {
        for part in [name, text] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part.as_bytes());
        }
    }
    tools.join(format!("notebook-{}", hex(&digest.finalize()[..6])))
}

/// Writes it out, all or nothing, unless it is there.
pub(super) fn write_runner(tools: &Path) -> Result<(), BuildError> {
    let path = runner_path(tools);
    if path.is_dir() {
        return Ok(());
    }
    // Of this process: another that does the same must not mix with it.
    let partial = path.with_extension(format!("partial-{}", std::process::id()));
    let written = write_files(&partial).and_then(|()| match fs::rename(&partial, &path) {
        Err(_) if path.is_dir() => fs::remove_dir_all(&partial),
        other => other,
    });
    written.map_err(|error| {
        BuildError::infrastructure(&format!("{} cannot be written: {error}", path.display()))
    })
}

/// Everybody may read them: runs may have an account of their own.
fn write_files(folder: &Path) -> std::io::Result<()> {
    for (name, text) in FILES {
        let file = folder.join(name);
        let parent = file.parent().unwrap_or(folder);
        fs::create_dir_all(parent)?;
        fs::set_permissions(parent, fs::Permissions::from_mode(0o755))?;
        fs::write(&file, text)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_the_runner_is_written_out_once() {
        let tools = tempfile::tempdir().unwrap();
        write_runner(tools.path()).unwrap();
        write_runner(tools.path()).unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/python/notebook");
        let mut files = Vec::new();
        let mut folders = vec![source.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                match entry.extension() {
                    None => folders.push(entry),
                    Some(extension) if extension == "py" => files.push(entry),
                    Some(_) => {}
                }
            }
        }
        assert_eq!(files.len(), FILES.len());
        for file in files {
            let written = runner_path(tools.path()).join(file.strip_prefix(&source).unwrap());
            assert_eq!(fs::read(&written).unwrap(), fs::read(&file).unwrap(), "{}", written.display());
        }
        assert_eq!(fs::read_dir(tools.path()).unwrap().count(), 1, "nothing half is left");
    }
}
