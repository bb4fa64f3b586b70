//! Whether a call that says "something was pushed" comes from who knows the secret: GitHub, Gitea and what is like them sign the body,
//! GitLab sends the secret itself.

use sha2::{Digest, Sha256};

/// Bytes of a block of SHA-256.
const BLOCK: usize = 64;

/// What a call carries, as far as it matters.
#[derive(Debug, Clone, Copy, Default)]
pub struct Signed<'a> {
    /// `X-Hub-Signature-256`: `sha256=` and the signature.
    pub hub: Option<&'a str>,
    /// `X-Gitea-Signature`: the signature alone.
    pub gitea: Option<&'a str>,
    /// `X-Gitlab-Token`: the secret.
    pub gitlab: Option<&'a str>,
}

/// Whether one of them is right.
#[must_use]
pub fn is_genuine(signed: &Signed<'_>, body: &[u8], secret: &str) -> bool {
    if secret.is_empty() {
        return false;
    }
    let signature = match (signed.hub, signed.gitea, signed.gitlab) {
        (Some(hub), ..) => hub.strip_prefix("sha256="),
        (None, Some(gitea), _) => Some(gitea),
        (None, None, Some(token)) => return is_same(token.as_bytes(), secret.as_bytes()),
        (None, None, None) => None,
    };
    let expected = crate::hash::hex(&hmac(secret.as_bytes(), body));
    signature.is_some_and(|signature| is_same(signature.as_bytes(), expected.as_bytes()))
}

/// How long it takes says nothing of where two texts differ.
fn is_same(given: &[u8], known: &[u8]) -> bool {
    given.len() == known.len() && given.iter().zip(known).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

/// HMAC with SHA-256, RFC 2104.
fn hmac(key: &[u8], body: &[u8]) -> [u8; 32] {
    let mut block = [0; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let with = |pad: u8| block.map(|byte| byte ^ pad);
    let inner = Sha256::new().chain_update(with(0x36)).chain_update(body).finalize();
    Sha256::new().chain_update(with(0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_of_signing_is_known() {
        // From GitHub's documentation.
        let (secret, body) = ("It's a Secret to Everybody", b"Hello, World!");
        let signature = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let hub = format!("sha256={signature}");
        assert!(is_genuine(&Signed { hub: Some(&hub), ..Signed::default() }, body, secret));
        assert!(is_genuine(&Signed { gitea: Some(signature), ..Signed::default() }, body, secret));
        assert!(is_genuine(&Signed { gitlab: Some(secret), ..Signed::default() }, body, secret));
        for wrong in [
            Signed::default(),
            Signed { hub: Some(signature), ..Signed::default() },
            Signed { hub: Some("sha256="), ..Signed::default() },
            Signed { gitea: Some("757107"), ..Signed::default() },
            Signed { gitlab: Some("It's"), ..Signed::default() },
            // The first that is there counts.
            Signed { hub: Some("sha256=0"), gitlab: Some(secret), ..Signed::default() },
        ] {
            assert!(!is_genuine(&wrong, body, secret), "{wrong:?}");
        }
        assert!(!is_genuine(&Signed { hub: Some(&hub), ..Signed::default() }, b"Hello, World?", secret));
        assert!(!is_genuine(&Signed { gitlab: Some(""), ..Signed::default() }, body, ""));
        let long = "k".repeat(100);
        assert_ne!(hmac(long.as_bytes(), b""), hmac(&long.as_bytes()[..64], b""));
    }
}
