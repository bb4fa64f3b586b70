//! What an attempt left in its folder: notes, a route, outputs.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::layout::name;

/// A longer line of `$RIGI_EVENTS` is not a note.
const LONGEST_NOTE: usize = 64 * 1024;
/// So much of `$RIGI_EVENTS` is read of one attempt.
const NOTES_BYTES: u64 = 4 * 1024 * 1024;
/// A longer route is cut.
const LONGEST_ROUTE: u64 = 4096;

/// What was found.
#[derive(Debug, Default)]
pub struct Leftovers {
    pub notes: Vec<Value>,
    pub route: Option<String>,
    /// The outputs folder, if anything is in it, and the bytes in it.
    pub outputs: Option<(PathBuf, u64)>,
}

/// So often and so far apart is looked again where the machine does not let anybody look.
const LOOKS: (u32, Duration) = (50, Duration::from_millis(200));

/// Looks at all of it. Nothing is said to be not there because it could not be looked at.
pub fn inspect(folder: &Path, notes_from: u64) -> Leftovers {
    for _ in 0..LOOKS.0 {
        match try_inspect(folder, notes_from) {
            Ok(left) => return left,
            Err(_) => std::thread::sleep(LOOKS.1),
        }
    }
    // The server looks for itself.
    Leftovers { outputs: Some((folder.join(name::OUTPUTS), 0)), ..Leftovers::default() }
}

fn try_inspect(folder: &Path, notes_from: u64) -> io::Result<Leftovers> {
    reopen(folder);
    let (notes, _) = read_notes(folder, notes_from, NotesUpTo::End)?;
    let outputs = folder.join(name::OUTPUTS);
    let bytes = files_in(&outputs)?;
    let outputs = bytes.map(|bytes| (outputs, bytes));
    Ok(Leftovers { notes, route: read_route(folder)?, outputs })
}

/// An attempt may have closed its own folder, which holds more than its outputs.
fn reopen(folder: &Path) {
    let Ok(facts) = fs::symlink_metadata(folder) else { return };
    let mode = facts.permissions().mode();
    if facts.is_dir() && mode & 0o700 != 0o700 {
        // Where that cannot be, what follows says so.
        let _ = fs::set_permissions(folder, fs::Permissions::from_mode(mode & 0o7777 | 0o700));
    }
}

/// `None` for what is not there, or is nothing that can be read; an error for what cannot be looked at now.
fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    let short = [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::EIO];
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.raw_os_error().is_some_and(|errno| short.contains(&errno)) => Err(error),
        Err(_) => Ok(None),
    }
}

/// Whether there is surely nothing to look at: cheap enough for every short attempt.
pub fn nothing_in(folder: &Path) -> bool {
    let missing = |name: &str| rustix::fs::access(folder.join(name), rustix::fs::Access::EXISTS).is_err();
    missing(name::EVENTS)
        && missing(name::ROUTE)
        && match fs::read_dir(folder.join(name::OUTPUTS)) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
}

/// Whether the last line counts without its newline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotesUpTo {
    /// The attempt still writes: it may be half a line.
    LastNewline,
    /// The attempt has ended.
    End,
}

/// Reads the objects that were appended to `$RIGI_EVENTS` since `from`. Lines that are no object are passed over.
///
/// # Errors
/// If the machine does not let anybody look now.
pub fn read_notes(folder: &Path, from: u64, up_to: NotesUpTo) -> io::Result<(Vec<Value>, u64)> {
    let mut bytes = Vec::new();
    let read = open_plain(&folder.join(name::EVENTS)).and_then(|mut file| {
        file.seek(SeekFrom::Start(from))?;
        file.take(NOTES_BYTES.saturating_sub(from)).read_to_end(&mut bytes)
    });
    if if_there(read)?.is_none() || bytes.is_empty() {
        return Ok((Vec::new(), from));
    }
    let end = match up_to {
        NotesUpTo::End => bytes.len(),
        NotesUpTo::LastNewline => memchr::memrchr(b'\n', &bytes).map_or(0, |end| end + 1),
    };
    let lines = bytes[..end].split(|&byte| byte == b'\n').filter(|line| line.len() <= LONGEST_NOTE);
    let notes = lines.filter_map(|line| serde_json::from_slice(line).ok()).filter(Value::is_object);
    Ok((notes.collect(), from + end as u64))
}

/// Opens a file that the attempt may have put there, and nothing that would lead elsewhere or wait for a writer.
fn open_plain(path: &Path) -> io::Result<File> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

fn read_route(folder: &Path) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let read = open_plain(&folder.join(name::ROUTE));
    if_there(read.and_then(|file| file.take(LONGEST_ROUTE).read_to_end(&mut bytes)))?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim();
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// The route that a note chooses: `{"route": "…"}` or `{"type": "route", "value": "…"}`.
pub fn route_of(note: &Value) -> Option<&str> {
    match note.get("type").and_then(Value::as_str) {
        Some("route") => note.get("value").or_else(|| note.get("route")),
        _ => note.get("route"),
    }?
    .as_str()
}

/// Bytes of what is in a folder, links not followed; `None` if there is nothing. What is closed counts as something.
///
/// # Errors
/// If the machine does not let anybody look now.
pub fn files_in(folder: &Path) -> io::Result<Option<u64>> {
    let facts = match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(Some(0)),
        facts => if_there(facts)?,
    };
    match facts {
        None => return Ok(None),
        Some(facts) if !facts.is_dir() => return Ok(Some(0)),
        Some(_) => {}
    }
    let mut sum = None;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Some(entries) = if_there(fs::read_dir(folder))? else {
            sum = Some(sum.unwrap_or(0));
            continue;
        };
        for entry in entries.flatten() {
            let Ok(meta) = entry.metadata() else {
                sum = Some(sum.unwrap_or(0));
                continue;
            };
            if meta.is_dir() {
                folders.push(entry.path());
            } else {
                sum = Some(sum.unwrap_or(0) + meta.len());
            }
        }
    }
    Ok(sum)
}
