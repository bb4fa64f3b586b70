//! What is mailed to whom, and that links come by mail to those alone whom they are for.

use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode, header};
use rigi_model::Timestamp;
use rigi_model::mail::{MailKind, MailState};
use rigi_model::people::{GrantSource, PersonKind};
use rigi_model::rights::{Grant, Role};
use rigi_store::people::{Identity, NewPerson, Person};
use rigi_store::tables::mails::Mail;
use serde_json::{Value, json};

use super::crowd::{Kept, PASSWORD, deed, role};
use super::{Answer, TestServer};

const NEW: &str = "nine loud kettles";

/// As somebody who has not signed in.
async fn nobody(server: &TestServer, path: &str, body: Value) -> Answer {
    server.call_as("", Method::POST, path, Some(body)).await
}

async fn administrator(server: &TestServer) -> String {
    let root = server.person("Root", vec![Grant::Administrator]).await;
    server.token(&root, Kept::default()).await.0
}

/// Mails that wait, the newest first.
async fn waiting(server: &TestServer) -> Vec<Mail> {
    let mails = server.state.store().db().mails(None, 100).await.unwrap();
    mails.into_iter().filter(|mail| mail.state == MailState::Waiting).collect()
}

/// The key of the link in a mail.
async fn key_in(server: &TestServer, mail: &Mail) -> String {
    let text = server.letter(&mail.id).await.unwrap().text();
    let link = text.lines().find_map(|line| line.strip_prefix("https://rigi.example.org/join#"));
    link.unwrap_or_else(|| panic!("a link to this server in {text}")).to_owned()
}

#[tokio::test]
async fn a_link_for_a_forgotten_password_comes_by_mail_and_serves_once() {
    let server = TestServer::start_mailing().await;
    server.person("Ada", vec![]).await;
    let ask = || nobody(&server, "/sign-in/reset", json!({"mail": "ADA@example.org"}));
    assert_eq!(ask().await.status, StatusCode::ACCEPTED);
    assert_eq!(ask().await.status, StatusCode::ACCEPTED);
    let mails = waiting(&server).await;
    assert_eq!(mails.len(), 2);
    assert!(mails.iter().all(|mail| mail.kind == MailKind::Reset && mail.to == "ada@example.org"));
    let (key, older) = (key_in(&server, &mails[0]).await, key_in(&server, &mails[1]).await);
    let take = |key: &str| nobody(&server, "/sign-in/link", json!({"key": key, "password": NEW}));
    assert_eq!(take(&key).await.status, StatusCode::NO_CONTENT);
    // Neither it nor one that was asked for before it serves again.
    assert_eq!(take(&key).await.status, StatusCode::NOT_FOUND);
    assert_eq!(take(&older).await.status, StatusCode::NOT_FOUND);
    let signs_in = async |password: &str| {
        let wanted = json!({"mail": "ada@example.org", "password": password});
        nobody(&server, "/session", wanted).await.status
    };
    assert_eq!(signs_in(PASSWORD).await, StatusCode::UNAUTHORIZED);
    assert_eq!(signs_in(NEW).await, StatusCode::CREATED);
    // She is told, and her address is known to be hers.
    let told = &waiting(&server).await[0];
    assert_eq!((told.kind, told.to.as_str()), (MailKind::Changed, "ada@example.org"));
    assert!(server.letter(&told.id).await.unwrap().subject().contains("password was changed"));
    let ada = server.state.store().db().person_by_mail("ada@example.org").await.unwrap().unwrap();
    assert!(ada.mail_verified);
}

#[tokio::test]
async fn nobody_learns_who_has_an_account_by_asking_for_a_new_password() {
    let server = TestServer::start_mailing().await;
    let blocked = server.person("Bea", vec![]).await;
    let state = rigi_model::people::PersonState::Blocked;
    server.state.store().set_person_state(&blocked, state, &deed()).await.unwrap();
    let by_provider = NewPerson {
        kind: PersonKind::Person,
        name: "Cleo".into(),
        mail: Some("cleo@example.org".into()),
        phc: None,
        grants: vec![(role("lab", Role::Viewer), GrantSource::Hand)],
        invited_by: None,
        claim: None,
        identity: Some(Identity { issuer: "https://x".into(), subject: "1".into(), mail_seen: None }),
    };
    server.state.store().add_person(by_provider, &deed()).await.unwrap();
    for n in 0..10 {
        server.person(&format!("P{n}"), vec![]).await;
    }
    let long = "x".repeat(10_000);
    let (mut answers, mut times) = (Vec::new(), [Vec::new(), Vec::new()]);
    let absent = ["bea@example.org", "cleo@example.org", "", "'; --", long.as_str(), "nobody@example.org"];
    for mail in absent {
        answers.push(nobody(&server, "/sign-in/reset", json!({"mail": mail})).await);
    }
    assert!(waiting(&server).await.is_empty());
    for n in 0..10 {
        for (mail, times) in [format!("p{n}@example.org"), format!("q{n}@example.org")].iter().zip(&mut times)
        {
            let began = Instant::now();
            answers.push(nobody(&server, "/sign-in/reset", json!({"mail": mail})).await);
            times.push(began.elapsed());
        }
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(answers[0].status, StatusCode::ACCEPTED);
    assert_eq!(waiting(&server).await.len(), 10);
    let median = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2]
    };
    let [known, unknown] = &mut times;
    let (known, unknown) = (median(known), median(unknown));
    println!("known {known:?}, unknown {unknown:?}");
    assert!(known.abs_diff(unknown) < Duration::from_millis(20), "{known:?} {unknown:?}");
}

#[tokio::test]
async fn nobody_s_mailbox_is_flooded_and_nobody_is_kept_from_signing_in_by_it() {
    let server = TestServer::start_mailing().await;
    server.person("Ada", vec![]).await;
    for mail in ["ada@example.org", "nobody@example.org"] {
        let mut statuses = Vec::new();
        for _ in 0..8 {
            statuses.push(nobody(&server, "/sign-in/reset", json!({"mail": mail})).await.status);
        }
        assert_eq!(
            statuses.iter().filter(|status| **status == StatusCode::ACCEPTED).count(),
            5,
            "{mail} {statuses:?}"
        );
        assert_eq!(statuses[7], StatusCode::TOO_MANY_REQUESTS);
    }
    let wanted = json!({"mail": "ada@example.org", "password": PASSWORD});
    assert_eq!(nobody(&server, "/session", wanted).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn links_lead_to_the_configured_address_whatever_a_request_says() {
    let server = TestServer::start_mailing().await;
    server.person("Ada", vec![]).await;
    let forged = axum::http::Request::builder()
        .method(Method::POST)
        .uri("/api/v1/sign-in/reset")
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-forwarded-host", "evil.example")
        .header("forwarded", "host=evil.example");
    let answer = server.send(forged, &json!({"mail": "ada@example.org"}).to_string()).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let letter = server.letter(&waiting(&server).await[0].id).await.unwrap();
    assert!(!letter.text().contains("evil") && !letter.html().contains("evil"));
    key_in(&server, &waiting(&server).await[0]).await;
}

#[tokio::test]
async fn an_invitation_goes_to_the_address_that_it_is_for() {
    let server = TestServer::start_mailing().await;
    let owner = server.person("Olga <script>", vec![role("lab", Role::Owner)]).await;
    let (owner, _) = server.token(&owner, Kept::default()).await;
    let invite = async |wanted: Value| {
        let path = "/projects/lab/invitations";
        server.call_as(&owner, Method::POST, path, Some(wanted)).await.json()
    };
    let open = invite(json!({"uses": 3})).await;
    assert_eq!(open.get("mailed_to"), None);
    let made = invite(json!({"mail": "ada@example.org", "role": "editor"})).await;
    assert_eq!(made["mailed_to"], "ada@example.org");
    let mails = waiting(&server).await;
    assert_eq!((mails.len(), mails[0].kind), (1, MailKind::Invitation));
    let letter = server.letter(&mails[0].id).await.unwrap();
    assert!(
        letter.html().contains("Olga &lt;script&gt; invites you to lab on rigi.example.org, as an editor.")
    );
    assert_eq!(format!("/join#{}", key_in(&server, &mails[0]).await), made["path"]);
    // A line break in an address is none of an address.
    let broken = json!({"mail": "ada@example.org\r\nBcc: eve@example.org"});
    let refused = server.call_as(&owner, Method::POST, "/projects/lab/invitations", Some(broken)).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_address_is_confirmed_by_the_link_that_came_there() {
    let server = TestServer::start_mailing().await;
    let admin = administrator(&server).await;
    let ada = server.person("Ada", vec![]).await;
    let (key, _) = server.token(&ada, Kept::default()).await;
    let asked = server.call_as(&key, Method::POST, "/account/mail/confirm", None).await;
    assert_eq!(
        (asked.status, asked.json()["mailed_to"].clone()),
        (StatusCode::ACCEPTED, json!("ada@example.org"))
    );
    let link = key_in(&server, &waiting(&server).await[0]).await;
    let look = nobody(&server, "/sign-in/look", json!({"key": link})).await.json();
    assert_eq!(look["kind"], "confirm");
    let take = async |link: &str| nobody(&server, "/sign-in/link", json!({"key": link})).await.status;
    let verified =
        async || server.call_as(&key, Method::GET, "/account", None).await.json()["mail_verified"].clone();
    assert_eq!(verified().await, false);
    assert_eq!(take(&link).await, StatusCode::NO_CONTENT);
    assert_eq!(verified().await, true);
    assert_eq!(take(&link).await, StatusCode::NOT_FOUND);
    // Another address is not, and the one that it was is told; a link to it holds no more.
    server.call_as(&key, Method::POST, "/account/mail/confirm", None).await;
    let former = key_in(&server, &waiting(&server).await[0]).await;
    let change = json!({"mail": "countess@example.org"});
    let changed = server.call_as(&admin, Method::PATCH, "/people/Ada", Some(change)).await.json();
    assert_eq!(
        (&changed["mail"], &changed["mail_verified"]),
        (&json!("countess@example.org"), &json!(false))
    );
    let told = &waiting(&server).await[0];
    assert_eq!((told.kind, told.to.as_str()), (MailKind::Changed, "ada@example.org"));
    assert_eq!(take(&former).await, StatusCode::NOT_FOUND);
    assert_eq!(verified().await, false);
}

#[tokio::test]
async fn an_administrator_s_link_is_mailed_where_that_is_asked_for() {
    let server = TestServer::start_mailing().await;
    let admin = administrator(&server).await;
    server.person("Ada", vec![]).await;
    let link = async |wanted: Value| {
        server.call_as(&admin, Method::POST, "/people/Ada/link", Some(wanted)).await.json()
    };
    assert_eq!(link(json!({"kind": "reset"})).await.get("mailed_to"), None);
    assert!(waiting(&server).await.is_empty());
    assert_eq!(link(json!({"kind": "reset", "mail": true})).await["mailed_to"], "ada@example.org");
    let mails = waiting(&server).await;
    let key = key_in(&server, &mails[0]).await;
    nobody(&server, "/sign-in/link", json!({"key": key, "password": NEW})).await;
    // Whoever made it saw it too: it shows nothing of the address.
    let ada: Person = server.state.store().db().person_by_mail("ada@example.org").await.unwrap().unwrap();
    assert!(!ada.mail_verified);
    // What waits is tried when somebody says so; what is over is not.
    let retry = async |mail: &Mail| {
        server.call_as(&admin, Method::POST, &format!("/mails/{}/retry", mail.id), None).await.status
    };
    assert_eq!(retry(&mails[0]).await, StatusCode::NO_CONTENT);
    server.state.store().end_mail(&mails[0].id, Err("no"), Timestamp::now()).await.unwrap();
    assert_eq!(retry(&mails[0]).await, StatusCode::CONFLICT);
    let log = server.call_as(&admin, Method::GET, "/mails?limit=1", None).await.json();
    assert_eq!((&log["server"]["server"], &log["server"]["tls"]), (&json!("127.0.0.1:1"), &json!("none")));
    assert_eq!(log["items"].as_array().unwrap().len(), 1);
    assert!(log["next_cursor"].is_string() && !log.to_string().contains("rigi_l_"), "{log}");
}

#[tokio::test]
async fn a_test_says_what_the_mail_server_answers_and_without_one_nothing_is_mailed() {
    let server = TestServer::start_mailing().await;
    let admin = administrator(&server).await;
    let tested = server.call_as(&admin, Method::POST, "/mails/test", Some(json!({}))).await;
    assert_eq!(
        (tested.status, tested.json()["code"].clone()),
        (StatusCode::BAD_GATEWAY, json!("mail-failed"))
    );
    assert!(tested.text().contains("127.0.0.1:1 did not answer"), "{tested:?}");
    let mails = server.state.store().db().mails(None, 10).await.unwrap();
    assert_eq!((mails[0].state, mails[0].kind), (MailState::Failed, MailKind::Test));

    let server = TestServer::start_team(&[], &["default/fit"]).await;
    let admin = administrator(&server).await;
    for (path, body) in [
        ("/mails/test", json!({"to": "ada@example.org"})),
        ("/sign-in/reset", json!({"mail": "ada@example.org"})),
        ("/account/mail/confirm", json!({})),
        ("/people/Root/link", json!({"kind": "reset", "mail": true})),
    ] {
        let refused = server.call_as(&admin, Method::POST, path, Some(body)).await;
        assert_eq!(refused.json()["code"], "mail-unavailable", "{path} {refused:?}");
    }
    let made = json!({"mail": "ada@example.org"});
    let made = server.call_as(&admin, Method::POST, "/invitations", Some(made)).await;
    assert_eq!((made.status, made.json().get("mailed_to")), (StatusCode::CREATED, None));
    assert!(server.state.store().db().mails(None, 10).await.unwrap().is_empty());
}
