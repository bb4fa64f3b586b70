//! Answers at a listening socket until somebody says stop. HTTP/1.1 only: HTTP/2 without TLS is no browser's, and its
//! streams would share one place.

use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use super::body::{Paced, Stalled};
use super::gate::{Gate, Seat};
use super::stream::Bounded;

/// How long the server waits for whoever called it.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the whole head of a request, from the connection's start or from the last answer.
    pub head: Duration,
    /// Between two pieces of a body.
    pub body: Duration,
    /// For a stranger who takes nothing of an answer.
    pub answer: Duration,
    /// For answers that are under way when the server stops.
    pub farewell: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { head: seconds(20), body: seconds(60), answer: seconds(30), farewell: seconds(3) }
    }
}

/// Bytes that are read ahead of one connection: a larger head is refused by a bare 431.
const READ_AHEAD: usize = 128 << 10;
/// Where the machine has no room for one more connection.
const PAUSE: Duration = Duration::from_millis(50);
/// A peer that has said nothing for so long is asked by the kernel whether it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// A socket that others connect to.
pub trait Listen: Send + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// Waits for the next one.
    fn next(&self) -> impl Future<Output = io::Result<(Self::Stream, Option<IpAddr>)>> + Send;
}

impl Listen for TcpListener {
    type Stream = TcpStream;

    async fn next(&self) -> io::Result<(TcpStream, Option<IpAddr>)> {
        let (stream, peer) = self.accept().await?;
        // Small answers go out at once instead of waiting for what may follow.
        let _ = stream.set_nodelay(true);
        let _ = rustix::net::sockopt::set_socket_keepalive(&stream, true);
        let _ = rustix::net::sockopt::set_tcp_keepidle(&stream, KEEP_ALIVE);
        Ok((stream, Some(peer.ip())))
    }
}

impl Listen for UnixListener {
    type Stream = UnixStream;

    async fn next(&self) -> io::Result<(UnixStream, Option<IpAddr>)> {
        Ok((self.accept().await?.0, None))
    }
}

/// Serves until stopped, and then as long as answers under way may take.
pub async fn serve(
    listener: impl Listen,
    router: Router,
    gate: Arc<Gate>,
    patience: Patience,
    stop: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    let mut stopped = pin!(told(stop.clone()));
    loop {
        tokio::select! {
            () = &mut stopped => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            next = listener.next() => match next {
                Ok((stream, peer)) => {
                    if let Some(seat) = gate.enter(peer) {
                        connections.spawn(connection(stream, seat, router.clone(), patience, stop.clone()));
                    }
                }
                Err(error) if is_of_one(&error) => {}
                Err(_) => {
                    gate.make_room();
                    tokio::time::sleep(PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    // Streams of events may not have ended by themselves.
    let _ = tokio::time::timeout(patience.farewell, all).await;
}

/// Waits until somebody says stop, or nobody can any more.
async fn told(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// An error of a connection that ended before it was accepted.
fn is_of_one(error: &io::Error) -> bool {
    use io::ErrorKind as E;
    matches!(error.kind(), E::ConnectionAborted | E::ConnectionReset | E::ConnectionRefused | E::Interrupted)
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    seat: Seat,
    router: Router,
    patience: Patience,
    stop: watch::Receiver<bool>,
) {
    let of_request = seat.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let stalled = Stalled::default();
        let paced = |body| Body::new(Paced::new(body, patience.body, stalled.clone()));
        let mut request: Request = request.map(paced);
        request.extensions_mut().insert(of_request.clone());
        request.extensions_mut().insert(stalled);
        router.clone().oneshot(request)
    });
    let stream = TokioIo::new(Bounded::new(stream, seat.clone(), patience.answer));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(patience.head).max_buf_size(READ_AHEAD);
    let mut served = pin!(http.serve_connection(stream, service));
    let mut stopped = pin!(told(stop));
    let mut stopping = false;
    loop {
        tokio::select! {
            // How it ended is the peer's business.
            _ = &mut served => return,
            () = seat.taken_away() => return,
            () = &mut stopped, if !stopping => {
                stopping = true;
                served.as_mut().graceful_shutdown();
            }
        }
    }
}
