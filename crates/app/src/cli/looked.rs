//! What a check has looked at, one line for each thing, with the cure where it is not well.

use serde::Serialize;

use super::exit::Exit;
use super::output::{OutputArgs, print_value};
use super::session::Session;
use super::terminal::{Colour, say};

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub struct Looked {
    /// Which.
    pub what: String,
    /// Whether it is well.
    pub ok: bool,
    /// In words; or what is wrong.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

/// Prints them; the exit says whether all is well.
///
/// # Errors
/// If nothing can be printed.
pub fn tell(looked: &[Looked], output: OutputArgs, session: &Session) -> anyhow::Result<Exit> {
    let exit = if looked.iter().all(|one| one.ok) { Exit::Ok } else { Exit::Failed };
    if output.is_for_people() {
        say(&show(looked, session))?;
    } else {
        let wrong = || looked.iter().filter(|one| !one.ok).map(|one| one.what.clone()).collect();
        print_value(&looked, output, wrong)?;
    }
    Ok(exit)
}

fn show(looked: &[Looked], session: &Session) -> String {
    let width = looked.iter().map(|one| one.what.chars().count()).max().unwrap_or(0);
    let one = |one: &Looked| {
        let mark = if one.ok { (Colour::Green, "✓") } else { (Colour::Red, "✗") };
        let mark = session.terminal.paint(mark.0, mark.1);
        let cure = one.cure.as_ref().map(|cure| format!("\n  {:<width$}  → {cure}", "")).unwrap_or_default();
        format!("{mark} {:<width$}  {}{cure}\n", one.what, one.message)
    };
    let lines: String = looked.iter().map(one).collect();
    let wrong = looked.iter().filter(|one| !one.ok).count();
    let last = match wrong {
        0 => "Everything is well.".to_owned(),
        1 => "One thing is not well.".to_owned(),
        many => format!("{many} things are not well."),
    };
    format!("{lines}{last}")
}
