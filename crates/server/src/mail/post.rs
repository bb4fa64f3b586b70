//! The one who sends mail while this server leads. It waits for a commit that has a mail in it, or for the next try: nothing is asked
//! while nothing is to be sent.

use std::time::Duration;

use rigi_engine::clock::sleep;
use rigi_model::Timestamp;
use rigi_model::event::Subject;
use rigi_store::tables::mails::Mail as Queued;
use rigi_store::{Commit, Error, Result, Store};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::Letter;
use super::smtp::{Failure, Smtp};

/// Between two times that old mails are forgotten, while mails are sent.
const FORGET_EVERY: Duration = Duration::from_secs(3600);
/// Before it is tried again when the database does not answer.
const AGAIN: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug, Clone)]
pub struct Post {
    /// Where mails wait.
    pub store: Store,
    /// How they are sent.
    pub smtp: Smtp,
    /// How long it is known what became of them.
    pub keep: Duration,
}

/// Sends for as long as the server lives.
pub async fn keep_sending(post: Post) {
    let mut commits = post.store.commits();
    let mut forgotten: Option<Timestamp> = None;
    loop {
        let now = Timestamp::now();
        let next = match post.send_due().await {
            Ok(next) => next.map(|at| at.since(Timestamp::now())),
            Err(error) => {
                tracing::warn!(%error, "mails cannot be looked at; this is tried again");
                Some(AGAIN)
            }
        };
        if forgotten.is_none_or(|at| now.since(at) >= FORGET_EVERY) {
            forgotten = Some(now);
            if let Err(error) = post.store.forget_mails(now.before(post.keep)).await {
                tracing::warn!(%error, "old mails are not removed; this is tried again later");
            }
        }
        tokio::select! {
            () = woken(&mut commits) => {}
            () = sleep(next) => {}
        }
    }
}

/// Resolves when a mail was written, by this server or another, or when that may have been missed.
async fn woken(commits: &mut Receiver<Commit>) {
    loop {
        match commits.recv().await {
            Ok(commit) if commit.others.iter().any(|change| change.subject == Subject::Mail) => return,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

impl Post {
    /// Sends what is due, one after the other; when the next one is.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn send_due(&self) -> Result<Option<Timestamp>> {
        while let Some(mail) = self.store.db().next_mail().await? {
            let now = Timestamp::now();
            match mail.next_at.filter(|at| *at > now) {
                Some(later) => return Ok(Some(later)),
                None => self.try_one(&mail, now).await?,
            }
        }
        Ok(None)
    }

    /// The time before the try after this many.
    fn wait(&self, tries: u32) -> Option<Duration> {
        self.smtp.settings().waits.get(usize::try_from(tries).ok()?.checked_sub(1)?).copied()
    }

    /// How long a claimed try may take: it is not due again before.
    fn longest(&self) -> Duration {
        self.smtp.settings().timeout * 5
    }

    async fn try_one(&self, mail: &Queued, now: Timestamp) -> Result<()> {
        if mail.until.is_some_and(|until| until <= now) {
            let last = mail.error.as_deref().unwrap_or("it was not sent in time");
            return self.give_up(mail, &format!("what it brings has ended; before that: {last}")).await;
        }
        if mail.tries > 0 && self.wait(mail.tries).is_none() {
            return self.give_up(mail, "the server ended while it was being sent for the last time").await;
        }
        let letter = match self.letter(mail).await? {
            Some(letter) => letter,
            None => {
                return self.give_up(mail, "its text cannot be opened: it was sealed with another key").await;
            }
        };
        let tries = mail.tries + 1;
        let again = self.wait(tries);
        let due = now.after(again.unwrap_or_default().max(self.longest()));
        match self.store.claim_mail(mail, due, now).await {
            Err(Error::Conflict(_)) => return Ok(()),
            other => other?,
        }
        match (self.smtp.send(&mail.id, &mail.to, &letter, mail.created_at).await, again) {
            (Ok(()), _) => {
                metrics::counter!("rigi_mails_total", "outcome" => "sent").increment(1);
                self.store.end_mail(&mail.id, Ok(()), Timestamp::now()).await
            }
            (Err(Failure { message, is_final: false, .. }), Some(wait)) => {
                tracing::warn!(mail = %mail.id, tries, reason = message, "a mail was not sent; it is tried again");
                self.store.put_off_mail(&mail.id, &message, Timestamp::now().after(wait)).await
            }
            (Err(Failure { message, .. }), _) => self.give_up(mail, &message).await,
        }
    }

    async fn give_up(&self, mail: &Queued, why: &str) -> Result<()> {
        tracing::warn!(mail = %mail.id, reason = why, "a mail is given up");
        metrics::counter!("rigi_mails_total", "outcome" => "failed").increment(1);
        self.store.end_mail(&mail.id, Err(why), Timestamp::now()).await
    }

    async fn letter(&self, mail: &Queued) -> Result<Option<Letter>> {
        let Some(sealed) = self.store.db().text_of_mail(&mail.id).await? else { return Ok(None) };
        Ok(self.store.sealer().unseal(&sealed).ok().flatten().and_then(|text| Letter::read(&text)))
    }
}
