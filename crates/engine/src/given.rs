//! What an attempt is given of its project's secrets: opened at the moment when its plan is made, so that each attempt has the present
//! ones. A pipeline that asks for none costs nothing here.

use std::collections::BTreeMap;

use rigi_model::attempt::FailureClass;
use rigi_model::pipeline::{PipelineSpec, SecretAs};
use rigi_model::{ProjectName, Reason};
use rigi_store::Store;
use rigi_store::references::Unresolved;
use rigi_store::secrets::{Held, OpenSecret, OpenSecrets};
use rigi_work::secrets::{PlanSecrets, SecretFile};

use crate::fernet::FernetKey;
use crate::ledger::CannotPlan;

/// The secret with the key of `encrypted_env`; Fast-Flow has it in a variable of this name.
pub const ENCRYPTION_KEY: &str = "ENCRYPTION_KEY";
/// Bytes of all secrets of an attempt: what its supervisor looks for in each line that it prints.
const MOST_BYTES: usize = 1 << 20;

/// What is given as variables, and what else.
#[derive(Debug, Default)]
pub(crate) struct Given {
    /// `encrypted_env`, opened.
    pub opened_env: BTreeMap<String, String>,
    /// Secrets as variables.
    pub variables: BTreeMap<String, String>,
    pub rest: PlanSecrets,
}

/// Whether it asks for any.
fn asks(spec: &PipelineSpec) -> bool {
    !spec.secrets.is_empty() || !spec.encrypted_env.is_empty() || spec.container.pull_secret.is_some()
}

/// The secrets that a spec asks for and that its project does not have, each once.
pub(crate) async fn missing(
    store: &Store,
    project: &ProjectName,
    spec: &PipelineSpec,
) -> rigi_store::Result<Vec<String>> {
    if !asks(spec) {
        return Ok(Vec::new());
    }
    Ok(missing_in(&*store.open_secrets(project).await?, spec))
}

fn missing_in(open: &OpenSecrets, spec: &PipelineSpec) -> Vec<String> {
    let key = (!spec.encrypted_env.is_empty()).then_some(ENCRYPTION_KEY);
    let mut names: Vec<&str> = spec
        .secrets
        .iter()
        .map(|secret| &*secret.name)
        .chain(key)
        .chain(spec.container.pull_secret.as_deref())
        .filter(|name| open.get(name).is_none())
        .collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(str::to_owned).collect()
}

/// The versions of what a spec asks for, as they are now.
pub(crate) async fn versions(
    store: &Store,
    project: &ProjectName,
    spec: &PipelineSpec,
) -> rigi_store::Result<BTreeMap<String, i64>> {
    if !asks(spec) {
        return Ok(BTreeMap::new());
    }
    let open = store.open_secrets(project).await?;
    let key = (!spec.encrypted_env.is_empty()).then_some(ENCRYPTION_KEY);
    let names = spec.secrets.iter().map(|secret| &*secret.name).chain(key);
    Ok(names.filter_map(|name| Some((name.to_owned(), open.get(name)?.version))).collect())
}

/// What is missing, and what to do.
pub(crate) fn missing_words(names: &[String], project: &ProjectName) -> String {
    let all: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let (verb, noun) = if names.len() == 1 { ("is", "secret") } else { ("are", "secrets") };
    let of = if *project == ProjectName::default() {
        String::new()
    } else {
        format!(" in the project `{project}`")
    };
    format!("the {noun} {} {verb} not set{of}", all.join(", "))
}

/// Opens what a spec asks for.
///
/// # Errors
/// If something is missing or cannot be opened.
pub(crate) async fn of_spec(
    store: &Store,
    project: &ProjectName,
    spec: &PipelineSpec,
) -> Result<Given, CannotPlan> {
    if !asks(spec) {
        return Ok(Given::default());
    }
    let open = store.open_secrets(project).await?;
    let missing = missing_in(&open, spec);
    if let Some(first) = missing.first() {
        let words = missing_words(&missing, project);
        return Err(refused(format!("It was not started: {words}. `rigi secrets set {first}` sets it.")));
    }
    let mut given = Given::default();
    for secret in &spec.secrets {
        let Some(found) = open.get(&secret.name) else { continue };
        let value = value_of(store, project, &secret.name, found).await?;
        given.rest.versions.insert(secret.name.clone(), found.version);
        given.rest.covered.push(value.clone());
        match &secret.given {
            SecretAs::Variable(name) => _ = given.variables.insert(name.clone(), value),
            SecretAs::File(name) => {
                given.rest.files.push(SecretFile { name: name.clone(), content: value });
            }
        }
    }
    if let Some(found) = open.get(ENCRYPTION_KEY).filter(|_| !spec.encrypted_env.is_empty()) {
        given.rest.versions.insert(ENCRYPTION_KEY.to_owned(), found.version);
        let key = value_of(store, project, ENCRYPTION_KEY, found).await?;
        given.opened_env = opened_env(&spec.encrypted_env, &key)?;
        given.rest.covered.extend(given.opened_env.values().cloned());
    }
    // The run itself is not given it, and cannot tell it.
    if let Some(name) = &spec.container.pull_secret
        && let Some(found) = open.get(name)
    {
        given.rest.registry = Some(value_of(store, project, name, found).await?);
    }
    if given.rest.covered.iter().map(String::len).sum::<usize>() > MOST_BYTES {
        return Err(refused("It was not started: its secrets are more than 1 MiB together.".into()));
    }
    Ok(given)
}

/// What a secret holds, wherever that lies.
async fn value_of(
    store: &Store,
    project: &ProjectName,
    name: &str,
    secret: &OpenSecret,
) -> Result<String, CannotPlan> {
    let source = match &secret.held {
        Held::Value(value) => return Ok(value.0.clone()),
        Held::From(source) => source,
    };
    let resolved = store.references().resolve(project, source).await;
    resolved.map(|value| value.to_string()).map_err(|Unresolved { may_pass, why, cure }| {
        let message =
            format!("It was not started: the secret `{name}` cannot be had from `{source}`: {why}. {cure}.");
        let (class, reason) = match may_pass {
            true => (FailureClass::Infrastructure, Reason::SecretUnavailable),
            false => (FailureClass::User, Reason::SecretMissing),
        };
        CannotPlan { class, reason, message, away: false }
    })
}

fn opened_env(sealed: &BTreeMap<String, String>, key: &str) -> Result<BTreeMap<String, String>, CannotPlan> {
    let key = FernetKey::parse(key).ok_or_else(|| {
        refused(format!(
            "It was not started: the secret `{ENCRYPTION_KEY}` is no Fernet key, which has 44 characters and ends with `=`."
        ))
    })?;
    let open = |(name, token): (&String, &String)| match key.open(token) {
        Some(value) => Ok((name.clone(), value)),
        None => Err(refused(format!(
            "It was not started: `encrypted_env.{name}` was not encrypted with the key in the secret `{ENCRYPTION_KEY}`, or is damaged."
        ))),
    };
    sealed.iter().map(open).collect()
}

fn refused(message: String) -> CannotPlan {
    CannotPlan { class: FailureClass::User, reason: Reason::SecretMissing, message, away: false }
}
