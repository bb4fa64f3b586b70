//! Texts of others where they are shown: nothing in them steers a terminal or makes them look like something else.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character steers what shows it: control characters, ends of lines and paragraphs, and the signs that turn
/// the direction of writing.
#[must_use]
pub fn steers(character: char) -> bool {
    let turns = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    character.is_control() || turns || matches!(character, '\u{2028}' | '\u{2029}')
}

/// Whether a character cannot be seen where it stands, the usual space apart.
#[must_use]
pub fn is_unseen(character: char) -> bool {
    let empty = matches!(
        character,
        '\u{a0}' | '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{1680}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{2000}'..='\u{200d}' | '\u{202f}' | '\u{205f}'..='\u{2065}'
            | '\u{206a}'..='\u{206f}' | '\u{3000}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    );
    steers(character) || empty
}

/// Spaces of other widths, and what joins letters or chooses their shape: part of good writing, and no harm to see.
const fn belongs(character: char) -> bool {
    matches!(
        character,
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{200c}' | '\u{200d}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
            | '\u{fe00}'..='\u{fe0f}'
    )
}

/// A name, path or word of others on one line: what cannot be seen stands as `\u{202e}`, a line's end as `\n`.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    let is_hidden = |c: char| is_unseen(c) && !belongs(c);
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut seen = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\n' => seen.push_str("\\n"),
            '\r' => seen.push_str("\\r"),
            '\t' => seen.push_str("\\t"),
            // Writing to a String cannot fail.
            unseen if is_hidden(unseen) => drop(write!(seen, "\\u{{{:x}}}", u32::from(unseen))),
            other => seen.push(other),
        }
    }
    Cow::Owned(seen)
}

/// The text without escape sequences: colours, titles, movements of the cursor. One that does not end takes the rest with it.
#[must_use]
pub fn without_escapes(text: &str) -> Cow<'_, str> {
    if !text.contains(['\u{1b}', '\u{9b}']) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\u{1b}', '\u{9b}']) {
        plain.push_str(&rest[..at]);
        rest = after_escape(&rest[at..]);
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// What follows the escape sequence that a text begins with (ECMA-48, 5.3 and 5.4).
fn after_escape(text: &str) -> &str {
    let mut characters = text.chars();
    let kind = match characters.next() {
        Some('\u{9b}') => Some('['),
        _ => characters.next(),
    };
    let rest = characters.as_str();
    match kind {
        Some('[') => rest.find(|c: char| matches!(c, '\u{40}'..='\u{7e}')).map_or("", |end| &rest[end + 1..]),
        Some(']' | 'P' | 'X' | '^' | '_') => match rest.find(['\u{7}', '\u{1b}']) {
            Some(end) => rest[end..].strip_prefix("\u{1b}\\").unwrap_or(&rest[end + 1..]),
            None => "",
        },
        Some('(' | ')' | '#' | '%' | ' ') => rest.strip_prefix(|_| true).unwrap_or_default(),
        _ => rest,
    }
}

/// A text of others on one line of so many characters at most, with nothing in it that steers; what is longer ends with `…`.
#[must_use]
pub fn plain_line(text: &str, most: usize) -> String {
    let plain = without_escapes(text);
    let words = plain.split(|c: char| c.is_whitespace() || steers(c)).filter(|word| !word.is_empty());
    let mut line = String::new();
    let mut length = 0;
    for word in words {
        let space = (length > 0).then_some(' ');
        for character in space.into_iter().chain(word.chars()) {
            if length == most {
                line.pop();
                line.truncate(line.trim_end().len());
                line.push('…');
                return line;
            }
            line.push(character);
            length += 1;
        }
    }
    line
}

/// The name among `names` that a person most probably meant: of settings, whose names are long.
#[must_use]
pub fn nearest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&wrong.to_lowercase(), &name.to_lowercase()), name));
    scored.filter(|(score, _)| *score > 0.75).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

/// A user's text as it may stand in a message: on one line and not endless.
#[must_use]
pub fn excerpt(text: &str) -> String {
    let mut short: String =
        text.chars().take(60).map(|c| if is_unseen(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(60).is_some() {
        short.push('…');
    }
    short
}

/// The name among `known` that a slip of the finger made something else of: of fields of specs, whose names are short.
pub(crate) fn meant<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Names are short; what is far longer than any of them is not a slip of the finger.
    if word.len() > 80 {
        return None;
    }
    let lower = word.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= 1 + name.len().min(word.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Whether a text can name an environment variable everywhere: `[A-Za-z_][A-Za-z0-9_]*`, at most 128 characters.
#[must_use]
pub fn is_variable(name: &str) -> bool {
    name.len() <= 128
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// `a`, `b` or `c`, as running text.
pub(crate) fn list_choices<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_go_whole() {
        let coloured = "\u{1b}[1;31mred\u{1b}[0m \u{1b}]0;title\u{7}a\u{1b}]8;;http://x\u{1b}\\b\u{1b}(Bc\u{9b}2Kd\u{1b}";
        assert_eq!(without_escapes(coloured), "red abcd");
        assert_eq!(without_escapes("a\u{1b}[31"), "a");
        assert!(matches!(without_escapes("plain é"), Cow::Borrowed("plain é")));
    }

    #[test]
    fn a_plain_line_has_one_line_and_no_more_than_it_may() {
        assert_eq!(plain_line("  a\tb\r\n\u{202e}c\u{7}\u{1b}[31md ", 20), "a b c d");
        assert_eq!(plain_line("abcdef", 6), "abcdef");
        assert_eq!(plain_line("abcdefg", 6), "abcde…");
        assert_eq!(plain_line("ab cdefg", 6), "ab cd…");
        assert_eq!(plain_line("abcde f", 6), "abcde…");
        assert_eq!(plain_line("äöüß äöü", 6), "äöüß…");
        assert_eq!(plain_line("\u{1b}[0m \n", 6), "");
        for most in 1..40 {
            let line = plain_line("Größe 12: ungültig, und noch einiges mehr", most);
            assert!(line.chars().count() <= most, "{most}: {line}");
        }
    }

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        assert_eq!(shown("a\nb\u{1b}[31m\u{202e}x\u{200b}\u{9b}"), r"a\nb\u{1b}[31m\u{202e}x\u{200b}\u{9b}");
        for plain in
            ["monthly report", "Überblick-数据", "été", "a (v2) + b", "🚀", "2\u{202f}400", "⚠\u{fe0f}"]
        {
            assert!(matches!(shown(plain), Cow::Borrowed(_)), "{plain}");
        }
    }

    #[test]
    fn the_nearest_name_is_a_slip_away_or_not_named() {
        let known = ["timeout", "tags", "target", "retries"];
        assert_eq!(meant("timout", known), Some("timeout"));
        assert_eq!(meant("Timeout", known), Some("timeout"));
        assert_eq!(meant("tag", known), Some("tags"));
        assert_eq!(meant("banana", known), None);
        assert_eq!(meant(&"x".repeat(100_000), known), None);
    }

    #[test]
    fn texts_of_users_stay_on_one_line() {
        assert_eq!(excerpt("a\nb\u{202e}c"), "a\u{fffd}b\u{fffd}c");
        assert_eq!(excerpt(&"x".repeat(100)).chars().count(), 61);
        assert_eq!(list_choices(["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
