//! Streams that were opened by somebody who is let in no longer end.

use axum::body::Body;
use axum::http::header;
use axum::response::Response;
use futures_util::StreamExt as _;
use rigi_model::Timestamp;
use tokio_util::sync::CancellationToken;

/// The same answer; if it is a stream, as long as they are let in.
pub(super) fn with(response: Response, ended: CancellationToken, until: Option<Timestamp>) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if kind != Some("text/event-stream") {
        return response;
    }
    let life = until.map(|until| until.since(Timestamp::now()));
    let over = async move {
        match life {
            Some(life) => drop(tokio::time::timeout(life, ended.cancelled()).await),
            None => ended.cancelled().await,
        }
    };
    response.map(|body| Body::from_stream(body.into_data_stream().take_until(Box::pin(over))))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use futures_util::stream;

    use super::*;

    fn endless(kind: &str) -> Response {
        let pieces = stream::pending::<Result<Vec<u8>, std::io::Error>>();
        Response::builder().header(header::CONTENT_TYPE, kind).body(Body::from_stream(pieces)).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_with_the_one_who_opened_it() {
        let ended = CancellationToken::new();
        let response = with(endless("text/event-stream"), ended.clone(), None);
        let mut pieces = response.into_body().into_data_stream();
        assert!(pieces.next().now_or_never().is_none());
        ended.cancel();
        assert!(pieces.next().await.is_none());
        let until = Timestamp::now().after(std::time::Duration::from_secs(60));
        let response = with(endless("text/event-stream"), CancellationToken::new(), Some(until));
        assert!(response.into_body().into_data_stream().next().await.is_none());
        let file = with(endless("text/plain"), ended, None);
        assert!(file.into_body().into_data_stream().next().now_or_never().is_none());
    }
}
