//! What is sent to addresses that people give: they must not reach the inside, whatever a name leads to, now or a moment later. Bounded in time
//! and size, and nobody is followed elsewhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Url};

use crate::calls;

/// Who takes longer does not answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an address at most.
const LONGEST: usize = 2000;

/// See the module. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Outside {
    allowed: Arc<Vec<IpNet>>,
    client: Arc<OnceLock<Option<Client>>>,
}

/// Why something was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotTaken {
    /// In words.
    pub message: String,
    /// Whether it may go well later.
    pub passes: bool,
}

/// Whether an address is none of the world outside: of this machine, of a network within, or none at all.
#[must_use]
pub fn is_inside(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_inside_v4(address),
        IpAddr::V6(address) => is_inside_v6(address),
    }
}

fn is_inside_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        // Shared by carriers; for benchmarks; for protocols; reserved (RFC 6890).
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (b == 18 || b == 19))
        || (a == 192 && b == 0 && c == 0)
        || a >= 240
}

fn is_inside_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_inside_v4(Ipv4Addr::new(a, b, c, d))
    };
    address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || (parts[0] & 0xfe00) == 0xfc00
        || (parts[0] & 0xffc0) == 0xfe80
        || (parts[0] & 0xffc0) == 0xfec0
        || (parts[0] == 0x2001 && parts[1] == 0xdb8)
        // Ways to IPv4: what they lead to counts (RFC 6052, 3056, 4380).
        || (parts[0] == 0x64 && parts[1] == 0xff9b && embedded(parts[6], parts[7]))
        || (parts[0] == 0x2002 && embedded(parts[1], parts[2]))
        || (parts[0] == 0x2001 && parts[1] == 0)
        || (parts[..6].iter().all(|part| *part == 0) && embedded(parts[6], parts[7]))
}

impl Outside {
    /// With these networks within that may be reached all the same.
    #[must_use]
    pub fn new(allowed: Vec<IpNet>) -> Self {
        Self { allowed: Arc::new(allowed), client: Arc::default() }
    }

    fn is_allowed(&self, address: IpAddr) -> bool {
        self.allowed.iter().any(|network| network.contains(&address.to_canonical()))
    }

    fn may_reach(&self, address: IpAddr) -> bool {
        !is_inside(address) || self.is_allowed(address)
    }

    /// Reads an address that somebody gives: over TLS, unless it is a number of a network that may be reached.
    ///
    /// # Errors
    /// In words.
    pub fn address(&self, text: &str) -> Result<Url, String> {
        if text.len() > LONGEST {
            return Err(format!("an address has {LONGEST} characters at most"));
        }
        let url = Url::parse(text).map_err(|error| format!("it is no address: {error}"))?;
        let host = url.host().ok_or_else(|| "it names no host".to_owned())?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it has a user in it, which is shown in logs".to_owned());
        }
        let number = match host {
            url::Host::Ipv4(address) => Some(IpAddr::V4(address)),
            url::Host::Ipv6(address) => Some(IpAddr::V6(address)),
            url::Host::Domain(_) => None,
        };
        if let Some(address) = number.filter(|address| !self.may_reach(*address)) {
            return Err(inside(&address.to_string()));
        }
        match url.scheme() {
            "https" => Ok(url),
            "http" if number.is_some_and(|address| self.is_allowed(address)) => Ok(url),
            _ => Err("it is no https address".to_owned()),
        }
    }

    fn client(&self) -> Option<&Client> {
        self.client.get_or_init(|| build(Arc::new(self.clone()))).as_ref()
    }

    /// Posts a body. An answer of 2xx is a yes.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn post(&self, url: Url, headers: &[(&str, String)], body: Vec<u8>) -> Result<(), NotTaken> {
        let passing = |message: String| NotTaken { message, passes: true };
        let final_word = |message: String| NotTaken { message, passes: false };
        // A number is looked at here, a name when it is looked up.
        self.address(url.as_str()).map_err(final_word)?;
        let client = self.client().ok_or_else(|| passing("TLS cannot be set up".to_owned()))?;
        let mut request = client.post(url).header("content-type", "application/json").body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let sent = request.send().await;
        let answer = sent.map_err(|error| passing(calls::why(&error, PATIENCE)))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let said = calls::said(answer).await;
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        let message = format!("it answered {status}{said}");
        // What is wrong with the request stays wrong; who has too much to do, or is broken, may be well later.
        let passes = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
        Err(NotTaken { message, passes })
    }
}

fn inside(address: &str) -> String {
    format!("`{address}` is inside: an operator lets it be reached with `outbound.allow_inside`")
}

fn build(outside: Arc<Outside>) -> Option<Client> {
    calls::builder(PATIENCE)?
        // A proxy would look names up by itself.
        .no_proxy()
        .dns_resolver(Arc::new(Names { outside }))
        .build()
        .ok()
}

/// Looks names up, and keeps what is outside: what is connected to is what was looked at.
#[derive(Debug)]
struct Names {
    outside: Arc<Outside>,
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let outside = self.outside.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let outer: Vec<SocketAddr> =
                found.into_iter().filter(|address| outside.may_reach(address.ip())).collect();
            if outer.is_empty() {
                return Err(inside(&host).into());
            }
            Ok(Box::new(outer.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside_is_known_in_every_spelling() {
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "fec0::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "::7f00:1",
            "ff02::1",
            "2001:db8::1",
            "2001:0:1::1",
        ] {
            assert!(is_inside(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "64:ff9b::808:808", "172.32.0.1"]
        {
            assert!(!is_inside(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn addresses_that_people_give_lead_outside_or_nowhere() {
        let outside = Outside::default();
        for bad in [
            "http://example.org/x",
            "ftp://example.org",
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://[::1]/",
            "https://[::ffff:169.254.169.254]/",
            "https://user:pass@example.org/",
            "nonsense",
            "file:///etc/passwd",
        ] {
            assert!(outside.address(bad).is_err(), "{bad}");
        }
        assert!(outside.address("https://hooks.example.org/x").is_ok());
        let allowed = Outside::new(vec!["127.0.0.0/8".parse().unwrap()]);
        assert!(allowed.address("http://127.0.0.1:8080/x").is_ok());
        assert!(allowed.address("http://10.0.0.1/x").is_err());
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_followed() {
        let url = Url::parse("https://localhost:9/x").unwrap();
        let refused = Outside::default().post(url, &[], Vec::new()).await.unwrap_err();
        assert!(refused.message.contains("`localhost` is inside"), "{refused:?}");
    }
}
