//! What comes from another program's installation: runs that ended there, and the word of it in the audit log.

use rigi_model::ProjectName;

use crate::people::{Deed, Entry, audit};
use crate::tables::runs_brought::{self, BroughtRun};
use crate::write::Write;
use crate::{Error, Result, Store};

impl Store {
    /// Brings runs in that ended elsewhere, all or none. Their versions, logs and files are stored before.
    ///
    /// # Errors
    /// [`Error::Conflict`] if one of them is here, or has not ended.
    pub async fn bring_runs(&self, runs: &[BroughtRun]) -> Result<()> {
        let open =
            |one: &&BroughtRun| one.run.status.ended_at.is_none() || !one.run.status.state.is_terminal();
        if let Some(open) = runs.iter().find(open) {
            return Err(Error::Conflict(format!("run {} has not ended", open.run.request.id)));
        }
        let events = runs.iter().flat_map(|run| run.events.iter().cloned()).collect();
        self.write(Write { rows: runs_brought::rows(runs), events, ..Write::default() }).await
    }

    /// Writes into the audit log that things were brought from elsewhere, with how many of what.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn tell_brought(
        &self,
        project: &ProjectName,
        from: &str,
        counts: serde_json::Value,
        deed: &Deed,
    ) -> Result<()> {
        let mut write = Write::default();
        let entry = Entry {
            action: "imports.bring",
            project: Some(project),
            subject: "import",
            id: from,
            after: Some(counts),
            before: None,
        };
        audit::add(&mut write, deed, entry);
        self.write(write).await
    }
}
