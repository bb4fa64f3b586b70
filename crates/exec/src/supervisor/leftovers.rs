//! What an attempt left in its folder: notes, a route, outputs.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

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

/// Looks at all of it.
pub fn inspect(folder: &Path, notes_from: u64) -> Leftovers {
    let (notes, _) = read_notes(folder, notes_from, NotesUpTo::End);
    let outputs = folder.join(name::OUTPUTS);
    let bytes = files_in(&outputs);
    let outputs = bytes.map(|bytes| (outputs, bytes));
    Leftovers { notes, route: read_route(folder), outputs }
}

/// Whether there is surely nothing to look at: cheap enough for every short attempt.
pub fn nothing_in(folder: &Path) -> bool {
    let missing = |name: &str| rustix::fs::access(folder.join(name), rustix::fs::Access::EXISTS).is_err();
    missing(name::EVENTS)
        && missing(name::ROUTE)
        && fs::read_dir(folder.join(name::OUTPUTS)).map_or(true, |mut entries| entries.next().is_none())
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
pub fn read_notes(folder: &Path, from: u64, up_to: NotesUpTo) -> (Vec<Value>, u64) {
    let mut bytes = Vec::new();
    let read = open_plain(&folder.join(name::EVENTS)).and_then(|mut file| {
        file.seek(SeekFrom::Start(from))?;
        file.take(NOTES_BYTES.saturating_sub(from)).read_to_end(&mut bytes)
    });
    if read.is_err() || bytes.is_empty() {
        return (Vec::new(), from);
    }
    let end = match up_to {
        NotesUpTo::End => bytes.len(),
        NotesUpTo::LastNewline => memchr::memrchr(b'\n', &bytes).map_or(0, |end| end + 1),
    };
    let lines = bytes[..end].split(|&byte| byte == b'\n').filter(|line| line.len() <= LONGEST_NOTE);
    let notes = lines.filter_map(|line| serde_json::from_slice(line).ok()).filter(Value::is_object);
    (notes.collect(), from + end as u64)
}

/// Opens a file that the attempt may have put there, and nothing that would lead elsewhere or wait for a writer.
fn open_plain(path: &Path) -> io::Result<File> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

fn read_route(folder: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    open_plain(&folder.join(name::ROUTE)).ok()?.take(LONGEST_ROUTE).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The route that a note chooses: `{"route": "…"}` or `{"type": "route", "value": "…"}`.
pub fn route_of(note: &Value) -> Option<&str> {
    match note.get("type").and_then(Value::as_str) {
        Some("route") => note.get("value").or_else(|| note.get("route")),
        _ => note.get("route"),
    }?
    .as_str()
}

/// Bytes of the files in a folder, links not followed; `None` if there is no file.
pub fn files_in(folder: &Path) -> Option<u64> {
    let mut sum = None;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(meta) = entry.metadata() else { continue };
            if meta.is_dir() {
                folders.push(entry.path());
            } else {
                sum = Some(sum.unwrap_or(0) + meta.len());
            }
        }
    }
    sum
}
