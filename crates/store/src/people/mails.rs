//! What people do with mails: try one again, send one as a test.

use rigi_model::{MailId, Timestamp};
use serde_json::json;

use super::audit::{self, Deed, Entry};
use crate::tables::mails::{self, NewMail};
use crate::write::Write;
use crate::{Result, Store};

impl Store {
    /// Has a mail that waits tried now.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn retry_mail(&self, id: &MailId, deed: &Deed) -> Result<()> {
        let mut write = Write::default();
        mails::wake(&mut write, id, deed.at);
        let entry = Entry { action: "mails.retry", subject: "mail", id: id.as_str(), ..Entry::default() };
        audit::add(&mut write, deed, entry);
        self.write(write).await
    }

    /// Writes down a mail that was tried once, as a test.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn tested_mail(
        &self,
        mail: &NewMail,
        outcome: Result<(), &str>,
        now: Timestamp,
        deed: &Deed,
    ) -> Result<()> {
        let mut write = Write::default();
        mails::tried(&mut write, mail, outcome, now);
        let after = Some(json!({"to": mail.to}));
        let entry =
            Entry { action: "mails.test", subject: "mail", id: mail.id.as_str(), after, ..Entry::default() };
        audit::add(&mut write, deed, entry);
        self.write(write).await
    }
}
