//! The server's own TLS: certificates from files, read again when they change, or from an authority by ACME.

mod acme;
mod files;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use rigi_model::{ErrorCode, Timestamp};
use rigi_server::door::ACME_PROTOCOL;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::net::TcpListener;
use x509_parser::extensions::GeneralName;

use super::data_folder::DataFolder;
use crate::config::Config;
use crate::trouble::Trouble;

/// What is shown to whoever comes. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Certificates {
    inner: Arc<RwLock<Shown>>,
}

#[derive(Debug, Default)]
struct Shown {
    current: Option<Arc<CertifiedKey>>,
    /// By name, shown to an authority that asks whether it is this server's.
    challenges: BTreeMap<String, Arc<CertifiedKey>>,
    /// Why there is none, or no newer one.
    trouble: Option<String>,
}

impl Certificates {
    fn change(&self, change: impl FnOnce(&mut Shown)) {
        change(&mut self.inner.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn current(&self) -> Option<Arc<CertifiedKey>> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).current.clone()
    }

    /// When the one that is shown ends.
    pub(crate) fn ends(&self) -> Option<Timestamp> {
        Some(times_of(self.current()?.cert.first()?)?.until)
    }

    /// Why the certificate is not what it should be.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).trouble.clone()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let is_challenge = hello.alpn().is_some_and(|mut all| all.any(|protocol| protocol == ACME_PROTOCOL));
        let shown = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        match hello.server_name() {
            Some(name) if is_challenge => shown.challenges.get(name).cloned(),
            _ => shown.current.clone(),
        }
    }
}

/// A chain and its key, as PEM.
fn certified(chain: &[u8], key: &[u8]) -> Result<CertifiedKey, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
    let chain = chain.map_err(|error| format!("the certificate is no PEM: {error}"))?;
    if chain.is_empty() {
        return Err("the file of the certificate holds none".to_owned());
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| format!("the key is no PEM: {error}"))?;
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(chain, key, &provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => "the key is not that of the certificate".to_owned(),
        error => error.to_string(),
    })
}

/// For how long a certificate counts, and for which names.
struct Times {
    from: Timestamp,
    until: Timestamp,
    names: Vec<String>,
}

fn times_of(certificate: &CertificateDer<'_>) -> Option<Times> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let at = |time: x509_parser::time::ASN1Time| Timestamp(time.timestamp().saturating_mul(1_000_000));
    let names = parsed.subject_alternative_name().ok().flatten();
    let mut names: Vec<String> =
        names.iter().flat_map(|all| &all.value.general_names).filter_map(name_of).collect();
    names.sort_unstable();
    Some(Times { from: at(parsed.validity().not_before), until: at(parsed.validity().not_after), names })
}

fn name_of(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match **bytes {
            [a, b, c, d] => Some(std::net::Ipv4Addr::new(a, b, c, d).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|bytes| std::net::Ipv6Addr::from(bytes).to_string()),
        },
        _ => None,
    }
}

/// TLS as the configuration asks for it.
pub(crate) struct Tls {
    pub certificates: Certificates,
    server: Arc<ServerConfig>,
}

impl Tls {
    /// Reads what is there; `None`: the configuration asks for none. What is missing by ACME is fetched when the port is open.
    pub(crate) fn open(config: &Config, folder: &DataFolder) -> Result<Option<Self>, Trouble> {
        let tls = &config.tls;
        if !tls.is_on() {
            return Ok(None);
        }
        let wrong = |message: String| {
            Trouble::new(ErrorCode::ConfigInvalid, message, "see `[tls]` in docs/operate/configuration.md")
        };
        let certificates = Certificates::default();
        match (&tls.certificate, &tls.key, &tls.acme) {
            (Some(certificate), Some(key), None) => {
                let files = files::Files { certificate: certificate.clone(), key: key.clone() };
                files.read_into(&certificates).map_err(wrong)?;
            }
            (None, None, Some(_)) if tls.names.0.is_empty() => {
                return Err(wrong("`tls.acme` needs `tls.names`: what the certificate is for".to_owned()));
            }
            (None, None, Some(_)) => acme::Kept::in_folder(&folder.path).read_into(&certificates),
            (_, _, Some(_)) => {
                return Err(wrong(
                    "`tls.acme` and files (`tls.certificate`, `tls.key`) are both set".to_owned(),
                ));
            }
            _ => return Err(wrong("`tls.certificate` and `tls.key` belong together".to_owned())),
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let server = server.map_err(|error| wrong(error.to_string()))?;
        let mut server = server.with_no_client_auth().with_cert_resolver(Arc::new(certificates.clone()));
        server.alpn_protocols = vec![b"http/1.1".to_vec(), ACME_PROTOCOL.to_vec()];
        Ok(Some(Self { certificates, server: Arc::new(server) }))
    }

    /// Puts it in front of a port, and keeps the certificate up to date from now on.
    pub(crate) fn listen(
        &self,
        port: TcpListener,
        config: &Config,
        folder: &DataFolder,
    ) -> rigi_server::door::TlsListener {
        let (tls, certificates) = (&config.tls, self.certificates.clone());
        if let Some(directory) = &tls.acme {
            let order = acme::Order {
                directory: directory.clone(),
                names: tls.names.0.clone(),
                contact: tls.contact.clone(),
                root: tls.acme_root.clone(),
                kept: acme::Kept::in_folder(&folder.path),
            };
            tokio::spawn(order.keep(certificates));
        } else if let (Some(certificate), Some(key)) = (tls.certificate.clone(), tls.key.clone()) {
            files::Files { certificate, key }.follow(certificates);
        }
        rigi_server::door::TlsListener::new(port, self.server.clone())
    }
}
