//! Projects: the tenants. What rows and files carry is a project's id; people know it by its name, which may change.

use std::collections::BTreeMap;

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::project::{ProjectFacts, ProjectState};
use rigi_model::{ProjectName, Timestamp};
use sqlx::FromRow;

use crate::db::{Db, on_db};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::write::Write;
use crate::{Error, Result};

/// The state of a project of which nothing is left but its id.
const GONE: &str = "gone";
/// The state of one that is being brought in: nobody sees it yet, and it has no name.
const COMING: &str = "coming";

static INSERT: Statement = Statement::insert(
    "projects",
    &[("id", Text), ("created_at", Int), ("name", Text)],
    "ON CONFLICT (id) DO NOTHING",
);
static MAKE: Statement = Statement::insert(
    "projects",
    &[("id", Text), ("created_at", Int), ("name", Text), ("settings", Text), ("made_by", Text)],
    "",
);
static CHANGE: Statement = Statement::update(
    "projects",
    &[("id", Text), ("name", Text), ("state", Text), ("settings", Text), ("deleted_at", Int)],
    "created_at IS NOT NULL",
);
static BEGIN: Statement = Statement::insert(
    "projects",
    &[("id", Text), ("created_at", Int), ("state", Text), ("made_by", Text)],
    "",
);
static OPEN: Statement = Statement::update(
    "projects",
    &[("id", Text), ("name", Text), ("state", Text), ("settings", Text)],
    "state = 'coming'",
);
static UNDO: Statement =
    Statement::delete("projects", &[("id", Text)], "projects.id = v.id AND projects.state = 'coming'");
/// A name leads to whoever took it last. That no two have the same at a time, an index of `projects` sees to.
static NAME: Statement = Statement::insert(
    "project_names",
    &[("name", Text), ("project", Text)],
    "ON CONFLICT (name) DO UPDATE SET project = excluded.project",
);
static NO_NAMES: Statement =
    Statement::delete("project_names", &[("id", Text)], "project_names.project = v.id");

/// What of a project is in no other row, and goes when it does.
static REST: [Statement; 38] = [
    Statement::delete("open_uploads", &[("id", Text)], "open_uploads.project = v.id"),
    Statement::delete("storage_keys", &[("id", Text)], "storage_keys.project = v.id"),
    Statement::delete("dataset_tags", &[("id", Text)], "dataset_tags.project = v.id"),
    Statement::delete("dataset_versions", &[("id", Text)], "dataset_versions.project = v.id"),
    Statement::delete("datasets", &[("id", Text)], "datasets.project = v.id"),
    Statement::delete("trigger_events", &[("id", Text)], "trigger_events.project = v.id"),
    Statement::delete("trigger_arrivals", &[("id", Text)], "trigger_arrivals.project = v.id"),
    Statement::delete("triggers", &[("id", Text)], "triggers.project = v.id"),
    Statement::delete("cursors", &[("id", Text)], "cursors.project = v.id"),
    Statement::delete("package_audits", &[("id", Text)], "package_audits.project = v.id"),
    Statement::delete("backfills", &[("id", Text)], "backfills.project = v.id"),
    Statement::delete("notice_keys", &[("id", Text)], "notice_keys.project = v.id"),
    Statement::delete("occurrences", &[("id", Text)], "occurrences.project = v.id"),
    Statement::delete("notices", &[("id", Text)], "notices.project = v.id"),
    Statement::delete("incidents", &[("id", Text)], "incidents.project = v.id"),
    Statement::delete("rules", &[("id", Text)], "rules.project = v.id"),
    Statement::delete("channels", &[("id", Text)], "channels.project = v.id"),
    Statement::delete("deliveries", &[("id", Text)], "deliveries.project = v.id"),
    Statement::delete("webhooks", &[("id", Text)], "webhooks.project = v.id"),
    Statement::delete("syncs", &[("id", Text)], "syncs.project = v.id"),
    Statement::delete("repository_trees", &[("id", Text)], "repository_trees.project = v.id"),
    Statement::delete("repositories", &[("id", Text)], "repositories.project = v.id"),
    Statement::delete("follow_ups", &[("id", Text)], "follow_ups.project = v.id"),
    Statement::delete("run_links", &[("id", Text)], "run_links.project = v.id"),
    Statement::delete("step_cache", &[("id", Text)], "step_cache.project = v.id"),
    Statement::delete("approvals", &[("id", Text)], "approvals.project = v.id"),
    Statement::delete("flow_steps", &[("id", Text)], "flow_steps.project = v.id"),
    Statement::delete("fires", &[("id", Text)], "fires.project = v.id"),
    Statement::delete("schedules", &[("id", Text)], "schedules.project = v.id"),
    Statement::delete("join_requests", &[("id", Text)], "join_requests.project = v.id"),
    Statement::delete("versions", &[("id", Text)], "versions.project = v.id"),
    Statement::delete("uploads", &[("id", Text)], "uploads.project = v.id"),
    Statement::delete("idempotency", &[("id", Text)], "idempotency.project = v.id"),
    Statement::delete("secrets", &[("id", Text)], "secrets.project = v.id"),
    Statement::delete("project_keys", &[("id", Text)], "project_keys.project = v.id"),
    Statement::delete("grants", &[("id", Text)], "grants.project = v.id"),
    Statement::delete("tokens", &[("id", Text)], "tokens.project = v.id"),
    Statement::delete("links", &[("id", Text)], "links.project = v.id"),
];

#[derive(FromRow)]
struct Row {
    id: String,
    name: Option<String>,
    state: String,
    settings: String,
    created_at: i64,
    made_by: Option<String>,
    deleted_at: Option<i64>,
}

impl Row {
    fn facts(self, former: &mut BTreeMap<String, Vec<String>>) -> Result<ProjectFacts> {
        let settings = serde_json::from_str(&self.settings).map_err(|error| Error::Damaged {
            what: format!("settings of the project {}", self.id),
            why: error.to_string(),
        })?;
        let name = self.name.unwrap_or_else(|| self.id.clone());
        let mut names = former.remove(&self.id).unwrap_or_default();
        names.retain(|former| *former != name);
        Ok(ProjectFacts {
            state: ProjectState::parse(&self.state).unwrap_or(ProjectState::Open),
            former: names.into_iter().map(ProjectName::unchecked).collect(),
            name: ProjectName::unchecked(name),
            id: ProjectName::unchecked(self.id),
            settings,
            created_at: Timestamp(self.created_at),
            made: self.made_by.is_some(),
            deleted_at: self.deleted_at.map(Timestamp),
        })
    }
}

impl Db {
    /// The ids of all of them, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn projects(&self) -> Result<Vec<ProjectName>> {
        let sql = "SELECT id FROM projects WHERE state NOT IN ('gone', 'coming') ORDER BY id";
        let names: Vec<String> = on_db!(self, pool => sqlx::query_scalar(sql).fetch_all(pool).await?);
        Ok(names.into_iter().map(ProjectName::unchecked).collect())
    }

    /// What each of them is, by id.
    ///
    /// # Errors
    /// If the database does not answer, or what is stored cannot be read.
    pub async fn project_facts(&self) -> Result<Vec<ProjectFacts>> {
        let sql = "SELECT id, name, state, settings, created_at, made_by, deleted_at FROM projects WHERE state NOT IN ('gone', 'coming') ORDER BY id";
        let rows: Vec<Row> = on_db!(self, pool => sqlx::query_as(sql).fetch_all(pool).await?);
        let sql = "SELECT project, name FROM project_names ORDER BY name";
        let names: Vec<(String, String)> = on_db!(self, pool => sqlx::query_as(sql).fetch_all(pool).await?);
        let mut former: BTreeMap<String, Vec<String>> = BTreeMap::new();
        names.into_iter().for_each(|(project, name)| former.entry(project).or_default().push(name));
        rows.into_iter().map(|row| row.facts(&mut former)).collect()
    }

    /// Those that are being brought in, or whose coming was broken off.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn coming_projects(&self) -> Result<Vec<ProjectName>> {
        let sql = "SELECT id FROM projects WHERE state = 'coming' ORDER BY id";
        let ids: Vec<String> = on_db!(self, pool => sqlx::query_scalar(sql).fetch_all(pool).await?);
        Ok(ids.into_iter().map(ProjectName::unchecked).collect())
    }

    /// Whether an id is one project's, or was.
    pub(crate) async fn knows_project(&self, id: &str) -> Result<bool> {
        let sql = "SELECT COUNT(*) FROM projects WHERE id = $1";
        let count: i64 = on_db!(self, pool => sqlx::query_scalar(sql).bind(id).fetch_one(pool).await?);
        Ok(count > 0)
    }
}

/// A project that the configuration says is there.
pub(crate) fn add(project: &ProjectName, now: Timestamp) -> Write {
    let mut write = Write::telling(project, Subject::Project, project.as_str(), SubjectEvent::CREATED, now);
    let name = project.as_str().to_owned();
    write.rows.add(&INSERT, [name.clone().into(), now.0.into(), name.into()]);
    write
}

/// A project that somebody makes.
pub(crate) fn make(write: &mut Write, facts: &ProjectFacts, by: &str) {
    let (id, name) = (facts.id.to_string(), facts.name.to_string());
    write.rows.add(
        &MAKE,
        [
            id.clone().into(),
            facts.created_at.0.into(),
            name.clone().into(),
            settings(facts).into(),
            by.to_owned().into(),
        ],
    );
    write.rows.add(&NAME, [name.into(), id.into()]);
}

/// A project that is being brought in, which nobody sees yet.
pub(crate) fn begin(write: &mut Write, id: &ProjectName, at: Timestamp, by: &str) {
    let (id, by) = (id.to_string(), by.to_owned());
    write.rows.add(&BEGIN, [id.into(), at.0.into(), COMING.to_owned().into(), by.into()]);
}

/// It is all there: it has a name, and is seen.
pub(crate) fn open(write: &mut Write, facts: &ProjectFacts) {
    let (id, name, state) = (facts.id.to_string(), facts.name.to_string(), facts.state.as_str().to_owned());
    write.rows.add(&OPEN, [id.clone().into(), name.clone().into(), state.into(), settings(facts).into()]);
    write.rows.add(&NAME, [name.into(), id.into()]);
}

/// It does not come: what no run holds goes, and its row.
pub(crate) fn undo(write: &mut Write, id: &ProjectName) {
    for statement in REST.iter().chain([&UNDO]) {
        write.rows.add(statement, [id.to_string().into()]);
    }
}

/// What a project is from now on.
pub(crate) fn change(write: &mut Write, before: &ProjectFacts, facts: &ProjectFacts) {
    write.rows.add(
        &CHANGE,
        [
            facts.id.to_string().into(),
            facts.name.to_string().into(),
            facts.state.as_str().to_owned().into(),
            settings(facts).into(),
            facts.deleted_at.map(|at| at.0).into(),
        ],
    );
    if before.name != facts.name {
        write.rows.add(&NAME, [facts.name.to_string().into(), facts.id.to_string().into()]);
    }
}

/// Nothing is left of a project but its id.
pub(crate) fn forget(write: &mut Write, id: &ProjectName) {
    for statement in REST.iter().chain([&NO_NAMES]) {
        write.rows.add(statement, [id.to_string().into()]);
    }
    write.rows.add(
        &CHANGE,
        [
            id.to_string().into(),
            None::<String>.into(),
            GONE.to_owned().into(),
            "{}".to_owned().into(),
            None::<i64>.into(),
        ],
    );
}

fn settings(facts: &ProjectFacts) -> String {
    // Numbers and texts alone: there is nothing that JSON could not say.
    serde_json::to_string(&facts.settings).unwrap_or_else(|_| "{}".to_owned())
}
