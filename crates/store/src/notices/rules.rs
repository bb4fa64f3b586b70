//! Rules: what is told, and to whom.

use rigi_model::notices::Rule;
use rigi_model::{ProjectName, Timestamp};
use serde_json::json;
use sqlx::FromRow;

use crate::db::{Db, from_json, on_db};
use crate::people::Deed;
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::{Result, Store};

/// A rule with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedRule {
    /// In which project.
    pub project: ProjectName,
    /// What people call it.
    pub name: String,
    /// What it says.
    pub rule: Rule,
    /// When it was made.
    pub made_at: Timestamp,
    /// By whom.
    pub made_by: String,
}

static PUT: Statement = Statement::insert(
    "rules",
    &[("project", Text), ("name", Text), ("spec", Text), ("made_at", Int), ("made_by", Text)],
    "ON CONFLICT (project, name) DO UPDATE SET spec = excluded.spec",
);
static REMOVE: Statement = Statement::delete(
    "rules",
    &[("project", Text), ("name", Text)],
    "rules.project = v.project AND rules.name = v.name",
);

#[derive(FromRow)]
struct Row {
    project: String,
    name: String,
    spec: String,
    made_at: i64,
    made_by: String,
}

impl Row {
    fn read(self) -> Result<NamedRule> {
        Ok(NamedRule {
            rule: from_json("a rule of notices", &self.spec)?,
            project: ProjectName::unchecked(self.project),
            name: self.name,
            made_at: Timestamp(self.made_at),
            made_by: self.made_by,
        })
    }
}

impl Db {
    /// All rules, by project and name; there are few.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn all_rules(&self) -> Result<Vec<NamedRule>> {
        let sql = "SELECT project, name, spec, made_at, made_by FROM rules ORDER BY project, name";
        let rows: Vec<Row> = on_db!(self, pool => sqlx::query_as(sql).fetch_all(pool).await?);
        rows.into_iter().map(Row::read).collect()
    }

    /// The rules of a project, by name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn rules(&self, project: &ProjectName) -> Result<Vec<NamedRule>> {
        let sql = "SELECT project, name, spec, made_at, made_by FROM rules WHERE project = $1 ORDER BY name";
        let rows: Vec<Row> =
            on_db!(self, pool => sqlx::query_as(sql).bind(project.as_str()).fetch_all(pool).await?);
        rows.into_iter().map(Row::read).collect()
    }
}

impl Store {
    /// Makes a rule, or changes one.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn put_rule(&self, project: &ProjectName, name: &str, rule: &Rule, deed: &Deed) -> Result<()> {
        let after = Some(json!({"rule": rule}));
        let mut write = super::change(project, "rule", "rules.set", name, after, deed);
        write.rows.add(
            &PUT,
            [
                project.to_string().into(),
                name.to_owned().into(),
                serde_json::to_string(rule).unwrap_or_default().into(),
                deed.at.0.into(),
                deed.actor.clone().into(),
            ],
        );
        self.write(write).await
    }

    /// Removes a rule.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn remove_rule(&self, project: &ProjectName, name: &str, deed: &Deed) -> Result<()> {
        let mut write = super::change(project, "rule", "rules.remove", name, None, deed);
        write.rows.add(&REMOVE, [project.to_string().into(), name.to_owned().into()]);
        self.write(write).await
    }
}
