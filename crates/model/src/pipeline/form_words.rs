//! Rigi's own words in the schema of a parameter, which say where a form has it. Validators pass over them.

use super::document::NodeValue;
use super::section::{Found, Notes};
use crate::text::meant;

/// In which section of the form a parameter stands; `algorithm:fit` lies within `algorithm`.
pub const SECTION: &str = "x-section";
/// What sections are, by their name: beside `properties`.
pub const SECTIONS: &str = "x-sections";
/// Folded away until somebody asks for it.
pub const ADVANCED: &str = "x-advanced";
/// In no form; whoever knows its name may give it.
pub const HIDDEN: &str = "x-hidden";

const ALL: [&str; 4] = [SECTION, SECTIONS, ADVANCED, HIDDEN];

/// Names what such a word cannot be. Other words that begin with `x-` are somebody else's.
pub(super) fn check(key: &str, found: &Found<'_>, notes: &mut Notes) {
    let wanted = match key {
        SECTION if matches!(found.node.value, NodeValue::Text(_)) => return,
        SECTION => "a text",
        SECTIONS => match &found.node.value {
            NodeValue::Map(members) => {
                for member in members {
                    if !matches!(member.node.value, NodeValue::Text(_)) {
                        let name = found.child(member).name();
                        let message = format!("{name} is {} and must be a text", member.node.describe());
                        notes.wrong(member.node.at, message);
                    }
                }
                return;
            }
            _ => "a map of sections and what each is",
        },
        ADVANCED | HIDDEN if matches!(found.node.value, NodeValue::Bool(_)) => return,
        ADVANCED | HIDDEN => "`true` or `false`",
        other => {
            if let Some(name) = meant(other, ALL) {
                let message = format!("{}: it has no effect; the nearest is `{name}`", found.name());
                notes.warn(found.key_at, message);
            }
            return;
        }
    };
    notes.wrong(found.node.at, format!("{} is {} and must be {wanted}", found.name(), found.node.describe()));
}

#[cfg(test)]
mod tests {
    use crate::pipeline::{FolderFacts, SpecFormat, read_spec};

    fn read(parameter: &str) -> Result<Vec<String>, Vec<String>> {
        let text = format!("command: ls\nparameters: {parameter}");
        let said = |mistakes: Vec<crate::pipeline::Mistake>| {
            mistakes.into_iter().map(|mistake| mistake.message).collect()
        };
        let reading = read_spec(SpecFormat::Yaml, text.as_bytes(), &FolderFacts::new("demo", ["a"]));
        reading.map(|reading| said(reading.warnings)).map_err(said)
    }

    #[test]
    fn words_of_forms_are_checked_and_those_of_others_are_not() {
        let good = "{n: {type: integer, default: 1, x-section: 'a:b', x-advanced: true, x-hidden: false, x-mine: 7}}";
        assert_eq!(read(good), Ok(Vec::new()));
        let long =
            "{type: object, x-sections: {a: What a is.}, properties: {n: {type: integer, default: 1}}}";
        assert_eq!(read(long), Ok(Vec::new()));
        let wrong = read("{n: {type: integer, default: 1, x-section: 3, x-advanced: 'yes'}}").unwrap_err();
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(wrong[0].ends_with("and must be a text"), "{wrong:?}");
        assert!(wrong[1].ends_with("and must be `true` or `false`"), "{wrong:?}");
        let near = read("{n: {type: integer, default: 1, x-advance: true}}").unwrap();
        assert!(near[0].ends_with("the nearest is `x-advanced`"), "{near:?}");
        assert!(read("{type: object, x-sections: [a], properties: {}}").is_err());
    }
}
