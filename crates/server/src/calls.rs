//! How this server calls others over HTTP: by TLS with what the machine trusts, bounded in time, followed nowhere else; and what is
//! said when it does not go well.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, ClientBuilder, Response};

/// Bytes of an answer that are read to say what it was.
const LARGEST: usize = 4 << 10;
/// Characters of it that are said.
const SAID: usize = 200;

/// A client that waits so long. Reading all that this machine trusts takes a moment: at the first call, not at start. `None`: TLS cannot be
/// set up.
pub(crate) fn builder(patience: Duration) -> Option<ClientBuilder> {
    let mut trusted = rustls::RootCertStore::empty();
    trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
    let tls = tls.with_root_certificates(trusted).with_no_client_auth();
    let agent = concat!("rigi/", env!("CARGO_PKG_VERSION"));
    // Whoever answers must not make this server ask for things elsewhere, or inside.
    let built =
        Client::builder().timeout(patience).user_agent(agent).redirect(reqwest::redirect::Policy::none());
    Some(built.tls_backend_preconfigured(tls))
}

/// The same, as it is used by most.
pub(crate) fn client(patience: Duration) -> Option<Client> {
    builder(patience)?.build().ok()
}

/// Why a call failed, to go on after who was called: `it did not answer within 15 s`.
pub(crate) fn why(error: &reqwest::Error, patience: Duration) -> String {
    if error.is_timeout() {
        return format!("it did not answer within {} s", patience.as_secs());
    }
    cause(error)
}

/// The innermost cause, which says most.
pub(crate) fn cause(error: &reqwest::Error) -> String {
    let Some(mut inner) = error.source() else { return error.to_string() };
    while let Some(next) = inner.source() {
        inner = next;
    }
    inner.to_string()
}

/// The beginning of what was answered, as plain text.
pub(crate) async fn said(mut answer: Response) -> String {
    let mut said = Vec::new();
    while let Ok(Some(piece)) = answer.chunk().await {
        said.extend_from_slice(&piece);
        if said.len() > LARGEST {
            break;
        }
    }
    String::from_utf8_lossy(&said).chars().filter(|c| !c.is_control()).take(SAID).collect()
}
