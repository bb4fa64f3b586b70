//! Credentials of registries of images, as files of Docker have them (`docker login`), and as a secret of a project does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// What Docker Hub is called in such files.
const HUB: &str = "https://index.docker.io/v1/";

/// The host that an image is pulled from.
pub fn registry_of(image: &str) -> &str {
    match image.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
        _ => "index.docker.io",
    }
}

/// A project's secret as such a file: it is one, or `user:password` of the registry of this image.
///
/// # Errors
/// If it is neither; in words, without anything of it.
pub fn file_of(secret: &str, image: &str) -> Result<Value, String> {
    let neither = || {
        "The secret of `pull_secret` holds no credentials of a registry. Set it to `user:password`, or to a file as \
         `docker login` writes it."
            .to_owned()
    };
    let secret = secret.trim();
    if secret.starts_with('{') {
        let file: Value = serde_json::from_str(secret).map_err(|_| neither())?;
        return if file.get("auths").is_some_and(Value::is_object) { Ok(file) } else { Err(neither()) };
    }
    let is_pair = |(user, password): (&str, &str)| !user.is_empty() && !password.is_empty();
    if secret.contains(['\r', '\n']) || !secret.split_once(':').is_some_and(is_pair) {
        return Err(neither());
    }
    let registry = match registry_of(image) {
        "index.docker.io" => HUB,
        registry => registry,
    };
    Ok(json!({"auths": {registry: {"auth": STANDARD.encode(secret)}}}))
}

/// What such a file has for the registry of an image.
pub fn entry_of<'a>(file: &'a Value, image: &str) -> Option<&'a Value> {
    let host = |key: &str| {
        let key = key.trim_start_matches("https://").trim_start_matches("http://");
        key.split('/').next().unwrap_or_default().to_owned()
    };
    let registry = registry_of(image);
    let known = file.get("auths").and_then(Value::as_object)?;
    known.iter().find(|(key, _)| host(key) == registry).map(|(_, entry)| entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_a_pair_or_a_file_and_nothing_of_it_is_told() {
        for (image, registry) in [("ghcr.io/team/app:2", "ghcr.io"), ("debian:13", HUB)] {
            let file = file_of("ada:hunter2:x\n", image).unwrap();
            assert_eq!(file["auths"][registry]["auth"], STANDARD.encode("ada:hunter2:x"));
            assert!(entry_of(&file, image).is_some() && entry_of(&file, "other.example/a").is_none());
        }
        let text = r#"{"auths": {"https://ghcr.io/v2/": {"auth": "YTpi"}, "r.example": {}}}"#;
        assert_eq!(entry_of(&file_of(text, "x").unwrap(), "ghcr.io/a").unwrap()["auth"], "YTpi");
        for wrong in
            ["hunter22", ":hunter22", "hunter22:", "{\"hunter22\": 1}", "{hunter22", "a:hunter22\nb:c"]
        {
            let error = file_of(wrong, "debian").unwrap_err();
            assert!(error.contains("docker login") && !error.contains("hunter"), "{error}");
        }
    }
}
