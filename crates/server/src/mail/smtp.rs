//! Hands a letter to the mail server. What was asked of it is done, or the reason is said: nothing is sent in clear where encryption was
//! asked for, and nobody waits for a server that hangs.

use std::error::Error as _;
use std::time::Duration;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use rigi_model::{MailId, Timestamp};

use super::Letter;
use super::settings::{Encryption, MailSettings, is_loopback};

/// For a goodbye that nothing depends on.
const GOODBYE: Duration = Duration::from_secs(5);
/// Characters that are kept of what a mail server says.
const SAID: usize = 300;

/// How a certificate begins.
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Why a letter was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// In plain words.
    pub message: String,
    /// What to do.
    pub cure: &'static str,
    /// The server will never take it: another try does not help.
    pub is_final: bool,
}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Smtp {
    settings: std::sync::Arc<MailSettings>,
    tls: Option<TlsParameters>,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.settings.fmt(f)
    }
}

/// What a mail server is asked, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Reach,
    Encrypt,
    SignIn,
    HandOver,
}

impl Step {
    const fn words(self) -> &'static str {
        match self {
            Self::Reach => "did not answer",
            Self::Encrypt => "did not begin encryption (STARTTLS)",
            Self::SignIn => "did not let this server sign in",
            Self::HandOver => "did not take the mail",
        }
    }

    const fn cure(self) -> &'static str {
        match self {
            Self::Reach => {
                "Check `mail.host` and `mail.port`, `mail.tls` and `mail.ca_file`, and that this machine reaches it."
            }
            Self::Encrypt => {
                "Check `mail.tls` and `mail.ca_file`; servers that encrypt from the first byte on listen on 465."
            }
            Self::SignIn => "Check `mail.user` and `mail.password`.",
            Self::HandOver => "Check the address, and that `mail.from` may write by this mail server.",
        }
    }
}

impl Smtp {
    /// By this mail server.
    ///
    /// # Errors
    /// With what of the settings will not do.
    pub fn new(settings: MailSettings) -> Result<Self, String> {
        if settings.encryption == Encryption::None
            && settings.credentials.is_some()
            && !is_loopback(&settings.host)
        {
            return Err("the password would go to another machine in clear: set `mail.tls`".to_owned());
        }
        let tls = match settings.encryption {
            Encryption::None => None,
            Encryption::StartTls | Encryption::Tls => Some(parameters(&settings)?),
        };
        Ok(Self { settings: std::sync::Arc::new(settings), tls })
    }

    /// By which mail server.
    #[must_use]
    pub fn settings(&self) -> &MailSettings {
        &self.settings
    }

    /// Hands a letter over.
    ///
    /// # Errors
    /// With why it was not taken. After a time-out at the end, nobody knows: what is sent again has the same `Message-ID`.
    pub async fn send(
        &self,
        id: &MailId,
        to: &str,
        letter: &Letter,
        written_at: Timestamp,
    ) -> Result<(), Failure> {
        let message = self.message(id, to, letter, written_at)?;
        let mut connection = self.connect().await?;
        let sent =
            self.within(Step::HandOver, connection.send(message.envelope(), &message.formatted())).await;
        // It was taken or not by now.
        tokio::spawn(async move { tokio::time::timeout(GOODBYE, connection.quit()).await });
        sent.map(|_| ())
    }

    /// A connection that is as encrypted as was asked, and signed in.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let MailSettings { host, port, encryption, credentials, timeout, .. } = &*self.settings;
        let hello = ClientId::default();
        let at_once = self.tls.clone().filter(|_| *encryption == Encryption::Tls);
        let address = (host.trim_start_matches('[').trim_end_matches(']'), *port);
        let reach = AsyncSmtpConnection::connect_tokio1(address, Some(*timeout), &hello, at_once, None);
        let mut connection = self.within(Step::Reach, reach).await?;
        if let Some(tls) = self.tls.clone().filter(|_| *encryption == Encryption::StartTls) {
            if !connection.can_starttls() {
                return Err(self.failure(Step::Encrypt, "it does not offer it; nothing was sent in clear"));
            }
            self.within(Step::Encrypt, connection.starttls(tls, &hello)).await?;
        }
        if *encryption != Encryption::None && !connection.is_encrypted() {
            return Err(
                self.failure(Step::Encrypt, "the connection is not encrypted; nothing was sent in clear")
            );
        }
        if let Some((user, password)) = credentials {
            let credentials = Credentials::new(user.clone(), password.clone());
            self.within(Step::SignIn, connection.auth(DEFAULT_MECHANISMS, &credentials)).await?;
        }
        Ok(connection)
    }

    /// Waits as long as the mail server may take, and no longer.
    async fn within<T>(
        &self,
        step: Step,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Failure> {
        let timeout = self.settings.timeout;
        match tokio::time::timeout(timeout, work).await {
            Err(_) => {
                let time = rigi_model::quantity::show_duration(timeout);
                Err(self.failure(step, &format!("nothing came within {time}")))
            }
            Ok(Err(error)) => {
                // What is wrong with signing in is no fault of this mail.
                let is_final = error.is_permanent() && step == Step::HandOver;
                Err(Failure { is_final, ..self.failure(step, &reason(&error)) })
            }
            Ok(Ok(done)) => Ok(done),
        }
    }

    fn failure(&self, step: Step, why: &str) -> Failure {
        let MailSettings { host, port, .. } = &*self.settings;
        Failure {
            message: format!("{host}:{port} {}: {why}", step.words()),
            cure: step.cure(),
            is_final: false,
        }
    }

    /// The whole mail. Its id is the same at each try.
    fn message(
        &self,
        id: &MailId,
        to: &str,
        letter: &Letter,
        written_at: Timestamp,
    ) -> Result<Message, Failure> {
        let refused = |why: String| Failure {
            message: format!("`{to}` cannot be written to: {why}"),
            cure: "Check the address.",
            is_final: true,
        };
        let address = to.parse().map_err(|e: lettre::address::AddressError| refused(e.to_string()))?;
        let from = &self.settings.from.0;
        let seconds = Duration::from_micros(u64::try_from(written_at.0).unwrap_or(0));
        let mut message = Message::builder()
            .message_id(Some(format!("<{id}@{}>", from.email.domain())))
            .date(std::time::SystemTime::UNIX_EPOCH + seconds)
            .from(from.clone())
            .to(Mailbox::new(None, address))
            .subject(letter.subject())
            .multipart(MultiPart::alternative_plain_html(letter.text(), letter.html()))
            .map_err(|e| refused(e.to_string()))?;
        // Nobody's absence is told to it (RFC 3834).
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        message.headers_mut().insert_raw(HeaderValue::new(automatic, "auto-generated".to_owned()));
        Ok(message)
    }
}

fn parameters(settings: &MailSettings) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(settings.host.clone());
    if let Some(pem) = &settings.roots {
        // What holds none is read as none.
        let holds = pem.windows(BEGIN.len()).any(|window| window == BEGIN);
        let given = Certificate::from_pem(pem).ok().filter(|_| holds);
        let given = given.ok_or_else(|| "`mail.ca_file` holds no certificate (PEM)".to_owned())?;
        builder = builder.add_root_certificate(given);
    }
    builder.build().map_err(|e| format!("TLS to the mail server cannot be set up: {}", reason(&e)))
}

/// What a failure is at its root, in a line.
fn reason(error: &Error) -> String {
    let mut root: &dyn std::error::Error = error;
    while let Some(source) = root.source() {
        root = source;
    }
    let said: String = root.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    let said: String = said.chars().filter(|c| !c.is_control()).take(SAID).collect();
    match error.status() {
        Some(code) if said.is_empty() => code.to_string(),
        Some(code) => format!("it said {code} {said}"),
        None if error.is_response() => format!("what it said is no SMTP ({said})"),
        None if error.source().is_none() => error.to_string(),
        None => said,
    }
}
