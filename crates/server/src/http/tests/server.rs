//! A server whose routes are called as functions.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{Method, Request, StatusCode, header};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use rigi_api::view::{LogLevelView, LookedView, TargetView};
use rigi_engine::decide::LimitOf;
use rigi_engine::projects::{Declared, Projects, Sources};
use rigi_engine::quota::Quota;
use rigi_engine::repositories::{GitSettings, Repositories};
use rigi_engine::retention::Collector;
use rigi_engine::{Engine, Executors, Settings};
use rigi_exec::remote::{Remote, TokenKey};
use rigi_local::environment::{Environments, UvConfig};
use rigi_model::project::ProjectSettings;
use rigi_model::retry::RetryPolicy;
use rigi_model::{MailId, ProjectName, Target, Timestamp};
use rigi_store::retention::Keep;
use rigi_store::{DbConfig, Store};
use rigi_work::plan::PlanLimits;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tower::ServiceExt as _;

use super::executor::FakeExecutor;
use crate::auth::{Auth, Owner, People, SignInRules};
use crate::http::health::Readiness;
use crate::http::{AppState, Inner, Surroundings, router};
use crate::live::{Feeds, Logs};
use crate::mail::{Encryption, Letter, Mail, MailSettings, Sender};
use crate::packages::{AuditSettings, Auditor};

pub(super) const TOKEN: &str = "a-token-of-tests";

/// What came back.
#[derive(Clone, PartialEq)]
pub struct Answer {
    pub status: StatusCode,
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.text())
    }
}

impl Answer {
    /// As JSON; `null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Whom a server is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Crowd {
    OnePerson,
    People,
    /// They get mail, by a mail server that does not answer.
    PeopleWithMail,
}

fn mail() -> Mail {
    let settings = MailSettings {
        host: "127.0.0.1".into(),
        port: 1,
        encryption: Encryption::None,
        credentials: None,
        from: Sender::parse("rigi@example.org").unwrap(),
        roots: None,
        timeout: Duration::from_secs(1),
        waits: Vec::new(),
    };
    Mail::new(settings, "https://rigi.example.org/").unwrap()
}

/// See the module.
pub struct TestServer {
    pub state: AppState,
    router: axum::Router,
    folder: TempDir,
}

impl TestServer {
    /// With projects that may have so many active runs, and a pipeline in each of these places: the folder of each project is
    /// called as it.
    pub async fn start(projects: &[(&str, Option<u64>)], pipelines: &[&str]) -> Self {
        Self::start_for(projects, pipelines, Crowd::OnePerson, AuditSettings::default(), |_| {}).await
    }

    /// The same for people with accounts.
    pub async fn start_team(projects: &[(&str, Option<u64>)], pipelines: &[&str]) -> Self {
        Self::start_for(projects, pipelines, Crowd::People, AuditSettings::default(), |_| {}).await
    }

    /// The same, where they get mail: it stays in the queue. Links lead to `https://rigi.example.org`.
    pub async fn start_mailing() -> Self {
        let (projects, pipelines) = ([("lab", None)], ["default/fit", "lab/fit"]);
        Self::start_for(&projects, &pipelines, Crowd::PeopleWithMail, AuditSettings::default(), |_| {}).await
    }

    /// The same with other settings.
    pub async fn start_with(
        projects: &[(&str, Option<u64>)],
        pipelines: &[&str],
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        Self::start_for(projects, pipelines, Crowd::OnePerson, AuditSettings::default(), change).await
    }

    /// The same, which audits packages.
    pub async fn start_auditing(pipelines: &[&str], audits: AuditSettings) -> Self {
        Self::start_for(&[], pipelines, Crowd::OnePerson, audits, |settings| settings.audits = true).await
    }

    async fn start_for(
        projects: &[(&str, Option<u64>)],
        pipelines: &[&str],
        crowd: Crowd,
        audits: AuditSettings,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for place in pipelines {
            write(root, &format!("{place}/main.py"), "print()\n");
        }
        let project = |name: &str| name.parse::<ProjectName>().unwrap();
        let named = projects.iter().map(|(name, limit)| (project(name), *limit));
        let all: Vec<_> = named.chain([(ProjectName::default(), None)]).collect();
        let data = root.join("data");
        let store = Store::open(&DbConfig::Sqlite(data.join("rigi.db")), &data).await.unwrap();
        let declared = |(project, runs): &(ProjectName, Option<u64>)| {
            let quota = Quota { runs: *runs, ..Quota::default() };
            let settings = ProjectSettings { quota, ..ProjectSettings::default() };
            let folder = root.join(project.as_str());
            (project.clone(), Declared { folder, archived: false, settings })
        };
        let declared = all.iter().map(declared).collect();
        let sources = Sources { declared, folder: root.join("made"), ..Sources::default() };
        let projects = Projects::read(&store, sources).await.unwrap();
        let (observed, seen) = mpsc::unbounded_channel();
        let tokens = TokenKey::new(store.sealer().derive("tokens of runners"));
        let remote = Remote::open(data.join("remote"), tokens, observed.clone()).unwrap();
        let executor: Arc<dyn rigi_work::Executor> =
            Arc::new(FakeExecutor::new(data.join("attempts"), observed));
        let executors = Executors::from([(executor.target(), executor)]);
        let mut settings = settings();
        projects.set_in(&settings);
        change(&mut settings);
        let (engine, _) = Engine::start(settings, store, executors, seen, Vec::new()).await.unwrap();
        let environments =
            Arc::new(Environments::new(data.join("environments"), data.join("tools"), UvConfig::default()));
        let collector = Collector { engine: engine.clone(), projects: projects.clone(), environments };
        let owner = Owner::new(TOKEN.to_owned(), vec!["localhost".to_owned()]);
        let auth = match crowd {
            Crowd::OnePerson => Auth::of_one(owner),
            Crowd::People | Crowd::PeopleWithMail => {
                let rules = SignInRules { public_projects: true, ..SignInRules::default() };
                let people = People::start(engine.store().clone(), rules, Vec::new());
                Auth::of_people(owner, people).at("http://localhost")
            }
        };
        // What listens on this machine may be told.
        let outside = crate::outside::Outside::new(vec!["127.0.0.0/8".parse().unwrap()]);
        let sender = crate::notices::Sender {
            store: engine.store().clone(),
            outside: outside.clone(),
            mails: crowd == Crowd::PeopleWithMail,
            public_url: "http://localhost".to_owned(),
            keep: std::time::Duration::from_secs(3600),
        };
        let git = GitSettings { protocols: vec!["https".into(), "file".into()], ..GitSettings::default() };
        let repositories = Repositories::new(engine.clone(), projects.clone(), git);
        repositories.start();
        let auditor = Auditor::new(engine.clone(), projects.clone(), collector.environments.clone(), audits);
        let state = AppState::new(Inner {
            auditor,
            repositories,
            logs: Logs::new(engine.clone()),
            engine,
            remote,
            projects: projects.clone(),
            changing_projects: tokio::sync::Mutex::default(),
            webhook_calls: crate::http::webhooks::Calls::default(),
            arrivals: crate::http::tus::Arrivals::default(),
            gateway: true,
            auth,
            mail: (crowd == Crowd::PeopleWithMail).then(mail),
            outside,
            sender,
            feeds: Feeds::default(),
            started_at: Timestamp::now(),
            pipelines_folder: root.join("default"),
            collector,
            surroundings: Arc::new(Nothing),
            looking: Arc::default(),
            warnings: Vec::new(),
            readiness: Readiness::default(),
            measures: crate::measures::Measures::default(),
            asked: crate::http::scrape::Asked::default(),
        });
        Self { router: router(state.clone()), state, folder }
    }

    /// The folder that all lies in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Calls `/api/v1…`; a body is sent as JSON unless it is a text.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.call_once(method, path, body, None).await
    }

    /// The same as somebody else.
    pub async fn call_as(&self, token: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.ask(token, method, path, body, None).await
    }

    /// The same with an `Idempotency-Key`.
    pub async fn call_once(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        key: Option<&str>,
    ) -> Answer {
        self.ask(TOKEN, method, path, body, key).await
    }

    /// Posts bytes.
    /// All that is answered.
    pub fn router(&self) -> axum::Router {
        self.router.clone()
    }

    pub async fn bring(&self, path: &str, body: Body) -> Answer {
        self.bring_as(TOKEN, path, body).await
    }

    /// The same as somebody else.
    pub async fn bring_as(&self, token: &str, path: &str, body: Body) -> Answer {
        let request = Request::post(format!("/api/v1{path}"))
            .header(header::HOST, "localhost")
            .header(header::AUTHORIZATION, format!("Bearer {token}"));
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        Answer { status, bytes: bytes.to_vec() }
    }

    /// Sends a request as it stands, to the path as it stands.
    pub async fn send(&self, request: axum::http::request::Builder, body: &str) -> axum::response::Response {
        let body = Body::from(body.to_owned());
        let request = request.header(header::HOST, "localhost").body(body).unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// The text of a mail that waits.
    pub async fn letter(&self, id: &MailId) -> Option<Letter> {
        let sealed = self.state.store().db().text_of_mail(id).await.unwrap()?;
        Letter::read(&self.state.store().sealer().unseal(&sealed).unwrap()?)
    }

    async fn ask(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
        key: Option<&str>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::HOST, "localhost")
            .header(header::AUTHORIZATION, format!("Bearer {token}"));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = match body {
            None => Body::empty(),
            Some(Value::String(text)) => Body::from(text),
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
        };
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let status = response.status();
        let stream =
            response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
        let bytes = if stream {
            // The rest of it comes when something happens.
            response.into_body().into_data_stream().next().await.and_then(Result::ok).unwrap_or_default()
        } else {
            axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap()
        };
        Answer { status, bytes: bytes.to_vec() }
    }

    /// Opens a stream of events, behind the event `last`.
    pub async fn stream(&self, path: &str, last: Option<&str>) -> BodyDataStream {
        let mut request = Request::builder()
            .uri(format!("/api/v1{path}"))
            .header(header::HOST, "localhost")
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        response.into_body().into_data_stream()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Starts a run in a project and waits until it is in this state; its id.
    pub async fn run(&self, project: &str, pipeline: &str, body: Value, state: &str) -> String {
        let mut commits = self.state.store().commits();
        let accepted = self.post(&format!("{project}/pipelines/{pipeline}/runs"), body).await;
        assert_eq!(accepted.status, StatusCode::ACCEPTED, "{}", accepted.text());
        let id = accepted.json()["id"].as_str().unwrap().to_owned();
        self.until(&format!("{project}/runs/{id}"), state, &mut commits).await;
        id
    }

    /// What is answered once that is so.
    pub async fn when(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut commits = self.state.store().commits();
        let wait = async {
            loop {
                let answer = self.get(path).await.json();
                if is_so(&answer) {
                    return answer;
                }
                let _ = commits.recv().await;
            }
        };
        match tokio::time::timeout(Duration::from_secs(20), wait).await {
            Ok(answer) => answer,
            Err(_) => panic!("{path} does not come: {}", self.get(path).await.text()),
        }
    }

    /// Waits until a run is in a state.
    pub async fn until(
        &self,
        path: &str,
        state: &str,
        commits: &mut tokio::sync::broadcast::Receiver<rigi_store::Commit>,
    ) {
        let patience = Duration::from_secs(20);
        let wait = async {
            while self.get(path).await.json()["state"] != state {
                let _ = commits.recv().await;
            }
        };
        let waited = tokio::time::timeout(patience, wait).await;
        assert!(waited.is_ok(), "{path} is not {state}: {}", self.get(path).await.text());
    }
}

/// Settings without any limits of attempts.
pub fn settings() -> Settings {
    Settings {
        active: [(LimitOf::Everything, 16)].into(),
        projects: rigi_engine::OfProjects::default(),
        people_share: false,
        target: Target::PROCESS,
        timeout: None,
        grace_period: Duration::from_secs(1),
        retry: RetryPolicy::default(),
        limits: PlanLimits::default(),
        keep: Keep { runs: None, age: None, bytes: None },
        keep_bytes: None,
        python_version: None,
        free_disk: None,
        watched_folders: rigi_engine::WatchedFolders::Any,
        uploads_age: Duration::from_secs(3600),
        deleted_projects_age: Duration::from_secs(30 * 24 * 3600),
        audits: false,
        gateway: None,
        lineage: false,
        collect_after: Duration::from_secs(3600),
    }
}

/// No target beside the fake one, no storage of its own.
struct Nothing;

impl Surroundings for Nothing {
    fn log_level(&self) -> LogLevelView {
        LogLevelView { level: "info".into(), configured: "info".into(), until: None }
    }

    fn set_log_level(&self, level: Option<&str>, _time: Duration) -> Option<LogLevelView> {
        let level = level.unwrap_or("info");
        matches!(level, "info" | "debug").then(|| LogLevelView { level: level.into(), ..self.log_level() })
    }

    fn certificate_ends(&self) -> Option<Timestamp> {
        Some(Timestamp(4_102_444_800_000_000))
    }

    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    fn targets(&self) -> Vec<TargetView> {
        Vec::new()
    }

    fn check_target<'a>(&'a self, _name: &'a str) -> BoxFuture<'a, Option<Vec<LookedView>>> {
        std::future::ready(None).boxed()
    }

    fn check_storage(&self) -> BoxFuture<'_, Result<Vec<LookedView>, rigi_store::Error>> {
        std::future::ready(Ok(Vec::new())).boxed()
    }
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}
