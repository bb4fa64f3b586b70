//! Whether the server lives and can work, for machines; and its metrics.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rigi_api::view::{CheckView, ReadyView};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::state::AppState;

/// Routes without sign-in: they tell nothing about what runs, and cost nothing however often they are asked.
pub(super) fn router() -> axum::Router<AppState> {
    axum::Router::new().route("/livez", get(live)).route("/readyz", get(ready))
}

/// Metrics: what runs and how much, for those who have signed in, or at a port of their own.
pub fn metrics_router() -> axum::Router<AppState> {
    axum::Router::new().route("/metrics", get(metrics))
}

async fn live() -> &'static str {
    "ok\n"
}

async fn ready(State(state): State<AppState>) -> Response {
    let view = state.readiness.ask(&state).await;
    let status = if view.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(view)).into_response()
}

/// What was found is told for so long.
const FRESH: Duration = Duration::from_secs(1);

/// Whether the server can work: looked at when somebody asks, by one task, once a second at most.
#[derive(Debug, Default)]
pub struct Readiness {
    last: Arc<Mutex<Option<(Instant, ReadyView)>>>,
}

impl Readiness {
    async fn ask(&self, state: &AppState) -> ReadyView {
        let state = state.clone();
        self.fresh(|| async move {
            let checks = checks(&state).await;
            ReadyView { ready: checks.iter().all(|check| check.ok), checks }
        })
        .await
    }

    /// What was found not long ago, or what `look` finds. It looks to the end even if who asked has gone: else one who comes
    /// and goes would have it look without end.
    async fn fresh<F>(&self, look: impl FnOnce() -> F) -> ReadyView
    where
        F: Future<Output = ReadyView> + Send + 'static,
    {
        let mut last = self.last.clone().lock_owned().await;
        if let Some((_, view)) = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return view.clone();
        }
        let looking = look();
        let looked = tokio::spawn(async move {
            let view = looking.await;
            *last = Some((Instant::now(), view.clone()));
            view
        });
        looked.await.unwrap_or_else(|_| ReadyView { ready: false, checks: Vec::new() })
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

async fn metrics(State(state): State<AppState>) -> Response {
    let (queued, active, retrying) = state.engine.counts().await;
    for (name, value) in [("queued", queued), ("active", active), ("retrying", retrying)] {
        metrics::gauge!("rigi_runs", "state" => name).set(value as f64);
    }
    let kind = HeaderValue::from_static("text/plain; version=0.0.4");
    ([(header::CONTENT_TYPE, kind)], state.metrics.render()).into_response()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_who_ask_have_it_looked_at_once_a_second() {
        let (readiness, looks) = (Readiness::default(), Arc::new(AtomicU32::new(0)));
        let ask = || {
            let looks = looks.clone();
            readiness.fresh(|| async move {
                tokio::time::sleep(Duration::from_millis(400)).await;
                looks.fetch_add(1, Ordering::Relaxed);
                ReadyView { ready: true, checks: Vec::new() }
            })
        };
        // Who goes before the answer has it looked at all the same, and only once.
        for _ in 0..50 {
            let _ = tokio::time::timeout(Duration::from_millis(2), ask()).await;
        }
        let all = futures_util::future::join_all((0..50).map(|_| ask())).await;
        assert!(all.iter().all(|view| view.ready));
        assert_eq!(looks.load(Ordering::Relaxed), 1);
        tokio::time::sleep(FRESH).await;
        ask().await;
        assert_eq!(looks.load(Ordering::Relaxed), 2);
    }
}
