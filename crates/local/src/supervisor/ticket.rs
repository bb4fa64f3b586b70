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
        let file = path(folder);
        let newest = fs::read_to_string(&file).ok().and_then(|text| number(&text)).unwrap_or(0);
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
        file.write_all(text(self.newest).as_bytes())?;
        file.sync_all()?;
        fs::rename(&partial, &self.file)?;
        self.file.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }
}

pub fn path(folder: &Path) -> PathBuf {
    folder.join("ticket")
}

/// The number and its checksum.
fn text(number: u64) -> String {
    let digits = number.to_string();
    format!("{digits} {:08x}\n", crc32fast::hash(digits.as_bytes()))
}

fn number(written: &str) -> Option<u64> {
    let number = written.split(' ').next()?.parse().ok()?;
    (text(number) == written).then_some(number)
}

/// The file, if it is there, and whether it holds anything but what was written.
///
/// # Errors
/// If it cannot be read.
pub fn check(folder: &Path) -> io::Result<Option<(PathBuf, bool)>> {
    let file = path(folder);
    match fs::read(&file) {
        Ok(bytes) => Ok(Some((file, std::str::from_utf8(&bytes).ok().and_then(number).is_none()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
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

    #[test]
    fn a_flipped_bit_and_a_cut_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(check(folder.path()).unwrap(), None);
        Tickets::open(folder.path()).admit(None);
        let file = path(folder.path());
        let good = fs::read(&file).unwrap();
        assert_eq!(check(folder.path()).unwrap(), Some((file.clone(), false)));
        let damaged = Some((file.clone(), true));
        for at in 0..8 * good.len() {
            let mut bad = good.clone();
            bad[at / 8] ^= 1 << (at % 8);
            fs::write(&file, bad).unwrap();
            assert_eq!(check(folder.path()).unwrap(), damaged, "bit {at}");
            fs::write(&file, &good[..at / 8]).unwrap();
            assert_eq!(check(folder.path()).unwrap(), damaged, "cut at {}", at / 8);
        }
    }
}
