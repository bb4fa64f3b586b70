//! An attempt's way to the bucket of its project: variables, and credentials that end.
//!
//! Credentials that outlive the attempt's time limit are variables. Others stand in a file that is renewed, which the
//! usual libraries read by way of a `credential_process`: see
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rigi_model::Timestamp;
use serde::{Deserialize, Serialize};

/// Between the making of credentials and the start of an attempt that is to have them as variables.
const BEFORE_START: Duration = Duration::from_secs(600);
/// Renewed no sooner than this after the last time.
const SOONEST: Duration = Duration::from_secs(30);

/// The file of credentials in an attempt's folder of them.
pub const FILE: &str = "credentials.json";
/// What tells the usual libraries to read it.
pub const CONFIG: &str = "config";

/// Names that a pipeline sets when it has credentials of its own.
const OWN: [&str; 4] = ["AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE"];

/// Credentials of one run.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: String,
    /// `AWS_SESSION_TOKEN`, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_token: Option<String>,
    /// When they stop to serve.
    pub expires: Timestamp,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential").field("expires", &self.expires).finish_non_exhaustive()
    }
}

impl Credential {
    /// How long after `now` they are to be renewed: when a third of their time is left.
    #[must_use]
    pub fn renew_in(&self, now: Timestamp) -> Duration {
        (self.expires.since(now) * 2 / 3).max(SOONEST)
    }

    /// As a `credential_process` prints them.
    #[must_use]
    pub fn printed(&self) -> String {
        let Self { access_key_id, secret_access_key, session_token, expires } = self;
        let mut printed = serde_json::json!({
            "Version": 1,
            "AccessKeyId": access_key_id,
            "SecretAccessKey": secret_access_key,
        });
        if let Some(token) = session_token {
            printed["SessionToken"] = token.as_str().into();
        }
        printed["Expiration"] = serde_json::json!(expires);
        printed.to_string()
    }
}

/// How an attempt has its credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GivenBy {
    /// As variables: they last as long as the attempt may.
    Variables,
    /// In a file, which is renewed.
    File,
}

/// How an attempt reaches the bucket of its project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketAccess {
    /// Variables that hold no secret.
    pub variables: BTreeMap<String, String>,
    /// What opens the bucket.
    pub credential: Credential,
    /// How it is given.
    pub given: GivenBy,
    /// The server itself answers, at the door of runners: the runner knows where that is.
    #[serde(default)]
    pub at_door: bool,
}

/// Variables that say where a bucket answers.
pub const ENDPOINT: [&str; 2] = ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"];

impl BucketAccess {
    /// For an attempt with this time limit and grace period.
    #[must_use]
    pub fn new(
        variables: BTreeMap<String, String>,
        credential: Credential,
        timeout: Option<Duration>,
        grace: Duration,
        now: Timestamp,
    ) -> Self {
        let lasts = |timeout: Duration| now.after(BEFORE_START + timeout + grace) < credential.expires;
        let given = if timeout.is_some_and(lasts) { GivenBy::Variables } else { GivenBy::File };
        Self { variables, credential, given, at_door: false }
    }

    /// Says where the bucket answers.
    pub fn set_endpoint(&mut self, url: &str) {
        self.variables.extend(ENDPOINT.map(|name| (name.to_owned(), url.to_owned())));
    }

    /// The variables of its process. A pipeline that brings credentials of its own keeps them.
    #[must_use]
    pub fn of_process(&self, own: &BTreeMap<String, String>, folder: &Path) -> Vec<(String, String)> {
        let mut all: BTreeMap<String, String> = self.variables.clone();
        let mut set = |name: &str, value: String| all.insert(name.to_owned(), value);
        match self.given {
            GivenBy::Variables => {
                set("AWS_ACCESS_KEY_ID", self.credential.access_key_id.clone());
                set("AWS_SECRET_ACCESS_KEY", self.credential.secret_access_key.clone());
                if let Some(token) = &self.credential.session_token {
                    set("AWS_SESSION_TOKEN", token.clone());
                }
            }
            GivenBy::File => {
                set("AWS_CONFIG_FILE", folder.join(CONFIG).display().to_string());
                set("RIGI_STORAGE_CREDENTIALS", folder.join(FILE).display().to_string());
            }
        }
        if OWN.iter().any(|name| own.contains_key(*name)) {
            all.retain(|name, _| name.starts_with("RIGI_"));
        }
        all.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(expires: i64) -> Credential {
        Credential {
            access_key_id: "id".into(),
            secret_access_key: "hunter2".into(),
            session_token: Some("token".into()),
            expires: Timestamp(expires),
        }
    }

    fn access(timeout: Option<Duration>) -> BucketAccess {
        let variables = BTreeMap::from([("RIGI_STORAGE".to_owned(), "s3://b/default/".to_owned())]);
        let hour = credential(3_600_000_000);
        BucketAccess::new(variables, hour, timeout, Duration::from_secs(10), Timestamp(0))
    }

    #[test]
    fn credentials_are_variables_only_where_they_outlast_the_attempt() {
        let short = access(Some(Duration::from_secs(600)));
        assert_eq!(short.given, GivenBy::Variables);
        for long in [access(None), access(Some(Duration::from_secs(3500)))] {
            assert_eq!(long.given, GivenBy::File);
        }
        let names = |access: &BucketAccess, own: &[&str]| -> Vec<String> {
            let own = own.iter().map(|name| ((*name).to_owned(), String::new())).collect();
            access.of_process(&own, Path::new("/c")).into_iter().map(|(name, _)| name).collect()
        };
        let keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "RIGI_STORAGE"];
        assert_eq!(names(&short, &[]), keys);
        assert_eq!(
            names(&access(None), &[]),
            ["AWS_CONFIG_FILE", "RIGI_STORAGE", "RIGI_STORAGE_CREDENTIALS"]
        );
        assert_eq!(names(&short, &["AWS_ACCESS_KEY_ID"]), ["RIGI_STORAGE"], "a pipeline's own are its own");
        let mut own = access(Some(Duration::from_secs(600)));
        own.credential.session_token = None;
        own.set_endpoint("http://127.0.0.1:1");
        let [one, other] = ENDPOINT;
        assert_eq!(
            names(&own, &[]),
            ["AWS_ACCESS_KEY_ID", one, other, "AWS_SECRET_ACCESS_KEY", "RIGI_STORAGE"]
        );
        assert!(!own.credential.printed().contains("SessionToken"));
        assert!(!format!("{short:?}").contains("hunter2"));
    }
}
