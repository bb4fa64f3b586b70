//! Whether a file under a spec's name is a spec: other tools write a `pipeline.yaml` too, and data may be called as their folder.

use super::document::{LARGEST_SPEC, NodeValue, SpecFormat, read_document};
use super::fields;
use crate::text::{excerpt, list_choices, meant};

/// What a file under a spec's name looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Likeness {
    /// A spec, if with mistakes.
    Spec,
    /// No object at all, in words.
    Data(String),
    /// An object of fields that no spec has; these, as running text.
    Foreign(String),
}

/// Fields that are named.
const NAMED: usize = 3;

/// What a file under a spec's name looks like. What cannot be read is taken for a spec: its mistakes are to be seen.
#[must_use]
pub fn likeness(format: SpecFormat, bytes: &[u8]) -> Likeness {
    if bytes.len() > LARGEST_SPEC {
        return Likeness::Data(format!("it has more than {} MiB", LARGEST_SPEC >> 20));
    }
    let members = match read_document(format, bytes).root.map(|root| root.value) {
        None | Some(NodeValue::Null) => return Likeness::Spec,
        Some(NodeValue::Map(members)) => members,
        Some(NodeValue::List(_)) => return Likeness::Data("it holds a list".to_owned()),
        Some(_) => return Likeness::Data("it holds a single value".to_owned()),
    };
    let names: Vec<&str> = members.iter().map(|member| member.key.as_str()).collect();
    let known: Vec<&str> = fields::SPEC.iter().flat_map(fields::Field::names).collect();
    let meant = names.iter().filter(|name| meant(name, known.iter().copied()).is_some()).count();
    if names.is_empty() || names.iter().any(|name| known.contains(name)) || meant * 2 > names.len() {
        return Likeness::Spec;
    }
    let named: Vec<String> = names.iter().take(NAMED).map(|name| excerpt(name)).collect();
    let more = names.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let named = list_choices(named.iter().map(String::as_str)).replace(" or ", " and ");
    Likeness::Foreign(format!("{named}{more}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs_are_told_from_data_and_from_other_tools_files() {
        let yaml = |text: &str| likeness(SpecFormat::Yaml, text.as_bytes());
        let json = |text: &str| likeness(SpecFormat::Json, text.as_bytes());
        for spec in ["", "timeout: 1m\n", "timout: 1m\n", "owner: me\ntags: [a]\n", "a: [", "# nothing\n"] {
            assert_eq!(yaml(spec), Likeness::Spec, "{spec}");
        }
        let foreign = "apiVersion: v1\nkind: Pipeline\nmetadata: {}\nspec: {}\n";
        let fields = "`apiVersion`, `kind` and `metadata` and 1 more";
        assert_eq!(yaml(foreign), Likeness::Foreign(fields.to_owned()));
        assert_eq!(json("[1, 2]"), Likeness::Data("it holds a list".to_owned()));
        assert_eq!(json("7"), Likeness::Data("it holds a single value".to_owned()));
        assert_eq!(json(r#"{"co2": [1]}"#), Likeness::Foreign("`co2`".to_owned()));
        let large = format!("[{}]", "1,".repeat(LARGEST_SPEC / 2));
        assert_eq!(json(&large), Likeness::Data("it has more than 1 MiB".to_owned()));
    }
}
