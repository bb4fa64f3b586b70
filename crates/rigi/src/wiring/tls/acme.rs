//! A certificate from an authority by ACME (RFC 8555). It sees that a name is this server's at the server's own port
//! (`tls-alpn-01`, RFC 8737): no other port is needed.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use instant_acme::{
    Account, AccountBuilder, AccountCredentials, AuthorizationStatus, ChallengeType, Identifier, NewAccount,
    NewOrder, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rigi_model::Timestamp;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use super::{Certificates, certified, times_of};
use crate::wiring::data_folder::write_private;

/// Before another try, where none has succeeded; it doubles up to the longest.
const AGAIN: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(6 * 3600);
/// An authority that has not answered by then is asked again later.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is kept of it in the data folder, for its owner alone.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    folder: PathBuf,
}

impl Kept {
    pub(super) fn in_folder(data: &Path) -> Self {
        Self { folder: data.join("tls") }
    }

    fn read(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.folder.join(name)).ok()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), String> {
        let told = |error: std::io::Error| {
            format!("{} cannot be written: {error}", self.folder.join(name).display())
        };
        fs::create_dir_all(&self.folder).map_err(told)?;
        write_private(&self.folder.join(name), bytes).map_err(told)
    }

    fn remove(&self, name: &str) {
        // What cannot be removed is found again, and tried again.
        let _ = fs::remove_file(self.folder.join(name));
    }

    /// Shows the one that was fetched before. Chain and key are one file, so that they are of the same order.
    pub(super) fn read_into(&self, certificates: &Certificates) {
        let pem = self.read(CERTIFICATE).unwrap_or_default();
        if let Ok(certified) = certified(&pem, &pem) {
            certificates.change(|shown| shown.current = Some(Arc::new(certified)));
        }
    }
}

const CERTIFICATE: &str = "certificate.pem";
const ACCOUNT: &str = "account.json";
/// The authority does not know the account any more.
const NO_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

/// What is asked for, of whom.
pub(super) struct Order {
    /// The authority's directory.
    pub directory: String,
    /// What the certificate is for.
    pub names: Vec<String>,
    /// Whom the authority may write to.
    pub contact: Option<String>,
    /// A file with the certificate of an authority's own server, where this machine does not trust it.
    pub root: Option<PathBuf>,
    pub kept: Kept,
}

impl Order {
    /// Fetches one, and a new one whenever two thirds of its time are over.
    pub(super) async fn keep(self, certificates: Certificates) {
        let mut pause = AGAIN;
        loop {
            let wait = self.until_due(&certificates, Timestamp::now());
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
                continue;
            }
            let fetched = tokio::time::timeout(PATIENCE, self.fetch(&certificates)).await;
            let why = match fetched {
                Ok(Ok(())) => {
                    pause = AGAIN;
                    tracing::info!(names = ?self.names, "a TLS certificate was fetched");
                    continue;
                }
                Ok(Err(why)) => why,
                Err(_) => "the authority did not answer in time".to_owned(),
            };
            let why = format!("no TLS certificate was given by {}: {why}", self.directory);
            tracing::warn!(why, seconds = pause.as_secs(), "this is tried again");
            certificates.change(|shown| shown.trouble = Some(why));
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST);
        }
    }

    /// How long the certificate that is shown will do; none is due at once, and so is one for other names.
    fn until_due(&self, certificates: &Certificates, now: Timestamp) -> Duration {
        let Some(current) = certificates.current() else { return Duration::ZERO };
        let Some(times) = current.cert.first().and_then(|first| times_of(first)) else {
            return Duration::ZERO;
        };
        let mut wanted = self.names.clone();
        wanted.sort_unstable();
        if times.names != wanted {
            return Duration::ZERO;
        }
        let renew = times.from.after(times.until.since(times.from) * 2 / 3);
        if renew > now { renew.since(now) } else { Duration::ZERO }
    }

    async fn fetch(&self, certificates: &Certificates) -> Result<(), String> {
        let account = self.account().await?;
        let names: Vec<_> = self.names.iter().map(|name| identifier(name)).collect();
        let order = account.new_order(&NewOrder::new(&names)).await;
        if let Err(instant_acme::Error::Api(problem)) = &order
            && problem.r#type.as_deref() == Some(NO_ACCOUNT)
        {
            // The next try makes another.
            self.kept.remove(ACCOUNT);
        }
        let mut order = order.map_err(told)?;
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization.map_err(told)?;
            match authorization.status {
                AuthorizationStatus::Pending => {}
                AuthorizationStatus::Valid => continue,
                status => return Err(format!("an authorization is {status:?}")),
            }
            let challenge = authorization.challenge(ChallengeType::TlsAlpn01);
            let mut challenge =
                challenge.ok_or("it does not look at the port of TLS itself (tls-alpn-01)")?;
            let name = challenge.identifier().to_string();
            let shown = proof(&name, challenge.key_authorization().digest().as_ref())?;
            certificates.change(|all| _ = all.challenges.insert(asked_as(&name), Arc::new(shown)));
            challenge.set_ready().await.map_err(told)?;
        }
        let ready = order.poll_ready(&RetryPolicy::default()).await;
        certificates.change(|shown| shown.challenges.clear());
        let status = ready.map_err(told)?;
        if status != OrderStatus::Ready {
            return Err(format!(
                "it could not see that the names are this server's ({status:?}): port 443 of each name must lead here"
            ));
        }
        let key = order.finalize().await.map_err(told)?;
        let chain = order.poll_certificate(&RetryPolicy::default()).await.map_err(told)?;
        let certified = certified(chain.as_bytes(), key.as_bytes())?;
        self.kept.write(CERTIFICATE, format!("{chain}\n{key}").as_bytes())?;
        certificates.change(|shown| (shown.current, shown.trouble) = (Some(Arc::new(certified)), None));
        Ok(())
    }

    fn builder(&self) -> Result<AccountBuilder, String> {
        let builder = self.root.as_ref().map_or_else(Account::builder, Account::builder_with_root);
        builder.map_err(told)
    }

    /// The account of before, or a new one: by this the terms of the authority are agreed to.
    async fn account(&self) -> Result<Account, String> {
        let kept = self.kept.read(ACCOUNT).and_then(|text| serde_json::from_slice::<KeptAccount>(&text).ok());
        if let Some(kept) = kept.filter(|kept| kept.directory == self.directory) {
            return self.builder()?.from_credentials(kept.credentials).await.map_err(told);
        }
        let contact = self.contact.as_ref().map(|mail| format!("mailto:{mail}"));
        let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
        let new =
            NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let made = self.builder()?.create(&new, self.directory.clone(), None).await;
        let (account, credentials) = made.map_err(told)?;
        let kept = KeptAccount { directory: self.directory.clone(), credentials };
        self.kept.write(ACCOUNT, &serde_json::to_vec(&kept).map_err(|error| error.to_string())?)?;
        Ok(account)
    }
}

#[derive(serde::Serialize, serde::Deserialize)]
struct KeptAccount {
    directory: String,
    credentials: AccountCredentials,
}

/// What went wrong, down to its cause.
fn told(error: instant_acme::Error) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

fn identifier(name: &str) -> Identifier {
    name.parse().map_or_else(|_| Identifier::Dns(name.to_owned()), Identifier::Ip)
}

/// As which name an authority asks for it: an address has none, and is asked for in reverse (RFC 8738).
fn asked_as(name: &str) -> String {
    match name.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        Ok(IpAddr::V6(address)) => {
            let digits = address.octets().into_iter().rev().flat_map(|byte| [byte & 15, byte >> 4]);
            let digits = digits.map(|digit| format!("{digit:x}.")).collect::<String>();
            format!("{digits}ip6.arpa")
        }
        Err(_) => name.to_owned(),
    }
}

/// What an authority looks for: a certificate that holds the digest.
fn proof(name: &str, digest: &[u8]) -> Result<CertifiedKey, String> {
    let said = |error: rcgen::Error| error.to_string();
    let mut params = CertificateParams::new([name.to_owned()]).map_err(said)?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate().map_err(said)?;
    let certificate = params.self_signed(&key).map_err(said)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    // Not looked at as other certificates are: what it holds is for authorities alone, and marked so.
    let key = rustls::crypto::ring::sign::any_supported_type(&key).map_err(|error| error.to_string())?;
    Ok(CertifiedKey::new(vec![certificate.der().clone()], key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_asked_for_in_reverse() {
        assert_eq!(asked_as("rigi.example.org"), "rigi.example.org");
        assert_eq!(asked_as("192.0.2.7"), "7.2.0.192.in-addr.arpa");
        let six = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
        assert_eq!(asked_as("2001:db8::1"), six);
    }
}
