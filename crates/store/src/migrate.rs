//! Schema versions: numbered pairs of up and down, each in one transaction, on both databases.

use sqlx::AssertSqlSafe;

use crate::db::{Db, on_db, on_tx};
use crate::{Error, Result};

struct Migration {
    number: i64,
    name: &'static str,
    up: &'static str,
    down: &'static str,
}

/// Every schema change, in order. Adding one is a pair of files and one entry here.
const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        name: "runs",
        up: include_str!("../migrations/0001_runs.up.sql"),
        down: include_str!("../migrations/0001_runs.down.sql"),
    },
    Migration {
        number: 2,
        name: "origin",
        up: include_str!("../migrations/0002_origin.up.sql"),
        down: include_str!("../migrations/0002_origin.down.sql"),
    },
    Migration {
        number: 3,
        name: "scope",
        up: include_str!("../migrations/0003_scope.up.sql"),
        down: include_str!("../migrations/0003_scope.down.sql"),
    },
    Migration {
        number: 4,
        name: "subjects",
        up: include_str!("../migrations/0004_subjects.up.sql"),
        down: include_str!("../migrations/0004_subjects.down.sql"),
    },
    Migration {
        number: 5,
        name: "people",
        up: include_str!("../migrations/0005_people.up.sql"),
        down: include_str!("../migrations/0005_people.down.sql"),
    },
    Migration {
        number: 6,
        name: "secrets",
        up: include_str!("../migrations/0006_secrets.up.sql"),
        down: include_str!("../migrations/0006_secrets.down.sql"),
    },
    Migration {
        number: 7,
        name: "projects",
        up: include_str!("../migrations/0007_projects.up.sql"),
        down: include_str!("../migrations/0007_projects.down.sql"),
    },
    Migration {
        number: 8,
        name: "join requests",
        up: include_str!("../migrations/0008_join_requests.up.sql"),
        down: include_str!("../migrations/0008_join_requests.down.sql"),
    },
    Migration {
        number: 9,
        name: "mails",
        up: include_str!("../migrations/0009_mails.up.sql"),
        down: include_str!("../migrations/0009_mails.down.sql"),
    },
    Migration {
        number: 10,
        name: "schedules",
        up: include_str!("../migrations/0010_schedules.up.sql"),
        down: include_str!("../migrations/0010_schedules.down.sql"),
    },
    Migration {
        number: 11,
        name: "flows",
        up: include_str!("../migrations/0011_flows.up.sql"),
        down: include_str!("../migrations/0011_flows.down.sql"),
    },
    Migration {
        number: 12,
        name: "webhooks",
        up: include_str!("../migrations/0012_webhooks.up.sql"),
        down: include_str!("../migrations/0012_webhooks.down.sql"),
    },
    Migration {
        number: 13,
        name: "repositories",
        up: include_str!("../migrations/0013_repositories.up.sql"),
        down: include_str!("../migrations/0013_repositories.down.sql"),
    },
    Migration {
        number: 14,
        name: "notices",
        up: include_str!("../migrations/0014_notices.up.sql"),
        down: include_str!("../migrations/0014_notices.down.sql"),
    },
    Migration {
        number: 15,
        name: "backfills",
        up: include_str!("../migrations/0015_backfills.up.sql"),
        down: include_str!("../migrations/0015_backfills.down.sql"),
    },
    Migration {
        number: 16,
        name: "package audits",
        up: include_str!("../migrations/0016_package_audits.up.sql"),
        down: include_str!("../migrations/0016_package_audits.down.sql"),
    },
    Migration {
        number: 17,
        name: "triggers",
        up: include_str!("../migrations/0017_triggers.up.sql"),
        down: include_str!("../migrations/0017_triggers.down.sql"),
    },
    Migration {
        number: 18,
        name: "datasets",
        up: include_str!("../migrations/0018_datasets.up.sql"),
        down: include_str!("../migrations/0018_datasets.down.sql"),
    },
    Migration {
        number: 19,
        name: "storage keys",
        up: include_str!("../migrations/0019_storage_keys.up.sql"),
        down: include_str!("../migrations/0019_storage_keys.down.sql"),
    },
    Migration {
        number: 20,
        name: "open uploads",
        up: include_str!("../migrations/0020_open_uploads.up.sql"),
        down: include_str!("../migrations/0020_open_uploads.down.sql"),
    },
];

/// One schema change and whether it is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Counts from 1.
    pub number: i64,
    /// What it is about.
    pub name: String,
    /// Applied to this database.
    pub applied: bool,
}

/// The newest schema that this version knows.
#[must_use]
pub fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |m| m.number)
}

impl Db {
    /// The schema that the database has; 0 is an empty one.
    pub(crate) async fn schema(&self) -> Result<i64> {
        let mut tx = self.begin().await?;
        on_tx!(&mut tx, c, D => {
            sqlx::query("CREATE TABLE IF NOT EXISTS schema_versions (number BIGINT PRIMARY KEY, name TEXT NOT NULL)")
                .execute(c).await?;
        });
        tx.commit().await?;
        let found: Option<i64> = on_db!(self, pool => sqlx::query_scalar("SELECT MAX(number) FROM schema_versions").fetch_one(pool).await?);
        Ok(found.unwrap_or(0))
    }

    /// Brings the schema to `target`, up or down.
    pub(crate) async fn migrate(&self, target: i64) -> Result<Vec<MigrationStatus>> {
        let found = self.schema().await?;
        if found > newest() {
            return Err(Error::Newer { found, known: newest() });
        }
        for migration in MIGRATIONS.iter().filter(|m| m.number > found && m.number <= target) {
            self.apply(migration.up, "INSERT INTO schema_versions (number, name) VALUES ($1, $2)", migration)
                .await?;
        }
        for migration in MIGRATIONS.iter().rev().filter(|m| m.number <= found && m.number > target) {
            self.apply(
                migration.down,
                "DELETE FROM schema_versions WHERE number = $1 AND name = $2",
                migration,
            )
            .await?;
        }
        self.migrations().await
    }

    async fn apply(&self, sql: &str, mark: &'static str, migration: &Migration) -> Result<()> {
        // SQLite needs no index beside the table for a key that is called INTEGER.
        let (blob, rowid) = match self {
            Self::Sqlite { .. } => ("BLOB", "INTEGER"),
            Self::Postgres(_) => ("BYTEA", "BIGINT"),
        };
        let text = sql.replace("{blob}", blob).replace("{rowid}", rowid);
        let mut tx = self.begin().await?;
        on_tx!(&mut tx, c, D => {
            sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut *c).await?;
            sqlx::query(mark).bind(migration.number).bind(migration.name).execute(c).await?;
        });
        tx.commit().await
    }

    /// Every schema change with its state.
    pub(crate) async fn migrations(&self) -> Result<Vec<MigrationStatus>> {
        let found = self.schema().await?;
        let status = |m: &Migration| MigrationStatus {
            number: m.number,
            name: m.name.to_owned(),
            applied: m.number <= found,
        };
        Ok(MIGRATIONS.iter().map(status).collect())
    }
}
