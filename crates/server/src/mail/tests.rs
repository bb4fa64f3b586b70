//! Mail servers that refuse, hang and lie: what is said of them, and whether it is tried again.

use std::time::Duration;

use rigi_model::{MailId, Timestamp};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::{Encryption, Failure, Letter, MailSettings, Sender, Smtp};

const GREETING: &str = "220 mail ready\r\n";
/// What a well-behaved server answers.
const USUAL: [(&str, &str); 5] = [
    ("EHLO", "250-mail\r\n250-AUTH PLAIN\r\n250 8BITMIME\r\n"),
    ("MAIL", "250 ok\r\n"),
    ("RCPT", "250 ok\r\n"),
    ("DATA", "354 go on\r\n"),
    (".", "250 taken\r\n"),
];

/// A mail server of one connection. It answers as usual but for what is said of it: nothing at all is a server that hangs, and `close` one
/// that goes away. What it was told comes back line by line.
async fn server(
    greeting: &'static str,
    but: &'static [(&'static str, &'static str)],
) -> (u16, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream, greeting, but, told).await;
    });
    (port, heard)
}

async fn serve(
    stream: TcpStream,
    greeting: &str,
    but: &[(&str, &str)],
    told: mpsc::UnboundedSender<String>,
) -> Option<()> {
    let (read, mut write) = stream.into_split();
    write.write_all(greeting.as_bytes()).await.ok()?;
    let mut lines = BufReader::new(read).lines();
    let mut in_data = false;
    while let Some(line) = lines.next_line().await.ok()? {
        let _ = told.send(line.clone());
        if in_data && line != "." {
            continue;
        }
        let word = line.split([' ', ':']).next().unwrap_or_default();
        let answer = but.iter().chain(&USUAL).find(|(asked, _)| *asked == word);
        match answer.map_or("502 no\r\n", |(_, answer)| answer) {
            "close" => return None,
            answer => write.write_all(answer.as_bytes()).await.ok()?,
        }
        in_data = word == "DATA" && answer.is_some_and(|(_, answer)| answer.starts_with("354"));
    }
    None
}

fn settings(port: u16, encryption: Encryption) -> MailSettings {
    MailSettings {
        host: "127.0.0.1".into(),
        port,
        encryption,
        credentials: None,
        from: Sender::parse("Rigi <rigi@example.org>").unwrap(),
        roots: None,
        timeout: Duration::from_millis(300),
        waits: Vec::new(),
    }
}

async fn send(settings: MailSettings) -> Result<(), Failure> {
    let letter = Letter::about("Grüße\r\nBcc: eve@example.org").says("Dots:\r\n.\r\nMAIL").says(".");
    let id: MailId = "mal_01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
    Smtp::new(settings).unwrap().send(&id, "ada@example.org", &letter, Timestamp(1_700_000_000_000_000)).await
}

async fn refused(greeting: &'static str, but: &'static [(&'static str, &'static str)]) -> (String, bool) {
    let (port, _heard) = server(greeting, but).await;
    let failure = send(settings(port, Encryption::None)).await.unwrap_err();
    (failure.message.replace(&port.to_string(), "PORT"), failure.is_final)
}

#[tokio::test]
async fn a_letter_is_handed_over_with_an_id_that_stays() {
    let (port, mut heard) = server(GREETING, &[]).await;
    send(settings(port, Encryption::None)).await.unwrap();
    let mut lines = Vec::new();
    while let Some(line) = heard.recv().await
        && line != "."
    {
        lines.push(line);
    }
    let has = |wanted: &str| assert!(lines.iter().any(|line| line == wanted), "{wanted} in {lines:#?}");
    has("MAIL FROM:<rigi@example.org>");
    has("RCPT TO:<ada@example.org>");
    has("Message-ID: <mal_01ARZ3NDEKTSV4RRFFQ69G5FAV@example.org>");
    has("Date: Tue, 14 Nov 2023 22:13:20 +0000");
    has("Auto-Submitted: auto-generated");
    has("To: ada@example.org");
    // No header and no command comes of what people write.
    assert!(!lines.iter().any(|line| line.starts_with("Bcc") || line == "MAIL"), "{lines:#?}");
    assert_eq!(lines.iter().filter(|line| line.starts_with("RCPT")).count(), 1);
}

#[tokio::test]
async fn what_a_server_refuses_for_now_is_tried_again_and_what_it_refuses_for_good_is_not() {
    let said = |why: &str| format!("127.0.0.1:PORT did not take the mail: {why}");
    let now = refused(GREETING, &[("RCPT", "451 4.7.1 greylisted\r\n")]).await;
    assert_eq!(now, (said("it said 451 4.7.1 greylisted"), false));
    let never = refused(GREETING, &[("RCPT", "550 5.1.1 no such user\r\n")]).await;
    assert_eq!(never, (said("it said 550 5.1.1 no such user"), true));
    let never = refused(GREETING, &[(".", "554 5.7.1 looks like spam\r\n")]).await;
    assert_eq!(never, (said("it said 554 5.7.1 looks like spam"), true));
    // A server that has no time for anybody says nothing of this mail.
    let (message, is_final) = refused("554 no service\r\n", &[]).await;
    assert_eq!(message, "127.0.0.1:PORT did not answer: it said 554 no service");
    assert!(!is_final);
}

#[tokio::test]
async fn a_server_that_hangs_or_lies_keeps_nobody_waiting() {
    for (greeting, but, why) in [
        ("", &[][..], "did not answer: nothing came within 300 ms"),
        (GREETING, &[("RCPT", "")][..], "did not take the mail: nothing came within 300 ms"),
        (GREETING, &[(".", "")][..], "did not take the mail: nothing came within 300 ms"),
        (GREETING, &[("MAIL", "close")][..], "did not take the mail: what it said is no SMTP"),
        ("HTTP/1.1 200 OK\r\n\r\n", &[][..], "did not answer: what it said is no SMTP"),
        (GREETING, &[("DATA", "250 go on\r\n")][..], "it said 250 where it should wait for the mail"),
        (GREETING, &[("EHLO", "\u{1}\u{2}garbage\r\n")][..], "did not answer: what it said is no SMTP"),
    ] {
        let (message, is_final) = refused(greeting, but).await;
        assert!(message.contains(why) && !is_final, "{message}, {why}");
        assert!(!message.chars().any(char::is_control), "{message:?}");
    }
    // Nobody listens.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let failure = send(settings(free, Encryption::None)).await.unwrap_err();
    assert!(failure.message.contains("did not answer: Connection refused"), "{}", failure.message);
}

#[tokio::test]
async fn nothing_is_said_in_clear_where_encryption_was_asked_for() {
    let offers: &[(&str, &str)] = &[("EHLO", "250-mail\r\n250 STARTTLS\r\n"), ("STARTTLS", "220 go on\r\n")];
    let injects: &[(&str, &str)] = &[
        ("EHLO", "250-mail\r\n250 STARTTLS\r\n"),
        ("STARTTLS", "220 go on\r\n250-mail\r\n250 AUTH PLAIN\r\n"),
    ];
    let refuses: &[(&str, &str)] =
        &[("EHLO", "250-mail\r\n250 STARTTLS\r\n"), ("STARTTLS", "454 not now\r\n")];
    for (but, why) in [
        (&[][..], "did not begin encryption (STARTTLS): it does not offer it; nothing was sent in clear"),
        (refuses, "did not begin encryption (STARTTLS): it said 454 not now"),
        // What was put behind its answer would be taken for what comes encrypted.
        (injects, "did not begin encryption (STARTTLS): more was said in clear than was asked for"),
        // It says that it begins, and goes on in clear.
        (offers, "did not begin encryption (STARTTLS): "),
    ] {
        let (port, mut heard) = server(GREETING, but).await;
        let credentials = Some(("rigi".to_owned(), "hunter2".to_owned()));
        let asked = MailSettings { credentials, ..settings(port, Encryption::StartTls) };
        let failure = send(asked).await.unwrap_err();
        assert!(failure.message.contains(why) && !failure.is_final, "{}", failure.message);
        while let Some(line) = heard.recv().await {
            assert!(!line.starts_with("AUTH") && !line.starts_with("MAIL"), "{line}");
        }
    }
    let (port, _heard) = server(GREETING, &[]).await;
    let failure = send(settings(port, Encryption::Tls)).await.unwrap_err();
    assert!(failure.message.contains("did not answer"), "{}", failure.message);
}

#[tokio::test]
async fn a_password_that_is_refused_gives_no_mail_up() {
    let (port, mut heard) = server(GREETING, &[("AUTH", "535 5.7.8 wrong\r\n")]).await;
    let credentials = Some(("rigi".to_owned(), "hunter2".to_owned()));
    let failure = send(MailSettings { credentials, ..settings(port, Encryption::None) }).await.unwrap_err();
    assert!(
        failure.message.contains("did not let this server sign in: it said 535 5.7.8 wrong"),
        "{}",
        failure.message
    );
    assert!(!failure.is_final);
    while let Some(line) = heard.recv().await {
        assert!(!line.starts_with("MAIL"), "{line}");
    }
}

#[test]
fn a_password_goes_to_no_other_machine_in_clear() {
    let credentials = || Some(("rigi".to_owned(), "hunter2".to_owned()));
    let of = |host: &str, encryption, credentials| {
        Smtp::new(MailSettings { host: host.into(), credentials, ..settings(25, encryption) }).is_ok()
    };
    assert!(!of("mail.example.org", Encryption::None, credentials()));
    assert!(!of("127.0.0.1.example.org", Encryption::None, credentials()));
    assert!(of("mail.example.org", Encryption::None, None));
    assert!(of("mail.example.org", Encryption::StartTls, credentials()));
    for here in ["localhost", "127.0.0.1", "::1", "[::1]"] {
        assert!(of(here, Encryption::None, credentials()), "{here}");
    }
    let broken = MailSettings { roots: Some(b"no certificate".to_vec()), ..settings(25, Encryption::Tls) };
    assert!(Smtp::new(broken).is_err());
    assert!(Sender::parse("Rigi <rigi@example.org>\r\nBcc: x@y.org").is_err());
}
