//! Requests, measured: how many, how they ended, how long they took. A request goes by its route and never by its address,
//! which may hold names of projects, ids, and what signs in.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Frame, SizeHint};

/// The route of what has none: files of the page, and addresses that are none of the server's.
const NO_ROUTE: &str = "page";

/// Measures whatever is asked of a router.
pub(super) async fn measure(request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or(NO_ROUTE, MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    measured(&route, &method, next.run(request)).await
}

/// An answer, measured as one of a route. One that goes on without end is no request any more: it counts among streams.
pub(super) async fn measured(
    route: &str,
    method: &Method,
    answer: impl Future<Output = Response>,
) -> Response {
    let (begun, under_way) = (Instant::now(), UnderWay::start());
    let response = answer.await;
    if is_stream(response.headers()) {
        return response;
    }
    let (method, status) = (word_of(method), response.status());
    let ending = Ending { begun, _under_way: under_way, method, route: route.to_owned(), status };
    response.map(|body| Body::new(Measured { body, _ending: ending }))
}

fn is_stream(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream")
}

/// Anybody can make up methods.
fn word_of(method: &Method) -> &'static str {
    const KNOWN: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// Counts while it is there.
struct UnderWay;

impl UnderWay {
    fn start() -> Self {
        metrics::gauge!("rigi_http_in_flight").increment(1.0);
        Self
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        metrics::gauge!("rigi_http_in_flight").decrement(1.0);
    }
}

/// Notes a request when its answer has been taken, or whoever asked has gone.
struct Ending {
    begun: Instant,
    _under_way: UnderWay,
    method: &'static str,
    route: String,
    status: StatusCode,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let route = std::mem::take(&mut self.route);
        let seconds = self.begun.elapsed().as_secs_f64();
        let status = self.status.as_str().to_owned();
        metrics::histogram!("rigi_http_request_seconds", "method" => self.method, "route" => route.clone())
            .record(seconds);
        metrics::counter!("rigi_http_requests_total", "method" => self.method, "route" => route, "status" => status)
            .increment(1);
    }
}

/// The body of an answer.
struct Measured {
    body: Body,
    _ending: Ending,
}

impl HttpBody for Measured {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_that_somebody_made_up_are_one() {
        assert_eq!(word_of(&Method::DELETE), "DELETE");
        assert_eq!(word_of(&Method::from_bytes(b"ANYTHING").unwrap()), "other");
    }
}
