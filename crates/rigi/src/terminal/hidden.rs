//! Reads lines from the terminal without showing them.

use std::io::{self, Write as _};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
pub enum Typed {
    /// A line, without its end.
    Line(String),
    /// Ctrl-C, or nothing but Ctrl-D.
    Nothing,
}

/// Puts the terminal back, however reading ends. Keys that would end the process are read as keys, so that this is done.
struct Quiet {
    before: Termios,
}

impl Quiet {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes &= !(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Self { before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.before);
    }
}

/// Asks for lines on standard error, one after the other, and reads them from standard input, which is a terminal. Nothing is
/// asked for before nothing is shown.
///
/// # Errors
/// If the terminal cannot be read, or what was typed is no text.
pub fn read_hidden<const N: usize>(prompts: [&str; N]) -> io::Result<[Typed; N]> {
    let _quiet = Quiet::begin()?;
    let mut typed = [const { Typed::Nothing }; N];
    for (line, prompt) in typed.iter_mut().zip(prompts) {
        let _ = write!(io::stderr(), "{prompt}");
        let _ = io::stderr().flush();
        *line = read_keys(io::stdin().lock())?;
        let _ = writeln!(io::stderr());
        if *line == Typed::Nothing {
            break;
        }
    }
    Ok(typed)
}

fn read_keys(keys: impl io::BufRead) -> io::Result<Typed> {
    let mut line = Vec::new();
    for key in keys.bytes() {
        match key? {
            b'\r' | b'\n' => break,
            // Ctrl-C.
            3 => return Ok(Typed::Nothing),
            // Ctrl-D.
            4 if line.is_empty() => return Ok(Typed::Nothing),
            4 => break,
            // Backspace takes a character, not a byte.
            8 | 127 => while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
            // Ctrl-U.
            21 => line.clear(),
            byte => line.push(byte),
        }
    }
    let text = String::from_utf8(line);
    text.map(Typed::Line).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "this is no UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_heeded() {
        let typed = |keys: &str| read_keys(keys.as_bytes()).unwrap();
        assert_eq!(typed("hunter2\rmore"), Typed::Line("hunter2".into()));
        assert_eq!(typed("huntä\u{7f}er✓\u{8}2\n"), Typed::Line("hunter2".into()));
        assert_eq!(typed("wrong\u{15}right\u{4}"), Typed::Line("right".into()));
        assert_eq!((typed("hunt\u{3}"), typed("\u{4}")), (Typed::Nothing, Typed::Nothing));
        assert!(read_keys(&[0xff, b'\n'][..]).is_err());
    }
}
