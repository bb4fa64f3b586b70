//! TLS in front of the door. A handshake is part of the connection it is for: whoever drags it out holds up nobody else.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};

use super::serve::Listen;

/// The protocol by which an authority sees that a name is this server's (RFC 8737): after the handshake all is said.
pub const ACME_PROTOCOL: &[u8] = b"acme-tls/1";

/// A port that speaks TLS alone.
pub struct TlsListener {
    port: TcpListener,
    acceptor: TlsAcceptor,
}

impl TlsListener {
    /// Of a port, with what is set for it.
    #[must_use]
    pub fn new(port: TcpListener, config: Arc<ServerConfig>) -> Self {
        Self { port, acceptor: config.into() }
    }
}

impl Listen for TlsListener {
    type Stream = Handshake;

    async fn next(&self) -> io::Result<(Handshake, Option<IpAddr>)> {
        let (stream, peer) = self.port.next().await?;
        Ok((Handshake::Going(Box::new(self.acceptor.accept(stream))), peer))
    }
}

/// A connection that begins with a handshake.
pub enum Handshake {
    /// It goes on.
    Going(Box<Accept<TcpStream>>),
    /// It is over.
    Open(Box<TlsStream<TcpStream>>),
    /// It went wrong, or all is said.
    Closed,
}

impl Handshake {
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Pin<&mut TlsStream<TcpStream>>>> {
        if let Self::Going(accept) = self {
            let open = ready!(Pin::new(accept.as_mut()).poll(cx));
            *self = Self::Closed;
            let open = open?;
            if open.get_ref().1.alpn_protocol() != Some(ACME_PROTOCOL) {
                *self = Self::Open(Box::new(open));
            }
        }
        match self {
            Self::Open(open) => Poll::Ready(Ok(Pin::new(open.as_mut()))),
            Self::Going(_) | Self::Closed => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
        }
    }
}

impl AsyncRead for Handshake {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_open(cx))?.poll_read(cx, buffer)
    }
}

impl AsyncWrite for Handshake {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_open(cx))?.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_open(cx))?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Going(_) | Self::Closed => Poll::Ready(Ok(())),
            Self::Open(open) => Pin::new(open.as_mut()).poll_shutdown(cx),
        }
    }
}
