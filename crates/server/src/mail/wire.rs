//! The connection to a mail server until mail can be spoken of: reached, and as encrypted as was asked.
//!
//! What is said before encryption begins is read here, byte by byte as far as it was asked for: something that lies behind the answer to
//! STARTTLS was put there by somebody in between, to be taken for what comes encrypted (as in CVE-2021-38371), and ends the connection.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader, ReadBuf,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Bytes of an answer at most.
const LONGEST: u64 = 8 << 10;

/// What came instead of what was asked for.
#[derive(Debug)]
pub(super) enum Odd {
    /// Nothing, or no TLS.
    Io(io::Error),
    /// An answer with this code, or none at all.
    Said(String),
}

impl From<io::Error> for Odd {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// How TLS is spoken to one mail server. Cheap to clone.
#[derive(Clone)]
pub(super) struct Tls {
    name: ServerName<'static>,
    given: Vec<CertificateDer<'static>>,
    config: Arc<OnceLock<Arc<ClientConfig>>>,
}

impl Tls {
    /// With a server of this name, by whom the machine trusts and by these certificates (PEM).
    pub(super) fn new(host: &str, roots: Option<&[u8]>) -> Result<Self, String> {
        let plain = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(plain).map_err(|_| format!("`{host}` is no name of a machine"))?;
        let given = match roots {
            Some(pem) => {
                CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().unwrap_or_default()
            }
            None => Vec::new(),
        };
        if roots.is_some() && given.is_empty() {
            return Err("`mail.ca_file` holds no certificate (PEM)".to_owned());
        }
        Ok(Self { name, given, config: Arc::default() })
    }

    /// Reading all that this machine trusts takes a moment: at the first mail, not at start.
    fn config(&self) -> Result<Arc<ClientConfig>, Odd> {
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
        let odd = |error: rustls::Error| Odd::Said(error.to_string());
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        for certificate in &self.given {
            roots.add(certificate.clone()).map_err(odd)?;
        }
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let versions = ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions();
        let config = versions.map_err(odd)?.with_root_certificates(roots).with_no_client_auth();
        Ok(self.config.get_or_init(|| Arc::new(config)).clone())
    }

    /// Encrypts a connection.
    pub(super) async fn begin(&self, stream: TcpStream) -> Result<Line, Odd> {
        let connector = TlsConnector::from(self.config()?);
        let peer = stream.peer_addr()?;
        let encrypted = connector.connect(self.name.clone(), stream).await?;
        Ok(Line { greeting: b"", stream: Box::new(encrypted), peer })
    }
}

/// An answer in clear: its code, and its lines without it.
async fn answer(stream: &mut BufReader<TcpStream>) -> Result<(u16, String), Odd> {
    let mut text = String::new();
    let mut bounded = (&mut *stream).take(LONGEST);
    loop {
        let mut line = Vec::new();
        bounded.read_until(b'\n', &mut line).await?;
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches(['\r', '\n']);
        let odd = || {
            let said = if line.is_empty() { "nothing" } else { line };
            Odd::Said(format!("what it said is no SMTP ({said})"))
        };
        let (code, rest) = line.split_at_checked(3).ok_or_else(odd)?;
        let code = code.parse::<u16>().map_err(|_| odd())?;
        text.push_str(rest.get(1..).unwrap_or_default());
        text.push('\n');
        match rest.chars().next() {
            Some('-') => {}
            None | Some(' ') => return Ok((code, text)),
            Some(_) => return Err(odd()),
        }
    }
}

fn expect(wanted: u16, (code, text): (u16, String)) -> Result<String, Odd> {
    if code == wanted { Ok(text) } else { Err(Odd::Said(format!("it said {code} {}", text.trim()))) }
}

/// Greets, and finds out whether the server offers encryption.
pub(super) async fn greet(stream: &mut BufReader<TcpStream>, hello: &str) -> Result<bool, Odd> {
    expect(220, answer(stream).await?)?;
    stream.get_mut().write_all(format!("EHLO {hello}\r\n").as_bytes()).await?;
    let offers = expect(250, answer(stream).await?)?;
    Ok(offers.lines().skip(1).any(|line| line.trim().eq_ignore_ascii_case("STARTTLS")))
}

/// Begins encryption on a connection that has begun in clear.
pub(super) async fn encrypt(mut stream: BufReader<TcpStream>, tls: &Tls) -> Result<Line, Odd> {
    stream.get_mut().write_all(b"STARTTLS\r\n").await?;
    expect(220, answer(&mut stream).await?)?;
    if !stream.buffer().is_empty() {
        return Err(Odd::Said(
            "more was said in clear than was asked for: somebody may be in between".to_owned(),
        ));
    }
    let line = tls.begin(stream.into_inner()).await?;
    // The greeting came in clear, and is not said again.
    Ok(Line { greeting: b"220 encrypted\r\n", ..line })
}

trait Both: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug> Both for T {}

/// A connection on which mail can be spoken of, with what stands for a greeting that came before.
#[derive(Debug)]
pub(super) struct Line {
    greeting: &'static [u8],
    stream: Box<dyn Both>,
    peer: std::net::SocketAddr,
}

impl Line {
    /// As it is, in clear.
    pub(super) fn in_clear(stream: TcpStream) -> Result<Self, Odd> {
        let peer = stream.peer_addr()?;
        Ok(Self { greeting: b"", stream: Box::new(stream), peer })
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.greeting.is_empty() {
            return Pin::new(&mut *self.stream).poll_read(cx, into);
        }
        let (now, later) = self.greeting.split_at(self.greeting.len().min(into.remaining()));
        into.put_slice(now);
        self.greeting = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_shutdown(cx)
    }
}

impl AsyncTokioStream for Line {
    fn peer_addr(&self) -> io::Result<std::net::SocketAddr> {
        Ok(self.peer)
    }
}
