//! By which mail server mail goes: types of its settings, and what they mean together.

use std::time::Duration;

use rigi_model::quantity;
use rigi_server::mail::{Encryption, MailSettings, Sender, Smtp};

use super::error::ConfigMistake;
use super::sections::Config;
use super::value::{Raw, Value};

/// See [`Encryption`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailTls(pub Encryption);

const TLS: [(&str, Encryption); 3] =
    [("starttls", Encryption::StartTls), ("tls", Encryption::Tls), ("none", Encryption::None)];

impl Value for MailTls {
    const KIND: &'static str = "`starttls`, `tls` or `none`";

    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text()?;
        let found = TLS.iter().find(|(word, _)| *word == text);
        found
            .map(|(_, encryption)| Self(*encryption))
            .ok_or_else(|| format!("is `{text}` and must be one of {}", Self::KIND))
    }

    fn show(&self) -> Option<String> {
        TLS.iter().find(|(_, encryption)| *encryption == self.0).map(|(word, _)| (*word).to_owned())
    }
}

/// Who writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailSender(pub Sender);

impl Value for MailSender {
    const KIND: &'static str = "mail address";

    fn read(raw: &Raw) -> Result<Self, String> {
        Sender::parse(&raw.text()?).map(Self)
    }

    fn show(&self) -> Option<String> {
        Some(self.0.to_string())
    }
}

/// Amounts of time, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times(pub Vec<Duration>);

impl Default for Times {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        Self(vec![minutes(1), minutes(5), minutes(30), minutes(120)])
    }
}

impl Value for Times {
    const KIND: &'static str = "list of times (`1m, 5m`)";

    fn read(raw: &Raw) -> Result<Self, String> {
        let texts = match raw {
            Raw::List(texts) => texts.clone(),
            _ => raw.text()?.split(',').map(str::to_owned).collect(),
        };
        let texts = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
        let times = texts.map(|text| {
            quantity::parse_duration(text).map_err(|error| format!("holds what is no time: {error}"))
        });
        times.collect::<Result<_, _>>().map(Self)
    }

    fn show(&self) -> Option<String> {
        let shown: Vec<String> = self.0.iter().map(|time| quantity::write_duration(*time)).collect();
        Some(shown.join(", "))
    }
}

/// Keys of the section that stand for nothing without, or against, another one.
pub(super) fn mistakes(config: &Config) -> Vec<ConfigMistake> {
    let mail = &config.mail;
    let mut mistakes = Vec::new();
    let mut wrong = |key: &str, message: &str| {
        mistakes.push(ConfigMistake { place: format!("mail.{key}"), message: message.to_owned() });
    };
    match (&mail.user, &mail.password) {
        (Some(_), None) => wrong("user", "stands without its `mail.password`"),
        (None, Some(_)) => wrong("password", "stands without its `mail.user`"),
        _ => {}
    }
    if mail.host.is_none() {
        return mistakes;
    }
    if mail.from.is_none() {
        wrong("from", "is missing: who writes?");
    }
    let is_named =
        config.server.public_url.is_some() || (config.tls.is_on() && !config.tls.names.0.is_empty());
    if !is_named && !config.server.bind.is_loopback() {
        wrong("host", "needs `server.public_url`: links in mails lead there");
    }
    match config.mail_settings().map(|settings| settings.map(Smtp::new)) {
        Ok(Some(Err(message))) => wrong("tls", &format!("will not do: {message}")),
        Err(message) => wrong("ca_file", &message),
        Ok(_) => {}
    }
    mistakes
}

impl Config {
    /// By which mail server mail goes; `None`: by none.
    ///
    /// # Errors
    /// If the file with certificates cannot be read.
    pub fn mail_settings(&self) -> Result<Option<MailSettings>, String> {
        let mail = &self.mail;
        let (Some(host), Some(from)) = (&mail.host, &mail.from) else { return Ok(None) };
        let read = |file: &std::path::PathBuf| {
            std::fs::read(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))
        };
        let credentials = mail.user.clone().zip(mail.password.as_ref().map(|password| password.0.clone()));
        Ok(Some(MailSettings {
            host: host.clone(),
            port: mail.port.unwrap_or(mail.tls.0.port()),
            encryption: mail.tls.0,
            credentials,
            from: from.0.clone(),
            roots: mail.ca_file.as_ref().map(read).transpose()?,
            timeout: mail.timeout.0,
            waits: mail.retries.0.clone(),
        }))
    }
}
