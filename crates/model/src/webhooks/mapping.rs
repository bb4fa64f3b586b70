//! What a body becomes: whether a run starts, and with which parameters.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::WebhookSpec;
use crate::expression::{Expression, Template, fill, unknown_root};

/// What expressions know.
const ROOTS: [&str; 4] = ["body", "headers", "event", "id"];

/// What a delivery asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// A run with these parameters.
    Run(Map<String, Value>),
    /// Nothing: `when` does not hold.
    Nothing,
}

/// What expressions know of a delivery. Headers are in small letters, with `_` for `-`.
#[must_use]
pub fn names_of<'a>(
    body: Value,
    headers: impl Iterator<Item = (&'a str, &'a str)>,
    event: Option<&str>,
    id: &str,
) -> Value {
    let headers: Map<String, Value> =
        headers.map(|(name, value)| (name.to_ascii_lowercase().replace('-', "_"), value.into())).collect();
    json!({"body": body, "headers": headers, "event": event, "id": id})
}

impl WebhookSpec {
    /// What is wrong with its expressions: by name of the field.
    ///
    /// # Errors
    /// In words.
    pub fn check(&self) -> Result<(), (String, String)> {
        let unknown = |names: &BTreeSet<(String, Option<String>)>| unknown_root(names, &ROOTS);
        if let Some(why) = self.when.as_ref().and_then(|when| unknown(&when.names())) {
            return Err(("/when".to_owned(), why));
        }
        for (name, value) in &self.parameters {
            let at = format!("/parameters/{name}");
            let template = Template::parse(value).map_err(|error| (at.clone(), error.to_string()))?;
            if let Some(why) = unknown(&template.names()) {
                return Err((at, why));
            }
        }
        Ok(())
    }

    /// What a delivery asks for. A parameter that is one expression, and whose value is not there, keeps its default.
    ///
    /// # Errors
    /// When an expression has no value, in words.
    pub fn asks(&self, names: &Value) -> Result<Asked, String> {
        let holds = |when: &Expression| when.holds(names).map_err(|error| format!("`when: {when}`: {error}"));
        if !self.when.as_ref().map_or(Ok(true), holds)? {
            return Ok(Asked::Nothing);
        }
        let parameters = fill(&self.parameters, names)?;
        Ok(Asked::Run(parameters))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PER_MINUTE, WebhookKind};
    use super::*;

    fn spec(when: Option<&str>, parameters: Value) -> WebhookSpec {
        WebhookSpec {
            pipeline: "etl".to_owned(),
            kind: WebhookKind::Github,
            schedule: None,
            parameters: serde_json::from_value(parameters).unwrap(),
            when: when.map(|when| Expression::parse(when).unwrap()),
            per_minute: PER_MINUTE,
        }
    }

    fn names() -> Value {
        let body = json!({"ref": "refs/heads/main", "repository": {"name": "data"}, "n": [1, 2]});
        names_of(body, [("X-GitHub-Event", "push")].into_iter(), Some("push"), "7")
    }

    #[test]
    fn a_body_becomes_parameters() {
        let parameters = json!({"name": "${body.repository.name}", "all": "${body}", "text": "on ${body.ref}",
            "absent": "${body.not.there}", "fixed": 3, "first": "${body.n[0]}", "kind": "${headers.x_github_event}"});
        let Asked::Run(made) = spec(Some("event == 'push'"), parameters).asks(&names()).unwrap() else {
            panic!("it asks for a run")
        };
        assert_eq!(made["name"], "data");
        assert_eq!(made["all"]["n"], json!([1, 2]));
        assert_eq!(
            (&made["text"], &made["fixed"], &made["first"]),
            (&json!("on refs/heads/main"), &json!(3), &json!(1))
        );
        assert_eq!(made["kind"], "push");
        assert!(!made.contains_key("absent"));
    }

    #[test]
    fn what_does_not_hold_asks_for_nothing_and_what_cannot_be_said_is_told() {
        assert_eq!(spec(Some("event == 'issues'"), json!({})).asks(&names()), Ok(Asked::Nothing));
        assert!(
            spec(Some("body.ref > 3"), json!({}))
                .asks(&names())
                .unwrap_err()
                .starts_with("`when: body.ref > 3`")
        );
        assert_eq!(spec(None, json!({"a": "${params.x}"})).check().unwrap_err().0, "/parameters/a");
        assert_eq!(spec(Some("run.id"), json!({})).check().unwrap_err().0, "/when");
        assert_eq!(spec(None, json!({"a": "${body."})).check().unwrap_err().0, "/parameters/a");
    }
}
