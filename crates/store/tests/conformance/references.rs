//! Secrets by reference: what a Vault that is well, ill or hostile makes of them. The Vault here speaks as much of its protocol as is used.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rigi_model::ProjectName;
use rigi_model::secret_source::SecretSource;
use rigi_store::Hidden;
use rigi_store::references::{Allowed, References, Unresolved, Vault, VaultSettings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::backup::block_on;
use crate::support::project;

/// What it was asked, and what it answers.
struct Stub {
    address: String,
    asked: Arc<AtomicUsize>,
    last: Arc<Mutex<String>>,
}

type Answer = fn(&str) -> Vec<u8>;

fn http(status: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()).into()
}

async fn request(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut piece = [0; 4096];
    while !text.windows(4).any(|end| end == b"\r\n\r\n") {
        let count = stream.read(&mut piece).await.unwrap();
        if count == 0 {
            break;
        }
        text.extend_from_slice(&piece[..count]);
    }
    String::from_utf8_lossy(&text).into_owned()
}

impl Stub {
    async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (asked, last) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(String::new())));
        let (count, heard) = (asked.clone(), last.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (count, heard) = (count.clone(), heard.clone());
                tokio::spawn(async move {
                    let head = request(&mut stream).await;
                    count.fetch_add(1, Ordering::SeqCst);
                    let said = answer(&head);
                    *heard.lock().unwrap() = head;
                    if said.is_empty() {
                        std::future::pending::<()>().await;
                    }
                    // Whoever has read enough goes.
                    let _ = stream.write_all(&said).await;
                    if said.ends_with(b"flood") {
                        let piece = vec![b' '; 1 << 20];
                        for _ in 0..100 {
                            if stream.write_all(&piece).await.is_err() {
                                return;
                            }
                        }
                    }
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { address, asked, last }
    }

    fn references(&self, change: impl FnOnce(&mut VaultSettings)) -> References {
        let mut settings = VaultSettings {
            address: self.address.clone(),
            token: Some(Hidden("hvs.token".into())),
            ..VaultSettings::default()
        };
        change(&mut settings);
        let all = vec!["vault:secret/lab".parse().unwrap()];
        References::new(Allowed { all, ..Allowed::default() }, Some(Vault::new(settings).unwrap()))
    }
}

async fn of(references: &References, source: &str) -> Result<String, Unresolved> {
    let source: SecretSource = source.parse().unwrap();
    references.resolve(&project(), &source).await.map(|value| value.to_string())
}

fn well(head: &str) -> Vec<u8> {
    let token = head.contains("x-vault-token: hvs.token\r\n") || head.contains("x-vault-token: hvs.next\r\n");
    match head.split(' ').nth(1).unwrap_or_default() {
        _ if !token => http("403 Forbidden", r#"{"errors":["permission denied"]}"#),
        "/v1/secret/data/lab/db" | "/v1/team/kv/data/db" => http(
            "200 OK",
            r#"{"data":{"data":{"password":"hunter22","short":"abc","number":4711,"nul":"hunter\u000022"},"metadata":{"version":3}}}"#,
        ),
        "/v1/secret/data/lab/db?version=2" => {
            http("200 OK", r#"{"data":{"data":{"password":"hunter11"},"metadata":{"version":2}}}"#)
        }
        "/v1/secret/data/lab/gone" => {
            http("404 Not Found", r#"{"data":{"data":null,"metadata":{"deletion_time":"2026-01-01"}}}"#)
        }
        _ => http("404 Not Found", r#"{"errors":[]}"#),
    }
}

#[test]
fn a_field_is_read_once_for_many_and_what_is_wrong_with_it_is_told() {
    block_on(async {
        let vault = Stub::start(well).await;
        let references = vault.references(|settings| settings.namespace = Some("lab".into()));
        let asking = (0..100).map(|_| {
            let references = references.clone();
            tokio::spawn(async move { of(&references, "vault:secret/lab/db#password").await })
        });
        for task in asking.collect::<Vec<_>>() {
            assert_eq!(task.await.unwrap().unwrap(), "hunter22");
        }
        assert_eq!(vault.asked.load(Ordering::SeqCst), 1);
        assert!(vault.last.lock().unwrap().contains("x-vault-namespace: lab"));
        assert_eq!(of(&references, "vault:secret/lab/db#password@2").await.unwrap(), "hunter11");
        for (source, words) in [
            ("vault:secret/lab/db#none", "no field `none`"),
            ("vault:secret/lab/db#number", "is no text"),
            ("vault:secret/lab/db#short", "fewer than 6 characters"),
            ("vault:secret/lab/db#nul", "NUL"),
            ("vault:secret/lab/gone#password", "or it was deleted"),
            ("vault:secret/lab/other#password@7", "in version 7"),
            ("vault:secret/labs/db#password", "takes values from `vault:secret/lab` alone"),
            ("vault:sys/lab/db#password", "takes values from"),
            ("env:HOME", "takes values from"),
            ("file:/etc/passwd", "takes values from"),
        ] {
            let error = of(&references, source).await.unwrap_err();
            assert!(
                error.why.contains(words) && !error.may_pass && !error.cure.is_empty(),
                "{source}: {error:?}"
            );
            assert!(!format!("{error:?}").contains("hunter"), "{error:?}");
        }
    });
}

#[test]
fn a_token_in_a_file_is_read_each_time_and_a_refused_one_may_pass() {
    block_on(async {
        let vault = Stub::start(well).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let references = vault.references(|settings| {
            settings.token = None;
            settings.token_file = Some(file.clone());
        });
        let error = of(&references, "vault:secret/lab/db#password").await.unwrap_err();
        assert!(error.may_pass && error.why.contains("token cannot be read"), "{error:?}");
        std::fs::write(&file, "hvs.expired\n").unwrap();
        let error = of(&references, "vault:secret/lab/db#password@1").await.unwrap_err();
        assert!(error.may_pass && error.why.contains("(403)"), "{error:?}");
        std::fs::write(&file, "hvs.next\n").unwrap();
        assert_eq!(of(&references, "vault:secret/lab/db#password@2").await.unwrap(), "hunter11");
    });
}

#[test]
fn a_vault_that_is_ill_or_hostile_is_told_in_time_and_its_words_go_nowhere() {
    let answers: [(Answer, &str); 9] = [
        (|_| Vec::new(), "did not answer within 5 s"),
        (|_| http("500 Internal Server Error", "hunter22"), "answered with 500"),
        (|_| http("503 Service Unavailable", r#"{"errors":["Vault is sealed"]}"#), "is sealed"),
        (|_| http("403 Forbidden", "hunter22"), "refuses the server's token"),
        (|_| http("429 Too Many Requests", "hunter22"), "too much to do"),
        (|_| b"HTTP/1.1 200 OK\r\ncontent-length: 104857600\r\n\r\nflood".to_vec(), "larger than 1 MiB"),
        (|_| http("200 OK", "<html>hunter22</html>"), "does not answer as Vault does"),
        (|_| http("200 OK", r#"{"data":{"data":["hunter22"]}}"#), "does not answer as Vault does"),
        (|_| b"SSH-2.0-hunter22\r\n".to_vec(), "does not answer"),
    ];
    block_on(async {
        for (answer, words) in answers {
            let vault = Stub::start(answer).await;
            let references = vault.references(|_| ());
            let begun = Instant::now();
            let asking = (0..20).map(|_| {
                let references = references.clone();
                tokio::spawn(async move { of(&references, "vault:secret/lab/db#password").await })
            });
            for task in asking.collect::<Vec<_>>() {
                let error = task.await.unwrap().unwrap_err();
                assert!(error.may_pass && error.why.contains(words), "{words}: {error:?}");
                assert!(!format!("{error:?}").contains("hunter"), "{error:?}");
            }
            // All of them wait for one answer.
            assert!(begun.elapsed() < Duration::from_secs(8), "{words}: {:?}", begun.elapsed());
            assert_eq!(vault.asked.load(Ordering::SeqCst), 1, "{words}");
        }
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let nobody =
            Stub { address: format!("http://{closed}"), asked: Arc::default(), last: Arc::default() };
        let error = of(&nobody.references(|_| ()), "vault:secret/lab/db#password").await.unwrap_err();
        assert!(error.may_pass && error.why.contains("does not answer"), "{error:?}");
    });
}

#[test]
fn a_token_is_never_sent_where_a_vault_leads() {
    block_on(async {
        let thief = Stub::start(well).await;
        // The stub has no state of its own: the address goes by a variable of the test.
        static PLACE: Mutex<String> = Mutex::new(String::new());
        PLACE.lock().unwrap().clone_from(&thief.address);
        for status in ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
            static STATUS: Mutex<String> = Mutex::new(String::new());
            status.clone_into(&mut STATUS.lock().unwrap());
            let vault = Stub::start(|_| {
                let (place, status) = (PLACE.lock().unwrap(), STATUS.lock().unwrap());
                format!("HTTP/1.1 {status}\r\nlocation: {place}/v1/secret/data/lab/db\r\ncontent-length: 0\r\n\r\n").into()
            })
            .await;
            let error = of(&vault.references(|_| ()), "vault:secret/lab/db#password").await.unwrap_err();
            assert!(error.may_pass && error.why.contains("leads elsewhere"), "{error:?}");
        }
        assert_eq!(thief.asked.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn mounts_of_several_parts_are_named_and_addresses_need_tls() {
    block_on(async {
        let vault = Stub::start(well).await;
        let settings = VaultSettings {
            address: vault.address.clone(),
            token: Some(Hidden("hvs.token".into())),
            mounts: vec!["team/kv".into()],
            ..VaultSettings::default()
        };
        let all = vec!["vault:team/kv".parse().unwrap()];
        let references = References::new(
            Allowed { all, ..Allowed::default() },
            Some(Vault::new(settings.clone()).unwrap()),
        );
        assert_eq!(of(&references, "vault:team/kv/db#password").await.unwrap(), "hunter22");
        for address in
            ["http://vault.example.org", "ftp://127.0.0.1", "http://127.0.0.1.example.org:8200", "x"]
        {
            let settings = VaultSettings { address: address.into(), ..settings.clone() };
            assert!(Vault::new(settings).unwrap_err().contains("vault.address"), "{address}");
        }
        let both = VaultSettings { token_file: Some("/x".into()), ..settings };
        assert!(Vault::new(both).unwrap_err().contains("not both"));
    });
}

#[test]
fn what_one_project_may_name_another_may_not() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "hunter22").unwrap();
        let place = format!("file:{}", folder.path().display());
        let lab = ProjectName::unchecked("lab");
        let of_projects = [(lab.clone(), vec![place.parse().unwrap()])].into();
        let references = References::new(Allowed { all: Vec::new(), of_projects }, None);
        let source: SecretSource = format!("{place}/key").parse().unwrap();
        assert_eq!(&*references.resolve(&lab, &source).await.unwrap(), "hunter22");
        let error = references.resolve(&project(), &source).await.unwrap_err();
        assert!(error.why.contains("takes no values from elsewhere") && error.cure.contains("secrets.from"));
    });
}
