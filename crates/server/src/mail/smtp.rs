//! Hands a letter to the mail server. What was asked of it is done, or the reason is said: nothing is sent in clear where encryption was
//! asked for, and nobody waits for a server that hangs.

use std::time::Duration;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::{Error, commands};
use rigi_model::{MailId, Timestamp};
use tokio::io::BufReader;
use tokio::net::TcpStream;

use super::Letter;
use super::settings::{Encryption, MailSettings, is_loopback};
use super::wire::{self, Line, Odd, Tls};

/// For a goodbye that nothing depends on.
const GOODBYE: Duration = Duration::from_secs(5);
/// Characters that are kept of what a mail server says.
const SAID: usize = 300;

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
    tls: Option<Tls>,
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
            Encryption::StartTls | Encryption::Tls => {
                Some(Tls::new(&settings.host, settings.roots.as_deref())?)
            }
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
        let sent = self.within(Step::HandOver, hand_over(&mut connection, &message)).await;
        // It was taken or not by now.
        tokio::spawn(async move { tokio::time::timeout(GOODBYE, connection.quit()).await });
        sent
    }

    /// A connection that is as encrypted as was asked, and signed in.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let MailSettings { host, port, encryption, credentials, .. } = &*self.settings;
        let hello = ClientId::default();
        let address = (host.trim_start_matches('[').trim_end_matches(']'), *port);
        let reached = self.within(Step::Reach, TcpStream::connect(address)).await?;
        let line = match (encryption, &self.tls) {
            (Encryption::StartTls, Some(tls)) => {
                let mut stream = BufReader::new(reached);
                let offered = self.within(Step::Reach, wire::greet(&mut stream, &hello.to_string())).await?;
                if !offered {
                    let why = "it does not offer it; nothing was sent in clear";
                    return Err(self.failure(Step::Encrypt, why));
                }
                self.within(Step::Encrypt, wire::encrypt(stream, tls)).await?
            }
            (Encryption::Tls, Some(tls)) => self.within(Step::Reach, tls.begin(reached)).await?,
            (Encryption::None, None) => Line::in_clear(reached).map_err(|odd| self.odd(Step::Reach, odd))?,
            _ => return Err(self.failure(Step::Encrypt, "it is not set up; nothing was sent in clear")),
        };
        let greeted = AsyncSmtpConnection::connect_with_transport(Box::new(line), &hello);
        let mut connection = self.within(Step::Reach, greeted).await?;
        if let Some((user, password)) = credentials {
            let credentials = Credentials::new(user.clone(), password.clone());
            self.within(Step::SignIn, connection.auth(DEFAULT_MECHANISMS, &credentials)).await?;
        }
        Ok(connection)
    }

    /// Waits as long as the mail server may take, and no longer.
    async fn within<T, E: Into<Why>>(
        &self,
        step: Step,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure> {
        let timeout = self.settings.timeout;
        match tokio::time::timeout(timeout, work).await {
            Err(_) => {
                let time = rigi_model::quantity::show_duration(timeout);
                Err(self.failure(step, &format!("nothing came within {time}")))
            }
            Ok(Err(error)) => match error.into() {
                Why::Smtp(error) => {
                    // What is wrong with signing in is no fault of this mail.
                    let is_final = error.is_permanent() && step == Step::HandOver;
                    Err(Failure { is_final, ..self.failure(step, &reason(&error)) })
                }
                Why::Odd(odd) => Err(self.odd(step, odd)),
            },
            Ok(Ok(done)) => Ok(done),
        }
    }

    fn odd(&self, step: Step, odd: Odd) -> Failure {
        match odd {
            Odd::Io(error) => self.failure(step, &line(&root(&error).to_string())),
            Odd::Said(said) => self.failure(step, &line(&said)),
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

/// Says for whom a message is, and hands it over.
async fn hand_over(connection: &mut AsyncSmtpConnection, message: &Message) -> Result<(), Why> {
    let (envelope, bytes) = (message.envelope(), message.formatted());
    let mut options = Vec::new();
    let beyond = |address: &lettre::Address| !AsRef::<str>::as_ref(address).is_ascii();
    if envelope.from().into_iter().chain(envelope.to()).any(beyond) {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            let why = "it takes no addresses with letters beyond ASCII (SMTPUTF8)";
            return Err(Why::Odd(Odd::Said(why.to_owned())));
        }
        options.push(MailParameter::SmtpUtfEight);
    }
    if !bytes.is_ascii() {
        options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    connection.command(commands::Mail::new(envelope.from().cloned(), options)).await?;
    for to in envelope.to() {
        connection.command(commands::Rcpt::new(to.clone(), Vec::new())).await?;
    }
    let go_on = connection.command(commands::Data).await?;
    if !go_on.has_code(354) {
        return Err(Why::Odd(Odd::Said(format!(
            "it said {} where it should wait for the mail",
            go_on.code()
        ))));
    }
    connection.message(&bytes).await?;
    Ok(())
}

/// Why a step was not taken.
enum Why {
    Smtp(Error),
    Odd(Odd),
}

impl From<Error> for Why {
    fn from(error: Error) -> Self {
        Self::Smtp(error)
    }
}

impl From<Odd> for Why {
    fn from(odd: Odd) -> Self {
        Self::Odd(odd)
    }
}

impl From<std::io::Error> for Why {
    fn from(error: std::io::Error) -> Self {
        Self::Odd(Odd::Io(error))
    }
}

fn root<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root
}

/// As much of what came as a line has room for.
fn line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SAID).collect()
}

/// What a failure is at its root, in a line.
fn reason(error: &Error) -> String {
    let said = line(&root(error).to_string());
    match error.status() {
        Some(code) if said.is_empty() => code.to_string(),
        Some(code) => format!("it said {code} {said}"),
        None if error.is_response() => format!("what it said is no SMTP ({said})"),
        None => said,
    }
}
