//! Makes an image that holds Rigi's program, on an engine that need not reach any registry.

use std::io;
use std::path::{Path, PathBuf};

use bollard::query_parameters::BuildImageOptionsBuilder;
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;

use super::Endpoint;
use super::engine::words;

/// What is to be made.
#[derive(Debug, Clone)]
pub struct ImageOrder {
    /// Its name and tag.
    pub name: String,
    /// What it stands on; `scratch` is nothing at all.
    pub base: String,
    /// Rigi's program.
    pub program: PathBuf,
    /// The program `uv`, without which pipelines in Python need an image of their own.
    pub uv: Option<PathBuf>,
    /// A Python that is put into it, as `uv` understands it; needs a network.
    pub python: Option<String>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A file that goes into it cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The engine did not make it.
    #[error("the engine did not make the image: {0}")]
    Engine(String),
    /// It was made, and cannot be written to a file.
    #[error("the image cannot be written to {}: {why}", path.display())]
    Save {
        /// Where to.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

/// Has it made; `say` hears what the engine says.
///
/// # Errors
/// If it cannot be.
pub async fn build(endpoint: &Endpoint, order: &ImageOrder, say: impl Fn(&str)) -> Result<(), ImageError> {
    let failed = |error: bollard::errors::Error| ImageError::Engine(words(&error));
    let docker = endpoint.connect().map_err(failed)?;
    let context = context(order)?;
    let options = BuildImageOptionsBuilder::new().t(&order.name).rm(true).forcerm(true).build();
    let body = bollard::body_full(context.into());
    let mut steps = std::pin::pin!(docker.build_image(options, None, Some(body)));
    while let Some(step) = steps.next().await {
        let step = step.map_err(failed)?;
        if let Some(detail) = step.error_detail {
            return Err(ImageError::Engine(detail.message.unwrap_or_default()));
        }
        step.stream.iter().flat_map(|text| text.lines()).filter(|line| !line.is_empty()).for_each(&say);
    }
    Ok(())
}

/// Writes an image to a file, as `docker load` and clusters' nodes read it.
///
/// # Errors
/// If it is not there, or cannot be written.
pub async fn save(endpoint: &Endpoint, image: &str, path: &Path) -> Result<u64, ImageError> {
    let failed = |why: String| ImageError::Save { path: path.to_owned(), why };
    let docker = endpoint.connect().map_err(|error| failed(words(&error)))?;
    let mut file = tokio::fs::File::create(path).await.map_err(|error| failed(error.to_string()))?;
    let mut pieces = std::pin::pin!(docker.export_image(image));
    let mut length = 0;
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| failed(words(&error)))?;
        length += piece.len() as u64;
        file.write_all(&piece).await.map_err(|error| failed(error.to_string()))?;
    }
    file.flush().await.map_err(|error| failed(error.to_string()))?;
    Ok(length)
}

/// What the engine is given: the recipe, and the files that it names.
fn context(order: &ImageOrder) -> Result<Vec<u8>, ImageError> {
    let mut builder = tar::Builder::new(Vec::new());
    let recipe = recipe(order);
    let mut header = tar::Header::new_gnu();
    header.set_size(recipe.len() as u64);
    header.set_mode(0o644);
    let own = |source| ImageError::Read { path: "Dockerfile".into(), source };
    builder.append_data(&mut header, "Dockerfile", recipe.as_bytes()).map_err(own)?;
    for (name, path) in [("rigi", Some(&order.program)), ("uv", order.uv.as_ref())] {
        let Some(path) = path else { continue };
        let read = |source| ImageError::Read { path: path.clone(), source };
        let content = std::fs::read(path).map_err(read)?;
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o755);
        builder.append_data(&mut header, name, content.as_slice()).map_err(read)?;
    }
    builder.into_inner().map_err(own)
}

fn recipe(order: &ImageOrder) -> String {
    let files = if order.uv.is_some() { "rigi uv" } else { "rigi" };
    let python = order.python.as_ref().map_or_else(String::new, |version| {
        format!("RUN [\"/usr/local/bin/uv\", \"python\", \"install\", \"{version}\"]\n")
    });
    let places = match order.python {
        Some(_) => "ENV UV_PYTHON_INSTALL_DIR=/usr/local/lib/python UV_PYTHON_BIN_DIR=/usr/local/bin\n",
        None => "",
    };
    format!(
        "FROM {}\nCOPY {files} /usr/local/bin/\n{places}{python}USER 1001:1001\nWORKDIR /app\n\
         ENTRYPOINT [\"/usr/local/bin/rigi\"]\n",
        order.base
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(uv: Option<&str>, python: Option<&str>) -> ImageOrder {
        ImageOrder {
            name: "rigi:1".into(),
            base: "debian:13-slim".into(),
            program: "/proc/self/exe".into(),
            uv: uv.map(Into::into),
            python: python.map(Into::into),
        }
    }

    #[test]
    fn the_recipe_holds_what_was_asked_for() {
        let plain = recipe(&order(None, None));
        assert!(
            plain.starts_with("FROM debian:13-slim\nCOPY rigi /usr/local/bin/\nUSER 1001:1001\n"),
            "{plain}"
        );
        let python = recipe(&order(Some("/bin/uv"), Some("3.12")));
        assert!(python.contains("COPY rigi uv /usr/local/bin/\n"), "{python}");
        assert!(
            python.contains("RUN [\"/usr/local/bin/uv\", \"python\", \"install\", \"3.12\"]\n"),
            "{python}"
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = context(&order(Some("/nowhere/uv"), None)).unwrap_err();
        assert!(error.to_string().contains("/nowhere/uv"), "{error}");
    }
}
