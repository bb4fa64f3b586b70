//! `secrets`: which of its project's secrets a pipeline's runs are given, and as what.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::document::{Node, NodeValue};
use super::fields;
use super::section::{Found, Notes, Section};
use super::values::check_variable;
use crate::text::{excerpt, is_variable};

/// A secret that each attempt is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct SecretUse {
    /// Its name in the project.
    pub name: String,
    /// As what.
    pub given: SecretAs,
}

/// As what an attempt is given a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretAs {
    /// An environment variable of this name.
    Variable(String),
    /// A file of this name below `$RIGI_SECRETS`.
    File(String),
}

impl SecretUse {
    /// As an environment variable of its name.
    #[must_use]
    pub fn variable(name: &str) -> Self {
        Self { name: name.to_owned(), given: SecretAs::Variable(name.to_owned()) }
    }
}

/// As it is stored: a name alone is an environment variable, as in Fast-Flow.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Name(String),
    Full {
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        variable: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<String>,
    },
}

impl From<Written> for SecretUse {
    fn from(written: Written) -> Self {
        match written {
            Written::Name(name) => Self::variable(&name),
            Written::Full { name, file: Some(file), .. } => Self { name, given: SecretAs::File(file) },
            Written::Full { name, variable, file: None } => {
                let given = SecretAs::Variable(variable.unwrap_or_else(|| name.clone()));
                Self { name, given }
            }
        }
    }
}

impl From<SecretUse> for Written {
    fn from(secret: SecretUse) -> Self {
        let SecretUse { name, given } = secret;
        match given {
            SecretAs::Variable(variable) if variable == name => Self::Name(name),
            SecretAs::Variable(variable) => Self::Full { name, variable: Some(variable), file: None },
            SecretAs::File(file) => Self::Full { name, variable: None, file: Some(file) },
        }
    }
}

/// Bytes of a secret's name at most.
pub const LONGEST_NAME: usize = 128;

/// Whether a project can have a secret of this name.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    is_variable(name) && name.len() <= LONGEST_NAME
}

/// `secrets`: a list of names, or of names with what they become; or one name.
pub(super) fn read_secrets(found: &Found<'_>, notes: &mut Notes) -> Option<Vec<SecretUse>> {
    let secrets = match &found.node.value {
        NodeValue::Text(name) => Vec::from_iter(read_name(name, found, found.node, notes)),
        NodeValue::List(_) => {
            let items = found.items(notes)?;
            // Each item by itself, so that every mistake is told.
            items.iter().filter_map(|item| read_secret(item, found, notes)).collect()
        }
        _ => return found.refuse("a list of texts", notes),
    };
    Some(without_same(secrets, found, notes))
}

fn read_secret(item: &Found<'_>, list: &Found<'_>, notes: &mut Notes) -> Option<SecretUse> {
    match &item.node.value {
        // With a name it is no form of Fast-Flow's: nothing in it is forgiven.
        NodeValue::Map(_) if notes.lenient && item.node.member("name").is_some() => {
            notes.lenient = false;
            let secret = notes.hold(|notes| read_full(item, notes));
            notes.lenient = true;
            secret
        }
        NodeValue::Map(_) => read_full(item, notes),
        NodeValue::Text(_) => {
            let name = item.filled_text(notes)?;
            read_name(&name, list, item.node, notes)
        }
        _ => item.refuse("the name of a secret, or an object with one", notes),
    }
}

fn read_name(name: &str, list: &Found<'_>, node: &Node, notes: &mut Notes) -> Option<SecretUse> {
    check_variable(name, list, node.at, notes).then(|| SecretUse::variable(name))
}

fn read_full(item: &Found<'_>, notes: &mut Notes) -> Option<SecretUse> {
    let section = Section::open(item, fields::SECRET, notes)?;
    let Some(name) = section.read("name", notes, Found::filled_text) else {
        if section.get("name").is_none() {
            notes.wrong(item.node.at, format!("{} has no `name`: which secret it is", item.name()));
        }
        return None;
    };
    if !is_secret_name(&name) {
        let message = format!("{}: no secret can be called `{}`", item.name(), excerpt(&name));
        notes.wrong_with(item.node.at, message, "Use letters, digits and `_`, and no digit first.");
        return None;
    }
    if let (Some(variable), Some(file)) = (section.get("variable"), section.get("file")) {
        let message = format!("{} and {} cannot both be", variable.name(), file.name());
        notes.wrong_with(file.key_at, message, "Name the secret twice: once as a variable, once as a file.");
        return None;
    }
    if let Some(found) = section.get("file") {
        let file = found.filled_text(notes)?;
        if !is_file_name(&file) {
            let message = format!("{}: `{}` is not the name of a file", found.name(), excerpt(&file));
            notes.wrong_with(found.node.at, message, "Use a plain name such as `key.pem`, without a folder.");
            return None;
        }
        return Some(SecretUse { name, given: SecretAs::File(file) });
    }
    let variable = match section.get("variable") {
        None => name.clone(),
        Some(found) => {
            let variable = found.filled_text(notes)?;
            check_variable(&variable, found, found.node.at, notes).then_some(variable)?
        }
    };
    check_variable(&variable, item, item.node.at, notes)
        .then_some(SecretUse { name, given: SecretAs::Variable(variable) })
}

/// One segment of a path, of letters that every file system has.
fn is_file_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    name.len() <= 128 && name.chars().all(plain) && name.contains(|c: char| c.is_ascii_alphanumeric())
}

/// A secret may be given twice, but nothing can be two secrets.
fn without_same(secrets: Vec<SecretUse>, found: &Found<'_>, notes: &mut Notes) -> Vec<SecretUse> {
    let (mut seen, mut kept) = (BTreeSet::new(), Vec::<SecretUse>::new());
    for secret in secrets {
        let place = match &secret.given {
            SecretAs::Variable(name) => (false, name.clone()),
            SecretAs::File(name) => (true, name.clone()),
        };
        if seen.insert(place) {
            kept.push(secret);
        } else if !kept.contains(&secret) {
            let (SecretAs::Variable(name) | SecretAs::File(name)) = &secret.given;
            let message = format!("{}: `{}` would be two secrets", found.name(), excerpt(name));
            notes.wrong_with(found.node.at, message, "Give one of them another name.");
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::super::{FolderFacts, SpecFormat, read_spec};
    use super::*;

    #[test]
    fn what_is_wrong_in_an_object_is_so_in_json_too() {
        let folder = FolderFacts::new("demo", ["main.py"]);
        let read = |text: &str| read_spec(SpecFormat::Json, text.as_bytes(), &folder);
        assert!(read(r#"{"secrets": [{"name": "A", "file": "../a"}]}"#).is_err());
        assert_eq!(read(r#"{"secrets": ["A", {"name": "B"}]}"#).unwrap().spec.secrets.len(), 2);
    }

    fn read(text: &str) -> Result<Vec<SecretUse>, Vec<String>> {
        let folder = FolderFacts::new("demo", ["main.py"]);
        match read_spec(SpecFormat::Yaml, text.as_bytes(), &folder) {
            Ok(reading) => Ok(reading.spec.secrets),
            Err(mistakes) => Err(mistakes.into_iter().map(|mistake| mistake.message).collect()),
        }
    }

    #[test]
    fn each_form_is_read_and_stored_as_it_was_and_as_it_is() {
        let text = "secrets: [A, {name: B}, {name: C, variable: X}, {name: C, file: key.pem}, A]";
        let secrets = read(text).unwrap();
        assert_eq!(
            secrets,
            [
                SecretUse::variable("A"),
                SecretUse::variable("B"),
                SecretUse { name: "C".into(), given: SecretAs::Variable("X".into()) },
                SecretUse { name: "C".into(), given: SecretAs::File("key.pem".into()) },
            ]
        );
        let stored = serde_json::to_string(&secrets).unwrap();
        assert_eq!(stored, r#"["A","B",{"name":"C","variable":"X"},{"name":"C","file":"key.pem"}]"#);
        assert_eq!(serde_json::from_str::<Vec<SecretUse>>(&stored).unwrap(), secrets);
        assert_eq!(read("secrets: A").unwrap(), [SecretUse::variable("A")]);
    }

    #[test]
    fn what_cannot_be_is_told() {
        for (text, words) in [
            ("[{file: a}]", "has no `name`"),
            ("[{name: a b}]", "no secret can be called `a b`"),
            ("[{name: A, file: ../a}]", "`../a` is not the name of a file"),
            ("[{name: A, file: ..}]", "`..` is not the name of a file"),
            ("[{name: A, file: a, variable: b}]", "cannot both be"),
            ("[{name: A, variable: RIGI_RUN_ID}]", "names that Rigi sets itself"),
            ("[A, {name: B, variable: A}]", "`A` would be two secrets"),
            ("[{name: A, path: a}]", "there is no such field"),
            ("[1]", "must be the name of a secret"),
            ("{a: b}", "must be a list of texts"),
        ] {
            let mistakes = read(&format!("secrets: {text}")).unwrap_err();
            assert!(mistakes[0].contains(words), "{text}: {mistakes:?}");
        }
    }
}
