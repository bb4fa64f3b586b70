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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        assert_eq!(shown("a\nb\u{1b}[31m\u{202e}x\u{200b}\u{9b}"), r"a\nb\u{1b}[31m\u{202e}x\u{200b}\u{9b}");
        for plain in
            ["monthly report", "Überblick-数据", "été", "a (v2) + b", "🚀", "2\u{202f}400", "⚠\u{fe0f}"]
        {
            assert!(matches!(shown(plain), Cow::Borrowed(_)), "{plain}");
        }
    }
}
