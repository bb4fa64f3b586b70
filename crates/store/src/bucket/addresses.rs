//! Signed addresses of single stored files: whoever has one reads, or writes, just this file, for a while and without a
//! key.
//!
//! One to write is signed together with the content's hash. So the storage itself refuses every other content, and what
//! lies under a hash is what the hash says, whoever has written it.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>

use std::time::Duration;

use object_store::aws::{AmazonS3, AwsAuthorizer};
use object_store::client::{HttpRequest, HttpRequestBody};
use object_store::signer::{HeaderName, HeaderValue, Method, Signer};

use super::{Bucket, Inner, trouble};
use crate::{Error, Result, Stored};

/// So long an address to read is good. One to write is as long as S3 takes its time of signing: as long.
const LIFE: Duration = Duration::from_secs(15 * 60);
/// What S3 takes in one request.
const LARGEST: u64 = 5_000_000_000;

/// Where a file is read or written, and the headers that belong to the request. As good as a key, as long as it lasts:
/// not to be shown.
pub struct Address {
    /// With all of its query.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
}

impl Bucket {
    /// Where what has this key is read.
    pub async fn address_to_read(&self, key: &str) -> Result<Address> {
        let key = key.to_owned();
        self.ask(|inner| async move { inner.sign_read(&key).await }).await
    }

    /// Where this content is written; `None` where it cannot be written so.
    pub async fn address_to_write(&self, key: &str, content: &Stored) -> Result<Option<Address>> {
        if content.size > LARGEST {
            return Ok(None);
        }
        let (key, hash) = (key.to_owned(), content.sha256);
        self.ask(|inner| async move {
            match &inner.s3 {
                Some(s3) => inner.sign_write(s3, &key, hash.bytes()).await.map(Some),
                // Google's signatures do not speak of the content.
                None => Ok(None),
            }
        })
        .await
    }
}

impl Inner {
    async fn sign_read(&self, key: &str) -> Result<Address> {
        let signed = self.objects.signed_url(Method::GET, &self.key(key), LIFE).await;
        let url = signed.map_err(|error| self.unsigned(key, &error))?;
        Ok(Address { url: url.into(), headers: Vec::new() })
    }

    async fn sign_write(&self, s3: &AmazonS3, key: &str, digest: &[u8]) -> Result<Address> {
        let failed = |error: &object_store::Error| self.unsigned(key, error);
        // Signed by its headers instead: a signature in the query does not speak of the content.
        let mut url = s3.signed_url(Method::PUT, &self.key(key), LIFE).await.map_err(|e| failed(&e))?;
        url.set_query(None);
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.method_mut() = Method::PUT;
        *request.uri_mut() = url.as_str().parse().map_err(|_| Error::Closed)?;
        let own = s3.credentials().get_credential().await.map_err(|e| failed(&e))?;
        let signed = AwsAuthorizer::new(&own, "s3", &self.region()).try_authorize(&mut request, Some(digest));
        signed.map_err(|e| failed(&e))?;
        let text = |(name, value): (&HeaderName, &HeaderValue)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        };
        Ok(Address { url: url.into(), headers: request.headers().iter().filter_map(text).collect() })
    }

    fn unsigned(&self, key: &str, error: &object_store::Error) -> Error {
        trouble::of(&format!("sign an address of {}", self.name(key)), error)
    }
}
