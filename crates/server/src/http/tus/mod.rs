//! Uploads that go on where they broke off: [tus 1.0](https://tus.io/protocols/resumable-upload), with creation (and its first bytes),
//! checksums, expiration, termination and concatenation.
//!
//! Bytes are in a file of this server; how many of them last is in the database. An upload is seen by whoever began it alone.

mod append;
mod store;
mod turns;
mod words;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use rigi_api::view::{OpenUploadView, Page};
use rigi_model::{ErrorCode, PersonId, Timestamp, UploadId};
use rigi_store::OpenUpload;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asker::Asker;
use super::error::{ApiError, ApiResult};
use super::extract::Path;
use super::scope::Scope;
use super::state::AppState;
use super::uploads::LARGEST;
use append::{Append, blocking, elsewhere, not_here, until};
pub use turns::Arrivals;
use turns::Entered;
use words::{Checksum, Concat};

/// The version that is spoken.
const VERSION: &str = "1.0.0";
const EXTENSIONS: &str = "creation,creation-with-upload,checksum,expiration,termination,concatenation";
/// The type of pieces.
const PIECES: &str = "application/offset+octet-stream";
/// Uploads that somebody has open in a project at most, and all together.
const MOST: (usize, usize) = (200, 5000);
/// The path of one, in a project.
const BELOW: &str = "/uploads/tus";

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_open_uploads, begin_upload, tus_options))
        .routes(routes!(show_open_upload, ask_open_upload, append_upload, end_open_upload))
        .layer(from_fn(speak))
}

/// The method that a client says which can send no other, before routes are looked at.
pub(super) fn meant(request: &mut Request) {
    let is_one = *request.method() == Method::POST
        && request.uri().path().rsplit_once('/').is_some_and(|(above, _)| above.ends_with(BELOW));
    let said = request.headers().get("x-http-method-override").filter(|_| is_one).map(HeaderValue::as_bytes);
    match said {
        Some(b"PATCH") => *request.method_mut() = Method::PATCH,
        Some(b"DELETE") => *request.method_mut() = Method::DELETE,
        _ => {}
    }
}

/// Refuses other versions, and says which one is spoken. Reading takes none.
async fn speak(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::OPTIONS);
    let refused = match request.headers().get("tus-resumable") {
        _ if reads => None,
        Some(version) if version == VERSION => None,
        Some(_) => Some(StatusCode::PRECONDITION_FAILED),
        None => Some(StatusCode::BAD_REQUEST),
    };
    let mut response = match refused {
        None => next.run(request).await,
        Some(status) => {
            let must = format!("`Tus-Resumable` must be `{VERSION}`");
            ApiError::new(ErrorCode::RequestInvalid, must).status(status).into_response()
        }
    };
    if response.status() == StatusCode::PRECONDITION_FAILED {
        set(&mut response, "tus-version", HeaderValue::from_static(VERSION));
    }
    set(&mut response, "tus-resumable", HeaderValue::from_static(VERSION));
    response
}

fn set(response: &mut Response, name: &'static str, value: impl Into<HeaderValue>) {
    response.headers_mut().insert(HeaderName::from_static(name), value.into());
}

/// How far one is, as headers.
fn marked(status: StatusCode, open: &OpenUpload) -> Response {
    let mut response = status.into_response();
    set(&mut response, "upload-offset", open.held);
    if let Some(date) = words::date(open.until) {
        set(&mut response, "upload-expires", date);
    }
    response
}

fn person(asker: &Asker) -> Option<PersonId> {
    asker.principal.account.as_ref().map(|account| account.person.id.clone())
}

/// One of whoever asks, whose time is not over.
async fn own(scope: &Scope, asker: &Asker, id: &str) -> ApiResult<OpenUpload> {
    let missing = || ApiError::not_found("open upload", id);
    let id: UploadId = id.parse().map_err(|_| missing())?;
    let found = scope.db().open_upload(scope.project(), &id).await?;
    found.filter(|open| open.person == person(asker) && open.until > Timestamp::now()).ok_or_else(missing)
}

fn view(open: &OpenUpload) -> OpenUploadView {
    OpenUploadView {
        id: open.id.clone(),
        name: open.name.clone(),
        size: open.length,
        offset: open.held,
        metadata: words::shown(&open.metadata),
        is_part: open.is_part(),
        sha256: open.content.filter(|_| open.stored).map(|hash| hash.to_string()),
        began_at: open.began_at,
        until: open.until,
    }
}

/// What this server speaks of tus.
#[utoipa::path(options, path = "/uploads/tus", tag = "uploads", extensions(("x-rigi-action" = json!("uploads.create"))),
    responses((status = 204, description = "In the headers `Tus-Version`, `Tus-Extension`, `Tus-Max-Size`, `Tus-Checksum-Algorithm`")))]
async fn tus_options() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    set(&mut response, "tus-version", HeaderValue::from_static(VERSION));
    set(&mut response, "tus-extension", HeaderValue::from_static(EXTENSIONS));
    set(&mut response, "tus-max-size", LARGEST);
    set(&mut response, "tus-checksum-algorithm", HeaderValue::from_static(words::CHECKSUMS));
    response
}

/// Uploads of yours that have not ended, the newest first: whoever was interrupted finds theirs by its metadata.
#[utoipa::path(get, path = "/uploads/tus", tag = "uploads", extensions(("x-rigi-action" = json!("uploads.create"))),
    responses((status = 200, description = "All of yours", body = Page<OpenUploadView>)))]
async fn list_open_uploads(scope: Scope, asker: Asker) -> ApiResult<axum::Json<Page<OpenUploadView>>> {
    let (own, now) = (person(&asker), Timestamp::now());
    let mut all = scope.db().open_uploads(scope.project()).await?;
    all.retain(|open| open.person == own && open.until > now);
    let blobs = scope.blobs();
    let all = blocking(move || {
        // What is at another server goes on there alone.
        all.retain(|open| open.is_to_be_stored() || blobs.has_arriving(&open.id, open.held));
        Ok(all)
    })
    .await?;
    Ok(axum::Json(Page { items: all.iter().map(view).collect(), next_cursor: None }))
}

/// Begins an upload that can go on where it broke off (tus 1.0): `Upload-Length` says its size, `Upload-Metadata` its `filename`. A body of
/// the type `application/offset+octet-stream` is its first bytes. When all are there it is an upload of the same id.
#[utoipa::path(post, path = "/uploads/tus", tag = "uploads", extensions(("x-rigi-action" = json!("uploads.create"))),
    params(("Upload-Length" = Option<u64>, Header, description = "Bytes of the file; of one that is made of parts, none"),
        ("Upload-Metadata" = Option<String>, Header, description = "Keys with values in base64; `filename` is its name"),
        ("Upload-Concat" = Option<String>, Header, description = "`partial`, or `final;` and the addresses of parts")),
    request_body(content = Option<Vec<u8>>, content_type = "application/offset+octet-stream"),
    responses((status = 201, description = "Begun; where it goes on is in `Location`")))]
async fn begin_upload(scope: Scope, asker: Asker, headers: HeaderMap, body: Body) -> ApiResult<Response> {
    let said = words::metadata(&headers)?;
    let concat = words::concat(&headers)?;
    let length = words::number(&headers, "upload-length")?;
    if headers.contains_key("upload-defer-length") {
        return Err(ApiError::new(
            ErrorCode::RequestInvalid,
            "the size of a file must be said when it begins",
        ));
    }
    let checksum = Checksum::of(&headers)?;
    scope.engine.has_storage(scope.project()).await?;
    let (own, now) = (person(&asker), Timestamp::now());
    has_room(&scope, own.as_ref()).await?;
    let mut open = OpenUpload {
        id: UploadId::generate(),
        project: scope.project().clone(),
        person: own,
        name: said.name,
        metadata: said.text,
        concat: if concat == Concat::Part { "partial".to_owned() } else { String::new() },
        length: 0,
        held: 0,
        content: None,
        stored: false,
        began_at: now,
        until: until(&scope),
    };
    let location = format!("{}{BELOW}/{}", scope.path(), open.id);
    if let Concat::Of(parts) = concat {
        open.concat = format!(
            "final;{}",
            parts.iter().map(|id| format!("{}{BELOW}/{id}", scope.path())).collect::<Vec<_>>().join(" ")
        );
        let open =
            tokio::spawn(join(scope, asker, open, parts)).await.map_err(|_| rigi_store::Error::Closed)??;
        return Ok(located(marked(StatusCode::CREATED, &open), &location));
    }
    open.length =
        length.ok_or_else(|| ApiError::new(ErrorCode::RequestInvalid, "`Upload-Length` is missing"))?;
    fits(open.length)?;
    scope.store().begin_upload(&open).await?;
    if headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == PIECES) || open.length == 0 {
        let entered = enter(&scope, &open.id, None).await?;
        open = take(scope, entered, open, checksum, body).await?;
    }
    Ok(located(marked(StatusCode::CREATED, &open), &location))
}

fn located(mut response: Response, location: &str) -> Response {
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

fn fits(length: u64) -> ApiResult<()> {
    if length <= LARGEST {
        return Ok(());
    }
    let detail = format!("the file is larger than {} GiB", LARGEST >> 30);
    Err(ApiError::new(ErrorCode::TooLarge, detail))
}

/// Refuses one more where many are open.
async fn has_room(scope: &Scope, own: Option<&PersonId>) -> ApiResult<()> {
    let all = scope.db().open_uploads(scope.project()).await?;
    let mine = all.iter().filter(|open| open.person.as_ref() == own).count();
    if mine < MOST.0 && all.len() < MOST.1 {
        return Ok(());
    }
    let detail = format!("{mine} of your uploads have not ended, and there can be no more");
    Err(ApiError::new(ErrorCode::StateConflict, detail).cure("End some of them, or give them up (`DELETE`)."))
}

/// Makes one of parts that are all there.
async fn join(
    scope: Scope,
    asker: Asker,
    mut open: OpenUpload,
    parts: Vec<UploadId>,
) -> ApiResult<OpenUpload> {
    let mut sizes = Vec::with_capacity(parts.len());
    for id in &parts {
        let part = own(&scope, &asker, id.as_str()).await?;
        if !part.is_part() || part.held != part.length {
            let detail = format!("`{id}` is no part, or has not come to its end");
            return Err(ApiError::new(ErrorCode::StateConflict, detail));
        }
        open.length = open.length.saturating_add(part.length);
        sizes.push((part.id, part.length));
    }
    fits(open.length)?;
    let entered = enter(&scope, &open.id, None).await?;
    let (blobs, id) = (scope.blobs(), open.id.clone());
    let made = blocking(move || blobs.arrive_of(&id, &sizes)).await?;
    open.held = made.ok_or_else(|| not_here(&open))?.size();
    scope.store().begin_upload(&open).await?;
    store::store(&scope, entered, open, &parts).await
}

/// Waits for one's turn.
async fn enter(scope: &Scope, id: &UploadId, offset: Option<u64>) -> ApiResult<Entered> {
    let slot = scope.arrivals.slot(id);
    let turn = slot.come(offset).map_err(elsewhere)?;
    slot.enter(turn).await
}

/// Takes bytes, and stores the file when they are the last. It goes on when whoever sent them is gone.
async fn take(
    scope: Scope,
    entered: Entered,
    open: OpenUpload,
    checksum: Option<Checksum>,
    body: Body,
) -> ApiResult<OpenUpload> {
    let work = async move {
        let append = Append { scope: scope.clone(), entered, open, checksum };
        let (entered, open) = append.run(body).await?;
        store::store(&scope, entered, open, &[]).await
    };
    tokio::spawn(work).await.map_err(|_| rigi_store::Error::Closed)?
}

/// Sends the next bytes, which begin at `Upload-Offset`.
#[utoipa::path(patch, path = "/uploads/tus/{upload}", tag = "uploads", extensions(("x-rigi-action" = json!("uploads.create"))),
    params(("upload" = String, Path, description = "Its id"),
        ("Upload-Offset" = u64, Header, description = "How far it is"),
        ("Upload-Checksum" = Option<String>, Header, description = "`sha256` or `sha1`, and what the bytes come to in base64")),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    responses((status = 204, description = "Taken; how far it is now is in `Upload-Offset`")))]
async fn append_upload(
    scope: Scope,
    asker: Asker,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<Response> {
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != PIECES) {
        let detail = format!("a piece is sent as `Content-Type: {PIECES}`");
        let error = ApiError::new(ErrorCode::RequestInvalid, detail);
        return Err(error.status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let offset = words::number(&headers, "upload-offset")?;
    let offset =
        offset.ok_or_else(|| ApiError::new(ErrorCode::RequestInvalid, "`Upload-Offset` is missing"))?;
    let checksum = Checksum::of(&headers)?;
    let open = own(&scope, &asker, &id).await?;
    scope.engine.has_storage(scope.project()).await?;
    let coming = words::number(&headers, "content-length")?.unwrap_or(0);
    if coming > open.length.saturating_sub(offset) {
        let detail = format!("more comes than the {} bytes that the upload was said to have", open.length);
        return Err(ApiError::new(ErrorCode::TooLarge, detail));
    }
    match write_at(scope, asker, &open.id, offset, checksum, body).await {
        Ok(open) => Ok(marked(StatusCode::NO_CONTENT, &open)),
        Err(Refused::Elsewhere(held)) => {
            let mut response = elsewhere(held).into_response();
            set(&mut response, "upload-offset", held);
            Ok(response)
        }
        Err(Refused::Other(error)) => Err(error),
    }
}

enum Refused {
    /// The upload is at another place.
    Elsewhere(u64),
    Other(ApiError),
}

impl<E: Into<ApiError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

async fn write_at(
    scope: Scope,
    asker: Asker,
    id: &UploadId,
    offset: u64,
    checksum: Option<Checksum>,
    body: Body,
) -> Result<OpenUpload, Refused> {
    let slot = scope.arrivals.slot(id);
    let entered = slot.enter(slot.come(Some(offset)).map_err(Refused::Elsewhere)?).await?;
    // What was written while this one waited.
    let open = own(&scope, &asker, id.as_str()).await?;
    if open.held != offset {
        return Err(Refused::Elsewhere(open.held));
    }
    Ok(take(scope, entered, open, checksum, body).await?)
}

/// How far it is. What is left of a connection that broke is ended before that is said.
#[utoipa::path(head, path = "/uploads/tus/{upload}", tag = "uploads", extensions(("x-rigi-action" = json!("uploads.create"))),
    params(("upload" = String, Path, description = "Its id")),
    responses((status = 200, description = "In the headers `Upload-Offset` and `Upload-Length`")))]
async fn ask_open_upload(scope: Scope, asker: Asker, Path(id): Path<String>) -> ApiResult<Response> {
    let id = own(&scope, &asker, &id).await?.id;
    let entered = enter(&scope, &id, None).await?;
    let open = own(&scope, &asker, id.as_str()).await?;
    if !open.stored && !open.is_to_be_stored() && !scope.blobs().has_arriving(&id, open.held) {
        return Err(not_here(&open));
    }
    let work = async move { store::store(&scope, entered, open, &[]).await };
    let open = tokio::spawn(work).await.map_err(|_| rigi_store::Error::Closed)??;
    let mut response = marked(StatusCode::OK, &open);
    set(&mut response, "upload-length", open.length);
    for (name, value) in [("upload-metadata", &open.metadata), ("upload-concat", &open.concat)] {
        if let Some(value) = HeaderValue::from_str(value).ok().filter(|value| !value.is_empty()) {
            set(&mut response, name, value);
        }
    }
    Ok(response)
}

/// An upload of yours as it is now; with its hash when it is stored. It disturbs nobody who sends.
#[utoipa::path(get, path = "/uploads/tus/{upload}", tag = "uploads", extensions(("x-rigi-action" = json!("uploads.create"))),
    params(("upload" = String, Path, description = "Its id")),
    responses((status = 200, description = "The upload", body = OpenUploadView)))]
async fn show_open_upload(
    scope: Scope,
    asker: Asker,
    Path(id): Path<String>,
) -> ApiResult<axum::Json<OpenUploadView>> {
    Ok(axum::Json(view(&own(&scope, &asker, &id).await?)))
}

/// Gives an upload up: what came of it is removed. What it has become stays.
#[utoipa::path(delete, path = "/uploads/tus/{upload}", tag = "uploads", extensions(("x-rigi-action" = json!("uploads.create"))),
    params(("upload" = String, Path, description = "Its id")),
    responses((status = 204, description = "Given up")))]
async fn end_open_upload(scope: Scope, asker: Asker, Path(id): Path<String>) -> ApiResult<StatusCode> {
    let id = own(&scope, &asker, &id).await?.id;
    let entered = enter(&scope, &id, None).await?;
    scope.store().forget_upload(&id).await?;
    scope.blobs().forget_arriving(&id);
    scope.arrivals.forget(&id);
    drop(entered);
    Ok(StatusCode::NO_CONTENT)
}
