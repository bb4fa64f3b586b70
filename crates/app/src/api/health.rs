//! Whether the server lives and can work, for machines; and its metrics.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::state::AppState;
use super::view::{CheckView, ReadyView};

/// Routes without sign-in: they tell nothing about what runs.
pub(super) fn router() -> axum::Router<AppState> {
    axum::Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}

async fn live() -> &'static str {
    "ok\n"
}

async fn ready(State(state): State<AppState>) -> Response {
    let checks = checks(&state).await;
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(ReadyView { ready, checks })).into_response()
}

fn check<E: std::fmt::Display>(name: &str, result: Result<(), E>, cure: &str) -> CheckView {
    let message = result.as_ref().err().map(|error| format!("{error}; {cure}")).unwrap_or_default();
    CheckView { name: name.to_owned(), ok: result.is_ok(), message }
}

/// Every part of the server.
pub async fn checks(state: &AppState) -> Vec<CheckView> {
    let database = state.store().db().last_event().await.map(drop);
    let data = state.store().data();
    let probe = data.join("tmp").join("probe");
    let storage = std::fs::write(&probe, b"probe").and_then(|()| std::fs::remove_file(&probe));
    let disk = state.engine.room().check();
    let bucket = state.store().blobs().reach().await;
    let folder = std::fs::read_dir(state.catalog.folder()).map(drop);
    let supervisor = std::os::unix::net::UnixStream::connect(data.join("supervisor").join("sock")).map(drop);
    vec![
        check("database", database, "see the server's log"),
        check("storage", storage, "make the data folder writable for the server"),
        check("disk", disk, "make room on the disk of the data folder"),
        check("bucket", bucket, "`rigi storage check` says more; what waits for it goes on by itself"),
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

async fn metrics(State(state): State<AppState>) -> Response {
    let (queued, active, retrying) = state.engine.counts().await;
    for (name, value) in [("queued", queued), ("active", active), ("retrying", retrying)] {
        metrics::gauge!("rigi_runs", "state" => name).set(value as f64);
    }
    let kind = HeaderValue::from_static("text/plain; version=0.0.4");
    ([(header::CONTENT_TYPE, kind)], state.metrics.render()).into_response()
}
