//! Images: whether one is there, pulling it, and why it cannot be had.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::models::ImageInspect;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;
use rigi_model::Reason;
use rigi_model::attempt::FailureClass;
use rigi_model::pipeline::container::Pull;
use serde_json::Value;

use super::engine::{is_away, status, words};
use super::start::Failure;
use crate::registry;

/// Finds an image, pulling it if need be; `say` is told when that takes time.
pub async fn ensure(
    docker: &Docker,
    image: &str,
    pull_when: Pull,
    logins: Logins<'_>,
    say: impl Fn(String),
) -> Result<ImageInspect, Failure> {
    if pull_when == Pull::Always {
        say(format!("Pulling {image}"));
        pull(docker, image, logins).await?;
    }
    match docker.inspect_image(image).await {
        Ok(found) => return Ok(found),
        Err(error) if status(&error) != Some(404) => {
            return Err(Failure::of_engine("look for the image", &error));
        }
        Err(_) if pull_when == Pull::Never => {
            let message = format!(
                "The image {image} is not on this engine, and `pull: never` forbids to pull it. Load it, or let it be \
                 pulled."
            );
            return Err(unavailable(FailureClass::User, message));
        }
        Err(_) => {}
    }
    say(format!("Pulling {image}"));
    pull(docker, image, logins).await?;
    let found = docker.inspect_image(image).await;
    found.map_err(|error| Failure::of_engine("look for the image that was pulled", &error))
}

async fn pull(docker: &Docker, image: &str, logins: Logins<'_>) -> Result<(), Failure> {
    let (name, tag) = split(image);
    let options = CreateImageOptionsBuilder::new().from_image(name).tag(tag).build();
    let mut progress = Box::pin(docker.create_image(Some(options), None, logins.of(image)?));
    while let Some(step) = progress.next().await {
        step.map_err(|error| pull_failed(image, &error))?;
    }
    Ok(())
}

/// Name, and tag or digest; without either it is the tag `latest`, not all tags that there are.
fn split(image: &str) -> (&str, &str) {
    if let Some((name, digest)) = image.split_once('@') {
        return (name, digest);
    }
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (image, "latest"),
    }
}

fn unavailable(class: FailureClass, message: String) -> Failure {
    Failure { class, reason: Reason::ImageUnavailable, message }
}

fn pull_failed(image: &str, error: &bollard::errors::Error) -> Failure {
    if is_away(error) {
        return Failure::of_engine("pull the image", error);
    }
    let said = words(error);
    let (class, cure) = explain(&said);
    unavailable(class, format!("The image {image} cannot be pulled: {said}. {cure}"))
}

/// What registries say has no codes that all of them share; whose fault it is shows in their words.
fn explain(said: &str) -> (FailureClass, &'static str) {
    let lower = said.to_ascii_lowercase();
    let any = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if any(&["denied", "unauthorized", "authentication required", "no basic auth"]) {
        return (
            FailureClass::User,
            "Name a secret with credentials for this registry (`pull_secret`), give the target some, or check the name.",
        );
    }
    if any(&["not found", "manifest unknown", "invalid reference", "does not exist", "no match for platform"])
    {
        return (FailureClass::User, "Check its name and tag.");
    }
    if any(&["no space left"]) {
        return (FailureClass::Infrastructure, "Make room on the engine's disk.");
    }
    (FailureClass::Transient, "This may pass.")
}

/// What an image is pulled with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Logins<'a> {
    /// The project's secret: it counts before the file.
    pub own: Option<&'a str>,
    /// The target's file, as `docker login` writes it.
    pub file: Option<&'a Path>,
}

impl Logins<'_> {
    fn of(self, image: &str) -> Result<Option<DockerCredentials>, Failure> {
        if let Some(own) = self.own {
            let file = registry::file_of(own, image).map_err(|why| unavailable(FailureClass::User, why))?;
            let found = credentials_for(&file, image);
            return found.map(Some).ok_or_else(|| {
                let registry = registry::registry_of(image);
                let why = format!(
                    "The secret of `pull_secret` has no credentials of `{registry}`. Add them to it."
                );
                unavailable(FailureClass::User, why)
            });
        }
        let Some(file) = self.file else { return Ok(None) };
        let bad = |why: String| {
            let message =
                format!("The credentials of registries ({}) cannot be read: {why}.", file.display());
            unavailable(FailureClass::Infrastructure, message)
        };
        let text = std::fs::read(file).map_err(|error| bad(error.to_string()))?;
        let value: Value = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
        Ok(credentials_for(&value, image))
    }
}

/// The credentials for an image's registry in a file as `docker login` writes it.
fn credentials_for(file: &Value, image: &str) -> Option<DockerCredentials> {
    let entry = registry::entry_of(file, image)?;
    let text = |name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
    // `auth` is read by command lines alone; an engine wants its two halves.
    let pair = text("auth").and_then(|auth| String::from_utf8(STANDARD.decode(auth).ok()?).ok());
    let (user, password) = pair.as_deref().and_then(|pair| pair.split_once(':')).unzip();
    Some(DockerCredentials {
        username: text("username").or_else(|| user.map(str::to_owned)),
        password: text("password").or_else(|| password.map(str::to_owned)),
        auth: text("auth"),
        identitytoken: text("identitytoken"),
        serveraddress: Some(registry::registry_of(image).to_owned()),
        ..DockerCredentials::default()
    })
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[test]
    fn names_are_taken_apart() {
        for (image, name, tag, registry) in [
            ("debian", "debian", "latest", "index.docker.io"),
            ("debian:13-slim", "debian", "13-slim", "index.docker.io"),
            ("ghcr.io/team/app:2", "ghcr.io/team/app", "2", "ghcr.io"),
            ("localhost:5000/app", "localhost:5000/app", "latest", "localhost:5000"),
            ("r.example/a@sha256:ab", "r.example/a", "sha256:ab", "r.example"),
        ] {
            assert_eq!(split(image), (name, tag), "{image}");
            assert_eq!(registry::registry_of(image), registry, "{image}");
        }
    }

    #[test]
    fn whose_fault_it_is_shows_in_the_words() {
        for (said, class) in [
            ("pull access denied for secret/app", FailureClass::User),
            ("manifest for debian:99 not found: manifest unknown", FailureClass::User),
            ("Get \"https://r.example/v2/\": dial tcp: i/o timeout", FailureClass::Transient),
            ("write /var/lib/docker/tmp: no space left on device", FailureClass::Infrastructure),
        ] {
            assert_eq!(explain(said).0, class, "{said}");
        }
    }

    #[test]
    fn credentials_are_those_of_the_images_registry() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.json");
        std::fs::write(&file, r#"{"auths": {"https://ghcr.io/v2/": {"auth": "YTpi"}, "r.example": {}}}"#)
            .unwrap();
        let logins = Logins { own: None, file: Some(&file) };
        let found = logins.of("ghcr.io/team/app").unwrap().unwrap();
        assert_eq!((found.username.as_deref(), found.password.as_deref()), (Some("a"), Some("b")));
        assert!(logins.of("debian:13").unwrap().is_none());
        // A project's own count before those of the target.
        let own = Logins { own: Some("ada:hunter22"), ..logins };
        let found = own.of("ghcr.io/team/app").unwrap().unwrap();
        assert_eq!((found.username.as_deref(), found.password.as_deref()), (Some("ada"), Some("hunter22")));
        let other = Logins { own: Some(r#"{"auths": {"r.example": {}}}"#), ..logins };
        assert!(other.of("ghcr.io/team/app").unwrap_err().message.contains("no credentials of `ghcr.io`"));
        std::fs::write(&file, "{").unwrap();
        assert!(logins.of("debian:13").unwrap_err().message.contains("config.json"));
    }

    #[tokio::test]
    async fn an_engine_is_told_what_the_projects_secret_has() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("tcp://{}", listener.local_addr().unwrap());
        let heard = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut head, mut piece) = (Vec::new(), [0; 4096]);
            while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                let count = stream.read(&mut piece).await.unwrap();
                head.extend_from_slice(&piece[..count]);
            }
            let said = r#"{"errorDetail":{"message":"pull access denied"},"error":"pull access denied"}"#;
            let length = said.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{said}"
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(head).unwrap()
        });
        let docker = Docker::connect_with_http(&address, 5, bollard::API_DEFAULT_VERSION).unwrap();
        let logins = Logins { own: Some("ada:hunter22"), file: None };
        let failure =
            ensure(&docker, "r.example/team/app:2", Pull::Always, logins, |_| {}).await.unwrap_err();
        assert!(
            failure.message.contains("`pull_secret`") && !failure.message.contains("hunter"),
            "{}",
            failure.message
        );
        let head = heard.await.unwrap();
        assert!(head.contains("fromImage=r.example%2Fteam%2Fapp"), "{head}");
        let auth = head.lines().find_map(|line| {
            line.to_ascii_lowercase().starts_with("x-registry-auth: ").then(|| line[17..].to_owned())
        });
        let auth = base64::engine::general_purpose::URL_SAFE.decode(auth.unwrap()).unwrap();
        let auth: Value = serde_json::from_slice(&auth).unwrap();
        assert_eq!((&auth["username"], &auth["password"]), (&Value::from("ada"), &Value::from("hunter22")));
    }
}
