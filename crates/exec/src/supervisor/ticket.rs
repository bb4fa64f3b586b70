//! Which server is obeyed: each takes a number once, and comes back with it. Whoever took one later is the newer server.
//!
//! The newest number is on the disk, synced, so that neither a killed supervisor nor a loss of power makes an old
//! server the newest again.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The newest number that was given out.
#[derive(Debug)]
pub struct Tickets {
    file: PathBuf,
    newest: u64,
}

impl Tickets {
    /// Reads what an earlier supervisor gave out.
    pub fn open(folder: &Path) -> Self {
        let file = folder.join("ticket");
        let newest = fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        Self { file, newest }
    }

    /// The number of the server that says hello, which is a new one if it has none yet; `None` if a newer one has come.
    pub fn admit(&mut self, ticket: Option<u64>) -> Option<u64> {
        match ticket {
            Some(ticket) if ticket < self.newest => return None,
            Some(ticket) => self.newest = ticket,
            None => {
                self.newest += 1;
                if let Err(error) = self.keep() {
                    // It holds as long as this process does.
                    eprintln!("{} cannot be written: {error}", self.file.display());
                }
            }
        }
        Some(self.newest)
    }

    fn keep(&self) -> io::Result<()> {
        let partial = self.file.with_extension("partial");
        let mut file = File::create(&partial)?;
        file.write_all(self.newest.to_string().as_bytes())?;
        file.sync_all()?;
        fs::rename(&partial, &self.file)?;
        self.file.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_came_before_the_newest_is_refused_also_by_the_next_supervisor() {
        let folder = tempfile::tempdir().unwrap();
        let mut tickets = Tickets::open(folder.path());
        assert_eq!([tickets.admit(None), tickets.admit(Some(1)), tickets.admit(None)], [1, 1, 2].map(Some));
        let mut tickets = Tickets::open(folder.path());
        assert_eq!(
            [tickets.admit(Some(1)), tickets.admit(Some(2)), tickets.admit(None)],
            [None, Some(2), Some(3)]
        );
    }
}
