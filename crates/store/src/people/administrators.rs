//! There is always an administrator: whatever would take the last one away is refused, by whatever way, on whatever server.

use rigi_model::people::GrantSource;
use rigi_model::{GroupId, PersonId, Timestamp};

use super::{Principal, claim};
use crate::db::{Db, on_db};
use crate::write::Write;
use crate::{Error, Result, Store};

/// Tries, where others take administrators away at the same time.
const TRIES: usize = 10;

/// What may take somebody's being administrator away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Removal {
    /// They are blocked or deleted.
    Person(PersonId),
    /// A role of the whole server is taken back.
    Grant(Principal, GrantSource),
    /// A group is deleted.
    Group(GroupId),
    /// Somebody leaves a group.
    Member(GroupId, PersonId, GrantSource),
}

/// One way in which somebody is an administrator: by a grant to themselves, or to a group that they are in.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Way {
    principal: String,
    source: String,
    person: String,
    member_source: Option<String>,
}

impl Removal {
    fn takes(&self, way: &Way) -> bool {
        match self {
            Self::Person(person) => way.person == person.as_str(),
            Self::Grant(principal, source) => {
                way.principal == principal.as_str() && way.source == source.as_str()
            }
            Self::Group(group) => way.principal == group.as_str(),
            Self::Member(group, person, source) => {
                way.principal == group.as_str()
                    && way.person == person.as_str()
                    && way.member_source.as_deref() == Some(source.as_str())
            }
        }
    }
}

impl Db {
    async fn ways_to_administrator(&self) -> Result<Vec<Way>> {
        let sql = "SELECT g.principal, g.source, p.id, NULL FROM grants g JOIN people p ON p.id = g.principal \
                   WHERE g.project = '*' AND p.state = 'active' AND p.kind = 'person' \
                   UNION ALL SELECT g.principal, g.source, p.id, m.source FROM grants g \
                   JOIN group_members m ON m.people_group = g.principal JOIN people p ON p.id = m.person \
                   WHERE g.project = '*' AND p.state = 'active' AND p.kind = 'person'";
        let rows: Vec<(String, String, String, Option<String>)> =
            on_db!(self, pool => sqlx::query_as(sql).fetch_all(pool).await?);
        let way =
            |(principal, source, person, member_source)| Way { principal, source, person, member_source };
        Ok(rows.into_iter().map(way).collect())
    }

    /// Whether anybody is an administrator.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn has_administrator(&self) -> Result<bool> {
        Ok(!self.ways_to_administrator().await?.is_empty())
    }

    async fn removals_of_administrators(&self) -> Result<i64> {
        let sql = "SELECT COUNT(*) FROM claims WHERE what LIKE 'administrators %'";
        Ok(on_db!(self, pool => sqlx::query_scalar(sql).fetch_one(pool).await?))
    }
}

impl Store {
    /// Writes what may take an administrator away, unless it is the last one. Each such write has a number, and of two with the same
    /// number one is refused and looks again.
    pub(super) async fn keeping_an_administrator(
        &self,
        removal: Option<Removal>,
        now: Timestamp,
        make: impl Fn() -> Write + Send,
    ) -> Result<()> {
        let Some(removal) = removal else { return self.write(make()).await };
        for _ in 0..TRIES {
            let number = self.db().removals_of_administrators().await?;
            let ways = self.db().ways_to_administrator().await?;
            let left = ways.iter().filter(|way| !removal.takes(way)).count();
            if left == ways.len() {
                return self.write(make()).await;
            }
            if left == 0 {
                return Err(Error::LastAdministrator);
            }
            let mut write = make();
            claim(&mut write, format!("administrators {number}"), now);
            match self.write(write).await {
                Err(Error::Conflict(_)) => {}
                other => return other,
            }
        }
        Err(Error::Conflict("others change who is an administrator at the same time".to_owned()))
    }
}
