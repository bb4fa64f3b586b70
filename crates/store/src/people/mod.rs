//! People and what they sign in with: accounts, groups, roles with where they come from, sessions, tokens, links, and who did what.
//!
//! Everything is written with its line of the audit log, in one commit. What happens once (the first administrator, a link, a
//! code) is a row in `claims`, written with what follows from it: of two who write it, one is refused.

mod administrators;
pub mod audit;
pub mod audit_outside;
pub mod audit_seal;
mod devices;
mod factors;
mod failed;
mod grants;
mod groups;
mod identities;
mod join_requests;
mod links;
mod mails;
mod passwords;
mod persons;
mod sessions;
mod standing;
mod tokens;

pub use audit::{Audited, Deed, Entry};
pub use devices::Device;
pub use factors::Factor;
pub use failed::{Asked, Failures, Tried};
pub use grants::{Granted, Principal};
pub use groups::Group;
pub use identities::Identity;
pub use join_requests::JoinRequest;
pub use links::Link;
pub use passwords::NewPassword;
pub use persons::{NewPerson, PeoplePage, Person};
pub use sessions::{NewSession, Session};
pub use standing::{Carrier, Held};
pub use tokens::Token;

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::{ProjectName, Timestamp};
use sha2::{Digest, Sha256};

use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::write::Write;

/// What the whole server is called where a project stands.
pub(crate) const SERVER: &str = "*";

/// What is stored of what only its owner may have.
#[must_use]
pub fn hash_of(secret: &str) -> String {
    rigi_model::hash::hex(&Sha256::digest(secret.as_bytes()))
}

static CLAIM: Statement = Statement::insert("claims", &[("what", Text), ("at", Int)], "");

/// Makes a write the only one that does this.
fn claim(write: &mut Write, what: String, now: Timestamp) {
    write.rows.add(&CLAIM, [what.into(), now.0.into()]);
}

/// Tells that what somebody may has changed: what is remembered of them is looked up again, on every server.
fn tell(write: &mut Write, subject: Subject, id: &str, kind: &'static str, now: Timestamp) {
    write.tell(&ProjectName::unchecked(SERVER), subject, id, kind, now);
}

/// A write that tells this, and is alone in its commit: two changes of one row must not meet in a statement.
fn change_of(subject: Subject, id: &str, now: Timestamp) -> Write {
    let mut write = Write::removal();
    tell(&mut write, subject, id, SubjectEvent::CHANGED, now);
    write
}
