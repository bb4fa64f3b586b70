//! Mail: what is written, how it is handed to the mail server, and the one who does it while this server leads.

pub mod letter;
mod letters;
mod post;
#[cfg(test)]
mod post_tests;
mod settings;
mod smtp;
#[cfg(test)]
mod tests;
mod wire;

pub use letter::Letter;
pub use letters::{Change, Letters};
pub use post::{Post, keep_sending};
pub use settings::{Encryption, MailSettings, Sender};
pub use smtp::{Failure, Smtp};

use rigi_model::mail::MailKind;
use rigi_model::{MailId, Timestamp};
use rigi_store::Store;
use rigi_store::tables::mails::NewMail;

/// A server that sends mail.
#[derive(Debug, Clone)]
pub struct Mail {
    /// By which it is sent.
    pub smtp: Smtp,
    /// What it says.
    pub letters: Letters,
}

impl Mail {
    /// By this mail server, of a server that people reach at this address.
    ///
    /// # Errors
    /// With what of the settings will not do.
    pub fn new(settings: MailSettings, public_url: &str) -> Result<Self, String> {
        Ok(Self { smtp: Smtp::new(settings)?, letters: Letters::of(public_url) })
    }
}

/// A letter to somebody, ready to be written beside what it tells.
///
/// # Errors
/// If the system has no randomness to give.
pub fn sealed(
    store: &Store,
    kind: MailKind,
    to: &str,
    letter: &Letter,
    until: Option<Timestamp>,
) -> rigi_store::Result<NewMail> {
    let sealed = store.sealer().seal(&letter.stored())?;
    Ok(NewMail { id: MailId::generate(), kind, to: to.to_owned(), sealed, until })
}
