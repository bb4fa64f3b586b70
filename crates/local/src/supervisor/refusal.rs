//! Why a program does not start, and what to do: the system says one number for many causes.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rigi_model::Reason;
use rigi_model::attempt::FailureClass;
use rustix::fs::StatVfsMountFlags;

use super::staging::NotStarted;

/// As much of a program is looked at.
const START: u64 = 512;
/// Machines in the head of an ELF file. Source: `elf.h`, `EM_…`.
const MACHINES: [(u16, &str); 8] = [
    (3, "x86"),
    (8, "mips"),
    (20, "powerpc"),
    (21, "powerpc64"),
    (22, "s390x"),
    (40, "arm"),
    (62, "x86_64"),
    (183, "aarch64"),
];
const RISCV: u16 = 243;

/// Why a program that was found did not start.
pub fn explain(error: &io::Error, first: &str, program: &Path) -> NotStarted {
    let shown = program.display();
    let why = match error.raw_os_error() {
        Some(libc::ENOENT) => missing(program),
        Some(libc::EACCES) => closed(program),
        Some(libc::ENOEXEC) => no_program(program),
        Some(libc::E2BIG) => "its arguments and environment variables are too large together. Read parameters from the file $RIGI_PARAMS.".to_owned(),
        Some(libc::ENOTDIR) => format!("{shown} leads through a file."),
        Some(libc::ELOOP) => format!("{shown} is a link that leads round in circles, or its interpreters do."),
        Some(libc::ETXTBSY) => format!("{shown} is just being written."),
        _ => return no_resources(&format!("the process of `{first}`"), error),
    };
    user(format!("`{first}` cannot be started: {why}"))
}

/// What is wrong with a script's first line, by which another program is asked for than its author meant. The system
/// starts `env` all the same, which then knows nothing of where the name is from.
pub fn line_end(program: &Path) -> Option<String> {
    let line = first_line(&start_of(program)?)?;
    // `env -S` takes the end for a space.
    let ends = line.ends_with('\r') && !line.contains(" -S");
    ends.then(|| {
        format!(
            "the first line of {} ends as on Windows (CR LF), so that the interpreter's name ends with a CR. Save the file with LF alone (`sed -i 's/\\r$//' FILE`; in git: `*.sh text eol=lf` in .gitattributes).",
            program.display()
        )
    })
}

fn missing(program: &Path) -> String {
    let shown = program.display();
    if !program.exists() {
        return format!("there is no file {shown}.");
    }
    match start_of(program).as_deref().and_then(first_line) {
        Some(line) => {
            let interpreter = line.split_whitespace().next().unwrap_or_default();
            format!(
                "its first line names the interpreter `{interpreter}`, which is not there. Install it, or name another."
            )
        }
        None => format!("the loader or a library that {shown} needs is missing."),
    }
}

fn closed(program: &Path) -> String {
    let shown = program.display();
    let Ok(facts) = fs::metadata(program) else {
        return format!("a folder on the way to {shown} is closed to Rigi.");
    };
    if facts.is_dir() {
        return format!("{shown} is a folder.");
    }
    if facts.permissions().mode() & 0o111 == 0 {
        return format!(
            "{shown} is not executable (`chmod +x` makes it so; in git: `git update-index --chmod=+x`)."
        );
    }
    if is_noexec(program) {
        return format!(
            "{shown} lies on a file system that is mounted with `noexec`, where nothing can be executed. Mount it without, keep the data folder elsewhere (`--data`), or name the interpreter in `command`: [\"sh\", \"{}\"].",
            program.file_name().unwrap_or_default().to_string_lossy()
        );
    }
    let interpreter = start_of(program).as_deref().and_then(first_line);
    let interpreter = interpreter.and_then(|line| line.split_whitespace().next().map(PathBuf::from));
    match interpreter {
        Some(path) if is_noexec(&path) => {
            format!("its interpreter {} lies on a file system that is mounted with `noexec`.", path.display())
        }
        Some(path) => format!("its interpreter {} may not be executed by Rigi.", path.display()),
        None => format!("{shown} may not be executed by Rigi's account."),
    }
}

fn no_program(program: &Path) -> String {
    let (shown, start) = (program.display(), start_of(program).unwrap_or_default());
    let other = match start.as_slice() {
        [] => Some("is empty".to_owned()),
        [0x7f, b'E', b'L', b'F', ..] => machine(&start).map(|machine| {
            format!("is a program for {machine}, and this machine is {}", std::env::consts::ARCH)
        }),
        [b'M', b'Z', ..] => Some("is a program for Windows".to_owned()),
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] | [0xca, 0xfe, 0xba, 0xbe, ..] => {
            Some("is a program for macOS".to_owned())
        }
        [0xef, 0xbb, 0xbf, b'#', b'!', ..] => {
            Some("begins with a byte order mark before `#!`: save it as UTF-8 without one".to_owned())
        }
        _ => None,
    };
    other.map_or_else(
        || format!("{shown} is neither a program of this machine nor a script with a first line like `#!/bin/sh`."),
        |other| format!("{shown} {other}."),
    )
}

/// The machine that an ELF file is for, if it is not this one's.
fn machine(start: &[u8]) -> Option<String> {
    let bytes = [*start.get(18)?, *start.get(19)?];
    let number = if start.get(5) == Some(&2) { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
    let named = MACHINES.iter().find(|(machine, _)| *machine == number);
    let name = match number {
        RISCV => "riscv",
        _ => named.map_or("another machine", |(_, name)| name),
    };
    (name != std::env::consts::ARCH).then(|| name.to_owned())
}

fn is_noexec(path: &Path) -> bool {
    rustix::fs::statvfs(path).is_ok_and(|facts| facts.f_flag.contains(StatVfsMountFlags::NOEXEC))
}

fn start_of(program: &Path) -> Option<Vec<u8>> {
    // A pipe with a name would never answer.
    fs::metadata(program).ok().filter(fs::Metadata::is_file)?;
    let mut start = Vec::new();
    fs::File::open(program).ok()?.take(START).read_to_end(&mut start).ok()?;
    Some(start)
}

/// What stands behind `#!`.
fn first_line(start: &[u8]) -> Option<String> {
    let line = start.strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?;
    Some(String::from_utf8_lossy(line).into_owned())
}

/// It may be executable for others, and yet not for the account that runs have.
pub fn closed_to(first: &str, program: &Path, id: u32) -> NotStarted {
    if is_noexec(program) {
        return user(format!("`{first}` cannot be started: {}", closed(program)));
    }
    user(format!(
        "`{first}` cannot be started: {} is not executable for user {id} (`process.run_as`), or lies in a folder that is closed to it.",
        program.display()
    ))
}

/// The pipeline asks for what cannot be started.
pub const fn user(message: String) -> NotStarted {
    NotStarted { class: FailureClass::User, reason: Reason::StartFailed, message }
}

/// The machine has no room.
pub fn no_resources(what: &str, error: &io::Error) -> NotStarted {
    let message = format!("The machine has no room for {what}: {error}");
    NotStarted { class: FailureClass::Infrastructure, reason: Reason::StartFailed, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, mode: u32, bytes: &[u8]| {
            let path = dir.path().join(name);
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path
        };
        let told =
            |number: i32, path: &Path| explain(&io::Error::from_raw_os_error(number), "x", path).message;
        let mut elf = [0u8; 20];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        elf[18] = if cfg!(target_arch = "aarch64") { 62 } else { 183 };
        for (number, mode, bytes, words) in [
            (libc::ENOEXEC, 0o755, &elf[..], "is a program for"),
            (libc::ENOEXEC, 0o755, b"MZ\0", "for Windows"),
            (libc::ENOEXEC, 0o755, b"\xcf\xfa\xed\xfe", "for macOS"),
            (libc::ENOEXEC, 0o755, b"", "is empty"),
            (libc::ENOEXEC, 0o755, b"\xef\xbb\xbf#!/bin/sh\n", "byte order mark"),
            (libc::ENOEXEC, 0o755, b"echo\n", "first line like"),
            (libc::ENOENT, 0o755, b"#!/no/such -x\n", "interpreter `/no/such`"),
            (libc::ENOENT, 0o755, b"\x7fELF", "loader or a library"),
            (libc::EACCES, 0o644, b"#!/bin/sh\n", "not executable"),
            (libc::EACCES, 0o755, b"#!/etc/passwd\n", "its interpreter /etc/passwd"),
        ] {
            let path = file("program", mode, bytes);
            assert!(told(number, &path).contains(words), "{}", told(number, &path));
        }
        assert!(told(libc::EACCES, dir.path()).contains("is a folder"));
        assert!(told(libc::ENOENT, &dir.path().join("none")).contains("there is no file"));
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let proc = mounts.lines().find(|line| line.split(' ').nth(1) == Some("/proc"));
        assert_eq!(is_noexec(Path::new("/proc/self")), proc.is_some_and(|line| line.contains("noexec")));
    }

    #[test]
    fn line_ends_of_windows_are_seen_where_they_matter() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.sh");
        for (text, wrong) in [
            ("#!/usr/bin/env python3\r\nprint()\r\n", true),
            ("#!/bin/sh\r\n", true),
            ("#!/bin/bash -e\r\n", true),
            ("#!/usr/bin/env -S python3 -u\r\n", false),
            ("#!/bin/sh\necho\r\n", false),
            ("print()\r\n", false),
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(line_end(&path).is_some(), wrong, "{text:?}");
        }
        assert_eq!(line_end(&dir.path().join("none")), None);
    }
}
