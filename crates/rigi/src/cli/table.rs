//! Tables that fit the terminal: what does not fit is left out by columns, never wrapped.

use comfy_table::{Cell, Color, Table, presets};
use rigi_model::text::steers;

use crate::terminal::{Colour, Terminal};

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its head.
    pub head: &'static str,
    /// Which columns go first when there is no room: the highest; 0 never goes.
    pub rank: u8,
    /// Its cells may be cut to this many characters when there is no room; 0 is never.
    pub least: usize,
}

impl Column {
    /// A column that always stays, whole.
    #[must_use]
    pub const fn fixed(head: &'static str) -> Self {
        Self { head, rank: 0, least: 0 }
    }

    /// A column that goes when there is no room, the highest rank first.
    #[must_use]
    pub const fn ranked(head: &'static str, rank: u8) -> Self {
        Self { head, rank, least: 0 }
    }

    /// A column that always stays, but whose cells may be cut.
    #[must_use]
    pub const fn elastic(head: &'static str, least: usize) -> Self {
        Self { head, rank: 0, least }
    }
}

/// A cell: its text and its colour.
#[derive(Debug, Clone)]
pub struct Field {
    /// Text; an empty one reads `–`.
    pub text: String,
    /// Colour, if it has one.
    pub colour: Option<Colour>,
}

impl<T: Into<String>> From<T> for Field {
    fn from(text: T) -> Self {
        Self { text: text.into(), colour: None }
    }
}

impl Field {
    /// A coloured cell.
    #[must_use]
    pub fn coloured(colour: Colour, text: impl Into<String>) -> Self {
        Self { text: text.into(), colour: Some(colour) }
    }
}

/// Between two columns.
const GAP: usize = 2;

/// Whether the heads stand above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heads {
    /// They do.
    Shown,
    /// They do not.
    Left,
}

/// Lays the rows out in so many columns of the terminal; `None` is as wide as it takes.
#[must_use]
pub fn lay_out(
    columns: &[Column],
    rows: &[Vec<Field>],
    width: Option<usize>,
    heads: Heads,
    terminal: &Terminal,
) -> String {
    let natural: Vec<usize> =
        (0..columns.len()).map(|index| natural_width(columns, rows, index, heads)).collect();
    let kept = keep(columns, &natural, width);
    let limits = shrink(columns, &natural, &kept, width);
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty();
    if terminal.out && terminal.colours {
        table.enforce_styling();
    }
    if heads == Heads::Shown {
        let head = |&index: &usize| {
            cell(&Field { text: columns[index].head.to_owned(), colour: Some(Colour::Grey) }, usize::MAX)
        };
        table.set_header(kept.iter().map(head).collect::<Vec<_>>());
    }
    for row in rows {
        let cells =
            kept.iter().zip(&limits).filter_map(|(&index, &limit)| Some(cell(row.get(index)?, limit)));
        table.add_row(cells.collect::<Vec<_>>());
    }
    let last = kept.len().saturating_sub(1);
    for (at, column) in table.column_iter_mut().enumerate() {
        // Behind a coloured cell nothing is trimmed, and must not stand over the edge.
        let gap = if at == last { 0 } else { u16::try_from(GAP).unwrap_or(2) };
        column.set_padding((0, gap));
    }
    table.trim_fmt()
}

fn natural_width(columns: &[Column], rows: &[Vec<Field>], index: usize, heads: Heads) -> usize {
    let head = if heads == Heads::Shown { columns[index].head.chars().count() } else { 0 };
    let cells = rows.iter().filter_map(|row| row.get(index)).map(|field| field.text.chars().count().max(1));
    cells.max().unwrap_or(0).max(head)
}

/// The columns that stay. A long text in an elastic one drives nobody out: it counts with 48 characters at most.
fn keep(columns: &[Column], natural: &[usize], width: Option<usize>) -> Vec<usize> {
    const ENOUGH: usize = 48;
    let mut kept: Vec<usize> = (0..columns.len()).collect();
    let Some(width) = width else { return kept };
    let needs = |index: usize| match columns[index].least {
        0 => natural[index],
        least => natural[index].min(ENOUGH.max(least)),
    };
    loop {
        let sum: usize = kept.iter().map(|&index| needs(index) + GAP).sum();
        let last = kept
            .iter()
            .copied()
            .filter(|&index| columns[index].rank > 0)
            .max_by_key(|&index| columns[index].rank);
        match last {
            Some(last) if sum.saturating_sub(GAP) > width => kept.retain(|&index| index != last),
            _ => return kept,
        }
    }
}

/// How many characters the cells of each kept column may have.
fn shrink(columns: &[Column], natural: &[usize], kept: &[usize], width: Option<usize>) -> Vec<usize> {
    let mut limits: Vec<usize> = kept.iter().map(|&index| natural[index]).collect();
    let Some(width) = width else { return limits };
    let sum: usize = limits.iter().map(|limit| limit + GAP).sum();
    let mut over = sum.saturating_sub(GAP).saturating_sub(width);
    // The widest gives first, so that a short name is not cut for a long message.
    let mut order: Vec<usize> = (0..kept.len()).filter(|&at| columns[kept[at]].least > 0).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(limits[at]));
    for at in order {
        let give = over.min(limits[at].saturating_sub(columns[kept[at]].least));
        limits[at] -= give;
        over -= give;
    }
    limits
}

fn cell(field: &Field, limit: usize) -> Cell {
    let text = if field.text.is_empty() { "–".to_owned() } else { cut(&field.text, limit) };
    let cell = Cell::new(text);
    match field.colour {
        None => cell,
        Some(Colour::Green) => cell.fg(Color::DarkGreen),
        Some(Colour::Red) => cell.fg(Color::DarkRed),
        Some(Colour::Blue) => cell.fg(Color::DarkBlue),
        Some(Colour::Amber) => cell.fg(Color::DarkYellow),
        Some(Colour::Grey) => cell.fg(Color::DarkGrey),
    }
}

/// At most so many characters, with `…` for what is left out. One line, whatever the text holds.
#[must_use]
pub fn cut(text: &str, limit: usize) -> String {
    let blank = |c: char| if c.is_whitespace() && c.is_control() { ' ' } else { '\u{fffd}' };
    let line: String = text.chars().map(|c| if steers(c) { blank(c) } else { c }).collect();
    if line.chars().count() <= limit {
        return line;
    }
    let kept: String = line.chars().take(limit.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        Column::fixed("RUN"),
        Column::elastic("PIPELINE", 8),
        Column::elastic("STATE", 12),
        Column::ranked("STARTED", 1),
        Column::ranked("TOOK", 2),
        Column::ranked("BY", 3),
    ];

    fn rows() -> Vec<Vec<Field>> {
        let row = |cells: [&str; 6]| cells.map(Field::from).to_vec();
        vec![
            row(["7Q2A", "co2-trend", "running · about 1 min left", "4 s ago", "4 s", "you"]),
            row([
                "7Q07",
                "fetch",
                "retrying in 28 s · exit 1, attempt 2 of 5",
                "1 min ago",
                "12 s",
                "after parse",
            ]),
            row([
                "7Q19",
                "nightly",
                "queued · 2nd of 3, limit of 1 at a time",
                "",
                "",
                "schedule \"nightly\"",
            ]),
        ]
    }

    fn at(width: Option<usize>) -> String {
        let text = lay_out(COLUMNS, &rows(), width, Heads::Shown, &Terminal::plain(80));
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(width.is_none_or(|width| widest <= width), "{widest} of {width:?}:\n{text}");
        assert_eq!(text.lines().count(), 4, "nothing wraps:\n{text}");
        text
    }

    #[test]
    fn columns_go_until_the_rest_fits() {
        insta::assert_snapshot!(format!(
            "{}\n\n{}\n\n{}\n\n{}",
            at(Some(40)),
            at(Some(80)),
            at(Some(120)),
            at(None)
        ));
    }

    #[test]
    fn colours_take_no_room() {
        let terminal = Terminal { out: true, err: false, colours: true, width: 80 };
        let rows = vec![vec![Field::coloured(Colour::Red, "failed"), Field::from("x")]];
        let columns = [Column::fixed("A"), Column::fixed("B")];
        let coloured = lay_out(&columns, &rows, Some(9), Heads::Shown, &terminal);
        assert!(coloured.contains("\u{1b}["), "{coloured:?}");
        assert_eq!(crate::terminal::harmless(&coloured.replace('\n', "|"), false), "A       B|failed  x");
    }

    #[test]
    fn long_and_broken_texts_stay_on_one_line() {
        assert_eq!(cut("a\nb\tc", 9), "a b c");
        assert_eq!(cut("\u{1b}[2Ja\u{202e}b", 9), "\u{fffd}[2Ja\u{fffd}b");
        assert_eq!(cut("seven of nine", 7), "seven…");
    }
}
