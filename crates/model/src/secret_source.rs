//! Where a secret's value lies when it is not stored: a variable or a file of the server, or a field in HashiCorp Vault; and what
//! an operator lets projects name.

use std::fmt;
use std::str::FromStr;

use crate::ProjectName;
use crate::parameters::is_reserved;
use crate::pipeline::is_secret_name;

/// Characters of a reference at most.
const LONGEST: usize = 1024;
/// What stands for the id of the project in what an operator allows.
const PROJECT: &str = "{project}";

/// Where a value lies.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SecretSource {
    /// `env:NAME`: a variable of the server's environment.
    Environment(String),
    /// `file:/path`: a file on the server's machine.
    File(String),
    /// `vault:mount/path#field`, or `…#field@3`: a field of a secret in Vault's KV v2, of the newest version or of this one.
    Vault(VaultField),
}

/// A field in Vault.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VaultField {
    /// Mount and path, `/` between their parts.
    pub path: String,
    /// Name of the field.
    pub field: String,
    /// `None`: the newest.
    pub version: Option<u64>,
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
            Self::Vault(field) => write!(f, "vault:{field}"),
        }
    }
}

impl fmt::Display for VaultField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.path, self.field)?;
        self.version.map_or(Ok(()), |version| write!(f, "@{version}"))
    }
}

impl FromStr for SecretSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST || text.chars().any(char::is_control) {
            return Err(format!(
                "a reference has at most {LONGEST} characters, and none that control a terminal"
            ));
        }
        if let Some(name) = text.strip_prefix("env:") {
            return variable(name).map(Self::Environment);
        }
        if let Some(path) = text.strip_prefix("file:") {
            return absolute(path).map(Self::File);
        }
        match text.strip_prefix("vault:") {
            Some(field) => field.parse().map(Self::Vault),
            None => Err(format!("`{text}` must be `env:NAME`, `file:/path` or `vault:mount/path#field`")),
        }
    }
}

impl FromStr for VaultField {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || format!("`{text}` must be `mount/path#field`, or `mount/path#field@VERSION`");
        let (path, field) = text.split_once('#').ok_or_else(form)?;
        let (field, version) = match field.rsplit_once('@') {
            Some((field, version)) => {
                let version = version.parse().ok().filter(|version| *version > 0);
                (field, Some(version.ok_or_else(form)?))
            }
            None => (field, None),
        };
        if field.is_empty() || field.contains('#') || !is_plain(path) || !path.contains('/') {
            return Err(form());
        }
        Ok(Self { path: path.to_owned(), field: field.to_owned(), version })
    }
}

fn variable(name: &str) -> Result<String, String> {
    if is_reserved(name) {
        return Err("variables that begin with `RIGI_` are the server's own".to_owned());
    }
    let wrong = || format!("`{name}` is no name of a variable");
    is_secret_name(name).then(|| name.to_owned()).ok_or_else(wrong)
}

fn absolute(path: &str) -> Result<String, String> {
    match path.strip_prefix('/') {
        Some(rest) if is_plain(rest) => Ok(path.to_owned()),
        _ => Err(format!("`{path}` must be the full path of a file, without `.`, `..` and `//`")),
    }
}

/// Parts between `/`, each of which leads down.
fn is_plain(path: &str) -> bool {
    path.split('/').all(|part| !matches!(part, "" | "." | "..")) && !path.contains(['?', '\\', '%'])
}

/// What projects may name: an entry of `secrets.from`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedSource {
    /// `env:NAME`, `env:TEAM_*`.
    Environment(String),
    /// `file:/folder`: all below it.
    Folder(String),
    /// `vault:mount/path`: it, and all below it.
    Vault(String),
}

impl fmt::Display for AllowedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(names) => write!(f, "env:{names}"),
            Self::Folder(folder) => write!(f, "file:{folder}"),
            Self::Vault(path) => write!(f, "vault:{path}"),
        }
    }
}

impl FromStr for AllowedSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = |path: &str| path.trim_end_matches('/').to_owned();
        if let Some(names) = text.strip_prefix("env:") {
            let name = names.strip_suffix('*').unwrap_or(names).replace(PROJECT, "P");
            if is_reserved(&name) || !is_secret_name(&name) {
                return Err(format!(
                    "`{text}` must name a variable, or some by how they begin, such as `env:TEAM_*`"
                ));
            }
            return Ok(Self::Environment(names.to_owned()));
        }
        if let Some(folder) = text.strip_prefix("file:").map(path) {
            return absolute(&folder).map(Self::Folder);
        }
        match text.strip_prefix("vault:").map(path) {
            Some(path) if is_plain(&path) && !path.contains('#') => Ok(Self::Vault(path)),
            _ => Err(format!("`{text}` must be `env:TEAM_*`, `file:/folder` or `vault:mount/path`")),
        }
    }
}

impl AllowedSource {
    /// Whether it lets a project name this.
    #[must_use]
    pub fn covers(&self, project: &ProjectName, source: &SecretSource) -> bool {
        let own = |text: &str| text.replace(PROJECT, project.as_str());
        match (self, source) {
            // Names of variables have no `-`.
            (Self::Environment(names), SecretSource::Environment(name)) => {
                let names = names.replace(PROJECT, &project.as_str().to_uppercase().replace('-', "_"));
                match names.strip_suffix('*') {
                    Some(start) => name.starts_with(start),
                    None => *name == names,
                }
            }
            (Self::Folder(folder), SecretSource::File(path)) => is_below(&own(folder), path),
            (Self::Vault(path), SecretSource::Vault(field)) => {
                own(path) == field.path || is_below(&own(path), &field.path)
            }
            _ => false,
        }
    }

    /// The folder that a file must lie in.
    #[must_use]
    pub fn folder_of(&self, project: &ProjectName, source: &SecretSource) -> Option<String> {
        match self {
            Self::Folder(folder) if self.covers(project, source) => {
                Some(folder.replace(PROJECT, project.as_str()))
            }
            _ => None,
        }
    }
}

fn is_below(folder: &str, path: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_and_written_alike() {
        for text in ["env:TEAM_KEY", "file:/run/secrets/key", "vault:secret/a/b#key", "vault:kv/a#x.y@3"] {
            assert_eq!(text.parse::<SecretSource>().unwrap().to_string(), text);
        }
        for wrong in [
            "TEAM_KEY",
            "env:",
            "env:1A",
            "env:RIGI_DATABASE__URL",
            "file:key",
            "file:/",
            "file:/run/../etc/shadow",
            "file:/run//x",
            "file:/run/./x",
            "vault:secret/a",
            "vault:secret#key",
            "vault:secret/../sys#key",
            "vault:secret/a#",
            "vault:secret/a#k@0",
            "vault:secret/a#k@x",
            "vault:/secret/a#k",
            "vault:secret/a?x=1#k",
            "vault:secret/%2e%2e/a#k",
            "env:A\u{1b}[0m",
        ] {
            assert!(wrong.parse::<SecretSource>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_allowed_is_that_and_no_more() {
        let covers = |allowed: &str, source: &str| {
            let allowed: AllowedSource = allowed.parse().unwrap();
            allowed.covers(&ProjectName::unchecked("air-quality"), &source.parse().unwrap())
        };
        for (allowed, source) in [
            ("env:TEAM_*", "env:TEAM_KEY"),
            ("env:KEY", "env:KEY"),
            ("env:{project}_*", "env:AIR_QUALITY_KEY"),
            ("file:/run/secrets/", "file:/run/secrets/a/b"),
            ("file:/run/{project}", "file:/run/air-quality/b"),
            ("vault:secret/rigi", "vault:secret/rigi/a#k"),
            ("vault:secret/{project}/", "vault:secret/air-quality#k"),
        ] {
            assert!(covers(allowed, source), "{allowed} {source}");
        }
        for (allowed, source) in [
            ("env:TEAM_*", "env:OTHER"),
            ("env:KEY", "env:KEY2"),
            ("file:/run/secrets", "file:/run/secrets2/a"),
            ("file:/run/secrets", "file:/run/secrets"),
            ("vault:secret/rigi", "vault:secret/rigi2/a#k"),
            ("vault:secret/rigi", "vault:secret/a#k"),
            ("vault:secret/{project}", "vault:secret/lab/a#k"),
            ("env:TEAM_*", "file:/TEAM_A"),
        ] {
            assert!(!covers(allowed, source), "{allowed} {source}");
        }
        for wrong in ["env:*", "env:RIGI_*", "env:A*B", "file:/", "file:x", "vault:", "vault:a/../b", "x"] {
            assert!(wrong.parse::<AllowedSource>().is_err(), "{wrong}");
        }
    }
}
