//! Advisories from a copy of OSV's records: a folder of JSON files, or the archive that OSV has of an ecosystem (`PyPI/all.zip`). For machines
//! that reach no API.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rigi_model::packages::{Advice, Known, Pinned, Record, advisories, affected_names, clean_text, name_of};
use serde_json::Value;

use super::zip::Archive;

/// Bytes of a record.
const LARGEST: u64 = 8 << 20;
/// Records that are read.
const MOST: usize = 500_000;
/// Reading takes no longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// What was read of the records.
#[derive(Default)]
struct Read {
    records: Vec<Record>,
    /// Packages of which a record is in a form that is not known, and why.
    unclear: BTreeMap<String, String>,
    newest: Option<String>,
    count: usize,
}

/// Looks for what is known against packages; with the day of the newest record.
///
/// # Errors
/// Why nothing is known, as the end of a sentence.
pub(super) async fn ask(path: &Path, all: Vec<Pinned>) -> Result<(Advice, Option<String>), String> {
    let path = path.to_owned();
    let look = move || look(&path, &all).map_err(|why| format!("{}: {why}", path.display()));
    tokio::task::spawn_blocking(look).await.map_err(|_| "reading the records broke off".to_owned())?
}

fn look(path: &Path, all: &[Pinned]) -> Result<(Advice, Option<String>), String> {
    let names: BTreeSet<&str> = all.iter().map(|one| one.name.as_str()).collect();
    let mut read = Read::default();
    let until = Instant::now() + PATIENCE;
    let mut take = |name: &str, bytes: &[u8]| {
        if Instant::now() > until {
            return Err(format!("its records are not read within {} s", PATIENCE.as_secs()));
        }
        read.take(name, bytes, &names)
    };
    if path.is_dir() {
        each_of_folder(path, &mut take)?
    } else {
        each_of_archive(path, &mut take)?
    }
    if read.count == 0 {
        return Err("it holds no records".to_owned());
    }
    let known = |pinned: &Pinned| {
        let its = read.records.iter().filter(|record| affected_names(record).contains(&pinned.name));
        let known = match (advisories(pinned, its), read.unclear.get(&pinned.name)) {
            (Known::Advisories(found), Some(why)) => Known::Unchecked(why.clone(), found),
            (known, _) => known,
        };
        (pinned.clone(), known)
    };
    Ok((all.iter().map(known).collect(), read.newest))
}

impl Read {
    fn take(&mut self, name: &str, bytes: &[u8], names: &BTreeSet<&str>) -> Result<(), String> {
        self.count += 1;
        if self.count > MOST {
            return Err(format!("it holds more than {MOST} records"));
        }
        match Record::read(bytes) {
            Ok(record) => {
                let day =
                    record.modified.as_deref().and_then(|at| at.get(..10)).map(|day| clean_text(day, 10));
                self.newest = self.newest.take().max(day);
                if affected_names(&record).iter().any(|name| names.contains(name.as_str())) {
                    self.records.push(record);
                }
            }
            // Of which packages it is can be seen all the same, or nothing can be relied on.
            Err(why) => {
                let value: Value =
                    serde_json::from_slice(bytes).map_err(|_| format!("{} {why}", clean_text(name, 100)))?;
                let affected = value["affected"].as_array().map(Vec::as_slice).unwrap_or_default();
                let said = affected.iter().filter_map(|one| one["package"]["name"].as_str()).map(name_of);
                self.unclear
                    .extend(said.map(|package| (package, format!("{} {why}", clean_text(name, 100)))));
            }
        }
        Ok(())
    }
}

type Take<'a> = dyn FnMut(&str, &[u8]) -> Result<(), String> + 'a;

fn each_of_archive(path: &Path, take: &mut Take<'_>) -> Result<(), String> {
    let (archive, members) = Archive::open(path)?;
    for member in members.iter().filter(|member| member.name.ends_with(".json")) {
        let bytes = archive
            .read(member, LARGEST)
            .map_err(|why| format!("{}: {why}", clean_text(&member.name, 100)))?;
        take(&member.name, &bytes)?;
    }
    Ok(())
}

/// The folder's files, and those of its folders.
fn each_of_folder(path: &Path, take: &mut Take<'_>) -> Result<(), String> {
    let mut folders: Vec<(PathBuf, u32)> = vec![(path.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(|error| error.to_string())?;
        for entry in entries {
            let entry = entry.map_err(|error| error.to_string())?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(|error| error.to_string())?);
            let name = entry.file_name().to_string_lossy().into_owned();
            if kind.is_dir() && depth < 2 {
                folders.push((path, depth + 1));
            } else if kind.is_file() && name.ends_with(".json") {
                let failed = |error: std::io::Error| format!("{}: {error}", clean_text(&name, 100));
                let mut bytes = Vec::new();
                File::open(&path)
                    .map_err(failed)?
                    .take(LARGEST + 1)
                    .read_to_end(&mut bytes)
                    .map_err(failed)?;
                if bytes.len() as u64 > LARGEST {
                    return Err(format!("{} is larger than {} MiB", clean_text(&name, 100), LARGEST >> 20));
                }
                take(&name, &bytes)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use serde_json::json;

    use super::*;

    fn record(id: &str, name: &str, fixed: &str) -> String {
        json!({"id": id, "modified": "2026-11-02T03:04:05Z", "affected": [{"package": {"ecosystem": "PyPI", "name": name},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}]})
        .to_string()
    }

    fn asked(all: &[(&str, &str)]) -> Vec<Pinned> {
        all.iter()
            .map(|(name, version)| Pinned { name: (*name).into(), version: (*version).into() })
            .collect()
    }

    fn ids(known: &Known) -> Vec<String> {
        match known {
            Known::Advisories(found) | Known::Unchecked(_, found) => {
                found.iter().map(|one| one.id.clone()).collect()
            }
        }
    }

    /// A zip archive of one deflated and else stored files.
    fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
        let (mut body, mut table) = (Vec::new(), Vec::new());
        for (n, (name, text)) in files.iter().enumerate() {
            let (method, packed) = if n == 0 {
                let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
                packer.write_all(text.as_bytes()).unwrap();
                (8_u16, packer.finish().unwrap())
            } else {
                (0, text.as_bytes().to_vec())
            };
            let (at, size) = (body.len() as u32, packed.len() as u32);
            let common = |out: &mut Vec<u8>| {
                out.extend([20, 0, 0, 0]);
                out.extend(method.to_le_bytes());
                out.extend([0; 8]);
                out.extend(size.to_le_bytes());
                out.extend((text.len() as u32).to_le_bytes());
                out.extend((name.len() as u16).to_le_bytes());
                out.extend([0, 0]);
            };
            body.extend(b"PK\x03\x04");
            common(&mut body);
            body.extend(name.as_bytes());
            body.extend(packed);
            table.extend(b"PK\x01\x02\x14\0");
            common(&mut table);
            table.extend([0; 10]);
            table.extend(at.to_le_bytes());
            table.extend(name.as_bytes());
        }
        let (at, length, count) = (body.len() as u32, table.len() as u32, files.len() as u16);
        body.extend(table);
        body.extend(b"PK\x05\x06\0\0\0\0");
        body.extend(count.to_le_bytes());
        body.extend(count.to_le_bytes());
        body.extend(length.to_le_bytes());
        body.extend(at.to_le_bytes());
        body.extend([0, 0]);
        body
    }

    #[tokio::test]
    async fn a_folder_and_an_archive_say_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (record("PYSEC-1", "Lib", "2"), record("PYSEC-2", "other", "2"));
        fs::create_dir(dir.path().join("PyPI")).unwrap();
        fs::write(dir.path().join("PyPI/PYSEC-1.json"), &a).unwrap();
        fs::write(dir.path().join("PYSEC-2.json"), &b).unwrap();
        fs::write(dir.path().join("README"), "none").unwrap();
        let archive = dir.path().join("all.zip");
        fs::write(&archive, zipped(&[("PYSEC-1.json", &a), ("PYSEC-2.json", &b), ("x.txt", "none")]))
            .unwrap();
        for path in [dir.path(), &archive] {
            let all = asked(&[("lib", "1.9"), ("lib", "2"), ("third", "1")]);
            let (advice, newest) = ask(path, all.clone()).await.unwrap();
            assert_eq!(newest.as_deref(), Some("2026-11-02"));
            assert_eq!(ids(&advice[&all[0]]), ["PYSEC-1"]);
            assert_eq!(advice[&all[1]], Known::Advisories(Vec::new()));
            assert_eq!(advice[&all[2]], Known::Advisories(Vec::new()));
        }
        // It is of a form that is not known: of that package nothing is sure.
        fs::write(
            dir.path().join("odd.json"),
            json!({"id": 7, "affected": [{"package": {"name": "LIB"}}]}).to_string(),
        )
        .unwrap();
        let all = asked(&[("lib", "1.9"), ("third", "1")]);
        let (advice, _) = ask(dir.path(), all.clone()).await.unwrap();
        assert!(
            matches!(&advice[&all[0]], Known::Unchecked(why, found) if why.contains("odd.json") && found.len() == 1)
        );
        assert_eq!(advice[&all[1]], Known::Advisories(Vec::new()));
        fs::write(dir.path().join("bad.json"), "<html>").unwrap();
        assert!(ask(dir.path(), all).await.unwrap_err().contains("bad.json is no advisory"));
    }

    #[tokio::test]
    async fn what_is_no_archive_or_holds_nothing_is_no_answer() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("all.zip");
        let good = zipped(&[("a.json", &record("PYSEC-1", "lib", "2"))]);
        let mut cases: Vec<Vec<u8>> =
            vec![Vec::new(), b"PK".to_vec(), b"<html>".to_vec(), zipped(&[]), zipped(&[("x.txt", "x")])];
        cases.extend((1..good.len()).step_by(7).map(|end| good[..end].to_vec()));
        for at in (0..good.len()).step_by(5) {
            let mut broken = good.clone();
            broken[at] ^= 0xff;
            fs::write(&path, &broken).unwrap();
            // It is read, or it is not: it never ends in a panic.
            let _ = ask(&path, asked(&[("lib", "1")])).await;
        }
        for bytes in cases {
            fs::write(&path, &bytes).unwrap();
            assert!(ask(&path, asked(&[("lib", "1")])).await.is_err(), "{} bytes", bytes.len());
        }
        assert!(ask(&dir.path().join("gone"), asked(&[("lib", "1")])).await.is_err());
        assert!(
            ask(&dir.path().join(""), asked(&[("lib", "1")])).await.unwrap_err().contains("holds no records")
        );
        // 16 MiB of nothing in a few bytes.
        let bomb = " ".repeat(16 << 20);
        fs::write(&path, zipped(&[("bomb.json", &bomb)])).unwrap();
        assert!(ask(&path, asked(&[("lib", "1")])).await.unwrap_err().contains("larger than 8 MiB"));
    }
}
