//! What the terminal is: how wide, whether it shows colours; and the only way to standard output.

pub mod exit;
pub mod failure;
pub mod hidden;

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};

pub use exit::Exit;
pub use failure::{Failure, of_any};
use rigi_api::view::MistakeView;
use rigi_model::text::{shown, steers};

/// Colours by their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Ended well.
    Green,
    /// Ended badly.
    Red,
    /// Goes on.
    Blue,
    /// Waits after a failure; standard error of a run.
    Amber,
    /// Beside the point.
    Grey,
}

impl Colour {
    const fn code(self) -> &'static str {
        match self {
            Self::Green => "\u{1b}[32m",
            Self::Red => "\u{1b}[31m",
            Self::Blue => "\u{1b}[34m",
            Self::Amber => "\u{1b}[33m",
            Self::Grey => "\u{1b}[90m",
        }
    }
}

/// The terminal, or whatever is in its place.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    /// Standard output is one.
    pub out: bool,
    /// Standard error is one.
    pub err: bool,
    /// It shows colours.
    pub colours: bool,
    /// Its columns.
    pub width: usize,
}

/// Where nobody says otherwise.
const WIDTH: usize = 80;

impl Terminal {
    /// The one of this process. `NO_COLOR` (any value but an empty one) and `TERM=dumb` switch colours off.
    #[must_use]
    pub fn of_process() -> Self {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let says = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { out, err, colours: !says("NO_COLOR") && !dumb, width: width(out) }
    }

    /// Nothing but text, so many columns wide.
    #[cfg(test)]
    #[must_use]
    pub const fn plain(width: usize) -> Self {
        Self { out: false, err: false, colours: false, width }
    }

    /// Coloured on standard output.
    #[must_use]
    pub fn paint(&self, colour: Colour, text: &str) -> String {
        paint(self.out && self.colours, colour, text)
    }

    /// Coloured on standard error.
    #[must_use]
    pub fn paint_err(&self, colour: Colour, text: &str) -> String {
        paint(self.err && self.colours, colour, text)
    }
}

fn paint(on: bool, colour: Colour, text: &str) -> String {
    if on && !text.is_empty() { format!("{}{text}\u{1b}[0m", colour.code()) } else { text.to_owned() }
}

fn width(is_terminal: bool) -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let seen = || if is_terminal { comfy_table::Table::new().width().map(usize::from) } else { None };
    told.or_else(seen).filter(|&columns| columns >= 20).unwrap_or(WIDTH)
}

/// Says something to people on standard output. Whatever names and words of others are in it, nothing steers the terminal.
///
/// # Errors
/// When it cannot be written; a closed pipe is such an error, which [`is_closed_pipe`] tells apart.
pub fn say(text: &str) -> io::Result<()> {
    write_out(&without_steering(text))
}

/// Hands something to a program on standard output, as it is; only a terminal gets it as people do.
///
/// # Errors
/// As [`say`].
pub fn hand_on(text: &str) -> io::Result<()> {
    if io::stdout().is_terminal() { say(text) } else { write_out(text) }
}

/// Says something to people on standard error.
pub fn remark(text: &str) {
    eprintln!("{}", without_steering(text.trim_end_matches('\n')));
}

fn write_out(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Several lines without what would steer the terminal; our own colours stay.
fn without_steering(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| harmless(line, true)).collect();
    lines.join("\n")
}

/// A text of others below a label: its further lines are set in, so that none passes for one of ours.
#[must_use]
pub fn set_in(text: &str, columns: usize) -> String {
    let lines: Vec<_> = text.split('\n').map(shown).collect();
    lines.join(&format!("\n{}", " ".repeat(columns)))
}

/// JSON that says the same and holds no character that cannot be seen: those stand as `\u202e`.
#[must_use]
pub fn seen_json(json: &str) -> String {
    let mut seen = String::with_capacity(json.len());
    for character in json.chars() {
        if character != '\n' && steers(character) {
            // All of them have sixteen bits; writing to a String cannot fail.
            let _ = write!(seen, "\\u{:04x}", u32::from(character));
        } else {
            seen.push(character);
        }
    }
    seen
}

/// Whether the reader of our output went away, as in `rigi runs list | head`: nothing is wrong then.
#[must_use]
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    // Not the whole chain: a connection to the server that breaks is something else.
    error.downcast_ref::<io::Error>().is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// Takes out what would steer the terminal: control characters but tab, and signs that turn the direction of writing, become
/// `\u{FFFD}`; colours stay on a terminal that shows them.
#[must_use]
pub fn harmless(text: &str, keep_colours: bool) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| steers(c) && c != '\t') {
        let (before, from) = rest.split_at(at);
        clean.push_str(before);
        let colour = colour_length(from);
        if colour > 0 {
            if keep_colours {
                clean.push_str(&from[..colour]);
            }
            rest = &from[colour..];
            continue;
        }
        let control = from.chars().next().unwrap_or('\0');
        if control != '\r' {
            clean.push('\u{fffd}');
        }
        rest = &from[control.len_utf8()..];
    }
    clean.push_str(rest);
    clean
}

/// Bytes of the colour sequence (`ESC [ digits ; … m`) that the text starts with; 0 is none.
fn colour_length(text: &str) -> usize {
    let Some(body) = text.strip_prefix("\u{1b}[") else { return 0 };
    let end = body.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(body.len());
    if body[end..].starts_with('m') { 2 + end + 1 } else { 0 }
}

/// `file:line:column`, as editors and compilers write it.
#[must_use]
pub fn place(mistake: &MistakeView) -> String {
    let file = shown(&mistake.file);
    match mistake.line {
        0 => file.into_owned(),
        line => format!("{file}:{line}:{}", mistake.column.max(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_the_terminal_is_taken_out() {
        let text = "a\u{1b}[31mred\u{1b}[0m\tb\u{1b}]0;title\u{7}c\rd\u{1b}[2J";
        assert_eq!(harmless(text, false), "ared\tb\u{fffd}]0;title\u{fffd}cd\u{fffd}[2J");
        assert_eq!(harmless(text, true), "a\u{1b}[31mred\u{1b}[0m\tb\u{fffd}]0;title\u{fffd}cd\u{fffd}[2J");
        assert_eq!(harmless("plain é", false), "plain é");
        assert_eq!(harmless("a\u{202e}b", true), "a\u{fffd}b");
        assert_eq!(
            without_steering("a\u{1b}[32mb\u{1b}[0m\n\u{1b}[2Jc"),
            "a\u{1b}[32mb\u{1b}[0m\n\u{fffd}[2Jc"
        );
    }

    #[test]
    fn no_line_of_others_passes_for_one_of_ours() {
        assert_eq!(set_in("a\nerror: b\u{1b}[1m", 2), "a\n  error: b\\u{1b}[1m");
    }

    #[test]
    fn json_says_the_same_without_steering() {
        let value = serde_json::json!({ "name": "a\u{202e}b\u{9b}31m\u{7f}", "lines": "x\ny" });
        let text = seen_json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!text.contains(['\u{202e}', '\u{9b}', '\u{7f}']), "{text:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
