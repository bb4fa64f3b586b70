//! Requirements files: their text as uv is to read it, what they include, and what of the folder they point at.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::BuildError;

/// What requirements follow from, beside their own text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Something of the folder itself is installed: then every file of it counts.
    pub folder: bool,
    /// Packages elsewhere on this machine.
    pub outside: BTreeSet<PathBuf>,
    /// Variables that are named as `${NAME}`.
    pub names: BTreeSet<String>,
}

/// A line that names another file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Included {
    /// Below the folder.
    Inside(String),
    /// An absolute path.
    Outside(PathBuf),
}

/// The text of a file that people write, whatever their editor made of it.
///
/// # Errors
/// If it is no text: which line is not.
pub fn text_of(name: &str, bytes: &[u8]) -> Result<String, BuildError> {
    let no_text = |before: &[u8], why: &str, cure: &str| {
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        BuildError::user(&format!("{name}:{line} {why}. {cure}"))
    };
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => std::str::from_utf8(rest).ok().map(str::to_owned),
        plain => std::str::from_utf8(plain).ok().map(str::to_owned),
    };
    let Some(text) = text else {
        let good = std::str::from_utf8(bytes).err().map_or(0, |error| error.valid_up_to());
        return Err(no_text(&bytes[..good], "is not UTF-8 text", "Save the file as UTF-8."));
    };
    match text.find('\0') {
        Some(at) => Err(no_text(
            &text.as_bytes()[..at],
            "holds a NUL character",
            "Take it out, or write the file anew.",
        )),
        None => Ok(text),
    }
}

/// UTF-16, which Windows' own shell writes.
fn wide(bytes: &[u8], number: fn([u8; 2]) -> u16) -> Option<String> {
    if !bytes.len().is_multiple_of(2) {
        return None;
    }
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| number([pair[0], pair[1]])).collect();
    String::from_utf16(&units).ok()
}

/// Names that stand as `${NAME}`, as pip and uv read them.
pub fn names(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split("${").skip(1).filter_map(|rest| {
        let name = rest.split_once('}')?.0;
        let sound = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        sound.then(|| name.to_owned())
    })
}

impl Reach {
    /// Takes in a requirements file; returns what it includes.
    pub fn read(&mut self, text: &str) -> Vec<String> {
        self.names.extend(names(text));
        let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
        joined.lines().filter_map(|line| self.line(line)).collect()
    }

    /// Takes in one requirement or option; returns the file that it includes.
    pub fn line(&mut self, line: &str) -> Option<String> {
        let line = line.trim();
        let line = line.split(" #").next().unwrap_or(line).trim_end();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        if let Some(file) = option(line, &["-r", "-c"], &["--requirement", "--constraint"]) {
            return (!file.contains("://")).then(|| file.to_owned());
        }
        if let Some(target) = option(line, &["-e"], &["--editable"]) {
            self.target(target);
        } else if let Some(place) =
            option(line, &["-f", "-i"], &["--find-links", "--index-url", "--extra-index-url"])
        {
            // A folder elsewhere on the machine is like an index: it is named, not read.
            self.folder |= !place.contains("://") && !place.starts_with('/') || place.starts_with("file:.");
        } else if !line.starts_with('-') {
            self.requirement(line);
        }
        None
    }

    /// Takes in a requirement.
    pub fn requirement(&mut self, line: &str) {
        self.names.extend(names(line));
        if let Some((name, target)) = line.split_once('@')
            && is_name(name)
        {
            return self.target(target.trim_start());
        }
        let token = line.split([';', ' ', '\t']).next().unwrap_or_default();
        let archive = [".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2"].iter().any(|end| token.ends_with(end));
        if token.contains('/')
            || token.starts_with(['.', '~'])
            || token.starts_with("file:")
            || token.starts_with("git+file:")
            || archive
        {
            self.target(token);
        }
    }

    /// Takes in a path or an address of something that is installed.
    pub fn target(&mut self, target: &str) {
        let target = target.split([' ', '\t', ';']).next().unwrap_or_default().trim_matches(['"', '\'']);
        let file = target.strip_prefix("git+").unwrap_or(target).strip_prefix("file:");
        let path = match file {
            Some(path) => path.strip_prefix("//").unwrap_or(path),
            None if target.contains("://") => return,
            None => target,
        };
        let path = path.split(['#', '[']).next().unwrap_or(path);
        if path.starts_with('/') && !path.contains("${") {
            self.outside.insert(PathBuf::from(path));
        } else {
            self.folder = true;
        }
    }
}

/// What stands behind an option: `-r x`, `-rx`, `--requirement x`, `--requirement=x`.
fn option<'a>(line: &'a str, short: &[&str], long: &[&str]) -> Option<&'a str> {
    let behind = |name: &&str| line.strip_prefix(*name);
    let given = long
        .iter()
        .filter_map(behind)
        .find(|rest| rest.starts_with([' ', '\t', '=']))
        .or_else(|| (!line.starts_with("--")).then(|| short.iter().find_map(behind)).flatten())?;
    let given = given.strip_prefix('=').unwrap_or(given).trim();
    (!given.is_empty()).then_some(given)
}

/// A package's name, perhaps with extras.
fn is_name(text: &str) -> bool {
    let text = text.trim();
    let name = text.split('[').next().unwrap_or(text).trim_end();
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// Where a line of `file` leads.
///
/// # Errors
/// If it leaves the folder: what is there is not part of the captured code.
pub fn included(file: &str, named: &str) -> Result<Included, BuildError> {
    if named.starts_with('/') {
        return Ok(Included::Outside(PathBuf::from(named)));
    }
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let mut plain = PathBuf::new();
    for part in folder.join(named).components() {
        match part {
            Component::Normal(part) => plain.push(part),
            Component::ParentDir if plain.pop() => {}
            Component::CurDir => {}
            _ => {
                return Err(BuildError::user(&format!(
                    "{file} includes `{named}`, which leads out of the pipeline's folder. Put a copy into the folder."
                )));
            }
        }
    }
    Ok(Included::Inside(plain.display().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(text: &str) -> Reach {
        let mut reach = Reach::default();
        reach.read(text);
        reach
    }

    #[test]
    fn every_way_to_point_at_the_folder_is_seen() {
        for line in [
            "./pkg",
            "pkg/",
            "../pkg",
            ".",
            ".[extra]",
            "-e ./pkg",
            "-e pkg",
            "--editable=pkg",
            "-e.",
            "file:pkg",
            "file:./pkg",
            "pkg @ ./pkg",
            "pkg@file:pkg",
            "pkg[x] @ file:./pkg ; python_version > '3'",
            "pkg @ file:///${PROJECT_ROOT}/pkg",
            "wheels/pkg-1-py3-none-any.whl",
            "pkg-1.tar.gz",
            "--find-links ./wheels",
            "--find-links=wheels",
            "-f wheels",
            "--index-url ./simple",
            "git+file:repo",
            "iniconfig \\\n ==2\n./pkg",
        ] {
            assert!(reach(line).folder, "{line}");
        }
        for line in [
            "iniconfig==2.0.0 --hash=sha256:aa/bb",
            "requests[security]>=2; python_version < '4'",
            "pkg @ https://example.org/pkg-1.tar.gz",
            "pkg @ git+https://joe@example.org/x/y.git@main#egg=pkg",
            "git+ssh://git@example.org/x.git",
            "https://example.org/pkg-1-py3-none-any.whl",
            "--index-url https://example.org/simple",
            "-i https://example.org/simple",
            "--find-links /opt/wheels",
            "--extra-index-url=https://example.org/x/",
            "--require-hashes",
            "--pre",
            "# ./pkg",
            "numpy # see ./pkg",
            "",
        ] {
            assert_eq!(reach(line), Reach::default(), "{line}");
        }
    }

    #[test]
    fn what_is_elsewhere_is_named_and_includes_are_followed() {
        let found = reach(
            "-e /opt/a\npkg @ file:///opt/b#egg=x\n/opt/c[extra]\n--index-url https://${HOST}/${A_1}/${}x\n",
        );
        assert_eq!(found.outside, ["/opt/a", "/opt/b", "/opt/c"].map(PathBuf::from).into());
        assert!(!found.folder);
        assert_eq!(found.names, ["HOST", "A_1"].map(str::to_owned).into());
        let files = Reach::default().read(
            "-r a.txt\n-c b.txt # all\n--requirement=c.txt\n-rd.txt\n-r https://example.org/x\n--no-index\n",
        );
        assert_eq!(files, ["a.txt", "b.txt", "c.txt", "d.txt"]);
        assert_eq!(included("sub/a.txt", "../b.txt").unwrap(), Included::Inside("b.txt".into()));
        assert_eq!(included("a.txt", "/opt/c.txt").unwrap(), Included::Outside("/opt/c.txt".into()));
        assert!(included("a.txt", "../b.txt").unwrap_err().message.contains("leads out of"));
    }

    #[test]
    fn text_is_text_whoever_wrote_it_and_else_a_mistake_with_its_line() {
        for bytes in
            [&b"\xef\xbb\xbfa\r\nb"[..], b"\xff\xfea\0\r\0\n\0b\0", b"\xfe\xff\0a\0\r\0\n\0b", b"a\r\nb"]
        {
            assert_eq!(text_of("r.txt", bytes).unwrap(), "a\r\nb");
        }
        for (bytes, place) in [
            (&b"a\n# caf\xe9\nb"[..], "r.txt:2 is not UTF-8"),
            (b"a\nb\nc\0", "r.txt:3 holds a NUL"),
            (b"\xff\xfea", "r.txt:1 is not UTF-8"),
        ] {
            let wrong = text_of("r.txt", bytes).unwrap_err();
            assert!(wrong.message.starts_with(place), "{}", wrong.message);
            assert_eq!(wrong.class, rigi_model::attempt::FailureClass::User);
        }
    }
}
