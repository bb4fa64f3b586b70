//! Variables of the server's environment, and files on its machine.

use std::fs::File;
use std::io::Read as _;
use std::time::Duration;

use rigi_model::secret::LONGEST_VALUE;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;

use super::Unresolved;

/// A file on a network's disk that takes longer is not there now.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn variable(name: &str) -> Result<String, Unresolved> {
    std::env::var(name).map_err(|error| {
        let why = match error {
            std::env::VarError::NotPresent => "the server's environment has no such variable",
            std::env::VarError::NotUnicode(_) => "what the variable holds is no text",
        };
        Unresolved::wrong(why, "Set it, and start the server again")
    })
}

/// The content of a file that lies in one of the folders; a line's end behind a single line is no part of it.
pub(super) async fn file(folders: Vec<String>, path: String) -> Result<String, Unresolved> {
    let read = tokio::task::spawn_blocking(move || {
        let mut last = Unresolved::wrong("the file is in no folder that is allowed", "Name one that is");
        for folder in folders {
            match read_below(&folder, &path) {
                Ok(text) => return Ok(text),
                Err(error) => last = error,
            }
        }
        Err(last)
    });
    match tokio::time::timeout(PATIENCE, read).await {
        Ok(Ok(read)) => read,
        Ok(Err(_)) => Err(Unresolved::away("the file cannot be read", "Look at the server's log")),
        Err(_) => {
            let why = format!("the file could not be read within {} s", PATIENCE.as_secs());
            Err(Unresolved::away(why, "Look at the disk that it lies on"))
        }
    }
}

/// Whatever is on the way, links included, leads to a place below the folder or nowhere: the system sees to it.
fn read_below(folder: &str, path: &str) -> Result<String, Unresolved> {
    let cannot = |error: Errno| match error {
        Errno::NOENT | Errno::NOTDIR => Unresolved::wrong("there is no such file", "Put it there"),
        Errno::XDEV | Errno::LOOP => Unresolved::wrong(
            format!("the file is reached by a link that leaves `{folder}`"),
            "Name the file itself, in a folder that is allowed",
        ),
        Errno::ACCESS | Errno::PERM => {
            Unresolved::wrong("the server may not read the file", "Let the server's account read it")
        }
        Errno::NOSYS => Unresolved::wrong(
            "this system cannot hold a path to a folder (`openat2`, Linux 5.6)",
            "Set the value itself, or take it from a variable",
        ),
        error => Unresolved::away(format!("the file cannot be read: {error}"), "Look at the file"),
    };
    let inner = path.strip_prefix(folder).unwrap_or(path).trim_start_matches('/');
    let folder_flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::PATH;
    let root = openat(CWD, folder, folder_flags, Mode::empty()).map_err(cannot)?;
    // What is no file (a pipe) holds nobody up.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let within = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let mut file = File::from(openat2(&root, inner, flags, Mode::empty(), within).map_err(cannot)?);
    let failed = |error: std::io::Error| {
        Unresolved::away(format!("the file cannot be read: {error}"), "Look at the file")
    };
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(Unresolved::wrong("it is no file", "Name a file"));
    }
    let mut bytes = Vec::new();
    // One byte more than fits says that it does not.
    file.by_ref().take(LONGEST_VALUE as u64 + 2).read_to_end(&mut bytes).map_err(failed)?;
    let mut text = String::from_utf8(bytes)
        .map_err(|_| Unresolved::wrong("what the file holds is no text", "Put a text there"))?;
    let line = text.trim_end_matches(['\r', '\n']);
    if line.lines().count() <= 1 {
        text.truncate(line.len());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_lead_to_what_is_below_the_folder_and_nowhere_else() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        std::fs::create_dir_all(at("in/..v1")).unwrap();
        std::fs::write(at("in/..v1/key"), "hunter22\n").unwrap();
        std::fs::write(at("out"), "outside").unwrap();
        // As Kubernetes mounts secrets.
        symlink("..v1", at("in/..data")).unwrap();
        symlink("..data/key", at("in/key")).unwrap();
        symlink("../out", at("in/up")).unwrap();
        symlink(at("out"), at("in/far")).unwrap();
        symlink("/proc/self/environ", at("in/proc")).unwrap();
        std::fs::write(at("in/lines"), "a\nb\n").unwrap();
        std::fs::write(at("in/long"), "x".repeat(LONGEST_VALUE * 2)).unwrap();
        rustix::fs::mknodat(CWD, at("in/pipe"), rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        let folder = at("in").display().to_string();
        let read = |name: &str| read_below(&folder, &format!("{folder}/{name}"));
        assert_eq!(read("key").unwrap(), "hunter22");
        assert_eq!(read("lines").unwrap(), "a\nb\n");
        assert!(read("long").unwrap().len() <= LONGEST_VALUE + 2);
        for (name, words) in [
            ("up", "leaves"),
            ("far", "leaves"),
            ("proc", "leaves"),
            ("none", "no such file"),
            ("pipe", "no file"),
            ("..v1", "no file"),
            ("key/x", "no such file"),
        ] {
            let error = read(name).unwrap_err();
            assert!(error.why.contains(words) && !error.may_pass, "{name}: {error:?}");
        }
    }
}
