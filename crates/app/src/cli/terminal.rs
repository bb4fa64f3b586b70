//! What the terminal is: how wide, whether it shows colours; and the only way to standard output.

use std::io::{self, IsTerminal as _, Write as _};

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

/// Writes to standard output.
///
/// # Errors
/// When it cannot be written; a closed pipe is such an error, which [`is_closed_pipe`] tells apart.
pub fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Whether the reader of our output went away, as in `rigi runs list | head`: nothing is wrong then.
#[must_use]
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    // Not the whole chain: a connection to the server that breaks is something else.
    error.downcast_ref::<io::Error>().is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// Takes out what would steer the terminal: control characters but tab become `\u{FFFD}`; colours stay on a terminal
/// that shows them.
#[must_use]
pub fn harmless(text: &str, keep_colours: bool) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_control() && c != '\t') {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_the_terminal_is_taken_out() {
        let text = "a\u{1b}[31mred\u{1b}[0m\tb\u{1b}]0;title\u{7}c\rd\u{1b}[2J";
        assert_eq!(harmless(text, false), "ared\tb\u{fffd}]0;title\u{fffd}cd\u{fffd}[2J");
        assert_eq!(harmless(text, true), "a\u{1b}[31mred\u{1b}[0m\tb\u{fffd}]0;title\u{fffd}cd\u{fffd}[2J");
        assert_eq!(harmless("plain é", false), "plain é");
    }
}
