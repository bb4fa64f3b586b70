//! Credentials for one run: it may read what its project shares and write its own folder, and nothing else
//! ([`rigi_model::area::Holder`] says the same of what the server itself answers). Made by STS
//! (`AssumeRole` with a policy for the session), which Amazon and MinIO have.
//!
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>

use object_store::HeaderValue;
use object_store::aws::{AmazonS3, AwsAuthorizer};
use object_store::client::{HttpClient, HttpConnector, HttpRequest, ReqwestConnector};
use rigi_model::{RunId, Timestamp};
use serde_json::json;

use super::{Bucket, Inner, trouble};
use crate::storage::Hidden;
use crate::{Error, Result};

const OFF: &str = "set `storage.role` (Amazon) and `storage.sts_endpoint` right, or go without: `storage.credentials_for = \"none\"`";

/// What a run needs to reach its bucket.
#[derive(Debug, Clone)]
pub struct RunAccess {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: Hidden,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: Hidden,
    /// When they stop to serve.
    pub expires: Timestamp,
    /// Region.
    pub region: String,
    /// Where the bucket answers, if not at Amazon's.
    pub endpoint: Option<String>,
    /// `s3://bucket/prefix/project/`: what it may read lies below.
    pub storage: String,
    /// `s3://bucket/prefix/project/processes/run/`: what it may write.
    pub own: String,
}

impl Bucket {
    /// Whether runs get any.
    pub fn gives_credentials(&self) -> bool {
        self.inner.gives_credentials()
    }

    /// Credentials for a run; `None` where none are given.
    pub async fn access_for(&self, run: &RunId) -> Result<Option<RunAccess>> {
        if !self.inner.gives_credentials() {
            return Ok(None);
        }
        let run = run.clone();
        self.ask(|inner| async move { inner.assume(&run).await.map(Some) }).await
    }
}

impl Inner {
    /// Amazon makes them from a role; others from the server's key.
    pub(super) fn gives_credentials(&self) -> bool {
        let config = &self.config;
        let from = config.role.is_some() || config.endpoint.is_some();
        self.s3.is_some() && config.credentials_for.is_some() && from
    }

    pub(super) fn region(&self) -> String {
        let of_environment =
            || ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| std::env::var(name).ok());
        self.config.region.clone().or_else(of_environment).unwrap_or_else(|| "us-east-1".to_owned())
    }

    fn sts_endpoint(&self) -> String {
        let config = &self.config;
        let given = config.sts_endpoint.clone().or_else(|| config.endpoint.clone());
        let url = given.unwrap_or_else(|| format!("https://sts.{}.amazonaws.com", self.region()));
        format!("{}/", url.trim_end_matches('/'))
    }

    pub(super) async fn assume(&self, run: &RunId) -> Result<RunAccess> {
        let result = match &self.s3 {
            Some(s3) => self.ask_sts(s3, run).await,
            None => Err(Error::Storage { what: "this bucket has no STS".into(), cure: OFF }),
        };
        self.heard(&result);
        result
    }

    async fn ask_sts(&self, s3: &AmazonS3, run: &RunId) -> Result<RunAccess> {
        let url = self.sts_endpoint();
        let what = format!("make credentials for a run at {url}");
        let failed = |error: &object_store::Error| trouble::of(&what, error);
        let wrong = |why: String| Error::Storage { what: format!("cannot {what}: {why}"), cure: OFF };
        let region = self.region();
        let body = self.question(run);
        let mut request = HttpRequest::new(body.into());
        *request.method_mut() = "POST".parse().map_err(|_| Error::Closed)?;
        *request.uri_mut() = url.parse().map_err(|_| wrong("this is no address".into()))?;
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert("content-type", form);
        let own = s3.credentials().get_credential().await.map_err(|e| failed(&e))?;
        let signer = AwsAuthorizer::new(&own, "sts", &region);
        signer.try_authorize(&mut request, None).map_err(|e| failed(&e))?;
        let client = self.sts_client(&url).map_err(|e| failed(&e))?;
        let unheard = |error: object_store::client::HttpError| {
            failed(&object_store::Error::Generic { store: "STS", source: Box::new(error) })
        };
        let answer = client.execute(request).await.map_err(unheard)?;
        let status = answer.status();
        let text = answer.into_body().bytes().await.map_err(unheard)?;
        let text = String::from_utf8_lossy(&text);
        if !status.is_success() {
            let code = trouble::code_of(&text).unwrap_or("no code");
            let (meaning, cure) = trouble::meaning_of(code).unwrap_or(("it refuses", OFF));
            let what = format!("cannot {what}: {meaning} ({status}, {code})");
            return Err(Error::Storage { what, cure });
        }
        let field =
            |name: &str| between(&text, name).ok_or_else(|| wrong(format!("its answer has no {name}")));
        let expires = format!("\"{}\"", field("Expiration")?);
        Ok(RunAccess {
            access_key_id: field("AccessKeyId")?,
            secret_access_key: Hidden(field("SecretAccessKey")?),
            session_token: Hidden(field("SessionToken")?),
            expires: serde_json::from_str(&expires).map_err(|error| wrong(error.to_string()))?,
            region,
            endpoint: self.config.endpoint.clone(),
            storage: self.name(""),
            own: self.name(&format!("processes/{run}/")),
        })
    }

    /// Made once: it reads the certificates of authorities.
    fn sts_client(&self, url: &str) -> object_store::Result<HttpClient> {
        if let Some(known) = self.client.get() {
            return Ok(known.clone());
        }
        let plain = url.starts_with("http://") && self.config.sts_endpoint.is_some();
        let options = if plain { self.options.clone().with_allow_http(true) } else { self.options.clone() };
        let client = ReqwestConnector::default().connect(&options)?;
        Ok(self.client.get_or_init(|| client).clone())
    }

    /// The form that is sent.
    fn question(&self, run: &RunId) -> String {
        let seconds = self.config.credentials_for.map_or(3600, |time| time.as_secs());
        let policy = policy(&self.config.bucket, &self.base, run.as_str());
        let mut fields = vec![
            ("Action", "AssumeRole".to_owned()),
            ("Version", "2011-06-15".to_owned()),
            ("DurationSeconds", seconds.to_string()),
            ("RoleSessionName", run.as_str().to_owned()),
            ("Policy", policy),
        ];
        fields.extend(self.config.role.clone().map(|role| ("RoleArn", role)));
        let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        pairs.join("&")
    }
}

/// What a run may do, below `base` of `bucket`. Amazon takes 2,048 characters.
fn policy(bucket: &str, base: &str, run: &str) -> String {
    let of = |inner: &str| format!("arn:aws:s3:::{bucket}/{base}/{inner}");
    let read = [of("uploads/*"), of("processes/*/datasets/*"), of(&format!("processes/{run}/*"))];
    let write = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"];
    let prefix = json!({"StringLike": {"s3:prefix": [format!("{base}/*")]}});
    let list = format!("arn:aws:s3:::{bucket}");
    let statements = json!([
        {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": read},
        {"Effect": "Allow", "Action": write, "Resource": [of(&format!("processes/{run}/*"))]},
        {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": [list], "Condition": prefix},
    ]);
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

/// Percent-encoding of everything but letters, digits and `-._~`.
fn escaped(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// The text of an element of the answer. Its texts hold nothing that XML writes otherwise.
fn between(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(found, _)| found.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_the_project_and_the_run_and_fits() {
        let text = policy("bucket", "some/prefix/default", "run_01jd3v5zqgf0v8c2x4m6n8p0r2");
        assert!(text.len() < 1500, "{}", text.len());
        assert!(
            text.contains(
                "arn:aws:s3:::bucket/some/prefix/default/processes/run_01jd3v5zqgf0v8c2x4m6n8p0r2/*"
            )
        );
        assert_eq!(escaped("a b/*"), "a%20b%2F%2A");
        assert_eq!(between("<X><A> 1 </A></X>", "A"), Some("1".into()));
    }
}
