//! The ways in which a value may stand in a text.

use std::collections::HashSet;

use super::{LONGEST, SHORTEST};

/// As `base64` and as MIME has it: characters of a line.
const BASE64_LINES: [usize; 2] = [76, 64];
/// What a URL has as it is beside letters, digits and `-_.`, by who writes it: RFC 3986 and the one before it, Python's `quote`
/// of both, JavaScript's `encodeURIComponent` and `encodeURI`.
const URL_PLAIN: [&str; 6] = ["~", "", "~/", "/", "~!'()*", "~!'()*;,/?:@&=+$#"];
/// The same of forms, in which a space is a plus: browsers, and Python's `quote_plus`.
const FORM_PLAIN: [&str; 3] = ["*", "~", ""];
const UPPER: &[u8; 16] = b"0123456789ABCDEF";
const LOWER: &[u8; 16] = b"0123456789abcdef";

/// Adds the needles of a value, and of each of its lines where it has several.
pub(super) fn add_forms(value: &str, needles: &mut HashSet<Box<str>>) {
    let lines: Vec<&str> = value.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let long = |line: &&&str| line.chars().count() >= SHORTEST;
    for line in lines.iter().filter(long) {
        add_pieces(line, needles);
        add_encoded(line, needles);
    }
    if value.chars().count() < SHORTEST || lines.first() == Some(&value) {
        return;
    }
    // Where each line is covered for itself, a line that has ended need not wait for the next.
    if !lines.iter().all(|line| long(&line)) {
        add_pieces(value, needles);
    }
    add_encoded(value, needles);
}

fn add_encoded(text: &str, needles: &mut HashSet<Box<str>>) {
    // Most values are the same in all of these.
    if !text.bytes().all(is_plain) {
        json(text).iter().for_each(|escaped| add_pieces(escaped, needles));
        for digits in [UPPER, LOWER] {
            for plain in URL_PLAIN {
                add_pieces(&percent(text, plain, "%20", digits), needles);
            }
            for plain in FORM_PLAIN {
                add_pieces(&percent(text, plain, "+", digits), needles);
            }
        }
    }
    for digits in [UPPER, LOWER] {
        let hex: String = text.bytes().flat_map(|byte| two(byte, digits)).collect();
        add_pieces(&hex, needles);
    }
    add_base64(text.as_bytes(), needles);
}

/// A text in needles; the last is as long as the others.
fn add_pieces(text: &str, needles: &mut HashSet<Box<str>>) {
    let mut from = 0;
    while from < text.len() {
        let end = text.floor_char_boundary(from + LONGEST);
        if end == text.len() {
            from = from.min(text.ceil_char_boundary(text.len().saturating_sub(LONGEST)));
        }
        let piece = &text[from..end];
        if piece.len() >= SHORTEST && !needles.contains(piece) {
            needles.insert(piece.into());
        }
        from = end;
    }
}

/// As JSON has it, by who writes it; and as Python shows a text, which is the same but for the quotation marks.
fn json(text: &str) -> [String; 6] {
    let quoted = |text: &str| {
        let quoted = serde_json::to_string(text).unwrap_or_default();
        quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
    };
    let plain = quoted(text);
    let ascii = |digits: &[u8; 16]| {
        let mut out = String::with_capacity(plain.len());
        for c in plain.chars() {
            if c.is_ascii() && c != '\u{7f}' {
                out.push(c);
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                let [high, low] = unit.to_be_bytes();
                out.push_str("\\u");
                out.extend(two(high, digits).into_iter().chain(two(low, digits)));
            }
        }
        out
    };
    let html = plain.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    let slashes = plain.replace('/', "\\/");
    let python = plain.replace("\\\"", "\"");
    [ascii(LOWER), ascii(UPPER), html, slashes, python, plain]
}

fn percent(text: &str, plain: &str, space: &str, digits: &[u8; 16]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let c = char::from(byte);
        if is_plain(byte) || (byte.is_ascii() && plain.contains(c)) {
            out.push(c);
        } else if byte == b' ' {
            out.push_str(space);
        } else {
            out.push('%');
            out.extend(two(byte, digits));
        }
    }
    out
}

/// What nobody escapes.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

fn two(byte: u8, digits: &[u8; 16]) -> [char; 2] {
    [byte >> 4, byte & 15].map(|digit| char::from(digits[usize::from(digit)]))
}

/// With nothing, one or two bytes before it; without the characters that hold bits of its neighbours. And in lines.
fn add_base64(bytes: &[u8], needles: &mut HashSet<Box<str>>) {
    const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const OF_URLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for alphabet in [STANDARD, OF_URLS] {
        for before in 0..3 {
            let own = base64(bytes, before, alphabet);
            add_pieces(&own, needles);
            for width in BASE64_LINES.into_iter().filter(|width| before == 0 && own.len() > *width) {
                for line in own.as_bytes().chunks(width) {
                    add_pieces(std::str::from_utf8(line).unwrap_or_default(), needles);
                }
            }
        }
    }
}

/// The characters that hold bits of these bytes alone, if so many stand before them.
fn base64(bytes: &[u8], before: usize, alphabet: &[u8; 64]) -> String {
    let all: Vec<u8> = std::iter::repeat_n(0, before).chain(bytes.iter().copied()).collect();
    let mut out = String::with_capacity(all.len() / 3 * 4 + 4);
    for three in all.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        out.extend([18, 12, 6, 0].map(|shift| char::from(alphabet[(bits >> shift & 63) as usize])));
    }
    out.truncate(all.len() * 8 / 6);
    out.split_off((before * 8).div_ceil(6))
}
