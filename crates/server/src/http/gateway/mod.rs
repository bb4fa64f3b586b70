//! The files of projects, for tools that speak S3: a bucket `rigi`, in which each project has its name as a prefix.
//!
//! Requests are told by their signature, on the same ports as everything else: no other request carries one. Who signs with
//! what is found out in [`keys`], what they may is [`rigi_model::area::Holder`]'s to say, and files are the store's
//! ([`rigi_store::area`]). The protocol itself is the crate `s3s`.

mod checksums;
mod datasets;
mod files;
mod granted;
mod keys;
mod lists;
mod operations;
mod words;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::{S3Service, S3ServiceBuilder};

use crate::http::state::AppState;

/// How the `Authorization` of a signed request begins.
const SCHEME: &[u8] = b"AWS4-HMAC-SHA256";
/// What a signed address has: by the fourth version of the signature, and by the second, which boto3 still makes addresses with.
const SIGNATURES: [&str; 2] = ["X-Amz-Signature=", "AWSAccessKeyId=RG"];
/// Bytes of a body that is read as a whole: lists of what is to be removed, of the parts of a file.
const LARGEST_XML: usize = 4 << 20;

/// What a file from here may do in a browser that a signed address is opened in: nothing.
const FILE_POLICY: &str = "sandbox; default-src 'none'; frame-ancestors 'none'";

/// Answers signed requests. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    service: S3Service,
}

impl Gateway {
    /// For the projects of a server.
    #[must_use]
    pub fn new(state: AppState) -> Self {
        let files = files::Files { state: state.clone() };
        let mut config = S3Config::default();
        config.xml_max_body_size = LARGEST_XML;
        // Forms of browsers are not for here.
        config.post_object_max_file_size = 0;
        config.form_max_field_size = 1024;
        config.form_max_fields_size = 4096;
        config.form_max_parts = 4;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        builder.set_auth(keys::Keys { state: state.clone() });
        builder.set_access(granted::Rules { state });
        Self { service: builder.build() }
    }

    /// Whether a request is for here.
    #[must_use]
    pub fn is_asked(request: &Request) -> bool {
        let by_header = request.headers().get(header::AUTHORIZATION);
        by_header.is_some_and(|value| value.as_bytes().starts_with(SCHEME))
            || request.uri().query().is_some_and(|query| SIGNATURES.iter().any(|name| query.contains(name)))
    }

    /// Answers one.
    pub async fn answer(&self, request: Request) -> Response {
        let request = request.map(s3s::Body::http_body_unsync);
        let mut response = match self.service.call(request).await {
            Ok(response) => response.map(Body::new),
            Err(error) => {
                tracing::warn!(error = ?error, "a signed request broke the gateway");
                axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        };
        let headers = response.headers_mut();
        for (name, value) in [
            (header::CONTENT_SECURITY_POLICY, FILE_POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
            (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
