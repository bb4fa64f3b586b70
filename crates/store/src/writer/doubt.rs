//! A commit whose answer was lost: whether it took place.

use crate::db::{Db, Tx, on_tx};
use crate::work::Mark;
use crate::{Error, Result};

impl Db {
    /// Whether a commit took place that wrote this event as its last; if so, it is durable from now on.
    pub(crate) async fn has_event(&self, mark: &Mark) -> Result<bool> {
        let found = self.within_bound(0, async {
            let mut tx = self.begin().await?;
            let sql = "SELECT COUNT(*) FROM events WHERE id = $1 AND subject_id = $2 AND kind = $3";
            let found: i64 = on_tx!(&mut tx, c, D => {
                sqlx::query_scalar(sql).bind(mark.id).bind(&mark.subject).bind(&mark.kind).fetch_one(c).await?
            });
            if let Tx::Postgres(tx) = &mut tx {
                // A commit that was cut off while it waited for its standby is seen, and yet may be lost: one that writes
                // something, and comes behind it, waits for both.
                let sql = "UPDATE schema_versions SET name = name WHERE number = 1";
                sqlx::query(sql).execute(&mut **tx).await?;
            }
            tx.commit().await?;
            Ok(found > 0)
        });
        let found = found.await?;
        if let (true, Self::Sqlite { write, .. }) = (found, self) {
            // Its log was written, but perhaps not to the disk, and the kernel does not say so twice: the database
            // itself is written anew.
            let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
            let (busy, ..): (i64, i64, i64) = sqlx::query_as(sql).fetch_one(write).await?;
            if busy != 0 {
                return Err(Error::Unavailable("readers keep the log of the database in use".into()));
            }
        }
        Ok(found)
    }
}
