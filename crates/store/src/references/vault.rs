//! HashiCorp Vault: fields of its KV v2, and the little else that is asked of it. What it answers is bounded in time and size, and it is
//! never followed elsewhere: the token is for it alone.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use rigi_model::causes::with_causes;
use rigi_model::secret_source::VaultField;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::Unresolved;
use crate::Hidden;

/// A Vault that takes longer does not answer.
const PATIENCE: Duration = Duration::from_secs(5);
const CONNECT: Duration = Duration::from_secs(3);
/// Bytes of an answer at most; Vault itself takes no more than this in a request.
const LARGEST: usize = 1 << 20;
/// Between two tries to renew a token, at least.
const PAUSE: Duration = Duration::from_secs(30);
const SEE_VAULT: &str = "Look at `vault status` and at `vault.address`";

/// How Vault is reached.
#[derive(Debug, Clone, Default)]
pub struct VaultSettings {
    /// `https://vault.example.org`; without TLS on this machine alone.
    pub address: String,
    /// What shows who asks.
    pub token: Option<Hidden>,
    /// The same in a file, which is read each time.
    pub token_file: Option<PathBuf>,
    /// Of Vault Enterprise.
    pub namespace: Option<String>,
    /// Certificates that Vault's is held against, beside those that this machine trusts.
    pub ca_file: Option<PathBuf>,
    /// Mounts whose names have several parts.
    pub mounts: Vec<String>,
}

/// One Vault. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    settings: Arc<VaultSettings>,
    address: Url,
    client: Arc<OnceLock<Result<Client, String>>>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault({})", self.address)
    }
}

/// A version of a secret.
#[derive(Deserialize)]
struct Read {
    data: Option<ReadData>,
}

#[derive(Deserialize)]
struct ReadData {
    data: Option<Map<String, Value>>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    version: u64,
}

#[derive(Deserialize)]
struct Renewed {
    auth: Option<Lease>,
}

#[derive(Deserialize)]
struct Lease {
    lease_duration: u64,
    renewable: bool,
}

impl Vault {
    /// The one at this address. Nothing is asked of it yet.
    ///
    /// # Errors
    /// If the address cannot be used; the error begins with the key of the configuration.
    pub fn new(settings: VaultSettings) -> Result<Self, String> {
        let address = Url::parse(&settings.address)
            .map_err(|error| format!("`vault.address` is no address: {error}"))?;
        let is_here = matches!(address.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        if address.scheme() != "https" && !(address.scheme() == "http" && is_here) {
            return Err("`vault.address` must begin with `https://`: without TLS, whoever is between reads the secrets".to_owned());
        }
        if settings.token.is_some() == settings.token_file.is_some() {
            return Err("`vault.token` or `vault.token_file` must be given, and not both".to_owned());
        }
        Ok(Self { settings: Arc::new(settings), address, client: Arc::default() })
    }

    /// Whether its token is to be renewed from here: one in a file is renewed by who writes the file.
    #[must_use]
    pub fn has_own_token(&self) -> bool {
        self.settings.token.is_some()
    }

    /// The value of a field.
    pub(super) async fn field(&self, field: &VaultField) -> Result<String, Unresolved> {
        self.versioned(field, field.version).await.map(|(value, _)| value)
    }

    /// The same with its version.
    pub(super) async fn versioned(
        &self,
        field: &VaultField,
        version: Option<u64>,
    ) -> Result<(String, u64), Unresolved> {
        let (mount, path) = self.split(&field.path);
        let mut url = self.url(mount.split('/').chain(["data"]).chain(path.split('/')))?;
        if let Some(version) = version {
            url.query_pairs_mut().append_pair("version", &version.to_string());
        }
        let place = &field.path;
        let gone = || {
            let version = version.map(|version| format!(" in version {version}")).unwrap_or_default();
            let why = format!("Vault has no secret `{place}`{version}, or it was deleted");
            Unresolved::wrong(why, format!("Put it there: `vault kv put {mount}/{path} {}=…`", field.field))
        };
        let answer: Option<Read> = self.ask(self.request(Method::GET, url).await?, place).await?;
        let data = answer.and_then(|answer| answer.data).ok_or_else(gone)?;
        let found = data.metadata.map_or(0, |metadata| metadata.version);
        match data.data.ok_or_else(gone)?.remove(&field.field) {
            Some(Value::String(value)) => Ok((value, found)),
            Some(_) => Err(Unresolved::wrong(
                format!("the field `{}` of `{place}` in Vault is no text", field.field),
                "Store it as a text",
            )),
            None => Err(Unresolved::wrong(
                format!("the secret `{place}` in Vault has no field `{}`", field.field),
                "Correct the name of the field, or add it",
            )),
        }
    }

    /// Calls the transit engine; the answer's field of this name.
    pub(super) async fn transit(
        &self,
        action: &str,
        key: &str,
        body: &Value,
        field: &str,
    ) -> Result<String, Unresolved> {
        let (mount, key) = key.rsplit_once('/').unwrap_or(("transit", key));
        let url = self.url(mount.split('/').chain([action, key]))?;
        let place = format!("{mount}/{action}/{key}");
        let request = self.request(Method::POST, url).await?.json(body);
        let answer: Option<Value> = self.ask(request, &place).await?;
        let value = answer.as_ref().and_then(|answer| answer["data"][field].as_str()).map(str::to_owned);
        value.ok_or_else(|| {
            Unresolved::wrong(
                format!("Vault has no key at `{place}`"),
                format!("Make it: `vault write -f {mount}/keys/{key}`"),
            )
        })
    }

    /// Mount and path: the mount has one part, unless it is one of those that are named.
    fn split<'a>(&self, whole: &'a str) -> (&'a str, &'a str) {
        let named = self.settings.mounts.iter().filter_map(|mount| {
            let rest = whole.strip_prefix(mount.trim_matches('/'))?.strip_prefix('/')?;
            Some((&whole[..whole.len() - rest.len() - 1], rest))
        });
        let longest = named.max_by_key(|(mount, _)| mount.len());
        longest.or_else(|| whole.split_once('/')).unwrap_or((whole, ""))
    }

    fn url<'a>(&self, parts: impl Iterator<Item = &'a str>) -> Result<Url, Unresolved> {
        let mut url = self.address.clone();
        match url.path_segments_mut() {
            Ok(mut path) => _ = path.pop_if_empty().push("v1").extend(parts),
            Err(()) => return Err(Unresolved::wrong("`vault.address` is no address", SEE_VAULT)),
        }
        Ok(url)
    }

    async fn request(&self, method: Method, url: Url) -> Result<RequestBuilder, Unresolved> {
        let mut headers = HeaderMap::new();
        let header = |text: &str, what: &str| {
            HeaderValue::from_str(text).map_err(|_| {
                Unresolved::wrong(format!("{what} has characters that it cannot have"), "Correct it")
            })
        };
        let mut token = header(&self.token().await?, "Vault's token")?;
        token.set_sensitive(true);
        headers.insert(HeaderName::from_static("x-vault-token"), token);
        headers.insert(HeaderName::from_static("x-vault-request"), HeaderValue::from_static("true"));
        if let Some(namespace) = &self.settings.namespace {
            let namespace = header(namespace, "`vault.namespace`")?;
            headers.insert(HeaderName::from_static("x-vault-namespace"), namespace);
        }
        let client = self.client.get_or_init(|| client(&self.settings)).as_ref();
        let client = client.map_err(|why| Unresolved::wrong(why.clone(), "Correct `[vault]`"))?;
        Ok(client.request(method, url).headers(headers))
    }

    async fn token(&self) -> Result<String, Unresolved> {
        let Some(file) = &self.settings.token_file else {
            return Ok(self.settings.token.as_ref().map(|token| token.0.clone()).unwrap_or_default());
        };
        let read = tokio::fs::read_to_string(file).await;
        read.map(|text| text.trim().to_owned()).map_err(|error| {
            let why = format!("Vault's token cannot be read from {}: {error}", file.display());
            Unresolved::away(why, "Look at what writes `vault.token_file`")
        })
    }

    /// Sends it; `None`: there is no such thing.
    async fn ask<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        place: &str,
    ) -> Result<Option<T>, Unresolved> {
        let response = request.send().await.map_err(unanswered)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            status => return Err(refused(status, place)),
        }
        let bytes = read(response).await?;
        serde_json::from_slice(&bytes).map(Some).map_err(|_| {
            Unresolved::away("what answers at Vault's address does not answer as Vault does", SEE_VAULT)
        })
    }

    /// Renews the server's token for as long as Vault lets it: each time when two thirds of its time are over.
    pub async fn keep_renewed(self) {
        loop {
            let lease = match self.renew().await {
                Ok(Some(Lease { lease_duration, renewable: true })) if lease_duration > 0 => lease_duration,
                // Of a token without an end, or one that is at its end.
                Ok(_) => return,
                Err(error) if error.may_pass => {
                    tracing::warn!(why = error.why, "Vault's token could not be renewed; it is tried again");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                Err(error) => {
                    tracing::warn!(
                        why = error.why,
                        "Vault's token cannot be renewed: it serves until it ends"
                    );
                    return;
                }
            };
            tokio::time::sleep(Duration::from_secs(lease * 2 / 3).max(Duration::from_secs(1))).await;
        }
    }

    async fn renew(&self) -> Result<Option<Lease>, Unresolved> {
        let url = self.url(["auth", "token", "renew-self"].into_iter())?;
        let request = self.request(Method::POST, url).await?.json(&json!({}));
        let answer: Option<Renewed> = self.ask(request, "auth/token/renew-self").await?;
        Ok(answer.and_then(|answer| answer.auth))
    }
}

fn client(settings: &VaultSettings) -> Result<Client, String> {
    let agent = concat!("rigi/", env!("CARGO_PKG_VERSION"));
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = &settings.ca_file {
        let cannot = |why: String| format!("`vault.ca_file` ({}) cannot be used: {why}", file.display());
        let pem = std::fs::read(file).map_err(|error| cannot(error.to_string()))?;
        use rustls::pki_types::CertificateDer;
        use rustls::pki_types::pem::PemObject as _;
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem).flatten().collect();
        if certificates.is_empty() {
            return Err(cannot("it holds no certificate".to_owned()));
        }
        roots.add_parsable_certificates(certificates);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let tls = tls.map_err(|error| format!("TLS cannot be set up: {error}"))?;
    let tls = tls.with_root_certificates(roots).with_no_client_auth();
    let built = Client::builder()
        .user_agent(agent)
        .timeout(PATIENCE)
        .connect_timeout(CONNECT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .tls_backend_preconfigured(tls)
        .build();
    built.map_err(|error| format!("no client for Vault can be made: {}", with_causes(&error)))
}

fn unanswered(error: reqwest::Error) -> Unresolved {
    // The address has no token in it, and is not to be told to people of projects.
    let error = error.without_url();
    if error.is_timeout() {
        let why = format!("Vault did not answer within {} s", PATIENCE.as_secs());
        return Unresolved::away(why, SEE_VAULT);
    }
    Unresolved::away(format!("Vault does not answer: {}", with_causes(&error)), SEE_VAULT)
}

/// What a status means. Nothing of the answer is told: it may hold anything.
fn refused(status: StatusCode, place: &str) -> Unresolved {
    match status.as_u16() {
        403 => Unresolved::away(
            format!("Vault refuses the server's token for `{place}` (403)"),
            "The token has expired, or its policy does not let it read that: renew it, or add `read` to the policy",
        ),
        300..=399 => Unresolved::away(
            format!("Vault leads elsewhere ({status}), where the token is not sent"),
            "Set `vault.address` to the server that is active, or to what stands in front of all",
        ),
        429 => Unresolved::away("Vault has too much to do (429)", "It is asked again"),
        503 => {
            Unresolved::away("Vault is sealed, or in maintenance (503)", "Unseal it: `vault operator unseal`")
        }
        400 => Unresolved::wrong(
            format!("Vault does not understand what is asked for at `{place}` (400)"),
            "The mount must be of the kind KV, version 2",
        ),
        code => Unresolved::away(format!("Vault answered with {code}"), "Look at Vault's log"),
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, Unresolved> {
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(unanswered)? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > LARGEST {
            return Err(Unresolved::away("Vault's answer is larger than 1 MiB", SEE_VAULT));
        }
    }
    Ok(bytes)
}
