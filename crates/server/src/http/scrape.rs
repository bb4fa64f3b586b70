//! `/metrics`: what was measured, and what is asked for when somebody reads it. Nothing is asked while nobody does.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rigi_model::Timestamp;
use rigi_store::backup::Marks;

use super::fresh::Fresh;
use super::state::AppState;
use crate::measures::{Sample, process};

/// Each part has so long; what is not known by then is left out.
const BOUND: Duration = Duration::from_secs(2);

/// What was asked for not long ago.
#[derive(Debug, Default)]
pub struct Asked {
    last: Fresh<Arc<[Sample]>>,
}

/// Metrics, for those who have signed in, or at a port of their own.
pub fn router() -> axum::Router<AppState> {
    axum::Router::new().route("/metrics", get(metrics))
}

async fn metrics(State(state): State<AppState>) -> Response {
    let asking = state.clone();
    let asked = state.asked.last.get(|| async move { ask(&asking).await.into() }).await;
    let text = state.measures.render(asked.as_deref().unwrap_or_default());
    let kind = HeaderValue::from_static("text/plain; version=0.0.4");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// All that has to be asked for.
async fn ask(state: &AppState) -> Vec<Sample> {
    let data = state.store().data().to_owned();
    let kernel = async {
        let reading = tokio::task::spawn_blocking(move || of_machine(&data));
        tokio::time::timeout(BOUND, reading).await.ok().and_then(Result::ok).unwrap_or_default()
    };
    let (runs, database, kernel) = tokio::join!(of_runs(state), of_database(state), kernel);
    let mut samples = vec![
        Sample::of("rigi_build_info", ("version", env!("CARGO_PKG_VERSION")), 1.0),
        Sample::new("rigi_leader", f64::from(u8::from(state.engine.leads()))),
    ];
    let ends = state.surroundings.certificate_ends();
    samples.extend(ends.map(|at| Sample::new("rigi_certificate_expires_timestamp_seconds", seconds(at))));
    [samples, runs, database, kernel].concat()
}

fn seconds(at: Timestamp) -> f64 {
    at.0 as f64 / 1e6
}

async fn of_runs(state: &AppState) -> Vec<Sample> {
    let Ok((queued, active, retrying)) = tokio::time::timeout(BOUND, state.engine.counts()).await else {
        return Vec::new();
    };
    let states = [("queued", queued), ("active", active), ("retrying", retrying)];
    states.map(|(state, runs)| Sample::of("rigi_runs", ("state", state), runs as f64)).to_vec()
}

async fn of_database(state: &AppState) -> Vec<Sample> {
    let db = state.store().db();
    // Before the question: a connection that answered one is idle a moment later.
    let (idle, used) = db.connections();
    let answers = tokio::time::timeout(BOUND, db.last_event()).await.is_ok_and(|asked| asked.is_ok());
    let mut samples = vec![
        Sample::new("rigi_database_up", f64::from(u8::from(answers))),
        Sample::of("rigi_database_connections", ("state", "idle"), f64::from(idle)),
        Sample::of("rigi_database_connections", ("state", "used"), f64::from(used)),
    ];
    if answers && let Ok(Ok(bytes)) = tokio::time::timeout(BOUND, db.bytes()).await {
        samples.push(Sample::new("rigi_database_bytes", bytes as f64));
    }
    samples
}

/// The process, the disk of the data folder, and what commands have left there.
fn of_machine(data: &Path) -> Vec<Sample> {
    let mut samples = process();
    if let Ok(disk) = rustix::fs::statvfs(data) {
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize) as f64;
        // What root alone may use counts as taken.
        let size = disk.f_blocks - disk.f_bfree.saturating_sub(disk.f_bavail).min(disk.f_blocks);
        samples.push(Sample::new("rigi_disk_free_bytes", bytes(disk.f_bavail)));
        samples.push(Sample::new("rigi_disk_size_bytes", bytes(size)));
    }
    let Marks { taken, verified } = Marks::of_data(data);
    samples.extend(taken.map(|at| Sample::new("rigi_backup_last_timestamp_seconds", seconds(at))));
    samples.extend(verified.map(|at| Sample::new("rigi_backup_verified_timestamp_seconds", seconds(at))));
    samples
}
