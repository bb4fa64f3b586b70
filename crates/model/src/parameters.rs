//! The parameters of a run: checked against the pipeline's schema before the run is accepted.

mod coerce;
mod numbers;
mod rules;

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use serde::Serialize;
use serde_json::{Map, Value};

pub use coerce::{coerce_text, variable_text};
pub(crate) use numbers::write_property_whole;
pub use numbers::{INEXACT, inexact_number, is_exact, read_exact};
pub(crate) use rules::explain_meta;

use crate::place::Position;
use crate::text::{excerpt, is_variable, meant};

/// The largest set of parameters that a run may be given, as JSON, in bytes.
pub const LARGEST_PARAMETERS: usize = 1024 * 1024;

/// More mistakes than these help nobody.
const MOST_MISTAKES: usize = 50;

/// A parameter that breaks a rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParameterMistake {
    /// JSON pointer into the request: `/parameters/start`.
    pub pointer: String,
    /// The parameter's name; empty when it is all of them together.
    pub parameter: String,
    /// Which rule: a keyword of JSON Schema (`maximum`), or `size`, `nul`, `name`.
    pub rule: String,
    /// What the rule says, such as the maximum.
    pub limit: Option<Value>,
    /// For people, without a full stop: "`start` is 2040 and may be at most 2001".
    pub message: String,
    /// What to do, where the message does not say it.
    pub cure: Option<String>,
    /// Where the rule stands: `pipeline.yaml:12:7`.
    pub source: Option<String>,
    /// Who gave the value: `-p start=2040`.
    pub given_by: Option<String>,
}

/// Where rules and values come from, to say it in mistakes. All of it may be left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct ParameterSources<'a> {
    /// The spec's file, as people know it.
    pub file: Option<&'a str>,
    /// The places of rules, from `SpecReading::rules`.
    pub rules: Option<&'a BTreeMap<String, Position>>,
    /// By parameter: what gave it (`-p start=2040`, `preset quick`).
    pub given_by: Option<&'a BTreeMap<String, String>>,
}

/// A schema that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the parameters' schema cannot be used: {message}")]
pub struct SchemaError {
    /// JSON pointer into the schema.
    pub pointer: String,
    /// What is wrong with it.
    pub message: String,
}

impl From<SchemaError> for ParameterMistake {
    /// What cannot be checked is refused.
    fn from(error: SchemaError) -> Self {
        let cure = "Run the pipeline as its folder is now, with a schema that can be used.".to_owned();
        Self { cure: Some(cure), ..mistake("", "schema", error.to_string()) }
    }
}

/// A compiled schema: make it once per version of a pipeline and keep it.
#[derive(Debug)]
pub struct ParameterSchema {
    schema: Value,
    validator: Validator,
    defaults: Map<String, Value>,
    secrets: BTreeSet<String>,
}

impl ParameterSchema {
    /// Compiles an object schema of draft 2020-12. Nothing is fetched, patterns are matched in linear time.
    ///
    /// # Errors
    /// When it is no such schema.
    pub fn compile(schema: &Value) -> Result<Self, SchemaError> {
        rules::refuse_loops(schema)?;
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .offline()
            .should_validate_formats(true)
            .with_pattern_options(PatternOptions::regex().size_limit(1 << 20))
            .build(schema)
            .map_err(|error| SchemaError {
                pointer: error.instance_path().to_string(),
                message: rules::explain_schema(&error),
            })?;
        let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        let defaults = properties
            .filter_map(|(name, property)| Some((name.clone(), property.get("default")?.clone())))
            .collect();
        Ok(Self { schema: schema.clone(), validator, defaults, secrets: secret_parameters(Some(schema)) })
    }

    /// The schema as it was given.
    #[must_use]
    pub const fn schema(&self) -> &Value {
        &self.schema
    }

    /// The values of the parameters that are not given.
    #[must_use]
    pub const fn defaults(&self) -> &Map<String, Value> {
        &self.defaults
    }

    /// The names of secret parameters.
    #[must_use]
    pub const fn secrets(&self) -> &BTreeSet<String> {
        &self.secrets
    }

    /// Fills in defaults and checks. What comes back is what the run gets.
    ///
    /// # Errors
    /// Every rule that is broken, at most 50.
    pub fn check(
        &self,
        given: Map<String, Value>,
        sources: &ParameterSources<'_>,
    ) -> Result<Map<String, Value>, Vec<ParameterMistake>> {
        refuse_unfit(&given, sources)?;
        let mut all = self.defaults.clone();
        all.extend(given);
        numbers::write_whole(&self.schema, &mut all);
        let whole = Value::Object(all);
        let mistakes = self.mistakes(&whole, sources, &|_| true);
        match whole {
            Value::Object(all) if mistakes.is_empty() => Ok(all),
            _ => Err(mistakes),
        }
    }

    /// Checks values that are not all: a preset's or a schedule's. What is missing is no mistake.
    #[must_use]
    pub fn check_some(
        &self,
        given: &Map<String, Value>,
        sources: &ParameterSources<'_>,
    ) -> Vec<ParameterMistake> {
        if let Err(mistakes) = refuse_unfit(given, sources) {
            return mistakes;
        }
        let whole = Value::Object(given.clone());
        self.mistakes(&whole, sources, &|error| {
            !(error.kind().keyword() == "required" && error.instance_path().is_empty())
        })
    }

    fn mistakes(
        &self,
        whole: &Value,
        sources: &ParameterSources<'_>,
        counts: &dyn Fn(&ValidationError<'_>) -> bool,
    ) -> Vec<ParameterMistake> {
        if self.validator.is_valid(whole) {
            return Vec::new();
        }
        let errors = self.validator.iter_errors(whole).filter(|error| counts(error));
        errors.flat_map(|error| self.explain(&error, sources)).take(MOST_MISTAKES).collect()
    }

    fn explain(&self, error: &ValidationError<'_>, sources: &ParameterSources<'_>) -> Vec<ParameterMistake> {
        let path: Vec<String> = rules::steps(error.instance_path().as_str());
        let names = rules::subjects(error, &path);
        let schema_path = error.schema_path().to_string();
        let limit = self.schema.pointer(&schema_path).filter(|limit| !limit.is_object()).cloned();
        let known = self.schema.get("properties").and_then(Value::as_object);
        let mistakes = names.into_iter().take(MOST_MISTAKES).map(|(subject, pointer)| {
            let parameter = path.first().cloned().unwrap_or_else(|| subject.clone());
            let is_secret = self.secrets.contains(&parameter);
            let rule = error.kind().keyword().to_owned();
            let message = if rules::is_unknown(error) {
                let near = known.filter(|_| path.is_empty());
                let near = near.and_then(|known| meant(&subject, known.keys().map(String::as_str)));
                let end = near.map_or_else(String::new, |name| format!("; the nearest is `{name}`"));
                format!("`{}`: there is no such parameter{end}", excerpt(&subject))
            } else {
                rules::explain(&subject, error, limit.as_ref(), is_secret)
            };
            let cure = is_unnamed(known, &rule).then(|| "The pipeline declares no parameters.".to_owned());
            let source = place_of(&schema_path, &parameter, sources);
            let given_by = given_by(&parameter, is_secret, sources);
            let pointer = format!("/parameters{pointer}");
            ParameterMistake {
                pointer,
                parameter,
                rule,
                limit: limit.clone(),
                message,
                cure,
                source,
                given_by,
            }
        });
        mistakes.collect()
    }
}

fn is_unnamed(known: Option<&Map<String, Value>>, rule: &str) -> bool {
    rule == "additionalProperties" && known.is_none_or(Map::is_empty)
}

/// `pipeline.yaml:12:7`: where the rule stands, else the parameter, else nothing.
fn place_of(schema_path: &str, parameter: &str, sources: &ParameterSources<'_>) -> Option<String> {
    let rules = sources.rules?;
    let position = find_place(rules, schema_path, parameter)?;
    Some(sources.file.map_or_else(|| position.to_string(), |file| format!("{file}:{position}")))
}

fn find_place(rules: &BTreeMap<String, Position>, schema_path: &str, parameter: &str) -> Option<Position> {
    let property = crate::place::push_pointer("/properties", parameter);
    rules.get(schema_path).or_else(|| rules.get(&property)).copied()
}

/// Where a rule of a parameter stands in its spec: the rule itself, or the parameter if the rule is not written
/// out there (as `additionalProperties`, which is false unless told).
#[must_use]
pub fn rule_source(rules: &BTreeMap<String, Position>, parameter: &str, rule: &str) -> Option<Position> {
    let property = crate::place::push_pointer("/properties", parameter);
    find_place(rules, &format!("{property}/{rule}"), parameter)
}

/// A secret's value stands in what gave it (`-p token=…`), so that only its name is repeated.
fn given_by(parameter: &str, is_secret: bool, sources: &ParameterSources<'_>) -> Option<String> {
    let text = sources.given_by?.get(parameter)?;
    Some(if is_secret { text.split('=').next().unwrap_or_default().to_owned() } else { text.clone() })
}

/// Checks parameters against a schema, or, without one, that each can be an environment variable.
/// Whoever checks often keeps a [`ParameterSchema`].
///
/// # Errors
/// Every rule that is broken; a schema that cannot be used is one with the rule `schema`.
pub fn check_parameters(
    schema: Option<&Value>,
    given: Map<String, Value>,
    sources: &ParameterSources<'_>,
) -> Result<Map<String, Value>, Vec<ParameterMistake>> {
    match schema.map(ParameterSchema::compile) {
        Some(Ok(schema)) => schema.check(given, sources),
        Some(Err(error)) => Err(vec![error.into()]),
        None => check_free(given, sources),
    }
}

/// Without a schema: names that are environment variables' and do not change how programs are loaded.
///
/// # Errors
/// Every name that is neither.
pub fn check_free(
    given: Map<String, Value>,
    sources: &ParameterSources<'_>,
) -> Result<Map<String, Value>, Vec<ParameterMistake>> {
    refuse_unfit(&given, sources)?;
    let mistakes: Vec<_> =
        given.keys().filter_map(|name| refuse_name(name, sources)).take(MOST_MISTAKES).collect();
    if mistakes.is_empty() { Ok(given) } else { Err(mistakes) }
}

/// Names that decide which programs and libraries are loaded: whoever may start a run may not set them, unless
/// the pipeline declares a parameter of that name.
pub(crate) fn steers_programs(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    ["LD_", "DYLD_", "PYTHON", "UV_", "PIP_", "GIT_"].iter().any(|prefix| upper.starts_with(prefix))
        || matches!(upper.as_str(), "PATH" | "HOME" | "ENV" | "BASH_ENV" | "IFS" | "SHELLOPTS" | "TMPDIR")
}

fn refuse_name(name: &str, sources: &ParameterSources<'_>) -> Option<ParameterMistake> {
    let shown = excerpt(name);
    let (message, cure) = if !is_variable(name) {
        let cure = "Use letters, digits and `_`, and no digit first; or declare the parameters in the spec.";
        (format!("`{shown}` cannot be a parameter of a pipeline that declares none"), cure)
    } else if is_reserved(name) {
        (format!("`{shown}` is a name that Rigi sets itself"), "Use another name.")
    } else if steers_programs(name) {
        let cure = "Declare it under `parameters` in the spec, if it is meant.";
        (format!("`{shown}` decides which programs are loaded and is not declared as a parameter"), cure)
    } else {
        return None;
    };
    let given_by = given_by(name, false, sources);
    Some(ParameterMistake { cure: Some(cure.to_owned()), given_by, ..mistake(name, "name", message) })
}

/// Whether Rigi sets variables of this name in every run.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    name.len() >= 5 && name.is_char_boundary(5) && name[..5].eq_ignore_ascii_case("rigi_")
}

fn mistake(parameter: &str, rule: &str, message: String) -> ParameterMistake {
    let pointer = crate::place::push_pointer("/parameters", parameter);
    ParameterMistake {
        pointer: if parameter.is_empty() { "/parameters".to_owned() } else { pointer },
        parameter: parameter.to_owned(),
        rule: rule.to_owned(),
        limit: None,
        message,
        cure: None,
        source: None,
        given_by: None,
    }
}

/// What no schema can allow: too much of it, and NUL characters.
fn refuse_unfit(
    given: &Map<String, Value>,
    sources: &ParameterSources<'_>,
) -> Result<(), Vec<ParameterMistake>> {
    let size: usize = given.iter().map(|(name, value)| name.len() + rules::size(value)).sum();
    if size > LARGEST_PARAMETERS {
        let size = crate::quantity::show_bytes(size as u64);
        let message = format!("the parameters have {size} and may have at most 1 MiB");
        let cure = Some("Give large values as a file (`-i name=path`).".to_owned());
        let limit = Some(LARGEST_PARAMETERS.into());
        return Err(vec![ParameterMistake { cure, limit, ..mistake("", "size", message) }]);
    }
    let with_nul = given.iter().filter(|(name, value)| name.contains('\0') || rules::has_nul(value));
    let mistakes: Vec<_> = with_nul
        .take(MOST_MISTAKES)
        .map(|(name, _)| {
            let message = format!("`{}` holds a NUL character, which no program can be given", excerpt(name));
            ParameterMistake { given_by: given_by(name, true, sources), ..mistake(name, "nul", message) }
        })
        .collect();
    if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
}

/// The parameters that are marked `writeOnly` (in a spec also `secret: true`): their values are sealed, and
/// never shown.
#[must_use]
pub fn secret_parameters(schema: Option<&Value>) -> BTreeSet<String> {
    let properties = schema.and_then(|schema| schema.get("properties")).and_then(Value::as_object);
    let is_secret = |property: &Value| {
        ["writeOnly", "secret"].iter().any(|mark| property.get(mark).and_then(Value::as_bool) == Some(true))
    };
    let secret = properties.into_iter().flatten().filter(|(_, property)| is_secret(property));
    secret.map(|(name, _)| name.clone()).collect()
}

/// A schema without what tells the values of its secret parameters.
pub fn hide_secrets(schema: &mut Value) {
    let secret = secret_parameters(Some(schema));
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten();
    for (_, property) in properties.filter(|(name, _)| secret.contains(*name)) {
        if let Value::Object(rules) = property {
            for rule in ["default", "examples", "const", "enum"] {
                rules.remove(rule);
            }
        }
    }
}

#[cfg(test)]
mod tests;
