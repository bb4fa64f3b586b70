//! What passwords were made into (PHC strings).

use rigi_model::event::Subject;
use rigi_model::{PersonId, SessionId, Timestamp};

use super::audit::{self, Deed, Entry};
use super::{change_of, claim};
use crate::db::{Db, on_db};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::tables::mails::{self, NewMail};
use crate::write::Write;
use crate::{Result, Store};

static PUT: Statement = Statement::insert(
    "passwords",
    &[("person", Text), ("phc", Text), ("changed_at", Int)],
    "ON CONFLICT (person) DO UPDATE SET phc = excluded.phc, changed_at = excluded.changed_at",
);
static NO_RESETS: Statement =
    Statement::delete("links", &[("person", Text)], "links.person = v.person AND links.kind = 'reset'");
static END_OTHERS: Statement = Statement::delete(
    "sessions",
    &[("person", Text), ("but", Text)],
    "sessions.person = v.person AND sessions.id <> v.but",
);

pub(super) fn put(write: &mut Write, person: &PersonId, phc: String, now: Timestamp) {
    write.rows.add(&PUT, [person.to_string().into(), phc.into(), now.0.into()]);
}

impl Db {
    /// What somebody's password was made into; `None`: they sign in otherwise.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn password_of(&self, person: &PersonId) -> Result<Option<String>> {
        let sql = "SELECT phc FROM passwords WHERE person = $1";
        Ok(on_db!(self, pool => sqlx::query_scalar(sql).bind(person.as_str()).fetch_optional(pool).await?))
    }
}

/// A password to be set.
#[derive(Debug, Clone, Default)]
pub struct NewPassword {
    /// What it was made into.
    pub phc: String,
    /// The one session that goes on.
    pub but: Option<SessionId>,
    /// What makes it happen once, such as a link that is taken.
    pub once: Option<String>,
    /// The address that the link was mailed to: mail to it reaches the account.
    pub proves: Option<String>,
    /// Tells of it.
    pub note: Option<NewMail>,
}

impl Store {
    /// Sets a password, and ends all sessions but one. Other links that would set one hold no more.
    ///
    /// # Errors
    /// [`crate::Error::Conflict`] if that was done before.
    pub async fn set_password(&self, person: &PersonId, new: NewPassword, deed: &Deed) -> Result<()> {
        let mut write = change_of(Subject::Person, person.as_str(), deed.at);
        put(&mut write, person, new.phc, deed.at);
        let but = new.but.as_ref().map_or_else(String::new, ToString::to_string);
        write.rows.add(&END_OTHERS, [person.to_string().into(), but.into()]);
        write.rows.add(&NO_RESETS, [person.to_string().into()]);
        if let Some(what) = new.once {
            claim(&mut write, what, deed.at);
        }
        if let Some(mail) = &new.proves {
            super::persons::prove_mail(&mut write, person, mail);
        }
        mails::add_some(&mut write, new.note.as_ref(), deed.at);
        let entry =
            Entry { action: "account.password", subject: "person", id: person.as_str(), ..Entry::default() };
        audit::add(&mut write, deed, entry);
        self.write(write).await
    }
}
