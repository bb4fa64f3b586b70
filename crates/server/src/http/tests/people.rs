//! Signing in, and what is one's own; members, invitations, links: as people meet them.

use std::time::Duration;

use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use rigi_model::Timestamp;
use rigi_model::people::{KeyKind, LinkKind};
use rigi_model::rights::{Grant, Role};
use serde_json::{Value, json};

use super::TestServer;
use super::crowd::{Kept, PASSWORD, deed, role};
use crate::auth::{Secret, new_key};
use crate::http::sign_in_links::new_link;

async fn team() -> TestServer {
    TestServer::start_team(&[("lab", None)], &["default/fit", "lab/fit"]).await
}

async fn body(response: Response) -> Value {
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

fn cookie(response: &Response) -> Option<String> {
    let set = response.headers().get(header::SET_COOKIE)?.to_str().ok()?;
    Some(set.split(';').next()?.to_owned())
}

/// As a browser, with the session that it has.
async fn ask(
    server: &TestServer,
    method: Method,
    path: &str,
    cookie: Option<&str>,
    json: Option<Value>,
) -> Response {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("/api/v1{path}"))
        .header("origin", "http://localhost")
        .header("sec-fetch-site", "same-origin");
    if let Some(cookie) = cookie {
        request = request.header(header::COOKIE, cookie);
    }
    if json.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    server.send(request, &json.map(|json| json.to_string()).unwrap_or_default()).await
}

async fn sign_in(server: &TestServer, mail: &str, password: &str, code: Option<&str>) -> Response {
    let mut wanted = json!({"mail": mail, "password": password});
    if let Some(code) = code {
        wanted["code"] = code.into();
    }
    ask(server, Method::POST, "/session", None, Some(wanted)).await
}

async fn session(server: &TestServer, mail: &str) -> String {
    let response = sign_in(server, mail, PASSWORD, None).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    cookie(&response).unwrap()
}

#[tokio::test]
async fn a_person_signs_in_and_out_and_sees_what_is_theirs() {
    let server = team().await;
    server.person("Ada", vec![role("lab", Role::Runner)]).await;
    let ways = body(ask(&server, Method::GET, "/sign-in", None, None).await).await;
    assert_eq!(
        ways,
        json!({"public": [], "people": true, "passwords": true, "mail": false, "first_administrator": true, "providers": []})
    );
    for (mail, password) in [("ada@example.org", "wrong"), ("nobody@example.org", PASSWORD), ("", "")] {
        let refused = sign_in(&server, mail, password, None).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
        let said = body(refused).await;
        assert_eq!(said["detail"], "mail address and password do not belong together");
    }
    let one = session(&server, "ADA@example.org").await;
    let account = body(ask(&server, Method::GET, "/account", Some(&one), None).await).await;
    assert_eq!((&account["name"], &account["administrator"]), (&json!("Ada"), &json!(false)));
    assert_eq!(account["roles"], json!([{"project": "lab", "role": "runner"}]));
    // A second one, from elsewhere, and one that a page of others asks for.
    let two = session(&server, "ada@example.org").await;
    let foreign = Request::builder()
        .method(Method::DELETE)
        .uri("/api/v1/account/sessions")
        .header(header::COOKIE, &two)
        .header("origin", "http://evil.example");
    assert_eq!(server.send(foreign, "").await.status(), StatusCode::FORBIDDEN);
    let all = body(ask(&server, Method::GET, "/account/sessions", Some(&two), None).await).await;
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
    assert_eq!(
        ask(&server, Method::DELETE, "/account/sessions", Some(&two), None).await.status(),
        StatusCode::NO_CONTENT
    );
    let gone = ask(&server, Method::GET, "/account", Some(&one), None).await;
    assert_eq!(gone.status(), StatusCode::UNAUTHORIZED);
    let out = ask(&server, Method::DELETE, "/session", Some(&two), None).await;
    assert!(out.headers()[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(
        ask(&server, Method::GET, "/account", Some(&two), None).await.status(),
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_session_is_another_one_after_each_sign_in() {
    let server = team().await;
    server.person("Ada", vec![]).await;
    let planted = session(&server, "ada@example.org").await;
    let wanted = json!({"mail": "ada@example.org", "password": PASSWORD});
    let response = ask(&server, Method::POST, "/session", Some(&planted), Some(wanted.clone())).await;
    let fresh = cookie(&response).unwrap();
    assert_ne!(fresh, planted);
    assert_eq!(
        ask(&server, Method::GET, "/account", Some(&planted), None).await.status(),
        StatusCode::UNAUTHORIZED
    );
    // Nobody is signed in by a page of others.
    let foreign = Request::builder()
        .method(Method::POST)
        .uri("/api/v1/session")
        .header("origin", "http://evil.example")
        .header(header::CONTENT_TYPE, "application/json");
    assert_eq!(server.send(foreign, &wanted.to_string()).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_second_factor_is_asked_for_and_each_code_serves_once() {
    let server = team().await;
    server.person("Ada", vec![]).await;
    let mine = session(&server, "ada@example.org").await;
    let begun = body(ask(&server, Method::POST, "/account/factor", Some(&mine), None).await).await;
    let secret = Secret::stored(begun["secret"].as_str().unwrap().to_owned());
    // It does not count before its first code.
    session(&server, "ada@example.org").await;
    let now = Timestamp::now();
    let code = crate::auth::code_at(&secret, now).unwrap();
    let confirmed =
        ask(&server, Method::PUT, "/account/factor", Some(&mine), Some(json!({"code": code}))).await;
    let codes = body(confirmed).await["recovery_codes"].clone();
    assert_eq!(codes.as_array().unwrap().len(), 10);
    let needed = sign_in(&server, "ada@example.org", PASSWORD, None).await;
    assert_eq!(body(needed).await["code"], "second-factor-needed");
    // The code of the confirmation was used.
    let again = sign_in(&server, "ada@example.org", PASSWORD, Some(&code)).await;
    assert_eq!(body(again).await["code"], "second-factor-needed");
    let next = crate::auth::code_at(&secret, now.after(Duration::from_secs(30))).unwrap();
    assert_eq!(
        sign_in(&server, "ada@example.org", PASSWORD, Some(&next)).await.status(),
        StatusCode::CREATED
    );
    assert_eq!(
        sign_in(&server, "ada@example.org", PASSWORD, Some(&next)).await.status(),
        StatusCode::UNAUTHORIZED
    );
    let recovery = codes[0].as_str().unwrap();
    assert_eq!(
        sign_in(&server, "ada@example.org", PASSWORD, Some(recovery)).await.status(),
        StatusCode::CREATED
    );
    assert_eq!(
        sign_in(&server, "ada@example.org", PASSWORD, Some(recovery)).await.status(),
        StatusCode::UNAUTHORIZED
    );
    let account = body(ask(&server, Method::GET, "/account", Some(&mine), None).await).await;
    assert_eq!((&account["has_second_factor"], &account["recovery_codes_left"]), (&json!(true), &json!(9)));
}

#[tokio::test]
async fn the_first_administrator_comes_by_a_link_and_is_one() {
    let server = team().await;
    let key = new_key(KeyKind::Link).unwrap();
    let link = new_link(LinkKind::FirstAdministrator, Timestamp::now().after(Duration::from_secs(3600)));
    server.state.store().add_link(&key, &link, None, &deed()).await.unwrap();
    let look = ask(&server, Method::POST, "/sign-in/look", None, Some(json!({"key": key.expose()}))).await;
    assert_eq!(body(look).await["kind"], "first-administrator");
    let take = |n: usize| {
        let wanted = json!({"key": key.expose(), "name": format!("Ada {n}"), "mail": format!("a{n}@example.org"), "password": PASSWORD});
        ask(&server, Method::POST, "/sign-in/link", None, Some(wanted))
    };
    let weak =
        json!({"key": key.expose(), "name": "Ada", "mail": "ada@example.org", "password": "password1234"});
    let weak = ask(&server, Method::POST, "/sign-in/link", None, Some(weak)).await;
    assert_eq!(weak.status(), StatusCode::BAD_REQUEST);
    let all = futures_util::future::join_all((0..20).map(take)).await;
    let won = all.iter().filter(|response| response.status() == StatusCode::CREATED).count();
    assert_eq!(won, 1);
    assert_eq!(take(99).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(server.state.store().db().granted_in(None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_invitation_makes_a_member_of_whoever_may_take_it() {
    let server = team().await;
    let owner = server.person("Olga", vec![role("lab", Role::Owner)]).await;
    let (owner, _) = server.token(&owner, Kept::default()).await;
    let invite = async |wanted: Value| {
        server.call_as(&owner, Method::POST, "/projects/lab/invitations", Some(wanted)).await
    };
    for wrong in
        [json!({"expires_in": "1m"}), json!({"expires_in": "none"}), json!({"uses": 0}), json!({"mail": "x"})]
    {
        assert_eq!(invite(wrong.clone()).await.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let made = invite(json!({"mail": "ada@example.org", "role": "runner"})).await;
    let path = made.json()["path"].as_str().unwrap().to_owned();
    let key = path.strip_prefix("/join#").unwrap().to_owned();
    let bob = server.person("Bob", vec![]).await;
    let bob = session(&server, bob.mail.as_deref().unwrap()).await;
    let take = json!({"key": key});
    let other = ask(&server, Method::POST, "/sign-in/link", Some(&bob), Some(take)).await;
    assert_eq!(other.status(), StatusCode::FORBIDDEN);
    let take = json!({"key": key, "name": "Ada", "password": PASSWORD});
    let joined = ask(&server, Method::POST, "/sign-in/link", None, Some(take.clone())).await;
    assert_eq!(joined.status(), StatusCode::CREATED);
    let ada = cookie(&joined).unwrap();
    assert_eq!(body(joined).await["roles"], json!([{"project": "lab", "role": "runner"}]));
    assert_eq!(
        ask(&server, Method::POST, "/sign-in/link", None, Some(take)).await.status(),
        StatusCode::NOT_FOUND
    );
    // She sees who else is there and why, and no addresses.
    let members = body(ask(&server, Method::GET, "/projects/lab/members", Some(&ada), None).await).await;
    assert_eq!(members["items"][0]["grants"][0]["source"], "invitation");
    assert!(!members.to_string().contains('@'), "{members}");
    // An open one is taken by who is there already.
    let open = invite(json!({"role": "editor", "uses": 2})).await.json();
    let key = open["path"].as_str().unwrap().strip_prefix("/join#").unwrap().to_owned();
    let joined = ask(&server, Method::POST, "/sign-in/link", Some(&bob), Some(json!({"key": key}))).await;
    assert_eq!(joined.status(), StatusCode::CREATED);
    let left = server.call_as(&owner, Method::GET, "/projects/lab/invitations", None).await.json();
    assert_eq!((&left["items"][0]["uses"], &left["items"][0]["used"]), (&json!(2), &json!(1)));
}

#[tokio::test]
async fn what_is_taken_back_counts_no_more_and_streams_end() {
    let server = team().await;
    let ada = server.person("Ada", vec![role("lab", Role::Runner)]).await;
    let admin = server.person("Root", vec![Grant::Administrator]).await;
    let (admin, _) = server.token(&admin, Kept::default()).await;
    let (key, _) = server.token(&ada, Kept::default()).await;
    let runs = async || server.call_as(&key, Method::GET, "/projects/lab/runs", None).await.status;
    assert_eq!(runs().await, StatusCode::OK);
    let stream = Request::builder()
        .uri("/api/v1/projects/lab/events")
        .header(header::AUTHORIZATION, format!("Bearer {key}"));
    let stream = server.send(stream, "").await;
    let ended = tokio::spawn(axum::body::to_bytes(stream.into_body(), 1 << 20));
    let gone = server.call_as(&admin, Method::DELETE, "/projects/lab/members/Ada", None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(runs().await, StatusCode::NOT_FOUND, "at once");
    tokio::time::timeout(Duration::from_secs(5), ended).await.unwrap().unwrap().unwrap();
    // Leave, and come back.
    let back = json!({"role": "viewer"});
    server.call_as(&admin, Method::PUT, "/projects/lab/members/ada@example.org", Some(back)).await;
    assert_eq!(runs().await, StatusCode::OK);
    let blocked = json!({"state": "blocked"});
    server.call_as(&admin, Method::PATCH, "/people/Ada", Some(blocked)).await;
    assert_eq!(runs().await, StatusCode::UNAUTHORIZED);
    let refused = sign_in(&server, "ada@example.org", PASSWORD, None).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let audit = server.call_as(&admin, Method::GET, "/audit?limit=500", None).await.json();
    let lines = audit["items"].as_array().unwrap();
    let removed = lines.iter().find(|line| line["action"] == "members.remove").unwrap();
    assert_eq!((&removed["actor"], &removed["project"]), (&json!("Root"), &json!("lab")));
    assert!(!audit.to_string().contains("argon2") && !audit.to_string().contains(&key));
}

#[tokio::test]
async fn the_last_administrator_can_be_removed_in_no_way_of_the_api() {
    let server = team().await;
    let root = server.person("Root", vec![Grant::Administrator]).await;
    let (key, _) = server.token(&root, Kept::default()).await;
    let tries = [
        (Method::DELETE, "/people/Root", None),
        (Method::PATCH, "/people/Root", Some(json!({"administrator": false}))),
        (Method::PATCH, "/people/Root", Some(json!({"state": "blocked"}))),
    ];
    for (method, path, wanted) in tries {
        let answer = server.call_as(&key, method, path, wanted).await;
        assert_eq!(answer.json()["code"], "last-administrator", "{answer:?}");
    }
}

#[tokio::test]
async fn who_tries_too_often_waits_and_nobody_else_does() {
    let server = team().await;
    server.person("Ada", vec![]).await;
    server.person("Bob", vec![]).await;
    for _ in 0..5 {
        assert_eq!(
            sign_in(&server, "ada@example.org", "wrong", None).await.status(),
            StatusCode::UNAUTHORIZED
        );
    }
    let held = sign_in(&server, "ada@example.org", PASSWORD, None).await;
    assert_eq!(held.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(held.headers().contains_key(header::RETRY_AFTER));
    session(&server, "bob@example.org").await;
}

#[tokio::test]
async fn a_token_for_less_changes_no_account_and_makes_no_other() {
    let server = team().await;
    let ada = server.person("Ada", vec![role("lab", Role::Owner)]).await;
    let (whole, _) = server.token(&ada, Kept::default()).await;
    let wanted = json!({"name": "ci", "project": "lab", "role": "runner", "expires_in": "30d"});
    let made = server.call_as(&whole, Method::POST, "/account/tokens", Some(wanted.clone())).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let less = made.json()["key"].as_str().unwrap().to_owned();
    assert_eq!(
        server.call_as(&less, Method::POST, "/account/tokens", Some(wanted)).await.status,
        StatusCode::FORBIDDEN
    );
    let start = |key: String| {
        let server = &server;
        async move {
            server
                .call_as(&key, Method::POST, "/projects/lab/pipelines/fit/runs", Some(json!({})))
                .await
                .status
        }
    };
    assert_eq!(start(less.clone()).await, StatusCode::ACCEPTED);
    let members = server
        .call_as(&less, Method::PUT, "/projects/lab/members/Ada", Some(json!({"role": "viewer"})))
        .await;
    assert_eq!(members.status, StatusCode::FORBIDDEN);
    // A project that she has nothing in.
    let foreign = json!({"name": "x", "project": "default"});
    assert_eq!(
        server.call_as(&whole, Method::POST, "/account/tokens", Some(foreign)).await.status,
        StatusCode::BAD_REQUEST
    );
    let id = made.json()["token"]["id"].as_str().unwrap().to_owned();
    server.call_as(&whole, Method::DELETE, &format!("/account/tokens/{id}"), None).await;
    assert_eq!(start(less).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_terminal_is_let_in_once_by_somebody_who_says_yes() {
    let server = team().await;
    server.person("Ada", vec![role("lab", Role::Runner)]).await;
    let ada = session(&server, "ada@example.org").await;
    let ask_for = async || {
        body(ask(&server, Method::POST, "/device/codes", None, Some(json!({"name": "laptop"}))).await).await
    };
    let take = async |asked: &Value| {
        let wanted = json!({"device_code": asked["device_code"]});
        body(ask(&server, Method::POST, "/device/tokens", None, Some(wanted)).await).await
    };
    let answer = async |asked: &Value, allow: bool| {
        let path = format!("/device/codes/{}", asked["user_code"].as_str().unwrap().to_lowercase());
        let seen = body(ask(&server, Method::GET, &path, Some(&ada), None).await).await;
        let answered = ask(&server, Method::POST, &path, Some(&ada), Some(json!({"allow": allow}))).await;
        (seen["name"].clone(), answered.status())
    };
    let asked = ask_for().await;
    // It waits while nobody answers, and hears of it.
    let (taken, answered) = tokio::join!(take(&asked), answer(&asked, true));
    assert_eq!(answered, (json!("laptop"), StatusCode::NO_CONTENT));
    assert_eq!((&taken["state"], &taken["name"]), (&json!("allowed"), &json!("Ada")));
    let key = taken["key"].as_str().unwrap();
    assert!(key.starts_with("rigi_d_"));
    let account = server.call_as(key, Method::GET, "/account", None).await.json();
    assert_eq!(account["roles"][0]["project"], "lab");
    assert_eq!(take(&asked).await["code"], "not-found", "once");
    assert_eq!(answer(&asked, true).await.1, StatusCode::NOT_FOUND);
    let asked = ask_for().await;
    assert_eq!(answer(&asked, false).await.1, StatusCode::NO_CONTENT);
    assert_eq!(take(&asked).await["state"], "denied");
    // Nobody keeps others out with questions that nobody answers.
    for _ in 0..19 {
        assert_eq!(ask_for().await["code"], Value::Null);
    }
    assert_eq!(ask_for().await["code"], "too-many-requests");
    // `rigi logout` ends it.
    assert_eq!(server.call_as(key, Method::DELETE, "/session", None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(server.call_as(key, Method::GET, "/account", None).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn figures_of_the_whole_server_are_for_administrators() {
    let server = team().await;
    let owner = server.person("Olga", vec![role("lab", Role::Owner)]).await;
    let (owner, _) = server.token(&owner, Kept::default()).await;
    let admin = server.person("Root", vec![Grant::Administrator]).await;
    let (admin, _) = server.token(&admin, Kept::default()).await;
    let metrics = async |key: &str| {
        let request =
            Request::builder().uri("/metrics").header(header::AUTHORIZATION, format!("Bearer {key}"));
        server.send(request, "").await.status()
    };
    assert_eq!((metrics(&owner).await, metrics(&admin).await), (StatusCode::FORBIDDEN, StatusCode::OK));
    assert_eq!(metrics("").await, StatusCode::UNAUTHORIZED);
    let system = server.call_as(&owner, Method::GET, "/system", None).await.json();
    assert_eq!((&system["pipelines_folder"], &system["pipelines"]), (&json!(""), &json!(1)));
    let system = server.call_as(&admin, Method::GET, "/system", None).await.json();
    assert_eq!(system["pipelines"], 2);
}
