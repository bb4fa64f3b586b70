//! How answers are printed: as a table for people, as JSON or YAML for programs, as names for shells.

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::table::{Column, Field, Heads, lay_out};
use crate::terminal::{Terminal, hand_on, say, seen_json, set_in};

/// Format of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people, as wide as the terminal.
    #[default]
    Table,
    /// For people, every column.
    Wide,
    /// Exact, as the API says it.
    Json,
    /// The same in YAML.
    Yaml,
    /// Ids or names only, one a line.
    Name,
}

/// Flags of every command that prints things.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct OutputArgs {
    /// How to print
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    pub output: Format,
    /// Leave the heads of the columns out
    #[arg(long, help_heading = "Output")]
    pub no_headers: bool,
    /// Print ids or names only, as `-o name`
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

impl OutputArgs {
    /// The format, `--quiet` heeded.
    #[must_use]
    pub const fn format(self) -> Format {
        if self.quiet { Format::Name } else { self.output }
    }

    /// Whether people read it.
    #[must_use]
    pub const fn is_for_people(self) -> bool {
        matches!(self.format(), Format::Table | Format::Wide)
    }
}

/// A list: what is printed of each of its items.
pub struct List<'a, T> {
    /// The items.
    pub items: &'a [T],
    /// Columns of the table.
    pub columns: &'a [Column],
    /// Further columns of the wide table.
    pub wide: &'a [Column],
    /// The cells of an item, for all columns.
    pub row: &'a dyn Fn(&T) -> Vec<Field>,
    /// Its id or name.
    pub name: &'a dyn Fn(&T) -> String,
    /// Said on standard error when there is nothing.
    pub nothing: &'a str,
}

impl<T: Serialize> List<'_, T> {
    /// Prints it.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn print(&self, how: OutputArgs, terminal: &Terminal) -> anyhow::Result<()> {
        if !how.is_for_people() {
            return print_value(&self.items, how, || self.items.iter().map(self.name).collect());
        }
        if self.items.is_empty() {
            eprintln!("{}", self.nothing);
            return Ok(());
        }
        let wide = how.format() == Format::Wide;
        let columns: Vec<Column> =
            self.columns.iter().chain(if wide { self.wide } else { &[] }).copied().collect();
        let rows: Vec<Vec<Field>> = self.items.iter().map(self.row).collect();
        let heads = if how.no_headers { Heads::Left } else { Heads::Shown };
        let width = (!wide).then_some(terminal.width);
        Ok(say(&lay_out(&columns, &rows, width, heads, terminal))?)
    }
}

/// Prints one thing for programs. For people there is no general way: the command does it before.
///
/// # Errors
/// When standard output cannot be written.
pub fn print_value(
    value: &impl Serialize,
    how: OutputArgs,
    names: impl FnOnce() -> Vec<String>,
) -> anyhow::Result<()> {
    let text = match how.format() {
        Format::Yaml => yaml(value)?,
        Format::Name => {
            let names = names();
            if names.is_empty() {
                return Ok(());
            }
            names.join("\n")
        }
        Format::Json | Format::Table | Format::Wide => {
            seen_json(&serde_json::to_string_pretty(value).context("writing the answer as JSON")?)
        }
    };
    Ok(hand_on(&text)?)
}

/// A value as YAML.
///
/// # Errors
/// When it cannot be written so.
pub fn yaml(value: &impl Serialize) -> anyhow::Result<String> {
    // By way of JSON, so that both formats say the same to the letter.
    let value = serde_json::to_value(value).context("writing the answer as YAML")?;
    serde_saphyr::to_string(&value).context("writing the answer as YAML")
}

/// Lines of label and text, labels of one width: how one thing is shown to people.
#[must_use]
pub fn facts(lines: &[(&str, String)]) -> String {
    let width = lines.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    let lines = lines.iter().filter(|(_, text)| !text.is_empty());
    // A painted text is one of our own words.
    let text =
        |text: &str| if text.starts_with('\u{1b}') { text.to_owned() } else { set_in(text, width + 2) };
    lines.map(|(label, said)| format!("{label:<width$}  {}\n", text(said))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_stay_below_their_label() {
        let lines = [("name", "a\u{202e}b".to_owned()), ("about", "one\nstate  ready".to_owned())];
        assert_eq!(facts(&lines), "name   a\\u{202e}b\nabout  one\n       state  ready\n");
    }
}
