//! What a secret of a project may be, and secrets as a `.env` file has them. No message tells a value.

use crate::parameters::is_reserved;
use crate::pipeline::is_secret_name;
use crate::pipeline::secret_use::LONGEST_NAME;

/// Characters of a value at least: a shorter one is found everywhere, and to cover it in logs would say where.
pub const SHORTEST_VALUE: usize = 6;
/// Bytes of a value at most.
pub const LONGEST_VALUE: usize = 64 << 10;
/// Secrets of a project at most.
pub const MOST_SECRETS: usize = 500;

/// What is wrong with a name.
///
/// # Errors
/// In words, with what to do.
pub fn check_secret_name(name: &str) -> Result<(), String> {
    if is_reserved(name) {
        return Err("names that begin with `RIGI_` are Rigi's own".to_owned());
    }
    if is_secret_name(name) {
        return Ok(());
    }
    Err(format!(
        "the name must be that of an environment variable: letters, digits and `_`, no digit first, at most {LONGEST_NAME} characters"
    ))
}

/// What is wrong with a value.
///
/// # Errors
/// In words, with the reason.
pub fn check_secret_value(value: &str) -> Result<(), String> {
    if value.chars().count() < SHORTEST_VALUE {
        return Err(format!(
            "the value has fewer than {SHORTEST_VALUE} characters: what is so short stands in many logs by chance, and cannot be covered there"
        ));
    }
    if value.len() > LONGEST_VALUE {
        return Err(format!("the value is larger than {} KiB", LONGEST_VALUE >> 10));
    }
    if value.contains('\0') {
        return Err("the value holds a NUL character, which no variable can".to_owned());
    }
    Ok(())
}

/// What is wrong with a line of a `.env` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DotenvMistake {
    /// Counts from 1.
    pub line: usize,
    /// In words.
    pub message: String,
}

/// Reads a `.env` file: `NAME=value`, with `export` before it or not, in single or double quotes or none; a value in double quotes
/// may have `\n`, `\"` and the like, and either may go over several lines. `#` begins a comment.
///
/// # Errors
/// Every line that cannot be meant so, or that holds what no secret may be.
pub fn read_dotenv(text: &str) -> Result<Vec<(String, String)>, Vec<DotenvMistake>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    let (mut found, mut mistakes) = (Vec::<(String, String)>::new(), Vec::new());
    while let Some((number, line)) = lines.next() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut wrong = |message: String| mistakes.push(DotenvMistake { line: number, message });
        let line = line.strip_prefix("export ").map_or(line, str::trim_start);
        let Some((name, rest)) = line.split_once('=') else {
            wrong("there is no `=`: a line is `NAME=value`".to_owned());
            continue;
        };
        let (name, rest) = (name.trim(), rest.trim_start());
        let value = match rest.chars().next().filter(|first| matches!(first, '"' | '\'')) {
            Some(quote) => read_quoted(&rest[1..], quote, &mut lines),
            None => Ok(read_plain(rest)),
        };
        let checked = value.and_then(|value| {
            check_secret_name(name)?;
            check_secret_value(&value)?;
            if found.iter().any(|(known, _)| known == name) {
                return Err(format!("`{name}` stands twice"));
            }
            Ok(value)
        });
        match checked {
            Ok(value) => found.push((name.to_owned(), value)),
            Err(message) => wrong(message),
        }
    }
    if mistakes.is_empty() { Ok(found) } else { Err(mistakes) }
}

/// Up to a comment, which has a space before it.
fn read_plain(rest: &str) -> String {
    let end = rest.find(" #").or_else(|| rest.find("\t#")).unwrap_or(rest.len());
    rest[..end].trim_end().to_owned()
}

/// Up to the quotation mark, over as many lines as it takes.
fn read_quoted<'a>(
    first: &'a str,
    quote: char,
    lines: &mut impl Iterator<Item = (usize, &'a str)>,
) -> Result<String, String> {
    let mut value = String::new();
    let mut line = first;
    loop {
        let mut letters = line.char_indices();
        while let Some((at, letter)) = letters.next() {
            if letter == quote {
                let after = line[at + 1..].trim();
                if after.is_empty() || after.starts_with('#') {
                    return Ok(value);
                }
                return Err("something follows the closing quotation mark".to_owned());
            }
            if letter == '\\' && quote == '"' {
                match letters.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, 'r')) => value.push('\r'),
                    Some((_, 't')) => value.push('\t'),
                    Some((_, other @ ('"' | '\\' | '$' | '\''))) => value.push(other),
                    Some((_, other)) => value.extend(['\\', other]),
                    None => value.push('\\'),
                }
            } else {
                value.push(letter);
            }
        }
        let Some((_, next)) = lines.next() else {
            return Err("the quotation mark is never closed".to_owned());
        };
        value.push('\n');
        line = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_others_read_it() {
        let text = "\u{feff}# a comment\n\nA=hunter2 and more # why\nexport B = \"x\\\"y\\nz\\$1 #5\" # c\r\nC='a\\nb # c'\n\
                    D=\"-----BEGIN\nab\n-----END\n\"\nE=pass#word\n";
        let read = read_dotenv(text).unwrap();
        let expected = [
            ("A", "hunter2 and more"),
            ("B", "x\"y\nz$1 #5"),
            ("C", "a\\nb # c"),
            ("D", "-----BEGIN\nab\n-----END\n"),
            ("E", "pass#word"),
        ];
        assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(read_dotenv(""), Ok(Vec::new()));
    }

    #[test]
    fn every_line_that_is_wrong_is_told_without_its_value() {
        let text = "A\n1B=hunter22\nC=short\nRIGI_X=hunter22\nD=hunter22\nD=hunter22\nE='hunter22' x\nF=\"hunter22\n\n";
        let mistakes = read_dotenv(text).unwrap_err();
        let lines: Vec<_> = mistakes.iter().map(|mistake| mistake.line).collect();
        assert_eq!(lines, [1, 2, 3, 4, 6, 7, 8]);
        assert!(mistakes.iter().all(|mistake| !mistake.message.contains("hunter")), "{mistakes:?}");
        assert!(mistakes[2].message.contains("fewer than 6 characters"));
    }

    #[test]
    fn values_have_bounds() {
        assert!(check_secret_value("123456").is_ok() && check_secret_value("äöüäöü").is_ok());
        assert!(check_secret_value("12345").is_err() && check_secret_value("1234\0 567").is_err());
        assert!(check_secret_value(&"x".repeat(LONGEST_VALUE)).is_ok());
        assert!(check_secret_value(&"x".repeat(LONGEST_VALUE + 1)).is_err());
        assert!(check_secret_name(&"A".repeat(128)).is_ok() && check_secret_name(&"A".repeat(129)).is_err());
    }
}
