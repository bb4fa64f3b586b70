//! Projects: the tenants.

use rigi_model::{ProjectName, Timestamp};

use crate::Result;
use crate::db::{Db, Tx, on_db, on_tx};

impl Db {
    /// All of them, by name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn projects(&self) -> Result<Vec<ProjectName>> {
        let names: Vec<String> = on_db!(self, pool => sqlx::query_scalar("SELECT id FROM projects ORDER BY id").fetch_all(pool).await?);
        Ok(names.into_iter().map(ProjectName::unchecked).collect())
    }
}

pub(crate) async fn insert(tx: &mut Tx, project: &ProjectName, now: Timestamp) -> Result<()> {
    let sql = "INSERT INTO projects (id, created_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING";
    on_tx!(tx, c, D => {
        sqlx::query(sql).bind(project.as_str()).bind(now.0).execute(c).await?;
    });
    Ok(())
}
