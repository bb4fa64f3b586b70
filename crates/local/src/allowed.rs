//! What of the server's own variables others see.

use std::collections::BTreeMap;

/// Variables of the server that every run may see; `NAME*` is a prefix.
pub const ALLOWED: &[&str] = &[
    "PATH",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TZDIR",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
];

/// Whether a name is in a list with `NAME*` for prefixes.
pub fn listed<S: AsRef<str>>(name: &str, list: &[S]) -> bool {
    list.iter().any(|entry| match entry.as_ref().strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == entry.as_ref(),
    })
}

/// What runs see of `server`'s environment.
pub fn inherited(
    server: impl Iterator<Item = (String, String)>,
    allow: &[String],
) -> BTreeMap<String, String> {
    let mut variables: BTreeMap<_, _> =
        server.filter(|(name, _)| listed(name, ALLOWED) || listed(name, allow)).collect();
    variables.entry("PATH".to_owned()).or_insert_with(|| "/usr/local/bin:/usr/bin:/bin".to_owned());
    variables
}
