//! Images: whether one is there, pulling it, and why it cannot be had.

use std::path::Path;

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

/// Finds an image, pulling it if need be; `say` is told when that takes time.
pub async fn ensure(
    docker: &Docker,
    image: &str,
    pull_when: Pull,
    credentials: Option<&Path>,
    say: impl Fn(String),
) -> Result<ImageInspect, Failure> {
    if pull_when == Pull::Always {
        say(format!("Pulling {image}"));
        pull(docker, image, credentials).await?;
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
    pull(docker, image, credentials).await?;
    let found = docker.inspect_image(image).await;
    found.map_err(|error| Failure::of_engine("look for the image that was pulled", &error))
}

async fn pull(docker: &Docker, image: &str, credentials: Option<&Path>) -> Result<(), Failure> {
    let (name, tag) = split(image);
    let options = CreateImageOptionsBuilder::new().from_image(name).tag(tag).build();
    let credentials = match credentials {
        Some(file) => credentials_for(file, image)?,
        None => None,
    };
    let mut progress = Box::pin(docker.create_image(Some(options), None, credentials));
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
        return (FailureClass::User, "Give the target credentials for this registry, or check the name.");
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

/// The credentials for an image's registry in a file as `docker login` writes it.
fn credentials_for(file: &Path, image: &str) -> Result<Option<DockerCredentials>, Failure> {
    let bad = |why: String| {
        let message = format!("The credentials of registries ({}) cannot be read: {why}.", file.display());
        unavailable(FailureClass::Infrastructure, message)
    };
    let text = std::fs::read(file).map_err(|error| bad(error.to_string()))?;
    let value: Value = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
    let registry = registry_of(image);
    let known = value.get("auths").and_then(Value::as_object);
    let entry = known.and_then(|known| {
        let host = |key: &str| {
            let key = key.trim_start_matches("https://").trim_start_matches("http://");
            key.split('/').next().unwrap_or_default().to_owned()
        };
        known.iter().find(|(key, _)| host(key) == registry).map(|(_, entry)| entry)
    });
    let text = |name: &str| entry.and_then(|e| e.get(name)).and_then(Value::as_str).map(str::to_owned);
    Ok(entry.map(|_| DockerCredentials {
        username: text("username"),
        password: text("password"),
        auth: text("auth"),
        identitytoken: text("identitytoken"),
        serveraddress: Some(registry.to_owned()),
        ..DockerCredentials::default()
    }))
}

fn registry_of(image: &str) -> &str {
    match image.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
        _ => "index.docker.io",
    }
}

#[cfg(test)]
mod tests {
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
            assert_eq!(registry_of(image), registry, "{image}");
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
        let found = credentials_for(&file, "ghcr.io/team/app").unwrap().unwrap();
        assert_eq!(found.auth.as_deref(), Some("YTpi"));
        assert!(credentials_for(&file, "debian:13").unwrap().is_none());
        std::fs::write(&file, "{").unwrap();
        assert!(credentials_for(&file, "debian:13").unwrap_err().message.contains("config.json"));
    }
}
