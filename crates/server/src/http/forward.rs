//! What only the server that leads can answer, asked of it by one that follows: the calls of runners, and reads of what is not stored yet.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use rigi_store::seat::{Lead, Reached};
use tokio::sync::watch;

use super::state::AppState;
use crate::calls;

/// The longest answer: a log that is followed begins anew after it.
const LONGEST: Duration = Duration::from_secs(3600);
/// A server that does not answer for so long is not there.
const CONNECT: Duration = Duration::from_secs(3);
/// Of one connection alone, and set anew for the next.
const OF_CONNECTION: [HeaderName; 5] =
    [header::CONNECTION, header::HOST, header::TRANSFER_ENCODING, header::UPGRADE, header::TE];

/// On a call that was passed on: it is not once more. Two servers may each take the other for the one that leads, for a moment.
const PASSED_ON: HeaderName = HeaderName::from_static("rigi-passed-on");

/// Set on an answer that says that another server knows more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Elsewhere;

/// The way to the server that leads.
#[derive(Clone)]
pub struct Forward {
    client: Option<reqwest::Client>,
    lead: watch::Receiver<Lead>,
}

impl Forward {
    /// Of a server that follows; `None` where it leads.
    pub(super) fn of(state: &AppState) -> Option<Self> {
        if state.engine.leads() {
            return None;
        }
        let client = calls::builder(LONGEST)
            .and_then(|builder| builder.no_proxy().connect_timeout(CONNECT).build().ok());
        Some(Self { client, lead: state.store().lead_heard() })
    }

    fn reached(&self) -> Option<Reached> {
        match &*self.lead.borrow() {
            Lead::Heard(reached) => Some(reached.clone()),
            Lead::Unheard | Lead::Ended => None,
        }
    }

    /// Passes on a runner's call. While no server leads, it is to come again.
    pub(super) async fn runner(&self, request: Request) -> Response {
        let away = |why: &str| (StatusCode::SERVICE_UNAVAILABLE, why.to_owned()).into_response();
        let door = self.reached().and_then(|reached| reached.door);
        let Some(door) = door.filter(|_| !request.headers().contains_key(PASSED_ON)) else {
            return away("no server that leads is known");
        };
        let (parts, body) = request.into_parts();
        let body = reqwest::Body::wrap_stream(body.into_data_stream());
        match self.send(&door, (&parts.method, &parts.uri.to_string(), &parts.headers), Some(body)).await {
            Some(answer) => answer,
            None => away("the server that leads does not answer"),
        }
    }

    async fn send(
        &self,
        base: &str,
        (method, path, headers): (&Method, &str, &HeaderMap),
        body: Option<reqwest::Body>,
    ) -> Option<Response> {
        let request = self.client.as_ref()?.request(method.clone(), format!("{base}{path}"));
        let mut request = request.headers(kept(headers)).header(PASSED_ON, "1");
        if let Some(body) = body {
            request = request.body(body);
        }
        match request.send().await {
            Ok(answer) => {
                let (status, headers) = (answer.status(), kept(answer.headers()));
                let body = Body::from_stream(answer.bytes_stream());
                Some((status, headers, body).into_response())
            }
            Err(error) => {
                tracing::debug!(cause = calls::cause(&error), "the server that leads does not answer");
                None
            }
        }
    }
}

/// Without what is of one connection.
fn kept(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in OF_CONNECTION {
        headers.remove(name);
    }
    headers
}

/// Asks the server that leads what this one cannot say. Where that does not go, what this one says stands.
pub(super) async fn reads(State(forward): State<Forward>, request: Request, next: Next) -> Response {
    if request.method() != Method::GET || request.headers().contains_key(PASSED_ON) {
        return next.run(request).await;
    }
    let (path, headers) = (request.uri().to_string(), request.headers().clone());
    let own = next.run(request).await;
    if own.extensions().get::<Elsewhere>().is_none() {
        return own;
    }
    let Some(api) = forward.reached().and_then(|reached| reached.api) else { return own };
    match forward.send(&api, (&Method::GET, &path, &headers), None).await {
        // It signs people in by itself where they have no accounts.
        Some(answer) if answer.status() != StatusCode::UNAUTHORIZED => answer,
        _ => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_a_connection_is_not_passed_on() {
        let mut headers = HeaderMap::new();
        for name in ["host", "connection", "authorization", "content-length", "transfer-encoding"] {
            headers.insert(HeaderName::from_static(name), header::HeaderValue::from_static("x"));
        }
        let passed = kept(&headers);
        let mut names: Vec<_> = passed.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["authorization", "content-length"]);
    }
}
