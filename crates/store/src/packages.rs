//! What audits of pipelines' packages came to: one row an audit, written with what is to be told of it.

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::notices::{Facts, NoticeKind};
use rigi_model::packages::{AuditCause, AuditOutcome, Finding, Package, PackageOrigin, Stands};
use rigi_model::{ProjectName, Timestamp};
use sqlx::FromRow;

use crate::db::{Db, from_json, on_db};
use crate::occurrences;
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::triggers::{FollowUp, follow_ups};
use crate::write::Write;
use crate::{Error, Result, Store};

/// Audits that are kept of each pipeline.
const KEPT: i64 = 50;

/// What an audit of a pipeline's packages came to.
#[derive(Debug, Clone, PartialEq)]
pub struct PackageAudit {
    /// The pipeline.
    pub pipeline: String,
    /// Counts from 1 for each pipeline.
    pub number: i64,
    /// When it was made.
    pub at: Timestamp,
    /// What made it begin.
    pub cause: AuditCause,
    /// Who asked for it.
    pub asked_by: String,
    /// Who was asked for advisories.
    pub source: String,
    /// How it is known which packages there are.
    pub origin: PackageOrigin,
    /// The environment's hash, where there was one.
    pub environment: Option<String>,
    /// The environment for people: `Python 3.12.1 with 14 packages`.
    pub label: Option<String>,
    /// What it came to.
    pub outcome: AuditOutcome,
    /// What could not be checked, and why.
    pub message: Option<String>,
    /// The packages.
    pub packages: Vec<Package>,
    /// What is known against them.
    pub findings: Vec<Finding>,
    /// What was told, and is not over.
    pub standing: Vec<Stands>,
}

/// What is told of an audit.
#[derive(Debug, Clone, PartialEq)]
pub enum AuditWord {
    /// Nothing that was not known.
    Nothing,
    /// Something new is known against a package.
    Found(Facts),
    /// Nothing is known any more of what was.
    Over(Facts),
}

static ADD: Statement = Statement::insert(
    "package_audits",
    &[
        ("project", Text),
        ("pipeline", Text),
        ("number", Int),
        ("at", Int),
        ("cause", Text),
        ("asked_by", Text),
        ("source", Text),
        ("origin", Text),
        ("environment", Text),
        ("label", Text),
        ("outcome", Text),
        ("message", Text),
        ("packages", Text),
        ("findings", Text),
        ("standing", Text),
    ],
    "",
);
static REPLACE: Statement = Statement::delete(
    "package_audits",
    &[("project", Text), ("pipeline", Text), ("number", Int)],
    "package_audits.project = v.project AND package_audits.pipeline = v.pipeline AND package_audits.number = v.number",
);
static FORGET: Statement = Statement::delete(
    "package_audits",
    &[("project", Text), ("pipeline", Text), ("number", Int)],
    "package_audits.project = v.project AND package_audits.pipeline = v.pipeline AND package_audits.number <= v.number",
);
const COLUMNS: &str = "pipeline, number, at, cause, asked_by, source, origin, environment, label, outcome, message, packages, \
                       findings, standing";

#[derive(FromRow)]
struct Row {
    pipeline: String,
    number: i64,
    at: i64,
    cause: String,
    asked_by: String,
    source: String,
    origin: String,
    environment: Option<String>,
    label: Option<String>,
    outcome: String,
    message: Option<String>,
    packages: String,
    findings: String,
    standing: String,
}

impl Row {
    fn read(self) -> Result<PackageAudit> {
        let damaged = |why: &str| Error::Damaged {
            what: format!("the audit {} of the packages of {}", self.number, self.pipeline),
            why: format!("`{why}` is not known"),
        };
        Ok(PackageAudit {
            cause: AuditCause::parse(&self.cause).ok_or_else(|| damaged(&self.cause))?,
            origin: PackageOrigin::parse(&self.origin).ok_or_else(|| damaged(&self.origin))?,
            outcome: AuditOutcome::parse(&self.outcome).ok_or_else(|| damaged(&self.outcome))?,
            packages: from_json("packages of an audit", &self.packages)?,
            findings: from_json("findings of an audit", &self.findings)?,
            standing: from_json("what was told of an audit", &self.standing)?,
            pipeline: self.pipeline,
            number: self.number,
            at: Timestamp(self.at),
            asked_by: self.asked_by,
            source: self.source,
            environment: self.environment,
            label: self.label,
            message: self.message,
        })
    }
}

impl PackageAudit {
    /// Whether it says what another one has said, of the same packages.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        (self.outcome, &self.message, &self.packages, &self.findings, &self.environment)
            == (other.outcome, &other.message, &other.packages, &other.findings, &other.environment)
    }
}

impl Db {
    /// Audits of a pipeline's packages, the newest first; those before `before`, if that is given.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn package_audits(
        &self,
        project: &ProjectName,
        pipeline: &str,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<PackageAudit>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM package_audits WHERE project = $1 AND pipeline = $2 AND number < $3 ORDER BY number DESC LIMIT $4"
        );
        let before = before.unwrap_or(i64::MAX);
        let rows: Vec<Row> = on_db!(self, pool => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(project.as_str()).bind(pipeline).bind(before).bind(i64::from(limit)).fetch_all(pool).await?
        });
        rows.into_iter().map(Row::read).collect()
    }

    /// The last audit of each pipeline of a project, by pipeline.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn latest_package_audits(&self, project: &ProjectName) -> Result<Vec<PackageAudit>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM package_audits AS a WHERE project = $1 AND number = \
             (SELECT MAX(b.number) FROM package_audits AS b WHERE b.project = a.project AND b.pipeline = a.pipeline) ORDER BY pipeline"
        );
        let rows: Vec<Row> = on_db!(self, pool => {
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(project.as_str()).fetch_all(pool).await?
        });
        rows.into_iter().map(Row::read).collect()
    }

    /// When packages were last audited by schedule, in any project.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn packages_audited_at(&self) -> Result<Option<Timestamp>> {
        let sql = "SELECT MAX(at) FROM package_audits WHERE cause = 'schedule'";
        let at: Option<i64> = on_db!(self, pool => sqlx::query_scalar(sql).fetch_one(pool).await?);
        Ok(at.map(Timestamp))
    }
}

impl Store {
    /// Notes an audit of a pipeline's packages, with what is told of it and what is done by it, in one piece. Of two with the same number the
    /// second is refused. `replaced` is the number of one whose place it takes: nights in which nothing changes leave one row.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn note_package_audit(
        &self,
        project: &ProjectName,
        audit: &PackageAudit,
        replaced: Option<i64>,
        word: AuditWord,
        done: &[FollowUp],
    ) -> Result<()> {
        let mut write = Write::removal();
        write.tell(project, Subject::Packages, &audit.pipeline, SubjectEvent::CHANGED, audit.at);
        match &word {
            AuditWord::Nothing => {}
            AuditWord::Found(facts) => {
                occurrences::add(&mut write, project, NoticeKind::Vulnerable, facts, audit.at);
            }
            AuditWord::Over(facts) => {
                occurrences::add(&mut write, project, NoticeKind::Recovered, facts, audit.at);
            }
        }
        let json = |value: serde_json::Result<String>| {
            value.map_err(|error| Error::Damaged {
                what: "an audit of packages".into(),
                why: error.to_string(),
            })
        };
        write.rows.add(
            &ADD,
            [
                project.to_string().into(),
                audit.pipeline.clone().into(),
                audit.number.into(),
                audit.at.0.into(),
                audit.cause.as_str().to_owned().into(),
                audit.asked_by.clone().into(),
                audit.source.clone().into(),
                audit.origin.as_str().to_owned().into(),
                audit.environment.clone().into(),
                audit.label.clone().into(),
                audit.outcome.as_str().to_owned().into(),
                audit.message.clone().into(),
                json(serde_json::to_string(&audit.packages))?.into(),
                json(serde_json::to_string(&audit.findings))?.into(),
                json(serde_json::to_string(&audit.standing))?.into(),
            ],
        );
        if let Some(number) = replaced {
            write
                .rows
                .add(&REPLACE, [project.to_string().into(), audit.pipeline.clone().into(), number.into()]);
        }
        let old = audit.number - KEPT;
        write.rows.add(&FORGET, [project.to_string().into(), audit.pipeline.clone().into(), old.into()]);
        done.iter().for_each(|one| follow_ups::done(&mut write, one));
        self.write(write).await
    }
}
