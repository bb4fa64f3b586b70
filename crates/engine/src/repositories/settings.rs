//! What an operator may set of repositories.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

/// See the module.
#[derive(Debug, Clone)]
pub struct GitSettings {
    /// How repositories may be reached: `https`, `ssh`, and for tests `http` and `file`.
    pub protocols: Vec<String>,
    /// Names, addresses and networks of the inside that repositories may lie on.
    pub inside: Vec<String>,
    /// One sync takes no longer.
    pub timeout: Duration,
    /// What is fetched at a time has no more bytes.
    pub size: u64,
    /// A commit has no more files.
    pub files: usize,
}

impl Default for GitSettings {
    fn default() -> Self {
        Self {
            protocols: ["https", "ssh"].map(str::to_owned).to_vec(),
            inside: Vec::new(),
            timeout: Duration::from_secs(120),
            size: 1 << 30,
            files: 100_000,
        }
    }
}

impl GitSettings {
    /// Whether a host at an address may be asked, although it lies inside.
    pub(super) fn lets_inside(&self, host: &str, address: IpAddr) -> bool {
        self.inside.iter().any(|allowed| {
            let network = allowed.parse::<IpNet>().ok();
            let network = network.or_else(|| allowed.parse::<IpAddr>().ok().map(IpNet::from));
            network.map_or_else(|| allowed.eq_ignore_ascii_case(host), |network| network.contains(&address))
        })
    }
}
