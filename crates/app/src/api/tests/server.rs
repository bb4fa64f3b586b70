//! A server whose routes are called as functions.

use std::path::Path;
use std::sync::Arc;

use axum::body::{Body, BodyDataStream};
use axum::http::{Method, Request, StatusCode, header};
use futures_util::StreamExt as _;
use rigi_engine::catalog::{Catalog, Catalogs};
use rigi_engine::retention::Collector;
use rigi_engine::{Engine, Executors};
use rigi_exec::environment::{Environments, UvConfig};
use rigi_exec::remote::{Remote, TokenKey};
use rigi_model::{ProjectName, Timestamp};
use rigi_store::{DbConfig, Store};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tower::ServiceExt as _;

use super::executor::FakeExecutor;
use crate::api::health::Readiness;
use crate::api::{AppState, Auth, Inner, router};
use crate::config::{self, Sources};
use crate::live::{Feeds, Logs};
use crate::server::surroundings::Surroundings;

const TOKEN: &str = "a-token-of-tests";

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

/// See the module.
pub struct TestServer {
    pub state: AppState,
    router: axum::Router,
    folder: TempDir,
}

impl TestServer {
    /// With a `rigi.toml`, and a pipeline in each of these places: the pipelines folder is `default`, those of other projects
    /// lie beside it.
    pub async fn start(toml: &str, pipelines: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for place in pipelines {
            write(root, &format!("{place}/main.py"), "print()\n");
        }
        write(root, "default/rigi.toml", toml);
        let sources = Sources { pipelines: root.join("default"), ..Sources::default() };
        let loaded = config::load(&sources).unwrap();
        let data = root.join("data");
        let store = Store::open(&DbConfig::Sqlite(data.join("rigi.db")), &data).await.unwrap();
        let catalogs = Catalogs::new(
            loaded
                .projects()
                .into_iter()
                .map(|(project, folder)| Catalog::read(project, &folder, loaded.config.code_limits())),
        );
        for catalog in catalogs.iter() {
            store.add_project(catalog.project(), Timestamp::now()).await.unwrap();
        }
        let (observed, seen) = mpsc::unbounded_channel();
        let tokens = TokenKey::new(store.sealer().derive("tokens of runners"));
        let remote = Remote::open(data.join("remote"), tokens, observed.clone()).unwrap();
        let executor: Arc<dyn rigi_exec::Executor> =
            Arc::new(FakeExecutor::new(data.join("attempts"), observed));
        let executors = Executors::from([(executor.target(), executor)]);
        let settings = loaded.config.settings();
        let (engine, _) = Engine::start(settings, store, executors, seen, Vec::new()).await.unwrap();
        let environments =
            Arc::new(Environments::new(data.join("environments"), data.join("tools"), UvConfig::default()));
        let surroundings = Surroundings::of(&loaded.config, &data, "test").map_err(|_| "targets").unwrap();
        let collector = Collector { engine: engine.clone(), catalogs: catalogs.clone(), environments };
        let projects: Vec<ProjectName> = catalogs.iter().map(|catalog| catalog.project().clone()).collect();
        let state = AppState::new(Inner {
            logs: Logs::new(engine.clone()),
            engine,
            remote,
            catalogs,
            auth: Auth::new(TOKEN.to_owned(), vec!["localhost".to_owned()]),
            feeds: Feeds::of_all(projects),
            started_at: Timestamp::now(),
            pipelines_folder: root.join("default"),
            collector,
            surroundings: Arc::new(surroundings),
            warnings: Vec::new(),
            readiness: Readiness::default(),
            metrics: metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle(),
        });
        Self { router: router(state.clone()), state, folder }
    }

    /// The folder that all lies in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Calls `/api/v1…`; a body is sent as JSON unless it is a text.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::HOST, "localhost")
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
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

    /// Waits until a run is in a state.
    pub async fn until(
        &self,
        path: &str,
        state: &str,
        commits: &mut tokio::sync::broadcast::Receiver<rigi_store::Commit>,
    ) {
        let patience = std::time::Duration::from_secs(20);
        let wait = async {
            while self.get(path).await.json()["state"] != state {
                let _ = commits.recv().await;
            }
        };
        let waited = tokio::time::timeout(patience, wait).await;
        assert!(waited.is_ok(), "{path} is not {state}: {}", self.get(path).await.text());
    }
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}
