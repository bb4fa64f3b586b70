//! Sign-ins that failed: what slows the next ones down, on all servers alike.

use rigi_model::people::Key;
use rigi_model::{AuditId, PersonId, Timestamp};

use super::audit::{self, Deed, Entry};
use super::links::Link;
use super::persons::account_key;
use crate::db::{Db, on_db};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::tables::mails::NewMail;
use crate::write::Write;
use crate::{Result, Store};

/// How often it went wrong since a time, and when it did last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Failures {
    /// For this account, from this network.
    pub here: i64,
    /// The last of them.
    pub last_here: Timestamp,
    /// From this network, for any account.
    pub network: i64,
    /// The last of them.
    pub last_network: Timestamp,
    /// For this account, from any network.
    pub account: i64,
    /// The last of them.
    pub last_account: Timestamp,
    /// The account was signed in to from this network before.
    pub known: bool,
}

/// What is slowed down by what went wrong before, each by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// Signing in, where it failed.
    SignIn,
    /// Asking for a mail with a link, whatever came of it.
    Reset,
}

/// What somebody asks for who wants a link by mail.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// What it is, in the audit log.
    pub action: &'static str,
    /// The address, as it was typed.
    pub mail: &'a str,
    /// From where.
    pub network: &'a str,
    /// Whose account it is for; `None`: nobody has it.
    pub subject: Option<&'a PersonId>,
    /// The link and its mail, where there is such an account.
    pub made: Option<(&'a Key, &'a Link, &'a NewMail)>,
}

impl Tried {
    fn account(self, mail: &str) -> String {
        let key = account_key(mail);
        match self {
            Self::SignIn => key,
            Self::Reset => format!("reset {key}"),
        }
    }

    fn network(self, network: &str) -> String {
        match self {
            Self::SignIn => network.to_owned(),
            Self::Reset => format!("reset {network}"),
        }
    }
}

static INSERT: Statement = Statement::insert(
    "failed_sign_ins",
    &[("id", Text), ("account", Text), ("network", Text), ("at", Int)],
    "",
);
static FORGET: Statement =
    Statement::delete("failed_sign_ins", &[("before", Int)], "failed_sign_ins.at < v.before");
static FORGIVE: Statement = Statement::delete(
    "failed_sign_ins",
    &[("account", Text), ("network", Text)],
    "failed_sign_ins.account = v.account AND failed_sign_ins.network = v.network",
);

impl Db {
    /// What went wrong for an account (by its mail address, whether there is one or not) and from a network.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn failed_sign_ins(
        &self,
        tried: Tried,
        mail: &str,
        network: &str,
        since: Timestamp,
    ) -> Result<Failures> {
        let known = known_claim(&account_key(mail), network);
        let (account, network) = (tried.account(mail), tried.network(network));
        let one = |condition: &str| {
            format!("SELECT COUNT(*), COALESCE(MAX(at), 0) FROM failed_sign_ins WHERE {condition}")
        };
        let count = async |condition: &str, account: &str, network: &str| -> Result<(i64, i64)> {
            let sql = sqlx::AssertSqlSafe(one(condition));
            Ok(
                on_db!(self, pool => sqlx::query_as(sql).bind(account).bind(network).bind(since.0).fetch_one(pool).await?),
            )
        };
        let (here, last_here) =
            count("account = $1 AND network = $2 AND at > $3", &account, &network).await?;
        let (of_network, last_network) =
            count("$1 <> '' AND network = $2 AND at > $3", &account, &network).await?;
        let (of_account, last_account) =
            count("account = $1 AND $2 <> '' AND at > $3", &account, &network).await?;
        let is_known = "SELECT COUNT(*) FROM claims WHERE what = $1";
        let known: i64 =
            on_db!(self, pool => sqlx::query_scalar(is_known).bind(known).fetch_one(pool).await?);
        Ok(Failures {
            here,
            last_here: Timestamp(last_here),
            network: of_network,
            last_network: Timestamp(last_network),
            account: of_account,
            last_account: Timestamp(last_account),
            known: known > 0,
        })
    }
}

fn known_claim(account: &str, network: &str) -> String {
    format!("known {account} {network}")
}

static KNOWN: Statement =
    Statement::insert("claims", &[("what", Text), ("at", Int)], "ON CONFLICT (what) DO NOTHING");

fn tried(write: &mut Write, tried: Tried, mail: &str, network: &str, now: Timestamp) {
    let id = AuditId::generate().to_string();
    let row = [id.into(), tried.account(mail).into(), tried.network(network).into(), now.0.into()];
    write.rows.add(&INSERT, row);
}

impl Store {
    /// Remembers that a sign-in failed, for an account that is there or for none.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn sign_in_failed(
        &self,
        mail: &str,
        network: &str,
        person: Option<&PersonId>,
        deed: &Deed,
    ) -> Result<()> {
        let mut write = Write::default();
        // What was typed may be a password in the wrong place: it is not written down.
        let subject = person.map_or("unknown", PersonId::as_str);
        audit::refuse(
            &mut write,
            deed,
            Entry { action: "session.begin", subject: "person", id: subject, ..Entry::default() },
        );
        tried(&mut write, Tried::SignIn, mail, network, deed.at);
        self.write(write).await
    }

    /// Somebody asks for a mail with a link. It is one commit for an address that nobody has as well.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn asked_by_mail(&self, asked: Asked<'_>, deed: &Deed) -> Result<()> {
        let mut write = Write::default();
        tried(&mut write, Tried::Reset, asked.mail, asked.network, deed.at);
        let subject = asked.subject.map_or("unknown", PersonId::as_str);
        let entry = Entry { action: asked.action, subject: "person", id: subject, ..Entry::default() };
        match asked.made {
            Some((key, link, mail)) => {
                audit::add(&mut write, deed, entry);
                super::links::added(&mut write, key, link, Some(mail), deed);
            }
            None => audit::refuse(&mut write, deed, entry),
        }
        self.write(write).await
    }

    /// A sign-in was right: what went wrong before from this network is forgiven, and the network is known.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn sign_in_succeeded(&self, mail: &str, network: &str, now: Timestamp) -> Result<()> {
        let account = account_key(mail);
        let mut write = Write::removal();
        write.rows.add(&FORGIVE, [account.clone().into(), network.to_owned().into()]);
        write.rows.add(&KNOWN, [known_claim(&account, network).into(), now.0.into()]);
        self.write(write).await
    }

    /// Forgets what is too old to slow anybody down.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn forget_failed_sign_ins(&self, before: Timestamp) -> Result<()> {
        let mut write = Write::removal();
        write.rows.add(&FORGET, [before.0.into()]);
        self.write(write).await
    }
}
