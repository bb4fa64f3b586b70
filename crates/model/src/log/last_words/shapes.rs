//! What lines look like that end a program, and those that nobody quotes.

/// What kind of closing line it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// That of a traceback of Python.
    Traceback,
    /// It begins as only such lines do: `panic: `, `Error in f() :`, `thread 'main' panicked at`.
    Headed,
    /// The name of an exception and its message: `TypeError: x`.
    Named,
}

/// What stands before `Traceback` on the line that begins one of Python.
pub fn traceback_prefix(text: &[u8]) -> Option<&[u8]> {
    text.strip_suffix(b"Traceback (most recent call last):")
}

/// Whether the next traceback is told of and ends nothing.
pub fn ends_nothing(text: &[u8]) -> bool {
    text.starts_with(b"Exception ignored") || text == b"--- Logging error ---"
}

/// Whether the line closes a traceback: `module.Error: text`, or the name alone.
pub fn is_exception(text: &[u8]) -> bool {
    let end = memchr::memchr2(b':', b' ', text).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    is_name(name) && (rest.is_empty() || rest == b":" || rest.starts_with(b": "))
}

/// What kind of closing line this is, if it is one.
pub fn closing(text: &[u8]) -> Option<Closing> {
    const HEADS: [&[u8]; 9] = [
        b"panic: ",
        b"fatal error: ",
        b"PHP Fatal error:",
        b"Uncaught ",
        b"Unhandled exception",
        b"Unhandled Exception",
        b"Exception in thread \"",
        b"Error in ",
        b"ERROR: LoadError: ",
    ];
    // Most lines begin with none of these letters.
    let is_headed = match text.first()? {
        b'p' | b'f' | b'P' | b'U' | b'E' => HEADS.iter().any(|head| text.starts_with(head)),
        b't' => text.starts_with(b"thread '") && has(text, b" panicked at "),
        b'C' => text.starts_with(b"Cell ") && ends_cell(text),
        b'T' => text.starts_with(b"The cell with the parameters ") && ends_cell(text),
        _ => false,
    };
    if is_headed {
        return Some(Closing::Headed);
    }
    is_named(text).then_some(Closing::Named)
}

/// As notebooks end.
fn ends_cell(text: &[u8]) -> bool {
    has(text, b" failed: ") || has(text, b" ended with exit ")
}

/// `TypeError: x`, `java.io.IOException`, `Error [ERR_X]: x`.
fn is_named(text: &[u8]) -> bool {
    let end = memchr::memchr2(b':', b' ', text).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let is_one = name.ends_with(b"Error") || name.ends_with(b"Exception") || name == b"KeyboardInterrupt";
    let says = rest.starts_with(b": ") || (rest.is_empty() && name != b"Error" && name != b"Exception");
    is_one && is_name(name) && (says || (rest.starts_with(b" [") && has(rest, b"]: ")))
}

/// `Error`, `a.b.Error`, `f.<locals>.Error`, in any script.
fn is_name(text: &[u8]) -> bool {
    let letter = |b: u8| b.is_ascii_alphabetic() || b == b'_' || b >= 0x80;
    let rest = |b: &u8| letter(*b) || b.is_ascii_digit() || matches!(b, b'.' | b'<' | b'>' | b'$' | b'\\');
    text.first().is_some_and(|first| letter(*first)) && text.iter().all(rest)
}

/// Whether a line says nothing of why a program ended: traces of the shell, progress, news, and what stands around the
/// words of an exception.
pub fn is_noise(text: &str) -> bool {
    const HEADS: [&str; 15] = [
        "+ ",
        "++ ",
        "^",
        "note: run with `RUST_BACKTRACE",
        "note: Some details are omitted",
        "exit status ",
        "Execution halted",
        "Calls: ",
        "Node.js v",
        "(Use `node --trace",
        "Stacktrace:",
        "Stack trace:",
        "Backtrace:",
        "in expression starting at ",
        "Traceback (most recent call last)",
    ];
    !text.contains(char::is_alphabetic)
        || HEADS.iter().any(|head| text.starts_with(head))
        || (text.starts_with("at ") && text.contains(':'))
        || (text.starts_with("make") && text.contains("] Error "))
        || text.contains("%|")
        || text.contains("Warning: ")
        || is_news(text)
}

/// A line of a log below an error.
fn is_news(text: &str) -> bool {
    const LEVELS: [&str; 6] = ["debug", "info", "notice", "trace", "warn", "warning"];
    let head: String = text.chars().take(80).collect();
    let mut words = head.split(|c: char| !c.is_alphanumeric());
    if words.any(|word| word.chars().all(char::is_uppercase) && LEVELS.contains(&&*word.to_lowercase())) {
        return true;
    }
    let head = head.to_lowercase();
    let level = head.split_once("level").map(|(_, rest)| rest.trim_start_matches(['"', ':', '=', ' ']));
    let first = head.trim_start_matches(['[', '<']).split_once([':', ']', '>']).map(|(first, _)| first);
    level.is_some_and(|level| LEVELS.iter().any(|name| level.starts_with(name)))
        || first.is_some_and(|first| LEVELS.contains(&first))
}

fn has(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}
