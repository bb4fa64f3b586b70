//! The write-ahead log of a SQLite file. SQLite takes everything from the first frame that does not match its checksum on
//! for a write that was never finished, and goes on without it. That is right for what a crash cut off; if whole
//! transactions follow, it is damage, and they would be lost without a word.
//!
//! <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>

use std::path::{Path, PathBuf};

use crate::{Error, Result};

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// The write-ahead log beside a database file.
fn path_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Reads the frames, and once more if something is wrong: a server may be writing them.
pub(crate) fn check_twice(database: &Path) -> Result<u64> {
    check(database).or_else(|_| check(database))
}

/// Reads the frames. Returns how many there are that count.
///
/// # Errors
/// [`Error::Damaged`] if one does not match its checksum and whole transactions follow it.
fn check(database: &Path) -> Result<u64> {
    let path = path_of(database);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(e) => return Err(Error::io(format!("read {}", path.display()))(e)),
    };
    examine(&bytes).map_err(|why| Error::Damaged { what: path.display().to_string(), why })
}

/// Both sums of a checksum.
type Sums = (u32, u32);

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
}

fn add(mut sums: Sums, bytes: &[u8], big_endian: bool) -> Sums {
    let read = |b: &[u8]| {
        let b = [b[0], b[1], b[2], b[3]];
        if big_endian { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) }
    };
    for pair in bytes.chunks_exact(8) {
        sums.0 = sums.0.wrapping_add(read(&pair[..4])).wrapping_add(sums.1);
        sums.1 = sums.1.wrapping_add(read(&pair[4..])).wrapping_add(sums.0);
    }
    sums
}

fn examine(bytes: &[u8]) -> Result<u64, String> {
    if bytes.len() < HEADER + FRAME_HEADER {
        return Ok(0);
    }
    let big_endian = bytes[3] & 1 == 1;
    let page = word(bytes, 8) as usize;
    let header_sums = add((0, 0), &bytes[..24], big_endian);
    let sound = (word(bytes, 24), word(bytes, 28)) == header_sums;
    let known = matches!(word(bytes, 0), 0x377f_0682 | 0x377f_0683) && page.is_power_of_two() && page >= 512;
    if !(sound && known) {
        return Err("its header does not match its checksum, and frames follow".into());
    }
    let frames: Vec<&[u8]> = bytes[HEADER..].chunks_exact(FRAME_HEADER + page).collect();
    // Whether a frame continues the sums that stand in the one before it, whatever these are worth.
    let follows = |n: usize| {
        let before = match n.checked_sub(1) {
            Some(before) => (word(frames[before], 16), word(frames[before], 20)),
            None => header_sums,
        };
        let sums = add(add(before, &frames[n][..8], big_endian), &frames[n][FRAME_HEADER..], big_endian);
        frames[n][8..16] == bytes[16..24] && (word(frames[n], 16), word(frames[n], 20)) == sums
    };
    let Some(bad) = (0..frames.len()).find(|n| !follows(*n)) else { return Ok(frames.len() as u64) };
    // The transaction of the bad frame may have been cut off. Another is only begun when that one is on disk.
    let is_commit = |n: &usize| word(frames[*n], 4) != 0;
    let same_log = |n: &usize| frames[*n][8..16] == bytes[16..24];
    let end = (bad..frames.len()).filter(same_log).find(is_commit);
    let later = end.and_then(|end| (end + 1..frames.len()).find(|n| follows(*n)));
    match later {
        Some(_) => {
            Err(format!("frame {} does not match its checksum, and whole transactions follow", bad + 1))
        }
        None => Ok(bad as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DbConfig;
    use crate::db::Db;

    /// A log of five transactions, as a server leaves it that was killed.
    fn log() -> Vec<u8> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.db");
        runtime.block_on(async {
            let db = Db::open(&DbConfig::Sqlite(file.clone())).await.unwrap();
            db.migrate(crate::migrate::newest()).await.unwrap();
            let Db::Sqlite { write, .. } = &db else { panic!("no SQLite") };
            sqlx::query("CREATE TABLE of_a_test (id TEXT PRIMARY KEY)").execute(write).await.unwrap();
            for n in 0..5 {
                let sql = "INSERT INTO of_a_test (id) VALUES ($1)";
                sqlx::query(sql).bind(format!("p{n}")).execute(write).await.unwrap();
            }
            std::fs::read(path_of(&file)).unwrap()
        })
    }

    #[test]
    fn damage_before_the_last_transaction_is_found_and_a_torn_end_is_none() {
        let good = log();
        let frames = examine(&good).unwrap();
        assert!(frames >= 6, "{frames}");
        let frame = FRAME_HEADER + 4096;
        let last = good.len() - frame;
        // The last transaction has two frames: a row, and its place in the index.
        for at in (0..last - frame).step_by(97) {
            let mut bad = good.clone();
            bad[at] ^= 4;
            // The count of checkpoints stands in the header and counts for nothing but its sum.
            assert!(examine(&bad).is_err(), "byte {at}");
        }
        for len in [last, last + 1, last + 30, good.len() - 1] {
            assert_eq!(examine(&good[..len]).unwrap(), frames - 1, "{len} bytes");
        }
        let mut torn = good;
        torn[last + 100] ^= 1;
        assert_eq!(examine(&torn).unwrap(), frames - 1);
    }
}
