//! Which packages an environment has: by the folders that installers leave (`*.dist-info`).

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rigi_model::packages::{MOST_PACKAGES, Package, clean_text};
use serde_json::Value;

use super::build::CODE;

/// Bytes of a file about a package that are read.
const LARGEST: u64 = 64 << 10;

/// The packages of an environment's folder, by name. The pipeline itself, where it is one, is none of them.
pub fn packages(folder: &Path) -> Vec<Package> {
    let code = folder.join(CODE);
    let libraries = entries(&folder.join("venv/lib")).map(|library| library.join("site-packages"));
    let found = libraries.flat_map(|library| entries(&library).collect::<Vec<_>>());
    let infos = found.filter(|path| path.extension().is_some_and(|end| end == "dist-info"));
    let mut packages: Vec<Package> =
        infos.filter_map(|info| package(&info, &code)).take(MOST_PACKAGES).collect();
    packages.sort();
    packages.dedup();
    packages
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn package(info: &Path, code: &Path) -> Option<Package> {
    let stem = info.file_stem()?.to_str()?;
    let (name, version) = stem.rsplit_once('-')?;
    match origin(info) {
        None => Some(Package::pinned(name, version)),
        Some(url) if is_at(&url, code) => None,
        Some(url) => Some(Package {
            version: Some(version.to_owned()),
            ..Package::unchecked(name, &format!("is installed from {}", shown(&url, code)))
        }),
    }
}

/// Where a package that came from no index was installed from (PEP 610).
fn origin(info: &Path) -> Option<String> {
    let mut text = String::new();
    fs::File::open(info.join("direct_url.json")).ok()?.take(LARGEST).read_to_string(&mut text).ok()?;
    let said: Value = serde_json::from_str(&text).unwrap_or_default();
    Some(said["url"].as_str().unwrap_or("elsewhere").to_owned())
}

fn is_at(url: &str, folder: &Path) -> bool {
    url.strip_prefix("file://").is_some_and(|path| Path::new(path.trim_end_matches('/')) == folder)
}

/// An address for people: below the pipeline's folder as it is called there, and without who signs in.
fn shown(url: &str, code: &Path) -> String {
    let inside = url.strip_prefix("file://").and_then(|path| Path::new(path).strip_prefix(code).ok());
    if let Some(inside) = inside {
        return format!("./{}", clean_text(&inside.display().to_string(), 100));
    }
    let plain = match url.split_once("://") {
        Some((scheme, rest)) => {
            let host = rest.split('/').next().unwrap_or(rest);
            let rest = host.rfind('@').map_or(rest, |at| &rest[at + 1..]);
            format!("{scheme}://{rest}")
        }
        None => url.to_owned(),
    };
    clean_text(plain.split(['?', '#']).next().unwrap_or(&plain), 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_those_that_installers_have_left() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let library = root.join("venv/lib/python3.12/site-packages");
        let put = |name: &str, url: Option<&str>| {
            let info = library.join(name);
            fs::create_dir_all(&info).unwrap();
            if let Some(url) = url {
                fs::write(info.join("direct_url.json"), url).unwrap();
            }
        };
        put("Zope_Interface-5.0.dist-info", None);
        put("requests-2.19.0.dist-info", None);
        put("mine-0.1.dist-info", Some(&format!(r#"{{"url": "file://{}/code"}}"#, root.display())));
        put("own-1.0.dist-info", Some(&format!(r#"{{"url": "file://{}/code/libs/own"}}"#, root.display())));
        put("tool-1.0.dist-info", Some(r#"{"url": "https://joe:s3cret@example.org/t.git?x=1"}"#));
        put("odd-1.0.dist-info", Some("[1"));
        put("nothing.dist-info", None);
        put("requests", None);
        let told: Vec<_> =
            packages(root).into_iter().map(|one| (one.name, one.version.unwrap(), one.unchecked)).collect();
        let of = |name: &str, version: &str, why: Option<&str>| {
            (name.to_owned(), version.to_owned(), why.map(|why| format!("is installed from {why}")))
        };
        assert_eq!(
            told,
            [
                of("odd", "1.0", Some("elsewhere")),
                of("own", "1.0", Some("./libs/own")),
                of("requests", "2.19.0", None),
                of("tool", "1.0", Some("https://example.org/t.git")),
                of("zope-interface", "5.0", None),
            ]
        );
        assert!(packages(&root.join("none")).is_empty());
    }
}
