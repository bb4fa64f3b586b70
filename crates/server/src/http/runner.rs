//! What runners call: see `rigi_work::wire`. Served at doors of its own, where nothing else is.

use std::io;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Extension, Json, Router};
use futures_util::TryStreamExt;
use rigi_exec::remote::{Refusal, Remote, check_stored};
use rigi_model::{AttemptKey, Timestamp};
use rigi_work::plan::{AttemptPlan, InputFile, StoredFile};
use rigi_work::wire::{Address, Assignment, Claim, Content, KEPT, Kept, LastWord, Report, Taken};
use serde::Deserialize;
use tokio_util::io::{ReaderStream, StreamReader, SyncIoBridge};

use super::auth::{bearer, recognise};
use super::extract::{Path, Query};
use super::forward::Forward;
use super::state::AppState;
use crate::door::Stalled;

/// Bytes of one piece of log, or of one report, at most.
const PIECE: usize = 64 << 20;

/// Bytes of files that went between runners and where they are kept: through this door, or past it.
const BYTES: &str = "rigi_runner_bytes_total";

fn passed(what: &'static str, bytes: usize) {
    metrics::counter!(BYTES, "what" => what, "way" => "door").increment(bytes as u64);
}

/// The whole of a runner's door.
pub fn router(state: AppState) -> Router {
    let routes = Router::new()
        .route("/claim", post(claim))
        .route("/code", get(code))
        .route("/inputs/{index}", get(input))
        .route("/inputs/{index}/address", get(input_address))
        .route("/credentials", get(credentials))
        .route("/log", post(log))
        .route("/report", post(report))
        .route("/outputs", put(outputs))
        .route("/outputs/address", post(output_address))
        .route("/outputs/stored", put(stored))
        .route("/end", post(end))
        .layer(DefaultBodyLimit::max(PIECE));
    let mut routes = Router::new().nest("/runner/v1", routes);
    if let Some(forward) = Forward::of(&state) {
        routes = Router::new().fallback(move |request: Request| async move { forward.runner(request).await });
    }
    let routes = routes.layer(from_fn_with_state(state.clone(), require)).with_state(state.clone());
    super::beside_gateway(&state, routes)
}

/// Only the attempt that a token is for.
async fn require(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let token = bearer(request.headers()).and_then(|token| state.remote.authenticate(token));
    match token {
        Some(key) => {
            recognise(&request);
            request.extensions_mut().insert(key);
            let stalled = request.extensions().get::<Stalled>().cloned();
            let response = next.run(request).await;
            match stalled.is_some_and(|stalled| stalled.is_so()) {
                // It is tried again.
                true => refuse(StatusCode::REQUEST_TIMEOUT, "nothing of the body came for too long"),
                false => response,
            }
        }
        None => refuse(StatusCode::UNAUTHORIZED, "this token is no attempt's of this server"),
    }
}

fn refuse(status: StatusCode, why: impl Into<String>) -> Response {
    (status, why.into()).into_response()
}

fn refused(refusal: &Refusal) -> Response {
    let status = match refusal {
        Refusal::Gone(_) => StatusCode::GONE,
        Refusal::Taken(_) => StatusCode::CONFLICT,
        Refusal::Invalid(_) => StatusCode::BAD_REQUEST,
        // These are tried again: what is missing comes, and a disk may have room again.
        Refusal::Gap(_) | Refusal::Early(_) => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::Disk(_) => StatusCode::INSUFFICIENT_STORAGE,
    };
    let answer = refuse(status, refusal.to_string());
    match refusal {
        Refusal::Gap(length) => ([(KEPT, length.to_string())], answer).into_response(),
        _ => answer,
    }
}

/// Does what blocks, off the tasks that serve.
async fn blocking(work: impl FnOnce() -> Result<(), Refusal> + Send + 'static) -> Response {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(())) => StatusCode::NO_CONTENT.into_response(),
        Ok(Err(refusal)) => refused(&refusal),
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// The plan of an attempt that may be asked for.
async fn plan(state: &AppState, key: &AttemptKey) -> Result<AttemptPlan, Response> {
    if !state.remote.is_open(key) {
        return Err(refused(&Refusal::Gone(key.clone())));
    }
    match state.engine.plan_of(key).await {
        Ok(Some(plan)) => Ok(plan),
        Ok(None) => Err(refused(&Refusal::Gone(key.clone()))),
        Err(error) => Err(refuse(StatusCode::SERVICE_UNAVAILABLE, error.message)),
    }
}

async fn claim(
    State(state): State<AppState>,
    Extension(key): Extension<AttemptKey>,
    Json(claim): Json<Claim>,
) -> Response {
    // First the plan: a runner that cannot be told what to do has not claimed anything.
    let mut plan = match plan(&state, &key).await {
        Ok(plan) => plan,
        Err(answer) => return answer,
    };
    match state.engine.bucket_of(&plan).await {
        Ok(bucket) => plan.bucket = bucket,
        Err(error) => return refuse(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
    plan.notes.extend(state.remote.notes(&key));
    let (remote, of) = (state.remote.clone(), key.clone());
    let claimed = tokio::task::spawn_blocking(move || remote.claim(&of, &claim, Timestamp::now())).await;
    let claimed = claimed.unwrap_or_else(|error| Err(Refusal::Disk(io::Error::other(error))));
    match claimed {
        Ok(()) => Json(Assignment { plan, files: state.engine.way_to_files() }).into_response(),
        Err(refusal) => refused(&refusal),
    }
}

/// For those whose time is running out.
async fn credentials(State(state): State<AppState>, Extension(key): Extension<AttemptKey>) -> Response {
    if !state.remote.is_open(&key) {
        return refused(&Refusal::Gone(key));
    }
    match state.engine.credential_of(&key).await {
        Ok(Some(credential)) => Json(credential).into_response(),
        Ok(None) => refuse(StatusCode::GONE, "there are none for runs"),
        Err(error) => refuse(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}

async fn code(State(state): State<AppState>, Extension(key): Extension<AttemptKey>) -> Response {
    let folder = match plan(&state, &key).await {
        Ok(plan) => plan.code,
        Err(answer) => return answer,
    };
    let (reader, writer) = tokio::io::duplex(256 << 10);
    tokio::task::spawn_blocking(move || {
        let mut builder = tar::Builder::new(SyncIoBridge::new(writer));
        builder.follow_symlinks(false);
        let packed = builder.append_dir_all(".", &folder).and_then(|()| builder.into_inner().map(drop));
        if let Err(error) = packed {
            // What the runner got has no end: it asks again.
            tracing::warn!(folder = %folder.display(), %error, "code cannot be sent to a runner");
        }
    });
    Body::from_stream(ReaderStream::new(reader)).into_response()
}

async fn input(
    State(state): State<AppState>,
    Extension(key): Extension<AttemptKey>,
    Path(index): Path<usize>,
) -> Response {
    let path = match input_of(&state, &key, index).await {
        Ok(input) => state.engine.input_file(&key, &input).await,
        Err(answer) => return answer,
    };
    let path = match path {
        Ok(path) => path,
        Err(error) if error.may_pass() => return refuse(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
        // It is damaged or gone: asking again does not help.
        Err(error) => return refuse(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
    };
    let opened = async {
        let file = tokio::fs::File::open(&path).await?;
        let length = file.metadata().await?.len();
        io::Result::Ok((file, length))
    };
    match opened.await {
        Ok((file, length)) => {
            let stream = ReaderStream::with_capacity(file, 256 << 10);
            let body = Body::from_stream(stream.inspect_ok(|piece| passed("inputs", piece.len())));
            ([(header::CONTENT_LENGTH, length)], body).into_response()
        }
        Err(error) => refuse(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}

async fn input_of(state: &AppState, key: &AttemptKey, index: usize) -> Result<InputFile, Response> {
    let mut inputs = plan(state, key).await?.inputs.into_iter();
    inputs.nth(index).ok_or_else(|| refuse(StatusCode::BAD_REQUEST, "there is no such input"))
}

async fn input_address(
    State(state): State<AppState>,
    Extension(key): Extension<AttemptKey>,
    Path(index): Path<usize>,
) -> Response {
    match input_of(&state, &key, index).await {
        Ok(input) => {
            let address = state.engine.address_of_input(&key, &input).await;
            if let Ok(Some(_)) = address {
                metrics::counter!(BYTES, "what" => "inputs", "way" => "bucket").increment(input.size);
            }
            signed(address)
        }
        Err(answer) => answer,
    }
}

async fn output_address(
    State(state): State<AppState>,
    Extension(key): Extension<AttemptKey>,
    Json(content): Json<Content>,
) -> Response {
    if !state.remote.is_open(&key) {
        return refused(&Refusal::Gone(key));
    }
    signed(state.engine.address_for_output(&key, content).await)
}

fn signed(address: rigi_store::Result<Option<Address>>) -> Response {
    match address {
        Ok(address) => Json(address).into_response(),
        Err(error) => {
            // The file takes this door; whoever wonders why, finds it here.
            tracing::warn!(%error, "a runner gets no address of a file");
            Json(None::<Address>).into_response()
        }
    }
}

/// What a runner says it has stored: only what is there counts.
async fn stored(
    State(state): State<AppState>,
    Extension(key): Extension<AttemptKey>,
    Json(files): Json<Vec<StoredFile>>,
) -> Response {
    if !state.remote.is_open(&key) {
        return refused(&Refusal::Gone(key));
    }
    if let Err(refusal) = check_stored(&files) {
        return refused(&refusal);
    }
    let found = state.engine.found_stored(&key, files).await.unwrap_or_else(|error| {
        // All of them take this door: an attempt that has ended waits for no bucket.
        tracing::warn!(%key, %error, "what a runner has stored cannot be looked for");
        Vec::new()
    });
    let bytes = found.iter().map(|file| file.size).sum();
    let paths = found.iter().map(|file| file.path.clone()).collect();
    let remote = state.remote.clone();
    let answer = blocking(move || remote.stored(&key, &found)).await;
    if !answer.status().is_success() {
        return answer;
    }
    metrics::counter!(BYTES, "what" => "outputs", "way" => "bucket").increment(bytes);
    Json(Taken { paths }).into_response()
}

#[derive(Debug, Deserialize)]
struct Piece {
    offset: u64,
    lines: u64,
}

async fn log(
    State(state): State<AppState>,
    Extension(key): Extension<AttemptKey>,
    Query(piece): Query<Piece>,
    bytes: Bytes,
) -> Response {
    let remote: Remote = state.remote.clone();
    let kept = tokio::task::spawn_blocking(move || remote.log(&key, piece.offset, piece.lines, &bytes)).await;
    match kept {
        Ok(Ok(length)) => Json(Kept { length }).into_response(),
        Ok(Err(refusal)) => refused(&refusal),
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

async fn report(
    State(state): State<AppState>,
    Extension(key): Extension<AttemptKey>,
    Json(report): Json<Report>,
) -> Response {
    let remote = state.remote.clone();
    blocking(move || remote.report(&key, report)).await
}

async fn outputs(
    State(state): State<AppState>,
    Extension(key): Extension<AttemptKey>,
    body: Body,
) -> Response {
    let remote = state.remote.clone();
    let stream = body.into_data_stream().inspect_ok(|piece| passed("outputs", piece.len()));
    let stream = stream.map_err(io::Error::other);
    let stream = SyncIoBridge::new(StreamReader::new(stream));
    blocking(move || remote.outputs(&key, stream)).await
}

async fn end(
    State(state): State<AppState>,
    Extension(key): Extension<AttemptKey>,
    Json(last): Json<LastWord>,
) -> Response {
    let remote = state.remote.clone();
    blocking(move || remote.end(&key, last)).await
}
