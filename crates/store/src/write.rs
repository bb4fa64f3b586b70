//! What is written beside runs: rows of any table and events of any subject, in one piece. There is no other way into the database.

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::{ProjectName, Timestamp};

use crate::rows::Rows;

/// Rows and events that are written together, or not at all.
#[derive(Debug, Default)]
pub(crate) struct Write {
    pub rows: Rows<'static>,
    pub events: Vec<SubjectEvent>,
    /// A removal: it sees what was written before it, and nothing is written beside it.
    pub alone: bool,
    /// Lines of the audit log are among the rows.
    pub audited: bool,
}

impl Write {
    /// One that tells this.
    pub(crate) fn telling(
        project: &ProjectName,
        subject: Subject,
        id: &str,
        kind: &'static str,
        at: Timestamp,
    ) -> Self {
        let mut write = Self::default();
        write.tell(project, subject, id, kind, at);
        write
    }

    /// Tells this beside what it writes.
    pub(crate) fn tell(
        &mut self,
        project: &ProjectName,
        subject: Subject,
        id: &str,
        kind: &'static str,
        at: Timestamp,
    ) {
        let (project, id) = (project.clone(), id.to_owned());
        self.events.push(SubjectEvent { project, subject, id, at, kind, message: None });
    }

    /// One that removes.
    pub(crate) fn removal() -> Self {
        Self { alone: true, ..Self::default() }
    }
}
