//! The one who sends. It waits for a commit that has a notice in it, or for the time of the next: nothing is asked while nothing is to be sent.
//!
//! What is due to one channel by one rule goes as one message, where the rule gathers. A try is claimed before it is made; who takes a notice by HTTP gets its id with
//! it, so that one that was taken by a server that died before it could say so is known for the same.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use rigi_engine::clock::sleep;
use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::mail::MailKind;
use rigi_model::notices::{ChannelKind, Message, body_of, together};
use rigi_model::{ProjectName, Timestamp};
use rigi_store::notices::{Channel, NamedRule, Notice};
use rigi_store::tables::mails::NewMail;
use rigi_store::{Commit, Error, Result, Store};
use sha2::Sha256;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::mail::{Letter, sealed};
use crate::outside::Outside;

/// After each try that went wrong, the time to the next; then a notice is given up.
const WAITS: [Duration; 5] = [
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
];
/// How long a claimed try may take: it is not due again before.
const LONGEST: Duration = Duration::from_secs(60);
/// Notices that are looked at together.
const TOGETHER: u32 = 500;
/// Between two times that old notices are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(3600);
/// Before it is tried again when the database does not answer.
const AGAIN: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug, Clone)]
pub struct Sender {
    /// Where notices wait.
    pub store: Store,
    /// By which they go.
    pub outside: Outside,
    /// Whether this server sends mail.
    pub mails: bool,
    /// Where people reach the server.
    pub public_url: String,
    /// How long it is known what became of them.
    pub keep: Duration,
}

/// Sends for as long as the server lives.
pub async fn keep_sending(sender: Sender) {
    let mut commits = sender.store.commits();
    let mut forgotten: Option<Timestamp> = None;
    loop {
        let now = Timestamp::now();
        let next = match sender.send_due().await {
            Ok(next) => next.map(|at| at.since(Timestamp::now())),
            Err(Error::Closed) => return,
            Err(error) => {
                tracing::warn!(%error, "notices cannot be looked at; this is tried again");
                Some(AGAIN)
            }
        };
        if next.is_some() && forgotten.is_none_or(|at| now.since(at) >= FORGET_EVERY) {
            forgotten = Some(now);
            if let Err(error) = sender.store.forget_notices(now.before(sender.keep)).await {
                tracing::warn!(%error, "old notices are not removed; this is tried again later");
            }
        }
        tokio::select! {
            () = woken(&mut commits) => {}
            () = sleep(next) => {}
        }
    }
}

async fn woken(commits: &mut Receiver<Commit>) {
    loop {
        match commits.recv().await {
            Ok(commit) => {
                let is_new = |subject: Subject, kind: &str| {
                    subject == Subject::Notice && kind == SubjectEvent::CREATED
                };
                if commit.others.iter().any(|change| is_new(change.subject, &change.kind)) {
                    return;
                }
            }
            Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

impl Sender {
    /// Sends what is due; when the next one is.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn send_due(&self) -> Result<Option<Timestamp>> {
        loop {
            let now = Timestamp::now();
            let due = self.store.db().due_notices(now, TOGETHER).await?;
            if due.is_empty() {
                return self.store.db().next_notice_at().await;
            }
            let mut groups: BTreeMap<(ProjectName, String, String), Vec<Notice>> = BTreeMap::new();
            for notice in due {
                let of = (notice.project.clone(), notice.channel.clone(), notice.rule.clone());
                groups.entry(of).or_default().push(notice);
            }
            // One that hangs holds up none of the others.
            let sent = groups.into_iter().map(|((project, channel, rule), notices)| async move {
                self.send_group(&project, (&channel, &rule), notices).await
            });
            futures_util::future::try_join_all(sent).await?;
        }
    }

    /// Sends what is due to a channel by a rule: as one, where the rule says so.
    async fn send_group(
        &self,
        project: &ProjectName,
        (channel, rule): (&str, &str),
        notices: Vec<Notice>,
    ) -> Result<()> {
        let channels = self.store.db().channels(project).await?;
        let Some(channel) = channels.into_iter().find(|known| known.name == channel) else {
            return self.give_up(&notices, "its channel is not there any more").await;
        };
        let rules = self.store.db().rules(project).await?;
        let gathers = |named: &NamedRule| named.rule.digest.is_some() || named.rule.quiet.is_some();
        if rules.iter().any(|named| named.name == rule && gathers(named)) {
            // What came while the first of them waited goes with it.
            let mut all = self.store.db().gathered_notices(project, &channel.name, rule).await?;
            all.retain(|one| notices.iter().all(|due| due.id != one.id));
            all.splice(0..0, notices);
            return self.send_some(&channel, all).await;
        }
        for notice in notices {
            self.send_some(&channel, vec![notice]).await?;
        }
        Ok(())
    }

    async fn send_some(&self, channel: &Channel, notices: Vec<Notice>) -> Result<()> {
        // Those that were tried before go by their own times, with what was tried as often.
        let (tries, now) = (notices.iter().map(|one| one.tries).max().unwrap_or(0), Timestamp::now());
        if tries as usize > WAITS.len() && notices.iter().all(|one| one.error.is_none()) {
            return self
                .give_up(&notices, "the server ended while it was being sent for the last time")
                .await;
        }
        let all: Vec<Message> = notices.iter().map(|one| one.message.clone()).collect();
        let Some(message) = together(&all) else { return Ok(()) };
        if channel.kind == ChannelKind::Mail {
            return self.hand_on(channel, &notices, &message).await;
        }
        match self.store.claim_notices(&notices, now.after(LONGEST), now).await {
            Err(Error::Conflict(_)) => return Ok(()),
            other => other?,
        }
        let id = notices.first().map(|one| one.id.to_string()).unwrap_or_default();
        let sent = self.send(channel, &message, &id).await;
        let again = WAITS.get(tries as usize).copied();
        let now = Timestamp::now();
        match (sent, again) {
            (Ok(()), _) => {
                metrics::counter!("rigi_notices_total", "outcome" => "sent").increment(notices.len() as u64);
                self.store.end_notices(&notices, Ok(()), &[], now).await
            }
            (Err(error), Some(wait)) if error.passes => {
                tracing::warn!(
                    channel = channel.name,
                    reason = error.message,
                    "a notice was not taken; it is tried again"
                );
                self.store.put_off_notices(&notices, &error.message, now.after(wait), now).await
            }
            (Err(error), _) => self.give_up(&notices, &error.message).await,
        }
    }

    async fn give_up(&self, notices: &[Notice], why: &str) -> Result<()> {
        tracing::warn!(reason = why, count = notices.len(), "notices are given up");
        metrics::counter!("rigi_notices_total", "outcome" => "dead").increment(notices.len() as u64);
        self.store.end_notices(notices, Err(why), &[], Timestamp::now()).await
    }

    /// Where a message leads.
    fn link(&self, message: &Message) -> Option<String> {
        message.path.as_ref().map(|path| format!("{}{path}", self.public_url.trim_end_matches('/')))
    }

    /// Hands notices on to the mail queue, in the commit that ends them: once.
    async fn hand_on(&self, channel: &Channel, notices: &[Notice], message: &Message) -> Result<()> {
        if !self.mails {
            return self.give_up(notices, "this server sends no mail (`mail.host`)").await;
        }
        let target = self.store.channel_target(channel)?;
        let letter = self.letter(message);
        let to = target.0.split(',').map(str::trim).filter(|address| !address.is_empty());
        let mails: Vec<NewMail> =
            to.map(|to| sealed(&self.store, MailKind::Notice, to, &letter, None)).collect::<Result<_>>()?;
        match self.store.end_notices(notices, Ok(()), &mails, Timestamp::now()).await {
            Err(Error::Conflict(_)) => Ok(()),
            other => other,
        }
    }

    fn letter(&self, message: &Message) -> Letter {
        let mut letter = Letter::about(&message.title);
        for line in message.text.lines().filter(|line| !line.trim().is_empty()) {
            letter = letter.says(line);
        }
        match self.link(message) {
            Some(link) => letter.link("Open", &link),
            None => letter,
        }
    }

    /// Sends a message by HTTP.
    ///
    /// # Errors
    /// What was wrong.
    pub async fn send(
        &self,
        channel: &Channel,
        message: &Message,
        id: &str,
    ) -> std::result::Result<(), crate::outside::NotTaken> {
        let final_word = |message: String| crate::outside::NotTaken { message, passes: false };
        let target = self.store.channel_target(channel).map_err(|error| final_word(error.to_string()))?;
        let (url, secret) = target.0.split_once('\n').unwrap_or((&target.0, ""));
        let link = self.link(message);
        let body = body_of(channel.kind, url, message, link.as_deref(), id)
            .ok_or_else(|| final_word("its address will not do".to_owned()))?;
        let url = self.outside.address(&body.url).map_err(final_word)?;
        let bytes = serde_json::to_vec(&body.json).unwrap_or_default();
        let headers = match channel.kind {
            ChannelKind::Webhook => signed(secret, id, &bytes),
            _ => Vec::new(),
        };
        self.outside.post(url, &headers, bytes).await
    }
}

/// Headers by the rules of Standard Webhooks.
fn signed(secret: &str, id: &str, body: &[u8]) -> Vec<(&'static str, String)> {
    let at = Timestamp::now().0.div_euclid(1_000_000).to_string();
    let mut headers = vec![("webhook-id", id.to_owned()), ("webhook-timestamp", at.clone())];
    let key = secret.strip_prefix("whsec_").and_then(|encoded| STANDARD.decode(encoded).ok());
    if let Some(mut mac) = key.and_then(|key| Hmac::<Sha256>::new_from_slice(&key).ok()) {
        for part in [id.as_bytes(), b".", at.as_bytes(), b".", body] {
            mac.update(part);
        }
        headers.push(("webhook-signature", format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))));
    }
    headers
}
