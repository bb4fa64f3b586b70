//! What can be seen from outside of a supervisor's files: whether they are all there, and as they were written.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{journal, ticket};
use crate::layout::{Layout, name};

/// A file, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// From this byte on it holds anything but what was written.
    Damaged(PathBuf, usize),
    /// It is not there.
    Missing(PathBuf),
}

/// Looks at the journal and the ticket in a data folder: how many files were read, and what is wrong.
///
/// # Errors
/// If a file cannot be read.
pub fn check_records(data: &Path) -> io::Result<(u64, Vec<Flaw>)> {
    let folder = Layout::new(data.to_owned()).supervisor();
    if !folder.is_dir() {
        return Ok((0, Vec::new()));
    }
    let (mut read, damaged) = journal::check(&folder)?;
    let mut flaws: Vec<Flaw> = damaged.into_iter().map(|(path, byte)| Flaw::Damaged(path, byte)).collect();
    match ticket::check(&folder)? {
        Some((ticket, is_damaged)) => {
            read += 1;
            flaws.extend(is_damaged.then_some(Flaw::Damaged(ticket, 0)));
        }
        // The first server has it written before anything goes into the journal.
        None if read > 0 => flaws.push(Flaw::Missing(ticket::path(&folder))),
        None => {}
    }
    Ok((read, flaws))
}

/// Logs of running attempts that somebody has removed: their supervisor still writes to them.
#[must_use]
pub fn removed_logs(data: &Path) -> Vec<PathBuf> {
    let runs = Layout::new(data.to_owned()).runs();
    let entries = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().flatten();
    let open = entries(PathBuf::from("/proc")).flat_map(|process| entries(process.path().join("fd")));
    let removed = |file: fs::DirEntry| {
        let place = fs::read_link(file.path()).ok()?;
        let place = PathBuf::from(place.to_str()?.strip_suffix(" (deleted)")?);
        (place.starts_with(&runs) && place.file_name()? == name::LOG && place.parent()?.is_dir())
            .then_some(place)
    };
    // A process that is just being started has what its parent has.
    open.filter_map(removed).collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_is_written_and_was_removed_is_named() {
        let data = tempfile::tempdir().unwrap();
        let place = data.path().join("runs/run_1.1/log");
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        let _open = fs::File::create(&place).unwrap();
        assert_eq!(removed_logs(data.path()), Vec::<PathBuf>::new());
        fs::remove_file(&place).unwrap();
        assert_eq!(removed_logs(data.path()), [place]);
    }

    #[test]
    fn a_ticket_that_was_removed_is_named() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("supervisor");
        fs::create_dir_all(&folder).unwrap();
        assert_eq!(check_records(data.path()).unwrap(), (0, Vec::new()));
        ticket::Tickets::open(&folder).admit(None);
        fs::write(folder.join("journal-1"), b"").unwrap();
        let (read, flaws) = check_records(data.path()).unwrap();
        assert_eq!((read, flaws), (2, Vec::new()));
        fs::remove_file(ticket::path(&folder)).unwrap();
        assert_eq!(check_records(data.path()).unwrap().1, [Flaw::Missing(ticket::path(&folder))]);
    }
}
