//! By which mail server mail goes, and what of it will not do.

use std::time::Duration;

use lettre::message::Mailbox;

/// How what is said to the mail server is encrypted. What is asked for is done, or nothing is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// Begun in clear, and encrypted before anything is said (RFC 3207).
    StartTls,
    /// From the first byte on.
    Tls,
    /// Not at all.
    None,
}

impl Encryption {
    /// Where servers listen for it.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

/// See the module.
#[derive(Clone)]
pub struct MailSettings {
    /// Name or address of the mail server.
    pub host: String,
    /// Where it listens.
    pub port: u16,
    /// How what is said to it is encrypted.
    pub encryption: Encryption,
    /// As whom to sign in, and with what.
    pub credentials: Option<(String, String)>,
    /// Who writes.
    pub from: Sender,
    /// Certificates (PEM) of those whose word counts beside the machine's own.
    pub roots: Option<Vec<u8>>,
    /// The mail server has so long for each thing that it is asked.
    pub timeout: Duration,
    /// After each try that went wrong, the time to the next; then a mail is given up.
    pub waits: Vec<Duration>,
}

impl std::fmt::Debug for MailSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MailSettings({}:{})", self.host, self.port)
    }
}

/// Who writes: an address, or a name with an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender(pub(super) Mailbox);

impl Sender {
    /// `rigi@example.org`, or `Rigi <rigi@example.org>`.
    ///
    /// # Errors
    /// If it is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        let sender = text.parse::<Mailbox>().ok().filter(|_| !text.chars().any(char::is_control));
        sender.map(Self).ok_or_else(|| {
            format!("is `{text}` and must be a mail address, such as `Rigi <rigi@example.org>`")
        })
    }
}

impl std::fmt::Display for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether a host is this machine, as far as its name says.
#[must_use]
pub(super) fn is_loopback(host: &str) -> bool {
    let plain = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || plain.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
