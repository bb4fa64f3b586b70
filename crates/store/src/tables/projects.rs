//! Projects: the tenants.

use rigi_model::{ProjectName, Timestamp};

use crate::Result;
use crate::db::{Tx, on_tx};

pub(crate) async fn insert(tx: &mut Tx, project: &ProjectName, now: Timestamp) -> Result<()> {
    let sql = "INSERT INTO projects (id, created_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING";
    on_tx!(tx, c, D => {
        sqlx::query(sql).bind(project.as_str()).bind(now.0).execute(c).await?;
    });
    Ok(())
}
