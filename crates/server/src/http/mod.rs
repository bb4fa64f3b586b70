//! The HTTP API: one file per resource; routes, documentation and handlers stand together.

mod account;
mod account_access;
mod asker;
mod audit;
mod auth;
mod backfills;
mod cancel;
mod client;
mod datasets;
mod devices;
mod docs;
mod drawn;
mod ending;
mod error;
mod etag;
mod extract;
mod feed;
mod file_answers;
mod flows;
mod forward;
mod fresh;
mod gateway;
mod groups;
pub mod health;
mod join_requests;
mod logs;
mod mail_links;
mod mails;
mod members;
mod newcomers;
mod notices;
mod openapi;
mod packages;
mod papers;
mod people;
mod pipelines;
mod plain;
pub mod present;
mod process_types;
mod projects;
mod projects_change;
mod projects_move;
mod providers;
mod queries;
mod range;
mod repositories;
mod repository_hooks;
mod repository_views;
mod request;
mod rights;
mod run_parts;
mod run_zip;
pub mod runner;
mod runs;
mod schedule_words;
mod schedules;
mod scope;
pub mod scrape;
mod secrets;
mod sign_in;
mod sign_in_links;
mod starts;
mod state;
mod storage_keys;
mod stored;
mod surroundings;
mod system;
#[cfg(test)]
mod tests;
mod traffic;
mod trigger_words;
mod triggers;
pub mod tus;
mod uploads;
mod web;
pub mod webhooks;
mod zipped;

pub use error::ApiError;
pub use openapi::document;
pub use pipelines::mistake_view;
pub use scope::Scope;
pub use sign_in_links::first_administrator_link;
pub use state::{AppState, Inner};
pub use surroundings::Surroundings;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use rigi_model::ErrorCode;
use utoipa_axum::router::OpenApiRouter;

use gateway::Gateway;

/// Bytes of a body at most; uploads stream and have a bound of their own.
const BODY_LIMIT: usize = 32 << 20;

/// Every resource. Adding one is a file and a line here.
fn resources() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(sign_in::router())
        .merge(sign_in_links::router())
        .merge(mail_links::router())
        .merge(account::router())
        .merge(account_access::router())
        .merge(devices::router())
        .merge(providers::router())
        .merge(people::router())
        .merge(groups::router())
        .merge(members::router())
        .merge(join_requests::router())
        .merge(audit::router())
        .merge(mails::router())
        .merge(projects::router())
        .merge(projects_change::router())
        .merge(projects_move::router())
        .merge(pipelines::router())
        .merge(process_types::router())
        .merge(runs::router())
        .merge(cancel::router())
        .merge(run_parts::router())
        .merge(run_zip::router())
        .merge(papers::router())
        .merge(flows::router())
        .merge(logs::router())
        .merge(uploads::router())
        .merge(tus::router())
        .merge(secrets::router())
        .merge(schedules::router())
        .merge(backfills::router())
        .merge(starts::router())
        .merge(storage_keys::router())
        .merge(triggers::router())
        .merge(datasets::router())
        .merge(webhooks::router())
        .merge(notices::router())
        .merge(repositories::router())
        .merge(packages::router())
        .merge(feed::router())
        .merge(surroundings::router())
        .merge(system::router())
}

/// The routes of the API with their description.
fn routes() -> (axum::Router<AppState>, utoipa::openapi::OpenApi) {
    OpenApiRouter::new().nest("/api/v1", resources()).split_for_parts()
}

/// The whole server: API, page, health.
pub fn router(state: AppState) -> axum::Router {
    let (api, description) = routes();
    let actions = rights::Actions::of(&description);
    let protected = api
        .route_layer(from_fn_with_state(queries::Queries::of(&description), queries::check))
        .route_layer(from_fn_with_state((state.clone(), actions.clone()), rights::gate))
        .layer(from_fn(etag::mark))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .merge(openapi::router())
        .merge(docs::router())
        .merge(scrape::router().route_layer(from_fn(rights::administrators)))
        .layer(from_fn_with_state((state.clone(), actions), auth::require));
    let whole = axum::Router::new()
        .merge(protected)
        .merge(health::router())
        .merge(providers::callbacks())
        .merge(
            webhooks::addresses()
                .merge(notices::addresses())
                .merge(repository_hooks::router())
                .layer(from_fn_with_state(state.clone(), auth::know_client)),
        )
        .fallback(web::serve)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(state.clone(), auth::open_link))
        .layer(from_fn_with_state(state.clone(), auth::check_host))
        .layer(from_fn_with_state(state.clone(), secure_headers))
        .layer(tower_http::compression::CompressionLayer::new().compress_when(compressible()))
        .layer(from_fn(request::name))
        .layer(from_fn(traffic::measure))
        .with_state(state.clone());
    // Before any route is looked at.
    let whole = tower::ServiceBuilder::new().map_request(scope::strip).service(whole);
    let mut whole = axum::Router::new().fallback_service(whole);
    if let Some(forward) = forward::Forward::of(&state) {
        whole = whole.layer(from_fn_with_state(forward, forward::reads));
    }
    beside_gateway(&state, whole)
}

/// Signed requests go to the gateway, where there is one; all others on their way.
fn beside_gateway(state: &AppState, router: axum::Router) -> axum::Router {
    if !state.gateway {
        return router;
    }
    router.layer(from_fn_with_state(Gateway::new(state.clone()), gateway_first))
}

async fn gateway_first(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    match Gateway::is_asked(&request) {
        true => traffic::measured("storage", &request.method().clone(), gateway.answer(request)).await,
        false => next.run(request).await,
    }
}

/// Answers worth compressing: not streams of events, which must arrive at once, and not files of runs or zips of them.
fn compressible() -> impl tower_http::compression::predicate::Predicate {
    use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
    SizeAbove::new(1024)
        .and(NotForContentType::new("text/event-stream"))
        .and(NotForContentType::new("image/"))
        .and(NotForContentType::new("application/octet-stream"))
        // Their length is known, and a part of one is a part of what was stored.
        .and(NotForContentType::new("application/zip"))
}

async fn wrong_method(request: Request) -> Response {
    let detail = format!("{} does not take {}", request.uri().path(), request.method());
    let status = axum::http::StatusCode::METHOD_NOT_ALLOWED;
    ApiError::new(ErrorCode::RequestInvalid, detail).status(status).into_response()
}

/// What the page may load: only what this server sends, and no script or style within HTML.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; \
                           img-src 'self' data:; media-src 'self'; connect-src 'self'; frame-src 'self'; base-uri 'none'; \
                           form-action 'self'; frame-ancestors 'self'";
/// Headers of every answer that sets none of its own.
async fn secure_headers(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let defaults = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
        // Nothing of this server is for pages of others, not even as a picture.
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
    ];
    if state.auth.owner.is_over_https() {
        // A year; names below this one are not ours to speak for.
        let value = HeaderValue::from_static("max-age=31536000");
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(value);
    }
    for (name, value) in defaults {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
