//! Whether the server lives and can work, for machines.

use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rigi_api::view::{CheckView, ReadyView};

use super::fresh::Fresh;
use super::state::AppState;

/// Routes without sign-in: they tell nothing about what runs, and cost nothing however often they are asked.
pub(super) fn router() -> axum::Router<AppState> {
    axum::Router::new().route("/livez", get(live)).route("/readyz", get(ready))
}

async fn live() -> &'static str {
    "ok\n"
}

async fn ready(State(state): State<AppState>) -> Response {
    let view = state.readiness.ask(&state).await;
    let status = if view.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(view)).into_response()
}

/// Whether the server can work.
#[derive(Debug, Default)]
pub struct Readiness {
    last: Fresh<ReadyView>,
    ends: AtomicBool,
}

impl Readiness {
    /// From now on the server is not ready: it serves on for a while, and then ends.
    pub fn end(&self) {
        self.ends.store(true, Ordering::Relaxed);
    }

    async fn ask(&self, state: &AppState) -> ReadyView {
        if self.ends.load(Ordering::Relaxed) {
            let why = Err("it ends; others serve");
            return ReadyView {
                ready: false,
                checks: vec![CheckView::of("server", why.map_err(str::to_owned))],
            };
        }
        let state = state.clone();
        let look = || async move {
            let checks = checks(&state).await;
            ReadyView { ready: checks.iter().all(|check| check.ok), checks }
        };
        self.last.get(look).await.unwrap_or_else(|| ReadyView { ready: false, checks: Vec::new() })
    }
}

fn check<E: std::fmt::Display>(name: &str, result: Result<(), E>, cure: &str) -> CheckView {
    CheckView::of(name, result.map_err(|error| format!("{error}; {cure}")))
}

/// Every part of the server.
async fn checks(state: &AppState) -> Vec<CheckView> {
    let database = state.store().db().last_event().await.map(drop);
    let data = state.store().data();
    let probe = data.join("tmp").join("probe");
    let storage = std::fs::write(&probe, b"probe").and_then(|()| std::fs::remove_file(&probe));
    let disk = state.engine.room().check();
    let blobs = state.store().storage();
    let bucket = match blobs.is_remote() {
        true => check(
            "bucket",
            blobs.reach().await,
            "`rigi storage check` says more; what waits for it goes on by itself",
        ),
        false => CheckView::not_configured("bucket", "files lie in the data folder (`storage.url`)"),
    };
    let all = state.projects.all();
    let mut folders = all.iter().map(|project| std::fs::read_dir(project.catalog.folder()).map(drop));
    let folder = folders.find(Result::is_err).unwrap_or(Ok(()));
    let supervisor = std::os::unix::net::UnixStream::connect(data.join("supervisor").join("sock")).map(drop);
    vec![
        check("database", database, "see the server's log"),
        check("storage", storage, "make the data folder writable for the server"),
        check("disk", disk, "make room on the disk of the data folder"),
        bucket,
        check(
            "supervisor",
            supervisor,
            "it is started again by itself; see the server's log if it stays away",
        ),
        check("pipelines", folder, "give the server a pipelines folder that it can read"),
    ]
}

/// Bytes that the server may still write.
///
/// # Errors
/// If the file system does not answer.
pub fn free_bytes(folder: &std::path::Path) -> std::io::Result<u64> {
    let facts = rustix::fs::statvfs(folder)?;
    Ok(facts.f_bavail.saturating_mul(facts.f_frsize))
}
