//! The queue: each mail is taken once, whoever sends, and what is given up says why.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rigi_model::mail::{MailKind, MailState};
use rigi_model::people::{Key, KeyKind, LinkKind};
use rigi_model::{LinkId, Timestamp};
use rigi_store::people::{Deed, Link};
use rigi_store::{DbConfig, Store};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::{Encryption, Letter, MailSettings, Post, Sender, Smtp, keep_sending, sealed};

/// How often each message was taken, by its `Message-ID`; and how often each address is still refused.
#[derive(Default)]
struct Mailbox {
    taken: HashMap<String, usize>,
    refuses: HashMap<String, usize>,
}

type Shared = Arc<Mutex<Mailbox>>;

async fn mail_server() -> (u16, Shared) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mailbox = Shared::default();
    let shared = mailbox.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, shared.clone()));
        }
    });
    (port, mailbox)
}

async fn serve(stream: TcpStream, mailbox: Shared) -> Option<()> {
    let (read, mut write) = stream.into_split();
    write.write_all(b"220 ready\r\n").await.ok()?;
    let mut lines = BufReader::new(read).lines();
    let (mut in_data, mut id) = (false, String::new());
    while let Some(line) = lines.next_line().await.ok()? {
        if in_data && line != "." {
            if let Some(found) = line.strip_prefix("Message-ID: ") {
                found.clone_into(&mut id);
            }
            continue;
        }
        let answer: &[u8] = if line == "." {
            in_data = false;
            *mailbox.lock().unwrap().taken.entry(id.clone()).or_default() += 1;
            b"250 taken\r\n"
        } else if line == "DATA" {
            in_data = true;
            b"354 go on\r\n"
        } else if refuses(&mailbox, &line) {
            b"450 not now\r\n"
        } else {
            b"250 ok\r\n"
        };
        write.write_all(answer).await.ok()?;
    }
    None
}

fn refuses(mailbox: &Shared, line: &str) -> bool {
    let mut mailbox = mailbox.lock().unwrap();
    let to = line.strip_prefix("RCPT TO:<").and_then(|rest| rest.strip_suffix('>'));
    let left = to.and_then(|to| mailbox.refuses.get_mut(to)).filter(|left| **left > 0);
    left.map(|left| *left -= 1).is_some()
}

fn smtp(port: u16, waits: Vec<Duration>) -> Smtp {
    let settings = MailSettings {
        host: "127.0.0.1".into(),
        port,
        encryption: Encryption::None,
        credentials: None,
        from: Sender::parse("rigi@example.org").unwrap(),
        roots: None,
        timeout: Duration::from_secs(5),
        waits,
    };
    Smtp::new(settings).unwrap()
}

async fn write_to(store: &Store, to: &str, n: u8, until: Timestamp) {
    let key = Key::from_seed(KeyKind::Link, &[n; 64]).unwrap();
    let link = Link {
        id: LinkId::generate(),
        kind: LinkKind::Invitation,
        person: None,
        mail: Some(to.into()),
        grant: None,
        uses: 1,
        used: 0,
        made_by: String::new(),
        made_at: Timestamp::now(),
        until,
    };
    let letter = Letter::about("x").says("y");
    let mail = sealed(store, MailKind::Invitation, to, &letter, Some(until)).unwrap();
    store.add_link(&key, &link, Some(&mail), &Deed::of_server("Root", Timestamp::now())).await.unwrap();
}

async fn store(data: &std::path::Path) -> Store {
    Store::open(&DbConfig::Sqlite(data.join("rigi.db")), data).await.unwrap()
}

/// Until no mail waits.
async fn settled(store: &Store) {
    let mut commits = store.commits();
    let wait = async {
        while store.db().waiting_mails().await.unwrap() > 0 {
            let _ = tokio::time::timeout(Duration::from_millis(100), commits.recv()).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap();
}

#[tokio::test]
async fn of_several_who_send_one_takes_each_mail() {
    let data = tempfile::tempdir().unwrap();
    let store = store(data.path()).await;
    let (port, mailbox) = mail_server().await;
    let soon = vec![Duration::from_millis(10); 4];
    let later = Timestamp::now().after(Duration::from_secs(3600));
    for n in 0..20 {
        let to = format!("p{n}@example.org");
        mailbox.lock().unwrap().refuses.insert(to.clone(), usize::from(n % 5));
        write_to(&store, &to, n, later).await;
    }
    let keep = Duration::from_secs(3600);
    let senders: Vec<_> = (0..3)
        .map(|_| {
            let (store, smtp) = (store.clone(), smtp(port, soon.clone()));
            tokio::spawn(keep_sending(Post { store, smtp, keep }))
        })
        .collect();
    settled(&store).await;
    // One that is written while they wait wakes them.
    write_to(&store, "late@example.org", 99, later).await;
    settled(&store).await;
    senders.iter().for_each(tokio::task::JoinHandle::abort);
    let mails = store.db().mails(None, 100).await.unwrap();
    assert!(mails.iter().all(|mail| mail.state == MailState::Sent), "{mails:?}");
    let taken = mailbox.lock().unwrap().taken.clone();
    assert_eq!((taken.len(), taken.values().max()), (21, Some(&1)), "{taken:?}");
    for n in 0..20_u32 {
        let mail = mails.iter().find(|mail| mail.to == format!("p{n}@example.org")).unwrap();
        assert_eq!(mail.tries, n % 5 + 1, "{mail:?}");
    }
}

#[tokio::test]
async fn what_is_given_up_says_why() {
    let data = tempfile::tempdir().unwrap();
    let store = store(data.path()).await;
    let (port, mailbox) = mail_server().await;
    let post =
        |waits| Post { store: store.clone(), smtp: smtp(port, waits), keep: Duration::from_secs(3600) };
    let later = Timestamp::now().after(Duration::from_secs(3600));
    let why = async |to: &str| {
        let mails = store.db().mails(None, 100).await.unwrap();
        let mail = mails.into_iter().find(|mail| mail.to == to).unwrap();
        assert_eq!(mail.state, MailState::Failed, "{to}");
        mail.error.unwrap()
    };
    // Its link has ended before it could be sent.
    write_to(&store, "old@example.org", 1, Timestamp(1)).await;
    // Refused as often as it is tried.
    mailbox.lock().unwrap().refuses.insert("never@example.org".into(), 99);
    write_to(&store, "never@example.org", 2, later).await;
    assert_eq!(post(vec![]).send_due().await.unwrap(), None);
    assert!(why("old@example.org").await.contains("has ended"));
    assert!(why("never@example.org").await.contains("450 not now"));
    // The server ended during the last try.
    write_to(&store, "lost@example.org", 3, later).await;
    let queued = store.db().next_mail().await.unwrap().unwrap();
    store.claim_mail(&queued, Timestamp(1), Timestamp(1)).await.unwrap();
    post(vec![]).send_due().await.unwrap();
    assert!(why("lost@example.org").await.contains("the server ended"));
    // With tries left, it is sent.
    write_to(&store, "kept@example.org", 4, later).await;
    let queued = store.db().next_mail().await.unwrap().unwrap();
    store.claim_mail(&queued, Timestamp(1), Timestamp(1)).await.unwrap();
    post(vec![Duration::from_secs(60)]).send_due().await.unwrap();
    let kept = store.db().mail(&queued.id).await.unwrap();
    assert_eq!((kept.state, kept.tries), (MailState::Sent, 2));
    assert_eq!(mailbox.lock().unwrap().taken.len(), 1);
}
