//! What came of bringing something here: how much of what, and each thing that did not come or is another here, with why.

use serde::Serialize;

/// Names that one note tells; of the others, how many there are.
const NAMED: usize = 20;

/// What came of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Nothing was written.
    pub dry_run: bool,
    /// By subject, in the order in which they came.
    pub subjects: Vec<Counts>,
    /// What did not come, is another here, or is to be done.
    pub notes: Vec<Note>,
    /// A piece of `rigi.toml` that says what settings said there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<String>,
    /// What to do next.
    pub next: Vec<String>,
}

/// How much of one subject came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// `people`, `runs`, `schedules`.
    pub subject: &'static str,
    /// Brought now.
    pub new: u64,
    /// Here already.
    pub here: u64,
    /// Not brought.
    pub left_out: u64,
}

/// What a note is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoteKind {
    /// It did not come.
    LeftOut,
    /// It came, and is another here.
    Differs,
    /// Somebody has to do it.
    ToDo,
}

impl NoteKind {
    /// For people, before the note.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::LeftOut => "left out",
            Self::Differs => "differs",
            Self::ToDo => "to do",
        }
    }
}

/// A note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// As in [`Counts`].
    pub subject: &'static str,
    /// What it is about.
    pub kind: NoteKind,
    /// Of which of them, the first twenty.
    pub names: Vec<String>,
    /// How many they are.
    pub count: u64,
    /// Why, and what to do.
    pub why: String,
}

impl Report {
    fn counts(&mut self, subject: &'static str) -> &mut Counts {
        let at = self.subjects.iter().position(|counts| counts.subject == subject);
        let at = at.unwrap_or_else(|| {
            self.subjects.push(Counts { subject, ..Counts::default() });
            self.subjects.len() - 1
        });
        &mut self.subjects[at]
    }

    /// Has a subject shown, although nothing of it may come.
    pub fn about(&mut self, subject: &'static str) {
        self.counts(subject);
    }

    /// So many came.
    pub fn came(&mut self, subject: &'static str, count: u64) {
        self.counts(subject).new += count;
    }

    /// So many were here.
    pub fn here(&mut self, subject: &'static str, count: u64) {
        self.counts(subject).here += count;
    }

    /// This one does not come.
    pub fn left_out(&mut self, subject: &'static str, name: &str, why: impl Into<String>) {
        self.counts(subject).left_out += 1;
        self.note(subject, NoteKind::LeftOut, name, why);
    }

    /// This one is another here.
    pub fn differs(&mut self, subject: &'static str, name: &str, why: impl Into<String>) {
        self.note(subject, NoteKind::Differs, name, why);
    }

    /// This is to be done.
    pub fn ask(&mut self, subject: &'static str, name: &str, why: impl Into<String>) {
        self.note(subject, NoteKind::ToDo, name, why);
    }

    /// Those of one reason are one note.
    fn note(&mut self, subject: &'static str, kind: NoteKind, name: &str, why: impl Into<String>) {
        let why = why.into();
        let name = rigi_model::text::plain_line(name, 120);
        let same = |note: &&mut Note| note.subject == subject && note.kind == kind && note.why == why;
        if let Some(note) = self.notes.iter_mut().find(same) {
            note.count += 1;
            if note.names.len() < NAMED && !note.names.contains(&name) {
                note.names.push(name);
            }
            return;
        }
        self.notes.push(Note { subject, kind, names: vec![name], count: 1, why });
    }

    /// Whether anything of it was new.
    #[must_use]
    pub fn brought_anything(&self) -> bool {
        self.subjects.iter().any(|counts| counts.new > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_of_one_reason_are_one_note() {
        let mut report = Report::default();
        for number in 0..30 {
            report.left_out("runs", &format!("run {number}"), "its pipeline has no name");
        }
        report.left_out("runs", "x\u{1b}[2Jy", "another reason");
        report.here("runs", 2);
        assert_eq!(report.subjects, [Counts { subject: "runs", new: 0, here: 2, left_out: 31 }]);
        assert_eq!((report.notes[0].count, report.notes[0].names.len()), (30, NAMED));
        assert!(!report.notes[1].names[0].contains('\u{1b}'));
        assert!(!report.brought_anything());
    }
}
