//! One row as a line in PostgreSQL's text format of `COPY`: fields between tabs, `\N` for NULL, a few escapes. PostgreSQL
//! writes and reads it by itself; this does the same for SQLite.
//!
//! <https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.2>

use std::borrow::Cow;
use std::io::Write as _;

use super::schema::ColumnKind;
use crate::seal::unhex;
use crate::{Error, Result};
use rigi_model::hash::hex;

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell<'a> {
    Null,
    Integer(i64),
    Text(Cow<'a, str>),
    Blob(Cow<'a, [u8]>),
}

/// Appends a value.
pub(crate) fn push_cell(line: &mut Vec<u8>, cell: &Cell<'_>) {
    match cell {
        Cell::Null => line.extend_from_slice(b"\\N"),
        Cell::Integer(number) => {
            // Writing to memory does not fail.
            let _ = write!(line, "{number}");
        }
        Cell::Text(text) => push_text(line, text),
        Cell::Blob(bytes) => {
            line.extend_from_slice(b"\\\\x");
            line.extend(hex(bytes).into_bytes());
        }
    }
}

fn push_text(line: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|b| matches!(b, 8..=13 | b'\\')) {
        line.extend_from_slice(&rest[..at]);
        line.push(b'\\');
        line.push(match rest[at] {
            8 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            11 => b'v',
            12 => b'f',
            b'\r' => b'r',
            _ => b'\\',
        });
        rest = &rest[at + 1..];
    }
    line.extend_from_slice(rest);
}

/// The values of a line without its newline.
pub(crate) fn parse<'a>(line: &'a str, kinds: &[ColumnKind]) -> Result<Vec<Cell<'a>>> {
    let mut cells = Vec::with_capacity(kinds.len());
    let wrong = |why: String| Error::Damaged { what: "a row of the backup".into(), why };
    for field in line.split('\t') {
        let kind = kinds.get(cells.len()).ok_or_else(|| wrong("it has too many fields".into()))?;
        let cell = parse_cell(field, *kind);
        cells.push(cell.ok_or_else(|| wrong(format!("field {} is none", cells.len() + 1)))?);
    }
    if cells.len() < kinds.len() {
        return Err(wrong(format!("it has {} of {} fields", cells.len(), kinds.len())));
    }
    Ok(cells)
}

fn parse_cell(field: &str, kind: ColumnKind) -> Option<Cell<'_>> {
    if field == "\\N" {
        return Some(Cell::Null);
    }
    Some(match kind {
        ColumnKind::Integer => Cell::Integer(field.parse().ok()?),
        ColumnKind::Text => Cell::Text(unescape(field)?),
        ColumnKind::Blob => Cell::Blob(unhex(field.strip_prefix("\\\\x")?)?.into()),
    })
}

fn unescape(field: &str) -> Option<Cow<'_, str>> {
    let Some(first) = field.find('\\') else { return Some(Cow::Borrowed(field)) };
    let mut text = String::with_capacity(field.len());
    text.push_str(&field[..first]);
    let mut rest = field[first..].chars();
    while let Some(c) = rest.next() {
        text.push(match c {
            '\\' => match rest.next()? {
                'b' => '\u{8}',
                't' => '\t',
                'n' => '\n',
                'v' => '\u{b}',
                'f' => '\u{c}',
                'r' => '\r',
                '\\' => '\\',
                _ => return None,
            },
            c => c,
        });
    }
    Some(Cow::Owned(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back_and_nonsense_is_refused() {
        let cells = [
            Cell::Null,
            Cell::Integer(i64::MIN),
            Cell::Text("a\tb\\N\nc\r\u{8}\u{b}\u{c} Zürich".into()),
            Cell::Blob(vec![0, 10, 255].into()),
            Cell::Text("".into()),
            Cell::Blob(vec![].into()),
        ];
        let kinds = [
            ColumnKind::Text,
            ColumnKind::Integer,
            ColumnKind::Text,
            ColumnKind::Blob,
            ColumnKind::Text,
            ColumnKind::Blob,
        ];
        let mut line = Vec::new();
        for (n, cell) in cells.iter().enumerate() {
            if n > 0 {
                line.push(b'\t');
            }
            push_cell(&mut line, cell);
        }
        let line = String::from_utf8(line).unwrap();
        assert!(!line.contains('\n'));
        assert_eq!(parse(&line, &kinds).unwrap(), cells);
        assert!(parse(&line, &kinds[..5]).is_err() && parse("1", &kinds[..2]).is_err());
        assert!(parse("x", &[ColumnKind::Integer]).is_err() && parse("\\q", &[ColumnKind::Text]).is_err());
        assert!(
            parse("\\\\x0", &[ColumnKind::Blob]).is_err() && parse("\\\\xzz", &[ColumnKind::Blob]).is_err()
        );
    }
}
