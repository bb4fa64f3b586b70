//! Events on the wire, as `text/event-stream` has them.

use std::convert::Infallible;
use std::fmt::Display;
use std::io::Write as _;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;

/// Nothing to say, and still here: sent often enough for proxies, which give up after 50 s or more.
pub const STILL_HERE: Bytes = Bytes::from_static(b":\n\n");
/// See [`STILL_HERE`].
pub const BEAT: Duration = Duration::from_secs(30);

/// Appends an event. JSON has no line breaks, so that its data is one line.
pub fn write_event<D: Serialize + ?Sized>(out: &mut Vec<u8>, name: &str, id: Option<impl Display>, data: &D) {
    let begin = out.len();
    if let Err(error) = try_write(out, name, id, data) {
        // Writing to memory fails only if the data does, and then there is no event.
        tracing::error!(%error, name, "an event cannot be written");
        out.truncate(begin);
    }
}

fn try_write<D: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    name: &str,
    id: Option<impl Display>,
    data: &D,
) -> std::io::Result<()> {
    writeln!(out, "event: {name}")?;
    if let Some(id) = id {
        writeln!(out, "id: {id}")?;
    }
    out.extend_from_slice(b"data: ");
    serde_json::to_writer(&mut *out, data)?;
    out.extend_from_slice(b"\n\n");
    Ok(())
}

/// One event.
pub fn event<D: Serialize + ?Sized>(name: &str, id: Option<impl Display>, data: &D) -> Bytes {
    let mut out = Vec::with_capacity(128);
    write_event(&mut out, name, id, data);
    out.into()
}

/// One who listens: hands out what comes next, or nothing after the end.
pub trait Listener: Send + 'static {
    /// What is listened to, as metrics call it.
    const KIND: &'static str;
    /// Waits for what comes next.
    fn next(&mut self) -> impl Future<Output = Option<Bytes>> + Send;
}

/// The answer that goes on until the listener has nothing more.
pub fn respond<L: Listener>(listener: L) -> Response {
    let open = Open::count(L::KIND);
    let events = stream::unfold((listener, open), |(mut listener, open)| async move {
        Some((Ok::<_, Infallible>(listener.next().await?), (listener, open)))
    });
    let mut response = Response::new(Body::from_stream(events));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // nginx gathers answers unless it is told not to.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

/// Counts a stream while it is open.
struct Open(&'static str);

impl Open {
    fn count(kind: &'static str) -> Self {
        metrics::gauge!("rigi_streams", "kind" => kind).increment(1.0);
        Self(kind)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        metrics::gauge!("rigi_streams", "kind" => self.0).decrement(1.0);
    }
}
