//! A provider that tells the truth, and one that lies in every way: what is not genuine signs nobody in.

use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::State;
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rigi_model::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::{Answer, OidcError, Provider, ProviderKind, ProviderSettings, Started};

const CALLBACK: &str = "http://localhost/api/auth/test/callback";

/// What it answers next.
#[derive(Clone)]
struct Lies {
    claims: Value,
    header: Value,
    /// What signs the token.
    signed_by: usize,
    published: Vec<usize>,
    algorithm: Algorithm,
    userinfo: Value,
    token_status: u16,
    raw: Option<String>,
    key_requests: usize,
    verifier: Option<String>,
    challenge: Option<String>,
    end_session: Option<String>,
}

struct Mock {
    url: String,
    keys: Arc<Vec<(Vec<u8>, Value)>>,
    lies: Arc<Mutex<Lies>>,
}

fn key_pair(name: &str) -> (Vec<u8>, Value) {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
    let public = pair.public_key().as_ref();
    let part = |range: std::ops::Range<usize>| URL_SAFE_NO_PAD.encode(&public[range]);
    let jwk = json!({"kty": "EC", "crv": "P-256", "kid": name, "use": "sig", "alg": "ES256", "x": part(1..33), "y": part(33..65)});
    (pkcs8.as_ref().to_vec(), jwk)
}

impl Mock {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let keys = Arc::new(vec![key_pair("one"), key_pair("two")]);
        let lies = Arc::new(Mutex::new(Lies {
            claims: json!({}),
            header: json!({"kid": "one"}),
            signed_by: 0,
            published: vec![0],
            algorithm: Algorithm::ES256,
            userinfo: Value::Null,
            token_status: 200,
            raw: None,
            key_requests: 0,
            verifier: None,
            challenge: None,
            end_session: None,
        }));
        let mock = Self { url, keys, lies };
        let state =
            Arc::new(Self { url: mock.url.clone(), keys: mock.keys.clone(), lies: mock.lies.clone() });
        let router = axum::Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys_of))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(state);
        tokio::spawn(async move { axum_serve(listener, router).await });
        mock
    }

    fn change(&self, change: impl FnOnce(&mut Lies)) {
        change(&mut self.lies.lock().unwrap());
    }

    fn provider(&self) -> Provider {
        Provider::new(ProviderSettings {
            name: "test".into(),
            label: "Test".into(),
            kind: ProviderKind::Oidc,
            issuer: self.url.clone(),
            client_id: "rigi".into(),
            client_secret: Some("secret".into()),
            scopes: vec!["openid".into()],
            groups_claim: "groups".into(),
            omits_empty_groups: false,
            allow: vec![],
            rules: vec![],
            trusts_mail: false,
            ends_session: true,
        })
    }

    fn sign(&self, claims: &Value) -> String {
        let lies = self.lies.lock().unwrap();
        if let Some(raw) = &lies.raw {
            return raw.clone();
        }
        let mut header = Header::new(lies.algorithm);
        header.kid = lies.header["kid"].as_str().map(str::to_owned);
        let key = match lies.algorithm {
            Algorithm::HS256 => EncodingKey::from_secret(&serde_json::to_vec(&self.keys[0].1).unwrap()),
            _ => EncodingKey::from_ec_der(&self.keys[lies.signed_by].0),
        };
        encode(&header, claims, &key).unwrap()
    }
}

async fn axum_serve(listener: tokio::net::TcpListener, router: axum::Router) {
    let (_keep, stop) = tokio::sync::watch::channel(false);
    let gate = crate::door::Gate::new(crate::door::Places { all: 64, strangers: 32 });
    crate::door::serve(listener, router, gate, crate::door::Patience::default(), stop).await;
}

async fn discovery(State(mock): State<Arc<Mock>>) -> Json<Value> {
    let url = &mock.url;
    Json(json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/keys"),
        "userinfo_endpoint": format!("{url}/userinfo"),
        "id_token_signing_alg_values_supported": ["ES256"],
        "authorization_response_iss_parameter_supported": true,
        "end_session_endpoint": mock.lies.lock().unwrap().end_session,
    }))
}

async fn keys_of(State(mock): State<Arc<Mock>>) -> Json<Value> {
    let mut lies = mock.lies.lock().unwrap();
    lies.key_requests += 1;
    let odd =
        json!({"kty": "RSA", "use": "enc", "alg": "RSA-OAEP-512", "kid": "odd", "n": "AQAB", "e": "AQAB"});
    let published = lies.published.iter().map(|n| mock.keys[*n].1.clone()).chain([odd]);
    Json(json!({"keys": published.collect::<Vec<_>>()}))
}

async fn token(State(mock): State<Arc<Mock>>, body: String) -> (axum::http::StatusCode, Json<Value>) {
    let verifier = body.split('&').find_map(|part| part.strip_prefix("code_verifier=")).unwrap_or_default();
    let (claims, status, challenge) = {
        let mut lies = mock.lies.lock().unwrap();
        lies.verifier = Some(verifier.to_owned());
        (lies.claims.clone(), lies.token_status, lies.challenge.clone())
    };
    let status = axum::http::StatusCode::from_u16(status).unwrap();
    let fits = challenge.is_none_or(|challenge| super::flow::challenge(verifier) == challenge);
    if status != axum::http::StatusCode::OK || !fits {
        return (axum::http::StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"})));
    }
    (status, Json(json!({"id_token": mock.sign(&claims), "access_token": "a", "token_type": "Bearer"})))
}

async fn userinfo(State(mock): State<Arc<Mock>>) -> (axum::http::StatusCode, Json<Value>) {
    let userinfo = mock.lies.lock().unwrap().userinfo.clone();
    let status = if userinfo.is_null() { 404 } else { 200 };
    (axum::http::StatusCode::from_u16(status).unwrap(), Json(userinfo))
}

fn now() -> Timestamp {
    Timestamp::now()
}

/// A sign-in that is under way, with what a truthful provider says.
async fn begun(mock: &Mock, provider: &Provider) -> (Started, Answer) {
    let begun = provider.begin(CALLBACK, "/".into(), None, now()).await.unwrap();
    let url = reqwest::Url::parse(&begun.location).unwrap();
    let query: std::collections::HashMap<_, _> = url.query_pairs().into_owned().collect();
    assert_eq!(query["code_challenge_method"], "S256");
    assert_eq!((query["response_type"].as_str(), query["redirect_uri"].as_str()), ("code", CALLBACK));
    let seconds = now().0 / 1_000_000;
    mock.change(|lies| {
        lies.challenge = Some(query["code_challenge"].clone());
        lies.claims = json!({
            "iss": mock.url, "aud": "rigi", "sub": "42", "nonce": query["nonce"], "iat": seconds, "exp": seconds + 300,
            "name": "Ada", "email": "ada@example.org", "email_verified": true, "groups": ["air"], "sid": "s1",
        });
    });
    let answer = Answer {
        code: Some("code".into()),
        state: Some(query["state"].clone()),
        iss: Some(mock.url.clone()),
        ..Answer::default()
    };
    (begun.started, answer)
}

#[tokio::test]
async fn a_truthful_provider_signs_somebody_in() {
    let mock = Mock::start().await;
    let provider = mock.provider();
    let (started, answer) = begun(&mock, &provider).await;
    let verified = provider.finish(&started, &answer, CALLBACK, now()).await.unwrap();
    assert_eq!((verified.issuer.as_str(), verified.claims.subject.as_str()), (mock.url.as_str(), "42"));
    assert_eq!(verified.claims.groups.as_deref(), Some(&["air".to_owned()][..]));
    assert!(verified.claims.mail_verified);
    assert_eq!(mock.lies.lock().unwrap().verifier.as_deref(), Some(started.verifier.as_str()));
    // Clocks that are half a minute apart do not matter, five minutes do.
    let later = now().after(std::time::Duration::from_secs(330));
    assert!(provider.finish(&started, &answer, CALLBACK, later).await.is_ok());
    let later = now().after(std::time::Duration::from_secs(365));
    assert!(provider.finish(&started, &answer, CALLBACK, later).await.is_err());
}

type Lie = (&'static str, fn(&mut Lies, &mut Started, &mut Answer));

/// Each is refused, and said why.
const LIES: [Lie; 22] = [
    ("another sign-in", |_, _, answer| answer.state = Some("x".into())),
    ("another sign-in", |_, _, answer| answer.state = None),
    ("another sign-in", |lies, _, _| lies.claims["nonce"] = "x".into()),
    ("another sign-in", |lies, _, _| drop(lies.claims.as_object_mut().unwrap().remove("nonce"))),
    ("for another", |lies, _, _| lies.claims["aud"] = "other".into()),
    ("for several", |lies, _, _| lies.claims["aud"] = json!(["rigi", "other"])),
    ("made for another", |lies, _, _| lies.claims["azp"] = "other".into()),
    ("another issuer", |lies, _, _| lies.claims["iss"] = "https://evil.example".into()),
    ("another issuer", |_, _, answer| answer.iss = Some("https://evil.example".into())),
    ("of whom it is", |_, _, answer| answer.iss = None),
    ("has ended", |lies, _, _| lies.claims["exp"] = (now().0 / 1_000_000 - 300).into()),
    ("no end", |lies, _, _| drop(lies.claims.as_object_mut().unwrap().remove("exp"))),
    ("to come", |lies, _, _| lies.claims["iat"] = (now().0 / 1_000_000 + 300).into()),
    ("token is none", |lies, _, _| {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        lies.raw = Some(format!("{}.{}.", part(json!({"alg": "none"})), part(lies.claims.clone())));
    }),
    ("is not taken", |lies, _, _| lies.algorithm = Algorithm::HS256),
    ("does not publish", |lies, _, _| lies.header["kid"] = "three".into()),
    ("not signed with its key", |lies, _, _| lies.signed_by = 1),
    ("its own code", |lies, _, _| lies.token_status = 400),
    ("its own code", |_, started, _| started.verifier = "x".repeat(64)),
    ("of another one", |lies, _, _| lies.userinfo = json!({"sub": "43"})),
    ("whom it is about", |lies, _, _| lies.claims["sub"] = "".into()),
    ("no code", |_, _, answer| answer.code = None),
];

#[tokio::test]
async fn whatever_a_provider_lies_about_signs_nobody_in() {
    for (index, (said, lie)) in LIES.iter().enumerate() {
        let mock = Mock::start().await;
        let provider = mock.provider();
        let (mut started, mut answer) = begun(&mock, &provider).await;
        mock.change(|lies| lie(lies, &mut started, &mut answer));
        let refused = provider.finish(&started, &answer, CALLBACK, now()).await;
        let error = refused.expect_err(said);
        assert!(matches!(error, OidcError::Refused { .. }), "{index}: {error}");
        assert!(error.to_string().contains(said), "{index}: {error}");
    }
    println!("{} hostile answers refused", LIES.len());
}

#[tokio::test]
async fn a_missing_claim_is_an_empty_list_only_where_the_operator_says_so() {
    let mock = Mock::start().await;
    let groups = async |provider: Provider| {
        let (started, answer) = begun(&mock, &provider).await;
        mock.change(|lies| drop(lies.claims.as_object_mut().unwrap().remove("groups")));
        provider.finish(&started, &answer, CALLBACK, now()).await.unwrap().claims.groups
    };
    assert_eq!(groups(mock.provider()).await, None);
    let settings = ProviderSettings { omits_empty_groups: true, ..(*mock.provider().settings).clone() };
    assert_eq!(groups(Provider::new(settings)).await, Some(vec![]));
}

#[tokio::test]
async fn a_key_that_was_changed_is_found_and_keys_are_asked_for_once_a_minute() {
    let mock = Mock::start().await;
    let provider = mock.provider();
    let (started, answer) = begun(&mock, &provider).await;
    provider.finish(&started, &answer, CALLBACK, now()).await.unwrap();
    mock.change(|lies| {
        lies.signed_by = 1;
        lies.header["kid"] = "two".into();
        lies.published = vec![1];
    });
    // Within the minute nothing is asked, whoever sends tokens with names of keys that are none.
    for _ in 0..5 {
        assert!(provider.finish(&started, &answer, CALLBACK, now()).await.is_err());
    }
    assert_eq!(mock.lies.lock().unwrap().key_requests, 1);
    let later = now().after(std::time::Duration::from_secs(61));
    provider.finish(&started, &answer, CALLBACK, later).await.unwrap();
    assert_eq!(mock.lies.lock().unwrap().key_requests, 2);
}

#[tokio::test]
async fn a_provider_that_is_away_or_says_no_is_told_apart() {
    let mock = Mock::start().await;
    let mut settings = (*mock.provider().settings).clone();
    settings.issuer = "http://127.0.0.1:1".into();
    let away = Provider::new(settings.clone()).begin(CALLBACK, "/".into(), None, now()).await;
    assert!(matches!(away.err(), Some(OidcError::Unreachable { .. })));
    // Another machine is asked over TLS alone, and an issuer must be who it says.
    for issuer in ["http://192.0.2.1", "https://localhost:1", &format!("{}/realm", mock.url)] {
        settings.issuer = (*issuer).into();
        assert!(
            Provider::new(settings.clone()).begin(CALLBACK, "/".into(), None, now()).await.is_err(),
            "{issuer}"
        );
    }
    let provider = mock.provider();
    let (started, mut answer) = begun(&mock, &provider).await;
    answer.error = Some("access_denied".into());
    let denied = provider.finish(&started, &answer, CALLBACK, now()).await;
    assert!(matches!(denied, Err(OidcError::Denied { .. })));
}

#[tokio::test]
async fn only_a_logout_token_ends_sessions() {
    let mock = Mock::start().await;
    let provider = mock.provider();
    let seconds = now().0 / 1_000_000;
    let event = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    let claims = json!({"iss": mock.url, "aud": "rigi", "sub": "42", "sid": "s1", "iat": seconds, "jti": "j", "events": event});
    let told = provider.signed_out(&mock.sign(&claims), now()).await.unwrap();
    assert_eq!((told.subject.as_deref(), told.session.as_deref()), (Some("42"), Some("s1")));
    for (name, value) in
        [("nonce", json!("x")), ("events", json!({})), ("iat", json!(seconds - 600)), ("aud", json!("other"))]
    {
        let mut wrong = claims.clone();
        wrong[name] = value;
        assert!(provider.signed_out(&mock.sign(&wrong), now()).await.is_err(), "{name}");
    }
}

fn line(after: Value, result: &str) -> rigi_store::people::Audited {
    rigi_store::people::Audited {
        id: "aud_1".into(),
        at: 1_700_000_000_000_000,
        actor: "Ada".into(),
        actor_id: None,
        via: "provider test".into(),
        action: "provider.claims".into(),
        project: None,
        subject: "person".into(),
        subject_id: "unknown".into(),
        before: None,
        after: Some(after.to_string()),
        address: None,
        request: None,
        result: result.into(),
    }
}

#[tokio::test]
async fn a_look_says_what_is_wrong_with_a_provider_and_what_to_do() {
    let mock = Mock::start().await;
    let look = async |provider: &Provider| {
        let looked = provider.look(CALLBACK).await;
        let wrong: Vec<_> = looked.iter().filter(|one| !one.ok).map(|one| one.what.clone()).collect();
        assert!(looked.iter().all(|one| one.ok || one.cure.is_some()), "{looked:?}");
        (looked.len(), wrong)
    };
    assert_eq!(look(&mock.provider()).await, (5, vec![]));
    mock.change(|lies| lies.published = vec![]);
    assert_eq!(look(&mock.provider()).await, (5, vec!["keys".to_owned()]));
    let of = |issuer: &str| {
        let settings = ProviderSettings { issuer: issuer.to_owned(), ..(*mock.provider().settings).clone() };
        Provider::new(settings)
    };
    let other = of(&mock.url.replace("127.0.0.1", "localhost"));
    assert_eq!(look(&other).await.1, ["issuer", "keys"]);
    for away in ["http://127.0.0.1:1", "http://example.org", &format!("{}/gone", mock.url)] {
        assert_eq!(look(&of(away)).await.1, ["reachable"], "{away}");
    }
}

#[tokio::test]
async fn what_came_at_the_last_sign_in_is_told_by_names() {
    let mock = Mock::start().await;
    let grouped = Provider::new(ProviderSettings {
        allow: vec![super::Allow::Group("air".into())],
        ..(*mock.provider().settings).clone()
    });
    let of = |provider: &Provider, lines: &[rigi_store::people::Audited]| {
        let looked = provider.look_at_claims(lines);
        let wrong: Vec<_> = looked.iter().filter(|one| !one.ok).map(|one| one.what.clone()).collect();
        (looked[0].message.clone(), wrong)
    };
    assert!(of(&grouped, &[]).0.contains("nobody has signed in"));
    let said =
        |claims: &[&str], groups: Value| json!({"provider": "test", "claims": claims, "groups": groups});
    let other = line(json!({"provider": "other", "claims": [], "groups": null}), "done");
    let good = line(said(&["email", "email_verified", "groups", "sub"], 2.into()), "done");
    let (message, wrong) = of(&grouped, &[other, good.clone()]);
    assert!(message.contains("it sent email, email_verified, groups, sub") && wrong.is_empty(), "{message}");
    let without = line(said(&["sub"], Value::Null), "refused");
    let (message, wrong) = of(&grouped, &[without.clone(), good]);
    assert!(message.contains("who got no account"), "{message}");
    assert_eq!(wrong, ["groups", "mail address"]);
    // Nothing depends on groups.
    assert_eq!(of(&mock.provider(), &[without]).1, ["mail address"]);
}

#[tokio::test]
async fn a_browser_is_led_to_where_the_provider_ends_its_session_and_nowhere_else() {
    let mock = Mock::start().await;
    let home = "https://rigi.example.org/";
    // A provider that does not offer it.
    assert_eq!(mock.provider().end_address(Some("s 1&x"), home, Timestamp(0)).await, Ok(None));
    mock.change(|lies| lies.end_session = Some(format!("{}/end?tenant=lab", mock.url)));
    let address = mock.provider().end_address(Some("s 1&x"), home, Timestamp(0)).await.unwrap().unwrap();
    assert_eq!(
        address,
        format!(
            "{}/end?tenant=lab&client_id=rigi&post_logout_redirect_uri=https%3A%2F%2Frigi.example.org%2F&logout_hint=s+1%26x",
            mock.url
        )
    );
    let address = mock.provider().end_address(None, home, Timestamp(0)).await.unwrap().unwrap();
    assert!(!address.contains("logout_hint"), "{address}");
    for elsewhere in ["http://evil.example.org/end", "javascript:alert(1)", "data:text/html,x", ""] {
        mock.change(|lies| lies.end_session = Some(elsewhere.to_owned()));
        let refused = mock.provider().end_address(None, home, Timestamp(0)).await;
        assert!(matches!(refused, Err(OidcError::Unreachable { .. })), "{elsewhere}: {refused:?}");
    }
}
