//! The folder of a project's pipelines, into an archive and out of it: plain files alone, reached by no link.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, statat};

use super::content::each_piece;
use super::take::{Packer, append, packing};
use super::{Refusable, Tail, wrong};
use crate::{Error, Result};

/// Levels of folders.
const DEEPEST: usize = 64;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// One that is exchanged for a pipe meanwhile keeps nobody waiting.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// Packs its files. What is none is counted.
pub(super) fn pack_folder<W: Write>(folder: &Path, packer: &mut Packer<W>, tail: &mut Tail) -> Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match openat(CWD, folder, flags, Mode::empty()) {
        Ok(opened) => pack_below(opened, "pipelines", 0, packer, tail),
        Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(error) => Err(packing(&folder.display().to_string())(error.into())),
    }
}

/// Names are looked up one by one from the open folder: what is exchanged for a link meanwhile is an error, and no way out.
fn pack_below<W: Write>(
    opened: OwnedFd,
    inner: &str,
    depth: usize,
    packer: &mut Packer<W>,
    tail: &mut Tail,
) -> Result<()> {
    let failed = |error: rustix::io::Errno| packing(inner)(error.into());
    let items = Dir::read_from(&opened).map_err(failed)?;
    let mut names = items
        .map(|item| item.map(|item| item.file_name().to_owned()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    names.retain(|name| !matches!(name.to_bytes(), b"." | b".."));
    names.sort();
    for name in names {
        let kind = match statat(&opened, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(rustix::io::Errno::NOENT) => continue,
            stat => FileType::from_raw_mode(stat.map_err(failed)?.st_mode),
        };
        let Ok(text) = name.to_str() else {
            tail.left_out += 1;
            continue;
        };
        let path = format!("{inner}/{text}");
        match kind {
            FileType::Directory if depth < DEEPEST => {
                let below = openat(&opened, &name, FOLDER, Mode::empty()).map_err(failed)?;
                pack_below(below, &path, depth + 1, packer, tail)?;
            }
            FileType::RegularFile if is_path(&path) => pack_file(&opened, &name, &path, packer, tail)?,
            _ => tail.left_out += 1,
        }
    }
    Ok(())
}

fn pack_file<W: Write>(
    folder: impl AsFd,
    name: &std::ffi::CStr,
    path: &str,
    packer: &mut Packer<W>,
    tail: &mut Tail,
) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let opened = openat(folder, name, FILE, Mode::empty()).map_err(|error| packing(path)(error.into()))?;
    let file = File::from(opened);
    let facts = file.metadata().map_err(packing(path))?;
    if !facts.is_file() {
        tail.left_out += 1;
        return Ok(());
    }
    tail.files += 1;
    let mode = if facts.permissions().mode() & 0o111 == 0 { 0o644 } else { 0o755 };
    append(packer, path, (facts.len(), mode), file)
}

/// Whether a path stays below its folder, and could lie in it.
pub(super) fn is_path(path: &str) -> bool {
    let is_name = |name: &str| !matches!(name, "" | "." | "..") && name.len() <= 255 && !name.contains('\0');
    path.len() <= 2000 && path.split('/').all(is_name)
}

/// Puts a file into a folder that nobody else knows, and in which there are no links.
pub(super) fn put_file(folder: &Path, path: &str, mode: u32, from: impl Read) -> Refusable<()> {
    if !is_path(path) || path.split('/').count() > DEEPEST + 1 {
        return Err(wrong(format!("`{}` is no path of a file", path.escape_debug())));
    }
    let target = folder.join(path);
    let io = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists | std::io::ErrorKind::NotADirectory => {
            wrong(format!("it has two things at `{}`", path.escape_debug()))
        }
        _ => Error::io(format!("write {}", target.display()))(error).into(),
    };
    if let Some(parent) = target.parent() {
        DirBuilder::new().recursive(true).mode(0o755).create(parent).map_err(io)?;
    }
    let mode = if mode & 0o111 == 0 { 0o644 } else { 0o755 };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&target).map_err(io)?;
    each_piece(from, |piece| {
        file.write_all(piece).map_err(Error::io(format!("write {}", target.display())))
    })?;
    file.sync_data().map_err(io)
}

/// Makes all folders of it last.
pub(super) fn sync_below(folder: &Path) -> Result<()> {
    let what = || Error::io(format!("write {}", folder.display()));
    for item in fs::read_dir(folder).map_err(what())? {
        let item = item.map_err(what())?;
        if item.file_type().map_err(what())?.is_dir() {
            sync_below(&item.path())?;
        }
    }
    crate::durable::sync_folder(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leaves_or_is_none_is_refused() {
        for good in ["a", "a/b.py", ".hidden/x", "a b/ü"] {
            assert!(is_path(good), "{good}");
        }
        for bad in ["", "/", "/etc/passwd", "..", "a/../b", "a//b", "./a", "a/", "a\0b", &"x".repeat(256)] {
            assert!(!is_path(bad), "{bad}");
        }
    }
}
