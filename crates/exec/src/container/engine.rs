//! The connection to an engine, and what can be said of it.

use std::path::{Path, PathBuf};

use bollard::Docker;
use rigi_model::causes::with_causes;
use rigi_work::check::Check;

use super::Reach;

/// Seconds that a call to the engine may take; pulls stream and have none.
const TIMEOUT: u64 = 120;

/// Where an engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A socket of this machine.
    Socket(PathBuf),
    /// Somewhere else, or behind a proxy.
    Tcp {
        /// `tcp://HOST:PORT`.
        address: String,
        /// A folder with `ca.pem`, `cert.pem` and `key.pem`; `None` is without TLS.
        certificates: Option<PathBuf>,
    },
}

impl Endpoint {
    /// The engine of this machine, if there is one where they usually are.
    #[must_use]
    pub fn find() -> Option<Self> {
        let user = format!("/run/user/{}/podman/podman.sock", rustix::process::geteuid().as_raw());
        let usual = ["/var/run/docker.sock", &user, "/run/podman/podman.sock"];
        usual.into_iter().map(Path::new).find(|path| path.exists()).map(|path| Self::Socket(path.to_owned()))
    }

    /// Makes ready to call it; nothing is sent yet.
    ///
    /// # Errors
    /// If the address cannot be one.
    pub fn connect(&self) -> Result<Docker, bollard::errors::Error> {
        match self {
            Self::Socket(path) => {
                let path = path.display().to_string();
                Docker::connect_with_unix(&path, TIMEOUT, bollard::API_DEFAULT_VERSION)
            }
            Self::Tcp { address, certificates: None } => {
                Docker::connect_with_http(address, TIMEOUT, bollard::API_DEFAULT_VERSION)
            }
            Self::Tcp { address, certificates: Some(folder) } => {
                // Installed once per process; a second time changes nothing.
                let _ = rustls::crypto::ring::default_provider().install_default();
                let [key, certificate, ca] = ["key.pem", "cert.pem", "ca.pem"].map(|name| folder.join(name));
                let version = bollard::API_DEFAULT_VERSION;
                Docker::connect_with_ssl(address, &key, &certificate, &ca, TIMEOUT, version)
            }
        }
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { address, .. } => f.write_str(address),
        }
    }
}

/// An error of the engine in its own words, without the name of a product in front.
pub fn words(error: &bollard::errors::Error) -> String {
    match error {
        bollard::errors::Error::DockerResponseServerError { message, .. } => message.trim().to_owned(),
        bollard::errors::Error::DockerStreamError { error } => error.trim().to_owned(),
        other => with_causes(other),
    }
}

/// The status of an answer that was no success.
pub const fn status(error: &bollard::errors::Error) -> Option<u16> {
    match error {
        bollard::errors::Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Whether the engine was not reached at all: it may come back.
pub const fn is_away(error: &bollard::errors::Error) -> bool {
    use bollard::errors::Error as E;
    matches!(
        error,
        E::IOError { .. }
            | E::HttpClientError { .. }
            | E::HyperResponseError { .. }
            | E::HyperLegacyError { .. }
            | E::RequestTimeoutError
            | E::SocketNotFoundError(_)
    )
}

/// Looks at all that attempts on this engine need. The next thing is looked at only when it can be there.
pub async fn check(config: &super::ContainerConfig) -> Vec<Check> {
    let mut found = Vec::new();
    let docker = match config.endpoint.connect() {
        Ok(docker) => docker,
        Err(error) => {
            found.push(Check::bad(
                "engine",
                words(&error),
                "check the target's `socket`, or `address` and `certificates`",
            ));
            return found;
        }
    };
    match docker.version().await {
        Ok(version) => {
            let name = version.platform.map_or_else(|| "engine".to_owned(), |platform| platform.name);
            let number = version.version.unwrap_or_default();
            found.push(Check::good(
                "engine",
                format!("{name} {number} at {}", config.endpoint).trim().to_owned(),
            ));
        }
        Err(error) => {
            let message = format!("{} does not answer: {}", config.endpoint, words(&error));
            let cure = match &config.endpoint {
                Endpoint::Socket(_) => {
                    "start it, and let this user reach its socket (for Docker: the group `docker`)"
                }
                Endpoint::Tcp { .. } => "start it, and check its address and whether it wants TLS",
            };
            found.push(Check::bad("engine", message, cure));
            return found;
        }
    }
    found.push(match &config.image {
        None => Check::bad(
            "image",
            "pipelines that name no image cannot run here",
            format!("make one by `rigi image build`, and set `targets.{}.image`", config.name),
        ),
        Some(image) => match docker.inspect_image(image).await {
            Ok(_) => Check::good("image", format!("{image} is there")),
            Err(error) if status(&error) == Some(404) => {
                Check::good("image", format!("{image} is not there yet: it is pulled when it is needed"))
            }
            Err(error) => Check::bad("image", words(&error), "check the name of the image"),
        },
    });
    found.push(program(&config.program));
    if let Reach::Calls { url } = &config.reach {
        found.push(Check::good("server", format!("runners call {url}")));
    }
    found
}

/// Whether the program starts in an image that holds nothing.
fn program(path: &Path) -> Check {
    let interpreter = std::fs::read(path).map(|bytes| needs_interpreter(&bytes));
    match interpreter {
        Ok(false) => Check::good("program", format!("{} runs in any image", path.display())),
        Ok(true) => Check::bad(
            "program",
            format!(
                "{} needs the C library that it was built with: it runs in images with the same only",
                path.display()
            ),
            "use the released binary, or one of `make build`",
        ),
        Err(error) => Check::bad("program", format!("{}: {error}", path.display()), "install Rigi again"),
    }
}

/// Whether an ELF file of 64 bits names a dynamic loader (`PT_INTERP`).
fn needs_interpreter(elf: &[u8]) -> bool {
    let number = |at: usize, len: usize| -> u64 {
        let bytes = elf.get(at..at + len).unwrap_or_default();
        bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let at = |value: u64| usize::try_from(value).unwrap_or(usize::MAX / 2);
    let (table, size, count) = (at(number(32, 8)), at(number(54, 2)), at(number(56, 2)));
    (0..count).any(|index| number(table + index * size, 4) == 3)
}
