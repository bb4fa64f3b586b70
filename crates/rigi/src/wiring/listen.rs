//! The server's door: a port, and the router behind it until somebody says stop.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rigi_model::ErrorCode;
use rigi_server::door::{self, Gate, Patience, Places};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;

use super::open_files;
use crate::config::Config;
use crate::trouble::Trouble;

/// Takes the port before anything else is touched.
pub(crate) fn bind(config: &Config) -> Result<TcpListener, Trouble> {
    let address = SocketAddr::new(config.server.bind, config.server.port);
    may_listen(config)?;
    let taken = |error: std::io::Error| refused(config, &error);
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(taken)?;
    socket.set_reuseaddr(true).map_err(taken)?;
    socket.bind(address).map_err(taken)?;
    socket.listen(1024).map_err(taken)
}

/// Why the port cannot be had.
pub(crate) fn refused(config: &Config, error: &std::io::Error) -> Trouble {
    let address = SocketAddr::new(config.server.bind, config.server.port);
    if error.kind() == std::io::ErrorKind::AddrInUse {
        let cure = "choose another with `--port`, or stop what uses it (`rigi status` if it is a Rigi)";
        return Trouble::new(ErrorCode::PortInUse, format!("port {} is in use", address.port()), cure);
    }
    Trouble::new(
        ErrorCode::ConfigInvalid,
        format!("cannot listen on {address}: {error}"),
        "check `server.bind` and `server.port`",
    )
}

/// Other machines reach only a server whose people sign in, and not without TLS unless that is said.
fn may_listen(config: &Config) -> Result<(), Trouble> {
    let server = &config.server;
    if server.bind.is_loopback() {
        return Ok(());
    }
    let refused = |message: String, cure: &str| Trouble::new(ErrorCode::ConfigInvalid, message, cure);
    if !config.people.enabled {
        return Err(refused(
            format!("{} would let other machines in, and this server is one person's", server.bind),
            "give people accounts (`rigi up --team`, or `people.enabled`), or bind to 127.0.0.1 and reach it by `ssh -L`",
        ));
    }
    if config.tls.is_on() {
        return Ok(());
    }
    let https = server.public_url.as_deref().is_some_and(|url| url.starts_with("https://"));
    let behind_proxy = https && !server.trusted_proxies.0.is_empty();
    if behind_proxy || server.plain_http {
        return Ok(());
    }
    Err(refused(
        format!("{} would let other machines in without TLS", server.bind),
        "give it a certificate (`[tls]`), stand behind a proxy that has one (`server.public_url` with https, `server.trusted_proxies`), or say `server.plain_http`",
    ))
}

/// The port of metrics, if they have one of their own.
pub(crate) async fn for_metrics(config: &Config) -> Result<Option<TcpListener>, Trouble> {
    let Some(address) = config.metrics.listen else { return Ok(None) };
    TcpListener::bind(address).await.map(Some).map_err(|error| {
        let message = format!("cannot listen on {address} for metrics: {error}");
        Trouble::new(ErrorCode::ConfigInvalid, message, "check `metrics.listen`")
    })
}

/// Names that the server answers to, against rebinding of foreign names.
pub(crate) fn hosts(config: &Config) -> Vec<String> {
    let mut hosts = vec!["127.0.0.1".to_owned(), "localhost".to_owned(), "[::1]".to_owned()];
    match config.server.bind {
        IpAddr::V4(address) => hosts.push(address.to_string()),
        IpAddr::V6(address) => hosts.push(format!("[{address}]")),
    }
    let public = config.server.public_url.as_deref().and_then(|url| url.parse::<axum::http::Uri>().ok());
    hosts.extend(config.tls.names.0.iter().chain(&config.server.names.0).chain(&config.server.peer).cloned());
    hosts.extend(public.as_ref().and_then(axum::http::Uri::host).map(str::to_owned));
    hosts
}

/// A port of this machine alone, without TLS, for commands: they need not trust a certificate for that.
pub(crate) async fn for_commands() -> Result<TcpListener, Trouble> {
    TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await.map_err(|error| {
        let message = format!("cannot listen on 127.0.0.1 for commands: {error}");
        Trouble::new(ErrorCode::ConfigInvalid, message, "give the machine a loopback address")
    })
}

/// Where commands of this machine reach a port.
pub(crate) fn local_url(listener: &TcpListener) -> Option<String> {
    let mut address = listener.local_addr().ok()?;
    if address.ip().is_unspecified() {
        let own = if address.is_ipv4() {
            IpAddr::from([127, 0, 0, 1])
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        };
        address.set_ip(own);
    }
    Some(format!("http://{address}"))
}

/// Serves until stopped.
pub(crate) async fn serve(listener: impl door::Listen, router: axum::Router, stop: watch::Receiver<bool>) {
    door::serve(listener, router, gate(), Patience::default(), stop).await;
}

/// A door of its own for those who come to it: others do not keep them out.
pub(crate) fn gate() -> Arc<Gate> {
    Gate::new(Places::of_limit(open_files::now()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_machines_reach_only_what_signs_people_in_over_tls() {
        let mut config = Config::default();
        assert!(may_listen(&config).is_ok());
        config.server.bind = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
        let said = |config: &Config| may_listen(config).map_err(|trouble| trouble.message);
        assert!(said(&config).is_err_and(|message| message.contains("one person's")));
        config.people.enabled = true;
        assert!(said(&config).is_err_and(|message| message.contains("without TLS")));
        config.server.public_url = Some("https://rigi.example.org".into());
        assert!(said(&config).is_err());
        config.server.trusted_proxies.0.push("10.0.0.1/32".parse().unwrap());
        assert!(said(&config).is_ok());
        config.server.public_url = None;
        assert!(said(&config).is_err());
        config.server.plain_http = true;
        assert!(said(&config).is_ok());
    }
}
