//! Secrets of Fast-Flow: opened with its key, and sealed with the project's.

use std::collections::BTreeMap;

use rigi_engine::fernet::FernetKey;
use rigi_model::ErrorCode;
use rigi_model::secret::{MOST_SECRETS, check_secret_name, check_secret_value};
use rigi_store::ForeignRow;

use super::values::truth;
use super::{Moving, Options, of_store};
use crate::trouble::Trouble;

/// The secret that opens `encrypted_env` here.
const KEY: &str = "ENCRYPTION_KEY";
const SUBJECT: &str = "secrets";
/// A shorter value is no secret that could be told from any other text.
const SHORTEST_HIDDEN: usize = 4;

/// The key that was given, if one was.
pub(super) fn read_key(
    options: &Options,
    variables: &BTreeMap<String, String>,
) -> Result<(Option<FernetKey>, Option<String>), Trouble> {
    let Some(text) = options.key.as_ref().or_else(|| variables.get(KEY)) else { return Ok((None, None)) };
    match FernetKey::parse(text) {
        Some(key) => Ok((Some(key), Some(text.trim().to_owned()))),
        None => Err(Trouble::new(
            ErrorCode::KeyWrong,
            "the key is none of Fast-Flow's: it must be 32 bytes in the base64 of URLs",
            "give the value of its `ENCRYPTION_KEY`",
        )),
    }
}

/// The value of a row; why there is none.
fn value(row: &ForeignRow, key: Option<&FernetKey>) -> Result<String, &'static str> {
    let stored = row.get("value").unwrap_or_default();
    if row.get("is_parameter").is_some_and(truth) {
        return Ok(stored.to_owned());
    }
    let key = key.ok_or("no key was given (`--key`), and it is sealed")?;
    key.open(stored).ok_or("it does not open with this key")
}

impl Moving<'_> {
    /// What a sealed value holds; `None`: it does not open.
    pub(super) fn opened(&self, token: &str) -> Option<String> {
        self.key.as_ref()?.open(token)
    }

    pub(super) async fn bring_secrets(&mut self) -> Result<(), Trouble> {
        self.report.about(SUBJECT);
        let rows = self.rows("secrets").await?;
        let mut new = Vec::new();
        let open = match self.known() {
            Some(store) => Some(store.open_secrets(&self.project).await.map_err(|e| of_store(&e))?),
            None => None,
        };
        let there = open.as_ref().map_or(0, |open| open.names().count());
        let key = self.key_text.clone().map(|key| (KEY.to_owned(), Ok(key)));
        let all: Vec<_> = rows
            .iter()
            .map(|row| (row.get("key").unwrap_or_default().to_owned(), value(row, self.key.as_ref())))
            .chain(key)
            .collect();
        for (name, value) in all {
            let value = match value {
                Ok(value) => value,
                Err(why) => {
                    self.report.left_out(SUBJECT, &name, why);
                    continue;
                }
            };
            if value.len() >= SHORTEST_HIDDEN {
                self.hidden.push(value.clone());
            }
            let checked = check_secret_name(&name).and_then(|()| check_secret_value(&value));
            match (checked, open.as_ref().and_then(|open| open.get(&name))) {
                (Err(why), _) => {
                    let why = format!(
                        "{why}; where it is no secret, write it into `default_env` of the pipelines that need it"
                    );
                    self.report.left_out(SUBJECT, &name, why);
                }
                (Ok(()), Some(known)) if known.value() == Some(&*value) => self.report.here(SUBJECT, 1),
                (Ok(()), Some(_)) => {
                    self.report.left_out(SUBJECT, &name, "it has another value here, which stays");
                }
                (Ok(()), None) if there + new.len() >= MOST_SECRETS => {
                    self.report.left_out(SUBJECT, &name, format!("a project has at most {MOST_SECRETS}"));
                }
                (Ok(()), None) => new.push((name, value)),
            }
        }
        for row in rows.iter().filter(|row| row.get("is_parameter").is_some_and(truth)) {
            let name = row.get("key").unwrap_or_default();
            self.report.differs(SUBJECT, name, "a parameter that stood in clear is a sealed secret here");
        }
        self.report.came(SUBJECT, new.len() as u64);
        if let Some(store) = self.store().filter(|_| !new.is_empty()) {
            store.set_secrets(&self.project, &new, &self.deed).await.map_err(|e| of_store(&e))?;
        }
        Ok(())
    }

    /// A key that opens nothing of what is sealed is another server's.
    pub(super) async fn expect_right_key(&mut self) -> Result<(), Trouble> {
        if self.key.is_none() {
            return Ok(());
        }
        let secrets = self.rows("secrets").await?;
        let is_sealed = |row: &&ForeignRow| !row.get("is_parameter").is_some_and(truth);
        let mut tokens: Vec<String> =
            secrets.iter().filter(is_sealed).filter_map(|row| row.get("value")).map(str::to_owned).collect();
        for row in self.rows("orchestrator_settings").await? {
            let sealed = row.values().filter(|(column, _)| column.ends_with("_encrypted"));
            tokens.extend(sealed.map(|(_, token)| token.to_owned()));
        }
        if tokens.is_empty() || tokens.iter().any(|token| self.opened(token).is_some()) {
            return Ok(());
        }
        let what =
            format!("the key opens none of the {} values that are sealed in this database", tokens.len());
        Err(Trouble::new(ErrorCode::KeyWrong, what, "give the `ENCRYPTION_KEY` that Fast-Flow runs with"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
    const RIGHT: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";

    #[test]
    fn a_value_opens_with_its_key_and_a_parameter_without() {
        let key = FernetKey::parse(RIGHT).unwrap();
        let row = ForeignRow::from([("key", "A"), ("value", TOKEN), ("is_parameter", "0")]);
        assert_eq!(value(&row, Some(&key)), Ok("hello".to_owned()));
        assert!(value(&row, None).unwrap_err().contains("--key"));
        let other = FernetKey::parse("dw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=").unwrap();
        assert!(value(&row, Some(&other)).is_err());
        let plain = ForeignRow::from([("key", "A"), ("value", "x"), ("is_parameter", "true")]);
        assert_eq!(value(&plain, None), Ok("x".to_owned()));
    }
}
