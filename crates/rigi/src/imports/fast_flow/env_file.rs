//! The file of variables that Fast-Flow starts with (`.env`): what is not in its database stands there.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use rigi_model::ErrorCode;

use crate::trouble::Trouble;

/// Bytes of it at most.
const LARGEST: u64 = 1 << 20;

/// Reads it.
pub(super) fn read(file: &Path) -> Result<BTreeMap<String, String>, Trouble> {
    let cannot = |why: String| {
        let what = format!("the file of variables {} cannot be read: {why}", file.display());
        Trouble::new(ErrorCode::NotFound, what, "name Fast-Flow's `.env`, or leave `--env` out")
    };
    let opened = std::fs::File::open(file).map_err(|error| cannot(error.to_string()))?;
    let mut text = String::new();
    opened.take(LARGEST + 1).read_to_string(&mut text).map_err(|error| cannot(error.to_string()))?;
    if text.len() as u64 > LARGEST { Err(cannot("it is too large".to_owned())) } else { Ok(parse(&text)) }
}

/// The last of one name counts, an empty value is none, and what is no assignment is passed over, as Fast-Flow does.
fn parse(text: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        let line = line.trim();
        let line = line.strip_prefix("export ").map_or(line, str::trim_start);
        let Some((name, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else { continue };
        let (name, value) = (name.trim(), value.trim());
        let quoted = ['"', '\''].into_iter().find_map(|quote| {
            let rest = value.strip_prefix(quote)?;
            Some(rest[..rest.find(quote)?].to_owned())
        });
        let plain = || {
            let end = value.find(" #").unwrap_or(value.len());
            value[..end].trim_end().to_owned()
        };
        let value = quoted.unwrap_or_else(plain);
        if value.is_empty() {
            all.remove(name);
        } else if rigi_model::text::is_variable(name) {
            all.insert(name.to_owned(), value);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_as_fast_flow_reads_them() {
        let all = parse(
            "# a comment\nexport A=1\nB = \"two words\" # why\nC='x # y'\nD=x # y\nE=\nF=1\nF=\nno assignment\n=x\n1X=2\nG=\"open\n",
        );
        let expected = [("A", "1"), ("B", "two words"), ("C", "x # y"), ("D", "x"), ("G", "\"open")];
        assert_eq!(all, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn a_file_that_is_none_is_told() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).unwrap_err().message.contains("cannot be read"));
        let file = folder.path().join(".env");
        std::fs::write(&file, [0xff, 0xfe]).unwrap();
        assert!(read(&file).is_err());
    }
}
