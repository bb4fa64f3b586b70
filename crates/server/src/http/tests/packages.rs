//! Audits of packages, with an API that answers as OSV's does, or as it should not.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use rigi_model::triggers::FollowUpKind;
use serde_json::{Value, json};

use super::TestServer;
use super::server::Answer;
use crate::packages::{AuditSettings, Source, keep_auditing};

/// What the API does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// As it should.
    Well,
    /// It knows of nothing.
    Empty,
    Hangs,
    Broken,
    Garbage,
    Endless,
    LeadsInside,
    /// It leaves questions out.
    Few,
    /// Pages go on for ever.
    Pages,
    /// Records of others.
    Foreign,
    /// Records are not there.
    NoRecords,
    /// Ids that lead elsewhere.
    OddIds,
}

/// An API of OSV on this machine.
#[derive(Clone)]
struct Osv {
    url: String,
    manner: Arc<Mutex<Manner>>,
    asked: Arc<Mutex<Vec<Value>>>,
    /// What came to what lies inside.
    inside: Arc<AtomicUsize>,
}

impl Osv {
    async fn listen() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let own = Self {
            url,
            manner: Arc::new(Mutex::new(Manner::Well)),
            asked: Arc::default(),
            inside: Arc::default(),
        };
        let router = axum::Router::new().fallback(answer).with_state(own.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        own
    }

    fn set(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    fn settings(&self) -> AuditSettings {
        AuditSettings {
            source: Some(Source::parse(&self.url).unwrap()),
            timeout: Duration::from_secs(5),
            ..AuditSettings::default()
        }
    }
}

async fn answer(State(osv): State<Osv>, request: Request) -> Response {
    let manner = *osv.manner.lock().unwrap();
    let path = request.uri().path().to_owned();
    if path == "/inside" {
        osv.inside.fetch_add(1, Ordering::SeqCst);
    }
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    match manner {
        Manner::Hangs => std::future::pending().await,
        Manner::Broken => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Manner::Garbage => "<html>Sign in to the network</html>".into_response(),
        Manner::Endless => {
            let piece =
                || futures_util::future::ready(Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 1 << 20])));
            let all = futures_util::stream::iter(0..1024_u32);
            Body::from_stream(futures_util::StreamExt::then(all, move |_| piece())).into_response()
        }
        Manner::LeadsInside => {
            (StatusCode::FOUND, [(header::LOCATION, format!("{}/inside", osv.url))]).into_response()
        }
        _ if path == "/v1/querybatch" => {
            osv.asked.lock().unwrap().push(body.clone());
            axum::Json(batch(manner, &body)).into_response()
        }
        Manner::NoRecords => StatusCode::NOT_FOUND.into_response(),
        Manner::Foreign => axum::Json(record("PYSEC-2018-28", "another")).into_response(),
        _ if path == "/v1/vulns/PYSEC-2018-28" => {
            axum::Json(record("PYSEC-2018-28", "Requests")).into_response()
        }
        _ if path == "/v1/vulns/PYSEC-2018-29" => {
            let mut gone = record("PYSEC-2018-29", "requests");
            gone["withdrawn"] = json!("2026-01-01T00:00:00Z");
            axum::Json(gone).into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn record(id: &str, name: &str) -> Value {
    json!({"id": id, "modified": "2026-01-01T00:00:00Z", "aliases": ["CVE-2018-18074"], "summary": "Sends credentials elsewhere",
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}],
        "affected": [{"package": {"ecosystem": "PyPI", "name": name},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.20.0"}]}]}]})
}

fn batch(manner: Manner, body: &Value) -> Value {
    let one = |query: &Value| {
        let first = query["page_token"].is_null();
        match manner {
            Manner::Pages => json!({"next_page_token": "again"}),
            Manner::OddIds => json!({"vulns": [{"id": "../../inside"}]}),
            // Two pages, the first of which is about what was taken back.
            Manner::Empty => json!({}),
            _ if query["package"]["name"] != "requests" || query["version"] != "2.19.0" => json!({}),
            _ if first => json!({"vulns": [{"id": "PYSEC-2018-29"}], "next_page_token": "two"}),
            _ => json!({"vulns": [{"id": "PYSEC-2018-28", "modified": "2026-01-01T00:00:00Z"}]}),
        }
    };
    let mut results: Vec<Value> = body["queries"].as_array().unwrap().iter().map(one).collect();
    if manner == Manner::Few {
        results.pop();
    }
    json!({"results": results})
}

/// An environment on this machine, as a build leaves it.
fn build(server: &TestServer, hash: &str, packages: &[&str]) {
    let folder = server.folder().join("data/environments").join(hash);
    std::fs::create_dir_all(folder.join("venv/bin")).unwrap();
    std::fs::write(folder.join("venv/bin/python"), "").unwrap();
    std::fs::write(folder.join("complete"), "Python 3.12.1 with packages").unwrap();
    for package in packages {
        std::fs::create_dir_all(
            folder.join(format!("venv/lib/python3.12/site-packages/{package}.dist-info")),
        )
        .unwrap();
    }
}

async fn server(osv: &Osv) -> TestServer {
    TestServer::start_auditing(&["default/etl", "default/other"], osv.settings()).await
}

async fn audit(server: &TestServer, pipeline: &str) -> Answer {
    server.call(Method::POST, &format!("/pipelines/{pipeline}/audits"), None).await
}

#[tokio::test]
async fn what_is_known_against_an_environment_is_found_and_shown() {
    let osv = Osv::listen().await;
    let server = server(&osv).await;
    let before = server.get("/pipelines/etl/packages").await.json();
    assert_eq!(
        (&before["origin"], &before["packages"], &before["audit"]),
        (&json!("files"), &json!([]), &Value::Null)
    );
    build(&server, "ab01", &["Requests-2.19.0", "idna-3.0"]);
    server.run("", "etl", json!({"parameters": {"environment": "ab01"}}), "succeeded").await;
    let made = audit(&server, "etl").await;
    assert_eq!(made.status, StatusCode::OK, "{made:?}");
    let made = made.json();
    assert_eq!(
        (&made["outcome"], &made["packages"], &made["cause"]),
        (&json!("vulnerable"), &json!(2), &json!("hand"))
    );
    let [finding] = made["findings"].as_array().unwrap().as_slice() else { panic!("{made}") };
    assert_eq!(
        finding,
        &json!({"package": "requests", "version": "2.19.0", "id": "PYSEC-2018-28", "aliases": ["CVE-2018-18074"],
            "severity": "high", "summary": "Sends credentials elsewhere", "fixed_in": ["2.20.0"],
            "url": "https://osv.dev/vulnerability/PYSEC-2018-28"})
    );
    let asked = osv.asked.lock().unwrap().clone();
    assert_eq!(
        asked[0]["queries"][0],
        json!({"package": {"name": "idna", "ecosystem": "PyPI"}, "version": "3.0"})
    );
    assert_eq!(
        asked[1]["queries"],
        json!([{"package": {"name": "requests", "ecosystem": "PyPI"}, "version": "2.19.0", "page_token": "two"}])
    );
    let shown = server.get("/pipelines/etl/packages").await.json();
    assert_eq!(
        (&shown["origin"], &shown["outdated"], &shown["source"]),
        (&json!("environment"), &json!(false), &json!(osv.url))
    );
    assert_eq!(shown["packages"][1]["findings"][0]["id"], "PYSEC-2018-28");
    assert!(
        shown["packages"][0].get("findings").is_none() && shown["packages"][0].get("unchecked").is_none()
    );
    // Another environment: what was found is not told of it.
    build(&server, "ab02", &["Requests-2.20.0"]);
    server.run("", "etl", json!({"parameters": {"environment": "ab02"}}), "succeeded").await;
    let shown = server.get("/pipelines/etl/packages").await.json();
    assert_eq!(
        (&shown["outdated"], &shown["packages"]),
        (&json!(true), &json!([{"name": "requests", "version": "2.20.0"}]))
    );
    assert_eq!(audit(&server, "etl").await.json()["outcome"], "clean");
    let all = server.get("/pipelines/etl/audits?limit=1").await.json();
    assert_eq!((&all["items"][0]["number"], &all["next_cursor"]), (&json!(2), &json!("2")));
    let first = server.get("/pipelines/etl/audits?limit=1&cursor=2").await.json();
    assert_eq!((&first["items"][0]["number"], &first["next_cursor"]), (&json!(1), &Value::Null));
    assert_eq!(audit(&server, "none").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_could_not_be_checked_is_never_none() {
    let osv = Osv::listen().await;
    let server = server(&osv).await;
    build(&server, "ab01", &["requests-2.19.0", "idna-3.0"]);
    server.run("", "etl", json!({"parameters": {"environment": "ab01"}}), "succeeded").await;
    for (manner, why) in [
        (Manner::Broken, "answers 500"),
        (Manner::Garbage, "no answer of OSV"),
        (Manner::Endless, "more than 32 MiB"),
        (Manner::LeadsInside, "answers 302 Found, and leads elsewhere"),
        (Manner::Few, "answers 1 of 2 questions"),
        (Manner::Pages, "goes on for more than 50 pages"),
        (Manner::OddIds, "it names an advisory `../../inside`"),
        (Manner::NoRecords, "answers 404"),
        (Manner::Foreign, "PYSEC-2018-28"),
    ] {
        osv.set(manner);
        let made = audit(&server, "etl").await.json();
        assert_eq!(made["outcome"], "unknown", "{manner:?}: {made}");
        assert!(made["message"].as_str().unwrap().contains(why), "{manner:?}: {made}");
    }
    assert_eq!(osv.inside.load(Ordering::SeqCst), 0, "nobody is led inside");
    osv.set(Manner::Empty);
    assert_eq!(audit(&server, "etl").await.json()["outcome"], "clean");
}

#[tokio::test]
async fn one_that_hangs_is_given_up_and_holds_up_nobody() {
    let osv = Osv::listen().await;
    let settings = AuditSettings { timeout: Duration::from_millis(300), ..osv.settings() };
    let server = TestServer::start_auditing(&["default/etl"], settings).await;
    build(&server, "ab01", &["idna-3.0"]);
    server.run("", "etl", json!({"parameters": {"environment": "ab01"}}), "succeeded").await;
    osv.set(Manner::Hangs);
    let second = async {
        // The first has its turn; another one is told so, and runs go on.
        while server.state.auditor.audit_now(Vec::new(), "test").await.is_ok() {
            tokio::task::yield_now().await;
        }
        server.run("", "etl", json!({}), "succeeded").await;
    };
    let (made, ()) = tokio::join!(audit(&server, "etl"), second);
    let made = made.json();
    assert_eq!(made["outcome"], "unknown");
    assert!(made["message"].as_str().unwrap().contains("takes longer than"), "{made}");
}

#[tokio::test]
async fn builds_are_audited_and_trouble_is_told_once_and_when_it_is_over() {
    let osv = Osv::listen().await;
    let server = server(&osv).await;
    rigi_engine::notices::start(server.state.engine.clone(), server.state.projects.clone());
    rigi_engine::triggers::start(server.state.engine.clone(), server.state.projects.clone());
    tokio::spawn(keep_auditing(server.state.auditor.clone()));
    let channel = json!({"kind": "slack", "target": format!("{}/hook", osv.url)});
    assert_eq!(server.call(Method::PUT, "/channels/ops", Some(channel)).await.status, StatusCode::OK);
    let rule = json!({"on": ["vulnerable", "recovered"], "channels": ["ops"]});
    assert_eq!(server.call(Method::PUT, "/rules/packages", Some(rule)).await.status, StatusCode::OK);
    build(&server, "ab01", &["requests-2.19.0"]);
    let run =
        |hash: &'static str| server.run("", "etl", json!({"parameters": {"environment": hash}}), "succeeded");
    run("ab01").await;
    let built = |page: &Value| page["items"][0]["cause"] == "build";
    server.when("/pipelines/etl/audits", built).await;
    let opened = |page: &Value| page["items"].as_array().unwrap().len() == 1;
    let told = server.when("/notices", opened).await;
    assert_eq!(
        (&told["items"][0]["kind"], &told["items"][0]["title"]),
        (&json!("vulnerable"), &json!("etl has vulnerable packages"))
    );
    // Again, and while nobody answers: the same trouble, of which nothing is told.
    assert_eq!(audit(&server, "etl").await.json()["outcome"], "vulnerable");
    osv.set(Manner::Broken);
    assert_eq!(audit(&server, "etl").await.json()["outcome"], "unknown");
    osv.set(Manner::Well);
    assert_eq!(audit(&server, "etl").await.json()["outcome"], "vulnerable");
    let open = server.get("/incidents?open=true").await.json();
    assert_eq!(
        (&open["items"][0]["kind"], &open["items"][0]["pipeline"]),
        (&json!("vulnerable"), &json!("etl"))
    );
    // A run that succeeds makes no package better.
    server.run("", "etl", json!({}), "succeeded").await;
    build(&server, "ab02", &["requests-2.20.0"]);
    run("ab02").await;
    let over = |page: &Value| page["items"].as_array().unwrap().len() == 2;
    let told = server.when("/notices", over).await;
    let newest = &told["items"][0];
    assert_eq!((&newest["kind"], &newest["title"]), (&json!("recovered"), &json!("etl recovered")), "{told}");
    let none = |page: &Value| page["items"] == json!([]);
    server.when("/incidents?open=true", none).await;
    assert!(server.state.store().db().follow_ups().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_schedule_audits_all_and_what_was_missed_is_made_up_for_once() {
    let osv = Osv::listen().await;
    let rhythm = Some(rigi_model::triggers::Rhythm::cron("0 3 * * *", None).unwrap());
    let settings = AuditSettings { rhythm, ..osv.settings() };
    let server = TestServer::start_auditing(&["default/etl", "default/fit", "default/run"], settings).await;
    std::fs::write(server.folder().join("default/fit/requirements.txt.lock"), "requests==2.19.0\n").unwrap();
    std::fs::write(server.folder().join("default/run/pipeline.yaml"), "command: 'true'\n").unwrap();
    server.state.projects.of(&rigi_model::ProjectName::default()).unwrap().catalog.refresh().unwrap();
    let mut looked = None;
    let next = server.state.auditor.do_due(&mut looked).await.unwrap();
    assert!(next.is_some_and(|next| next <= Duration::from_secs(3600)) && looked.is_some());
    let all = server.get("/package-audits").await.json();
    let told: Vec<_> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (one["pipeline"].clone(), one["outcome"].clone(), one["cause"].clone(), one["origin"].clone())
        })
        .collect();
    assert_eq!(
        told,
        [
            (json!("etl"), json!("clean"), json!("schedule"), json!("files")),
            (json!("fit"), json!("vulnerable"), json!("schedule"), json!("files")),
        ]
    );
    // Nothing is due again, and another server that starts knows it.
    server.state.auditor.do_due(&mut looked).await.unwrap();
    server.state.auditor.do_due(&mut None).await.unwrap();
    assert_eq!(server.get("/pipelines/fit/audits").await.json()["items"].as_array().unwrap().len(), 1);
    // The next night says the same, in the same place.
    let mut before = Some(rigi_model::Timestamp(0));
    server.state.auditor.do_due(&mut before).await.unwrap();
    let nights = server.get("/pipelines/fit/audits").await.json();
    assert_eq!(nights["items"].as_array().unwrap().len(), 1);
    assert_eq!(nights["items"][0]["number"], 2);
    // By hand, all at once; a command's pipeline has nothing to look at, and says so when it is asked for alone.
    let made = server.call(Method::POST, "/package-audits", None).await.json();
    assert_eq!(made["items"].as_array().unwrap().len(), 2);
    let none = audit(&server, "run").await;
    assert_eq!(none.status, StatusCode::CONFLICT);
    assert!(none.text().contains("no environment that Rigi makes"), "{none:?}");
    assert!(server.get("/pipelines/run/packages").await.json()["none"].is_string());
}

#[tokio::test]
async fn without_a_source_nothing_is_asked_and_that_is_said() {
    let server = TestServer::start(&[], &["default/etl"]).await;
    build(&server, "ab01", &["requests-2.19.0"]);
    server.run("", "etl", json!({"parameters": {"environment": "ab01"}}), "succeeded").await;
    // No triggers were read here: an end may be one of theirs.
    let follow_ups = server.state.store().db().follow_ups().await.unwrap();
    assert!(follow_ups.iter().all(|one| one.kind == FollowUpKind::Trigger), "a run pays nothing for audits");
    let refused = audit(&server, "etl").await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.text().contains("audit.source"), "{refused:?}");
    let shown = server.get("/pipelines/etl/packages").await.json();
    assert_eq!((&shown["packages"][0]["name"], shown.get("source")), (&json!("requests"), None));
}
