//! A project that is being brought in: begun, opened when all of it is there, or undone.

use rigi_model::ProjectName;
use rigi_model::event::SubjectEvent;
use rigi_model::project::{ProjectFacts, ProjectSettings, ProjectState};
use sqlx::AssertSqlSafe;

use crate::db::on_db;
use crate::people::Deed;
use crate::projects::{audited, shown, telling};
use crate::rows::BindKind::Text;
use crate::rows::Statement;
use crate::tables::projects as table;
use crate::write::Write;
use crate::{Error, Result, Store};

/// Runs removed in one transaction.
const RUNS_PER_STEP: usize = 500;

static REMOVE_RUN: Statement = Statement::delete(
    "runs",
    &[("run", Text), ("project", Text)],
    "runs.id = v.run AND runs.project = v.project",
);

impl Store {
    /// Begins to bring a project in: under an id that is nobody's, and that `is_free`.
    ///
    /// # Errors
    /// [`Error::Conflict`] if somebody else has just begun with the same.
    pub async fn begin_project(
        &self,
        name: &ProjectName,
        settings: ProjectSettings,
        deed: &Deed,
        is_free: impl Fn(&ProjectName) -> bool,
    ) -> Result<ProjectFacts> {
        let mut id = self.free_id(name).await?;
        if !is_free(&id) {
            id = Self::other_id(name);
        }
        let mut write = Write::default();
        table::begin(&mut write, &id, deed.at, &deed.actor);
        self.write(write).await?;
        Ok(ProjectFacts {
            id,
            name: name.clone(),
            former: Vec::new(),
            state: ProjectState::Open,
            settings,
            created_at: deed.at,
            made: true,
            deleted_at: None,
        })
    }

    /// All of it is there: from now on it is seen.
    ///
    /// # Errors
    /// [`Error::Conflict`] if there is one of this name.
    pub async fn open_project(&self, facts: &ProjectFacts, deed: &Deed) -> Result<()> {
        let mut write = telling(&facts.id, SubjectEvent::CREATED, deed);
        table::open(&mut write, facts);
        audited(&mut write, deed, "projects.import", &facts.id, None, Some(shown(facts)));
        self.write(write).await
    }

    /// Writes down that a project was taken along.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn tell_export(&self, id: &ProjectName, deed: &Deed) -> Result<()> {
        let mut write = Write::default();
        audited(&mut write, deed, "projects.export", id, None, None);
        self.write(write).await
    }

    /// Removes what has come of a project that does not come: its runs, its files, its rows. Whoever asks knows that nobody brings it in.
    ///
    /// # Errors
    /// If something cannot be removed: it stays for the next one who asks.
    pub async fn undo_project(&self, id: &ProjectName) -> Result<()> {
        if !self.db().coming_projects().await?.contains(id) {
            return Ok(());
        }
        for parent in ["IS NULL", "IS NOT NULL"] {
            let sql =
                format!("SELECT id FROM runs WHERE project = $1 AND parent {parent} LIMIT {RUNS_PER_STEP}");
            loop {
                let found: Vec<String> = on_db!(self.db(), pool => {
                    sqlx::query_scalar(AssertSqlSafe(sql.clone())).bind(id.as_str()).fetch_all(pool).await?
                });
                if found.is_empty() {
                    break;
                }
                let mut write = Write::removal();
                for run in found {
                    write.rows.add(&REMOVE_RUN, [run.into(), id.to_string().into()]);
                }
                self.write(write).await?;
            }
        }
        let blobs = self.blobs(id);
        tokio::task::spawn_blocking(move || blobs.remove_all()).await.map_err(|_| Error::Closed)??;
        let mut write = Write::removal();
        table::undo(&mut write, id);
        self.write(write).await
    }
}
