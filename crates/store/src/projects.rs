//! Projects that people make, rename, archive and delete, each with its line of the audit log.

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::project::{ProjectFacts, ProjectSettings, ProjectState};
use rigi_model::{ProjectName, RunId};
use serde_json::{Value, json};

use crate::people::{Deed, Entry, audit};
use crate::tables::projects as table;
use crate::write::Write;
use crate::{Error, Result, Store};

impl Store {
    /// Makes a project of this name.
    ///
    /// # Errors
    /// [`Error::Conflict`] if there is one of this name.
    pub async fn make_project(
        &self,
        name: &ProjectName,
        settings: ProjectSettings,
        deed: &Deed,
    ) -> Result<ProjectFacts> {
        let facts = ProjectFacts {
            id: self.free_id(name).await?,
            name: name.clone(),
            former: Vec::new(),
            state: ProjectState::Open,
            settings,
            created_at: deed.at,
            made: true,
            deleted_at: None,
        };
        let mut write = telling(&facts.id, SubjectEvent::CREATED, deed);
        table::make(&mut write, &facts, &deed.actor);
        audited(&mut write, deed, "projects.create", &facts.id, None, Some(shown(&facts)));
        self.write(write).await?;
        Ok(facts)
    }

    /// Rows and files of the last one of this name may still be there, or its lines of the audit log.
    pub(crate) async fn free_id(&self, name: &ProjectName) -> Result<ProjectName> {
        if !self.db().knows_project(name.as_str()).await? {
            return Ok(name.clone());
        }
        Ok(Self::other_id(name))
    }

    /// An id that nobody has.
    pub(crate) fn other_id(name: &ProjectName) -> ProjectName {
        // An id is a name as others are.
        let tail = RunId::generate().to_string().to_lowercase();
        let tail = &tail[tail.len() - 8..];
        let short: String = name.as_str().chars().take(40).collect();
        ProjectName::unchecked(format!("{short}-{tail}"))
    }

    /// What a project is from now on: `action` is what is written down of it, such as `projects.rename`.
    ///
    /// # Errors
    /// [`Error::Conflict`] if another has the name.
    pub async fn change_project(
        &self,
        before: &ProjectFacts,
        after: &ProjectFacts,
        action: &'static str,
        deed: &Deed,
    ) -> Result<()> {
        let mut write = telling(&after.id, SubjectEvent::CHANGED, deed);
        table::change(&mut write, before, after);
        audited(&mut write, deed, action, &after.id, Some(shown(before)), Some(shown(after)));
        self.write(write).await
    }

    /// Removes what is left of a project when its runs are: its files, then its rows.
    ///
    /// # Errors
    /// If it has runs, or its files cannot be removed.
    pub async fn forget_project(&self, facts: &ProjectFacts, deed: &Deed) -> Result<()> {
        if !self.db().pipelines_with_runs(&facts.id).await?.is_empty() {
            return Err(Error::Conflict(format!("runs of the project `{}` are left", facts.name)));
        }
        let blobs = self.blobs(&facts.id);
        tokio::task::spawn_blocking(move || blobs.remove_all()).await.map_err(|_| Error::Closed)??;
        let mut write = telling(&facts.id, SubjectEvent::REMOVED, deed);
        table::forget(&mut write, &facts.id);
        audited(&mut write, deed, "projects.forget", &facts.id, Some(shown(facts)), None);
        self.write(write).await
    }
}

/// Alone in its commit: two changes of one row must not meet in a statement. Rights by a role in it are looked up again.
pub(crate) fn telling(id: &ProjectName, kind: &'static str, deed: &Deed) -> Write {
    let mut write = Write::removal();
    write.tell(id, Subject::Project, id.as_str(), kind, deed.at);
    write
}

pub(crate) fn audited(
    write: &mut Write,
    deed: &Deed,
    action: &'static str,
    id: &ProjectName,
    before: Option<Value>,
    after: Option<Value>,
) {
    let entry = Entry { action, project: Some(id), subject: "project", id: id.as_str(), before, after };
    audit::add(write, deed, entry);
}

pub(crate) fn shown(facts: &ProjectFacts) -> Value {
    json!({"name": facts.name, "state": facts.state.as_str(), "settings": facts.settings})
}
