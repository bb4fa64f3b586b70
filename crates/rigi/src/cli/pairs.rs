//! `name=value` arguments: parameters, inputs, labels.

use std::path::PathBuf;

use rigi_model::parameters::{INEXACT, coerce_text, inexact_number};
use serde_json::{Map, Value};

use super::table::cut;
use crate::terminal::Exit;
use crate::terminal::Failure;

/// Splits `name=value`; the error names the flag.
///
/// # Errors
/// When there is no `=` or no name.
pub fn split<'a>(flag: &str, text: &'a str) -> Result<(&'a str, &'a str), Failure> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name, value)),
        _ => {
            let failure =
                Failure::new(Exit::BadInput, format!("`{flag} {text}` is not of the form `name=value`"));
            Err(failure.cure(format!("write it as `{flag} name=value`")))
        }
    }
}

/// The parameters of a file and of `-p`, the latter on top and still as texts: what they mean is known with the
/// pipeline's schema ([`Given::read_by`]). `-p text=@file` takes the content of a file.
///
/// # Errors
/// When a file cannot be read or is no JSON object, or a pair is none.
pub fn parameters(pairs: &[String], file: Option<&PathBuf>) -> Result<Map<String, Value>, Failure> {
    let mut parameters = file.map_or_else(|| Ok(Map::new()), read_object)?;
    for pair in pairs {
        let (name, value) = split("-p", pair)?;
        let text = match value.strip_prefix('@') {
            Some(path) => read_text(&path.into())?,
            None => value.to_owned(),
        };
        parameters.insert(name.to_owned(), Value::String(text));
    }
    Ok(parameters)
}

fn read_text(path: &PathBuf) -> Result<String, Failure> {
    let name = path.display();
    let bytes = std::fs::read(path)
        .map_err(|error| Failure::new(Exit::NotFound, format!("`{name}` cannot be read: {error}")))?;
    String::from_utf8(bytes).map_err(|_| {
        let failure =
            Failure::new(Exit::BadInput, format!("`{name}` is not UTF-8, so it cannot be a parameter"));
        failure.cure("give it as an input instead: `-i name=path`")
    })
}

fn read_object(path: &PathBuf) -> Result<Map<String, Value>, Failure> {
    let text = if path.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin()).map_err(|error| {
            Failure::new(Exit::BadInput, format!("standard input cannot be read: {error}"))
        })?
    } else {
        read_text(path)?
    };
    let wrong = |why: String| {
        Failure::new(Exit::BadInput, format!("`{}` holds no parameters: {why}", path.display()))
    };
    match serde_json::from_str(&text) {
        Ok(Value::Object(object)) => match inexact_number(&text) {
            None => Ok(object),
            Some(number) => {
                let why = format!("the number {} {INEXACT}", cut(number, 60));
                Err(wrong(why).cure("write it as a text, in quotes"))
            }
        },
        Ok(_) => Err(wrong("it must be a JSON object".to_owned()).cure("write it as {\"start\": 1990}")),
        Err(error) => Err(wrong(format!("it is no JSON ({error})"))),
    }
}

/// The files of `-i name=path`, in the order given.
///
/// # Errors
/// When a pair is none, or the file is not there.
pub fn inputs(pairs: &[String]) -> Result<Vec<(String, PathBuf)>, Failure> {
    let one = |pair: &String| {
        let (name, path) = split("-i", pair)?;
        let path = PathBuf::from(path);
        match std::fs::metadata(&path) {
            Ok(facts) if facts.is_file() => Ok((name.to_owned(), path)),
            Ok(_) => Err(Failure::new(Exit::BadInput, format!("`{}` is no file", path.display()))
                .note("given by", format!("-i {pair}"))),
            Err(error) => {
                Err(Failure::new(Exit::NotFound, format!("`{}` cannot be read: {error}", path.display()))
                    .note("given by", format!("-i {pair}")))
            }
        }
    };
    pairs.iter().map(one).collect()
}

/// Labels of `-l name=value`.
///
/// # Errors
/// When a pair is none.
pub fn labels(pairs: &[String]) -> Result<std::collections::BTreeMap<String, String>, Failure> {
    let one = |pair: &String| split("-l", pair).map(|(name, value)| (name.to_owned(), value.to_owned()));
    pairs.iter().map(one).collect()
}

/// What was given on the command line, to lead mistakes back to it.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// Of `-p`.
    pub parameters: Vec<String>,
    /// Of `-i`.
    pub inputs: Vec<String>,
    /// Of `--params`.
    pub file: Option<PathBuf>,
}

impl Given {
    /// Reads the texts of `-p` by the types that the schema gives them.
    pub fn read_by(&self, schema: Option<&Value>, parameters: &mut Map<String, Value>) {
        for name in self.parameters.iter().filter_map(|pair| Some(pair.split_once('=')?.0)) {
            if let Some(value) = parameters.get_mut(name)
                && let Value::String(text) = value
            {
                *value = coerce_text(schema, name, text);
            }
        }
    }

    /// Where a part of the request came from: `/parameters/start` gives `-p start=2040`.
    #[must_use]
    pub fn by(&self, pointer: &str) -> Option<String> {
        let mut parts = pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"));
        let (kind, name) = (parts.next()?, parts.next()?);
        let of = |pairs: &[String]| {
            pairs.iter().rfind(|pair| pair.split_once('=').is_some_and(|(key, _)| key == name)).cloned()
        };
        match kind.as_str() {
            "parameters" => match of(&self.parameters) {
                Some(pair) => Some(format!("-p {}", cut(&pair, 60))),
                None => self.file.as_ref().map(|file| format!("--params {}", file.display())),
            },
            "inputs" => of(&self.inputs).map(|pair| format!("-i {pair}")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn texts(of: &[&str]) -> Vec<String> {
        of.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn texts_are_read_by_the_schema_and_lie_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let (file, note) = (folder.path().join("p.json"), folder.path().join("note.txt"));
        std::fs::write(&file, r#"{"start": 1, "end": "2"}"#).unwrap();
        std::fs::write(&note, "line\n{not json").unwrap();
        let pairs = texts(&["start=1990", "name=a=b", "empty=", &format!("note=@{}", note.display())]);
        let mut got = parameters(&pairs, Some(&file)).unwrap();
        let given = Given { parameters: pairs, ..Given::default() };
        let of = |kind: &str| json!({ "type": kind });
        let properties = json!({ "start": of("integer"), "end": of("integer"), "name": of("string") });
        given.read_by(Some(&json!({ "type": "object", "properties": properties })), &mut got);
        let wanted =
            json!({ "start": 1990, "end": "2", "name": "a=b", "empty": "", "note": "line\n{not json" });
        assert_eq!(Value::Object(got), wanted);
    }

    #[test]
    fn what_is_no_pair_is_named() {
        let error = parameters(&texts(&["start"]), None).unwrap_err();
        assert_eq!(
            (error.exit, error.headline.as_str()),
            (Exit::BadInput, "`-p start` is not of the form `name=value`")
        );
        assert_eq!(inputs(&texts(&["=x"])).unwrap_err().exit, Exit::BadInput);
        // Programs whose account has `/nonexistent` for a home may have made that.
        let missing = format!("a={}", tempfile::tempdir().unwrap().path().join("missing").display());
        assert_eq!(inputs(&texts(&[&missing])).unwrap_err().exit, Exit::NotFound);
        assert_eq!(inputs(&texts(&["a=/"])).unwrap_err().exit, Exit::BadInput);
    }

    #[test]
    fn a_mistake_is_led_back_to_its_flag() {
        let given = Given {
            parameters: texts(&["start=1", "a/b=2", "start=2040"]),
            inputs: texts(&["table=x.csv"]),
            file: Some("p.json".into()),
        };
        let by = |pointer| given.by(pointer);
        assert_eq!(by("/parameters/start").unwrap(), "-p start=2040");
        assert_eq!(by("/parameters/a~1b/0").unwrap(), "-p a/b=2");
        assert_eq!(by("/parameters/other").unwrap(), "--params p.json");
        assert_eq!(by("/inputs/table").unwrap(), "-i table=x.csv");
        assert_eq!(by("/labels/x"), None);
    }
}
