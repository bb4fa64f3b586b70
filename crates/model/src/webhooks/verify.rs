//! Whether a body is from who has the secret, and which delivery it is.
//!
//! Sources: Standard Webhooks 1.0 (signed text `id.timestamp.body`, several signatures, 5 minutes), GitHub "Validating webhook deliveries",
//! Gitea "Webhooks", GitLab "Webhooks".

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::WebhookKind;
use crate::Timestamp;
use crate::hash::hex;

/// How far a sender's clock may be off.
const CLOCK: i64 = 5 * 60;
/// Signatures that are looked at.
const MOST_SIGNATURES: usize = 10;
/// Characters of a delivery's id.
const LONGEST_ID: usize = 200;

/// Why a body is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A header is not there, or not as it should be.
    #[error("the header `{0}` is missing or cannot be read")]
    Header(&'static str),
    /// Nobody who has the secret has signed it.
    #[error("the signature is not made with this webhook's secret")]
    Signature,
    /// It was signed at another time.
    #[error("it was signed {0} s away from this server's time, and may be {CLOCK} s away")]
    Stale(i64),
}

/// A body that is from who has the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Names the delivery: what comes again is taken once.
    pub id: String,
    /// What it tells of, as its sender calls that.
    pub event: Option<String>,
}

/// Holds a body against the secrets that count now.
///
/// What GitHub, Gitea and GitLab sign is the body alone: there the body names the delivery, so that a copy under another id is none.
///
/// # Errors
/// [`Refusal`].
pub fn verify<'a>(
    kind: WebhookKind,
    secrets: &[&str],
    header: impl Fn(&str) -> Option<&'a str>,
    body: &[u8],
    now: Timestamp,
) -> Result<Verified, Refusal> {
    match kind {
        WebhookKind::Standard => standard(secrets, &header, body, now),
        WebhookKind::Github => {
            signed_hex(secrets, &header, ("X-Hub-Signature-256", "sha256="), body)?;
            Ok(Verified { id: id_of_body(body), event: text(header("X-GitHub-Event")) })
        }
        WebhookKind::Gitea => {
            let name = match header("X-Forgejo-Signature") {
                Some(_) => "X-Forgejo-Signature",
                None => "X-Gitea-Signature",
            };
            signed_hex(secrets, &header, (name, ""), body)?;
            let event = header("X-Gitea-Event").or_else(|| header("X-Forgejo-Event"));
            Ok(Verified { id: id_of_body(body), event: text(event) })
        }
        WebhookKind::Gitlab => {
            let given = header("X-Gitlab-Token").ok_or(Refusal::Header("X-Gitlab-Token"))?;
            let same = |secret: &&&str| bool::from(secret.as_bytes().ct_eq(given.as_bytes()));
            // Each is compared, so that time says nothing.
            if secrets.iter().filter(same).count() == 0 {
                return Err(Refusal::Signature);
            }
            Ok(Verified { id: id_of_body(body), event: text(header("X-Gitlab-Event")) })
        }
    }
}

fn text(value: Option<&str>) -> Option<String> {
    value.map(|value| value.chars().take(LONGEST_ID).collect())
}

fn id_of_body(body: &[u8]) -> String {
    format!("sha256-{}", hex(&Sha256::digest(body)))
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Option<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    parts.iter().for_each(|part| mac.update(part));
    Some(mac.finalize().into_bytes().into())
}

fn standard<'a>(
    secrets: &[&str],
    header: &impl Fn(&str) -> Option<&'a str>,
    body: &[u8],
    now: Timestamp,
) -> Result<Verified, Refusal> {
    let is_id =
        |id: &&str| !id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(|b| b.is_ascii_graphic());
    let id = header("webhook-id").filter(is_id).ok_or(Refusal::Header("webhook-id"))?;
    let at = header("webhook-timestamp").ok_or(Refusal::Header("webhook-timestamp"))?;
    let seconds: i64 = at.parse().map_err(|_| Refusal::Header("webhook-timestamp"))?;
    let signatures = header("webhook-signature").ok_or(Refusal::Header("webhook-signature"))?;
    let given: Vec<Vec<u8>> = signatures
        .split(' ')
        .take(MOST_SIGNATURES)
        .filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok())
        .collect();
    let mut signed = false;
    for secret in secrets {
        let Some(key) = standard_key(secret) else { continue };
        let Some(made) = mac(&key, &[id.as_bytes(), b".", at.as_bytes(), b".", body]) else { continue };
        for one in &given {
            signed |= bool::from(made.ct_eq(one));
        }
    }
    if !signed {
        return Err(Refusal::Signature);
    }
    let away = (now.0.div_euclid(1_000_000)).saturating_sub(seconds).saturating_abs();
    if away > CLOCK {
        return Err(Refusal::Stale(away));
    }
    Ok(Verified { id: id.to_owned(), event: None })
}

/// `whsec_` and base64, or the bytes as they stand.
fn standard_key(secret: &str) -> Option<Vec<u8>> {
    match secret.strip_prefix("whsec_") {
        Some(encoded) => STANDARD.decode(encoded).ok(),
        None => Some(secret.as_bytes().to_vec()),
    }
}

fn signed_hex<'a>(
    secrets: &[&str],
    header: &impl Fn(&str) -> Option<&'a str>,
    (name, prefix): (&'static str, &str),
    body: &[u8],
) -> Result<(), Refusal> {
    let given = header(name).and_then(|value| value.strip_prefix(prefix)).ok_or(Refusal::Header(name))?;
    let given = given.to_ascii_lowercase();
    let mut signed = false;
    for secret in secrets {
        if let Some(made) = mac(secret.as_bytes(), &[body]) {
            signed |= bool::from(hex(&made).as_bytes().ct_eq(given.as_bytes()));
        }
    }
    if signed { Ok(()) } else { Err(Refusal::Signature) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_614_265_330 * 1_000_000);

    fn check(
        kind: WebhookKind,
        secrets: &[&str],
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Verified, Refusal> {
        let header = |name: &str| {
            headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
        };
        verify(kind, secrets, header, body.as_bytes(), NOW)
    }

    /// The example of the Standard Webhooks specification.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &str = r#"{"test": 2432232314}"#;
    const ID: (&str, &str) = ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek");
    const AT: (&str, &str) = ("webhook-timestamp", "1614265330");
    const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn standard_webhooks_are_taken_as_the_specification_signs_them() {
        let ok = Ok(Verified { id: ID.1.to_owned(), event: None });
        let standard = WebhookKind::Standard;
        for signatures in [SIGNED, &format!("v1,AAAA {SIGNED} v2,x"), &format!("v1a,zzz {SIGNED}")] {
            assert_eq!(check(standard, &[SECRET], &[ID, AT, ("webhook-signature", signatures)], BODY), ok);
        }
        // A secret that was replaced counts beside the new one.
        assert_eq!(
            check(standard, &["whsec_AAAA", SECRET], &[ID, AT, ("webhook-signature", SIGNED)], BODY),
            ok
        );
    }

    #[test]
    fn what_is_not_signed_as_it_should_be_is_refused_with_why() {
        let standard = WebhookKind::Standard;
        let signature = ("webhook-signature", SIGNED);
        type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, Refusal);
        let cases: [Case<'_>; 9] = [
            (&[AT, signature], BODY, Refusal::Header("webhook-id")),
            (&[ID, signature], BODY, Refusal::Header("webhook-timestamp")),
            (&[ID, ("webhook-timestamp", "soon"), signature], BODY, Refusal::Header("webhook-timestamp")),
            (&[ID, AT], BODY, Refusal::Header("webhook-signature")),
            (&[ID, AT, ("webhook-signature", "")], BODY, Refusal::Signature),
            (&[ID, AT, ("webhook-signature", "v1,g0hM")], BODY, Refusal::Signature),
            (&[ID, AT, signature], "{\"test\": 1}", Refusal::Signature),
            (&[("webhook-id", "other"), AT, signature], BODY, Refusal::Signature),
            (&[ID, ("webhook-timestamp", "1614265331"), signature], BODY, Refusal::Signature),
        ];
        for (headers, body, refusal) in cases {
            assert_eq!(check(standard, &[SECRET], headers, body), Err(refusal), "{headers:?}");
        }
        assert_eq!(check(standard, &["whsec_AAAA"], &[ID, AT, signature], BODY), Err(Refusal::Signature));
        assert_eq!(check(standard, &[], &[ID, AT, signature], BODY), Err(Refusal::Signature));
        let header = |name: &str| [ID, AT, signature].iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
        for (away, taken) in [(299, true), (301, false), (-301, false)] {
            let now = Timestamp(NOW.0 + away * 1_000_000);
            assert_eq!(verify(standard, &[SECRET], header, BODY.as_bytes(), now).is_ok(), taken, "{away}");
        }
    }

    #[test]
    fn forges_are_taken_by_their_own_signatures() {
        // GitHub's documentation has this one.
        let (secret, body) = ("It's a Secret to Everybody", "Hello, World!");
        let digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let github = format!("sha256={digest}");
        let event = ("X-GitHub-Event", "push");
        let taken =
            check(WebhookKind::Github, &[secret], &[("X-Hub-Signature-256", &github), event], body).unwrap();
        assert_eq!(taken.event.as_deref(), Some("push"));
        // A copy under another id is the same delivery.
        let other = [("X-Hub-Signature-256", &*github), ("X-GitHub-Delivery", "another")];
        assert_eq!(check(WebhookKind::Github, &[secret], &other, body).unwrap().id, taken.id);
        for name in ["X-Gitea-Signature", "X-Forgejo-Signature"] {
            assert!(check(WebhookKind::Gitea, &[secret], &[(name, digest)], body).is_ok());
            assert_eq!(check(WebhookKind::Gitea, &["x"], &[(name, digest)], body), Err(Refusal::Signature));
        }
        assert_eq!(
            check(WebhookKind::Github, &[secret], &[("X-Hub-Signature-256", digest)], body),
            Err(Refusal::Header("X-Hub-Signature-256"))
        );
        assert!(check(WebhookKind::Gitlab, &[secret], &[("X-Gitlab-Token", secret)], body).is_ok());
        assert_eq!(
            check(WebhookKind::Gitlab, &[secret], &[("X-Gitlab-Token", "x")], body),
            Err(Refusal::Signature)
        );
        assert_eq!(check(WebhookKind::Gitlab, &[secret], &[], body), Err(Refusal::Header("X-Gitlab-Token")));
    }
}
