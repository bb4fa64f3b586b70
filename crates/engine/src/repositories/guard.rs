//! Which hosts are asked: none inside, unless the configuration names it. What a name stands for is looked up once, and the program is told
//! the answer, so that no second one leads elsewhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs as _};

use rigi_model::repositories::{Address, Scheme};

use super::error::Failure;
use super::settings::GitSettings;

/// Where a host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub addresses: Vec<IpAddr>,
}

/// Looks up an address's host; nothing of a file.
pub(super) fn look_up(address: &Address, settings: &GitSettings) -> Result<Place, Failure> {
    let scheme = address.scheme.as_str();
    if !settings.protocols.iter().any(|allowed| allowed == scheme) {
        return Err(Failure::new(
            format!("this server takes no repositories by `{scheme}`"),
            format!(
                "Give an address that begins with `https://`, or have `{scheme}` added to `git.protocols`."
            ),
        ));
    }
    if address.scheme == Scheme::File {
        return Ok(Place { addresses: Vec::new() });
    }
    let host = address.host.as_str();
    let found: Vec<IpAddr> = match host.parse() {
        Ok(one) => vec![one],
        Err(_) => {
            let found = (host, address.port_or_default()).to_socket_addrs().map_err(|error| {
                Failure::new(
                    format!("the host `{host}` is not found: {error}"),
                    "Look at the address.".to_owned(),
                )
            })?;
            found.map(|found| found.ip()).collect()
        }
    };
    if let Some(inside) = found.iter().find(|one| is_inside(**one) && !settings.lets_inside(host, **one)) {
        return Err(Failure::new(
            format!(
                "`{host}` is {inside}, which lies inside, and this server asks nothing there for a repository"
            ),
            format!("An operator can allow it: add `{host}` or its network to `git.inside`."),
        ));
    }
    if found.is_empty() {
        return Err(Failure::new(
            format!("the host `{host}` has no address"),
            "Look at the address.".to_owned(),
        ));
    }
    Ok(Place { addresses: found })
}

/// Whether an address is of a machine's own, of a network of somebody's own, or of nothing that could be asked.
fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_inside_4(address),
        IpAddr::V6(address) => is_inside_6(address),
    }
}

fn is_inside_4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a == 198 && (b == 18 || b == 19))
}

fn is_inside_6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_inside_4(Ipv4Addr::new(a, b, c, d))
    };
    if let Some(mapped) = address.to_ipv4() {
        return is_inside_4(mapped);
    }
    address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || parts[0] & 0xfe00 == 0xfc00
        || parts[0] & 0xffc0 == 0xfe80
        // What stands for an address of the other kind.
        || (parts[0] == 0x2002 && embedded(parts[1], parts[2]))
        || (parts[0] == 0x64 && parts[1] == 0xff9b && embedded(parts[6], parts[7]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inside_is_known_however_it_is_written() {
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.0.8",
            "198.18.0.1",
            "::1",
            "::",
            "fd00::1",
            "fe80::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
        ] {
            assert!(inside.parse().is_ok_and(is_inside), "{inside}");
        }
        for outside in ["140.82.121.4", "172.32.0.1", "2606:50c0::1", "64:ff9b::8c52:7904", "100.128.0.1"] {
            assert!(outside.parse().is_ok_and(|address| !is_inside(address)), "{outside}");
        }
    }

    #[test]
    fn what_is_named_may_be_asked_and_nothing_beside() {
        let ask = |url: &str, inside: &[&str]| {
            let inside = inside.iter().map(|&text| text.to_owned()).collect();
            let settings = GitSettings { inside, ..GitSettings::default() };
            Address::parse(url).ok().is_some_and(|address| look_up(&address, &settings).is_ok())
        };
        let url = "https://127.0.0.1/x";
        assert!(
            !ask(url, &[])
                && ask(url, &["127.0.0.1"])
                && ask(url, &["127.0.0.0/8"])
                && !ask(url, &["10.0.0.0/8"])
        );
        assert!(ask("https://localhost/x", &["localhost"]) && !ask("https://localhost/x", &["other"]));
        assert!(!ask("http://127.0.0.1/x", &["127.0.0.1"]) && !ask("file:///srv/x", &[]));
    }
}
