//! Reading everything in a data folder, to name what is damaged: what the store keeps, copies of code, the supervisor's
//! journal, and the small files beside them.

use std::path::Path;

use rigi_engine::code::version_at;
use rigi_local::supervisor::{Flaw, check_records, removed_logs};
use rigi_store::backup::Watch;
use rigi_store::inspect::{Inspected, inspect};

use super::check::runtime;
use super::error::of_store;
use super::parts::database;
use crate::client::ServerFile;
use crate::config::Loaded;

/// Reads all of it; a server may work with it meanwhile.
///
/// # Errors
/// If the reading itself fails.
pub fn damage(loaded: &Loaded, watch: Watch<'_>) -> anyhow::Result<Vec<Inspected>> {
    let data = loaded.data_folder();
    if !data.is_dir() {
        return Ok(Vec::new());
    }
    let config = database(&loaded.config, &data);
    let read = runtime()?.block_on(inspect(&config, &data, &loaded.config.stored_files(), watch));
    let mut parts = read.map_err(|e| of_store(&e))?;
    parts.push(code(&data)?);
    parts.push(journal(&data)?);
    parts.push(small_files(&data));
    Ok(parts)
}

/// Copies of captured code against the hash that names them.
fn code(data: &Path) -> std::io::Result<Inspected> {
    let mut part = Inspected::new("code");
    let cure = "remove the folder: it is made again from what is stored";
    let folder = data.join("cache").join("code");
    if !folder.is_dir() {
        return Ok(part);
    }
    for item in std::fs::read_dir(folder)? {
        let path = item?.path();
        part.read += 1;
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match version_at(&path) {
            Ok(hash) if hash.to_string() == name => {}
            Ok(_) => part.found(path.display().to_string(), "it is not what was captured", cure),
            Err(error) => part.found(path.display().to_string(), error.to_string(), cure),
        }
    }
    Ok(part)
}

/// What the supervisor must not forget.
fn journal(data: &Path) -> std::io::Result<Inspected> {
    let mut part = Inspected::new("journal");
    let (read, flaws) = check_records(data)?;
    part.read = read;
    for flaw in flaws {
        // A record may have been written while it was read.
        if !check_records(data)?.1.contains(&flaw) {
            continue;
        }
        let (path, problem, cure) = match flaw {
            Flaw::Damaged(path, byte) => (
                path,
                format!("from byte {byte} on it does not match its checksum"),
                "nothing: what cannot be read counts as lost, and runs again",
            ),
            Flaw::Missing(path) => {
                (path, "it is missing".to_owned(), "start the server again: it is written anew")
            }
        };
        part.found(path.display().to_string(), problem, cure);
    }
    for log in removed_logs(data) {
        let cure = "nothing: the run goes on, and ends without this log";
        part.found(log.display().to_string(), "it was removed while its run writes to it", cure);
    }
    Ok(part)
}

/// The token of links, and the note where a server answers.
fn small_files(data: &Path) -> Inspected {
    let mut part = Inspected::new("server");
    let token = data.join("token");
    let held = std::fs::read_to_string(&token).ok();
    let note = data.join(ServerFile::NAME);
    if let Some(text) = &held {
        part.read += 1;
        if text.trim().len() != 64 || !text.trim().bytes().all(|b| b.is_ascii_hexdigit()) {
            part.found(token.display().to_string(), "it is no token", "remove it: a new one is made");
        }
    }
    if note.is_file() {
        part.read += 1;
        let noted =
            std::fs::read(&note).ok().and_then(|bytes| serde_json::from_slice::<ServerFile>(&bytes).ok());
        let cure = "start the server again: it is written anew";
        match (noted, held) {
            (None, _) => part.found(note.display().to_string(), "it cannot be read", cure),
            (Some(noted), Some(held)) if noted.token != held.trim() => {
                part.found(note.display().to_string(), "its token is not the one in `token`", cure);
            }
            _ => {}
        }
    }
    part
}
