//! Where a request comes from. What a header says of it counts only where a proxy of this server's operator says it.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::HeaderMap;
use ipnet::IpNet;

use crate::door::Seat;

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// The address of whoever asks; `None`: somebody of this machine, by a socket in a folder.
    pub address: Option<IpAddr>,
}

impl Client {
    /// Of a request.
    pub(super) fn of(request: &Request, proxies: &[IpNet]) -> Self {
        let peer = request.extensions().get::<Seat>().and_then(Seat::peer);
        Self { address: address(peer, request.headers(), proxies) }
    }
}

/// The last address of the chain that no proxy of ours has: whatever stands before it, anybody may have written.
fn address(peer: Option<IpAddr>, headers: &HeaderMap, proxies: &[IpNet]) -> Option<IpAddr> {
    let is_ours = |address: IpAddr| proxies.iter().any(|proxy| proxy.contains(&address.to_canonical()));
    let mut known = peer?;
    let lists = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let chain: Vec<&str> = lists.flat_map(|list| list.split(',')).map(str::trim).collect();
    for said in chain.into_iter().rev() {
        if !is_ours(known) {
            break;
        }
        let Ok(before) = said.trim_matches(['[', ']']).parse() else { break };
        known = before;
    }
    Some(known)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_proxies_of_ours_are_believed() {
        let proxies: Vec<IpNet> = ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()].into();
        let of = |peer: &str, said: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in said {
                headers.append("x-forwarded-for", HeaderValue::from_str(line).unwrap());
            }
            address(Some(peer.parse().unwrap()), &headers, &proxies).unwrap().to_string()
        };
        assert_eq!(of("192.0.2.1", &["198.51.100.1"]), "192.0.2.1");
        assert_eq!(of("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(of("10.0.0.1", &["203.0.113.9, 198.51.100.1, 10.2.3.4"]), "198.51.100.1");
        assert_eq!(of("10.0.0.1", &["203.0.113.9", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(of("::ffff:10.0.0.1", &["2001:db8::7"]), "2001:db8::7");
        assert_eq!(of("10.0.0.1", &["nonsense"]), "10.0.0.1");
        assert_eq!(of("10.0.0.1", &[]), "10.0.0.1");
    }
}
