//! Errors of the API: RFC 9457 problem details with a stable code, what to do, and nothing of the inside.

use std::time::Duration;

use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::QueryRejection;
use rigi_api::Problem;
use rigi_engine::catalog::Pipeline;
use rigi_engine::datasets::DatasetError;
use rigi_engine::quota::Exceeded;
use rigi_engine::repositories::{Failure, SyncError};
use rigi_engine::submit::SubmitError;
use rigi_model::ErrorCode;
use rigi_model::id::RequestId;
use rigi_model::parameters::ParameterMistake;
use rigi_model::pipeline::Mistake;
use serde_json::{Value, json};

use super::plain::plain;

/// Where the codes are explained.
const DOCS: &str = "docs/reference/errors.md#";

/// A failed request.
#[derive(Debug)]
pub struct ApiError {
    /// Stable code; it decides the status.
    pub code: ErrorCode,
    /// What is wrong.
    pub detail: String,
    /// Each single mistake.
    pub errors: Vec<Value>,
    /// What to do.
    pub cure: Option<String>,
    /// Logged, and never answered.
    pub cause: Option<String>,
    /// Where the code's own does not say it.
    pub status: Option<StatusCode>,
    /// When to come back.
    pub retry_after: Option<Duration>,
    /// Another server knows more.
    pub elsewhere: bool,
}

/// Result of a handler.
pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    /// A failure with a code and a sentence.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            cure: None,
            cause: None,
            status: None,
            retry_after: None,
            elsewhere: false,
        }
    }

    /// With what to do.
    #[must_use]
    pub fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = Some(cure.into());
        self
    }

    /// With a status that the code alone does not say.
    #[must_use]
    pub const fn status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    /// Too much at once, or too often.
    pub fn too_many(detail: impl Into<String>, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(ErrorCode::TooManyRequests, detail) }
    }

    /// A request that is not what the call takes.
    pub fn invalid(pointer: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let mut error = Self::new(ErrorCode::RequestInvalid, message.clone());
        error.errors.push(json!({"pointer": pointer, "message": message}));
        error
    }

    /// There is no such thing.
    pub fn not_found(what: &str, id: &str) -> Self {
        Self::new(
            ErrorCode::NotFound,
            format!("there is no {what} `{}`", id.chars().take(100).collect::<String>()),
        )
    }

    /// The problem that is answered.
    #[must_use]
    pub fn problem(&self, request: &RequestId) -> Problem {
        let (status, title) = describe(self.code);
        let status = self.status.unwrap_or(status);
        Problem {
            kind: format!("{DOCS}{}", self.code),
            code: self.code.to_string(),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail.clone(),
            request_id: request.to_string(),
            errors: self.errors.clone(),
            cure: self.cure.clone(),
        }
    }
}

/// Status and title of each code.
const fn describe(code: ErrorCode) -> (StatusCode, &'static str) {
    use ErrorCode as C;
    match code {
        C::ParameterInvalid => (StatusCode::UNPROCESSABLE_ENTITY, "A parameter breaks its schema"),
        C::InputInvalid => (StatusCode::UNPROCESSABLE_ENTITY, "An input is wrong"),
        C::RequestInvalid => (StatusCode::BAD_REQUEST, "The request is not what this call takes"),
        C::TooSlow => (StatusCode::REQUEST_TIMEOUT, "The request did not come to its end"),
        C::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "The request is too large"),
        C::NotFound => (StatusCode::NOT_FOUND, "There is no such thing"),
        C::Ambiguous => (StatusCode::CONFLICT, "The short id fits more than one"),
        C::PipelineInvalid => {
            (StatusCode::UNPROCESSABLE_ENTITY, "The pipeline's spec or folder has a mistake")
        }
        C::PipelineDisabled => (StatusCode::CONFLICT, "The pipeline is switched off"),
        C::StateConflict => (StatusCode::CONFLICT, "This does not fit the state it is in"),
        C::IdempotencyConflict => (StatusCode::CONFLICT, "The idempotency key was used for another request"),
        C::Unauthenticated => (StatusCode::UNAUTHORIZED, "Not signed in"),
        C::Forbidden => (StatusCode::FORBIDDEN, "Not allowed"),
        C::SecondFactorNeeded => (StatusCode::UNAUTHORIZED, "The second factor is needed"),
        C::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "Too many tries"),
        C::LastAdministrator => (StatusCode::CONFLICT, "This is the last administrator"),
        C::QuotaExceeded => (StatusCode::CONFLICT, "A quota of the project does not let it in"),
        C::SecretInvalid => (StatusCode::UNPROCESSABLE_ENTITY, "This cannot be a secret"),
        C::SecretMissing => (StatusCode::UNPROCESSABLE_ENTITY, "A secret is not set"),
        C::MailUnavailable => (StatusCode::CONFLICT, "This server sends no mail"),
        C::SyncFailed => {
            (StatusCode::UNPROCESSABLE_ENTITY, "The repository could not be taken; nothing has changed")
        }
        C::MailFailed => (StatusCode::BAD_GATEWAY, "The mail server did not take the mail"),
        C::TargetUnavailable => (StatusCode::UNPROCESSABLE_ENTITY, "This server has no such target"),
        C::StorageUnavailable | C::DataFolderIncomplete | C::DataFolderReadOnly => {
            (StatusCode::SERVICE_UNAVAILABLE, "The storage cannot be used now")
        }
        C::OutcomeUnknown => (StatusCode::SERVICE_UNAVAILABLE, "Whether it was accepted is not known"),
        C::StorageDamaged | C::DatabaseDamaged => {
            (StatusCode::INTERNAL_SERVER_ERROR, "What is stored is damaged")
        }
        C::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "The server is starting or stopping"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong inside"),
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let request = super::request::id();
        let problem = self.problem(&request);
        if problem.status >= 500 {
            let cause = self.cause.as_deref().unwrap_or(&self.detail);
            tracing::error!(%request, code = %self.code, cause, "a request failed");
        }
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let kind = HeaderValue::from_static("application/problem+json");
        let mut response = (status, [(header::CONTENT_TYPE, kind)], body).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        if self.elsewhere {
            response.extensions_mut().insert(super::forward::Elsewhere);
        }
        if let Some(after) = self.retry_after {
            // Rounded up: who comes back then is not told to wait once more.
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<rigi_store::Error> for ApiError {
    fn from(error: rigi_store::Error) -> Self {
        use rigi_store::Error as E;
        let text = error.to_string();
        match error {
            E::Ambiguous { .. } => Self::new(ErrorCode::Ambiguous, text),
            E::IdempotencyConflict { .. } => {
                Self::new(ErrorCode::IdempotencyConflict, text).cure("Use a new key for a new request.")
            }
            E::Full(why) => Self::new(
                ErrorCode::StorageUnavailable,
                format!("the disk is full, nothing was accepted ({why})"),
            )
            .cure("Make room on the disk of the data folder; then try again."),
            E::Storage { cure, .. } => {
                Self::new(ErrorCode::StorageUnavailable, format!("{text}; nothing was changed"))
                    .cure(sentence(cure))
            }
            E::ReadOnly(_) => {
                let detail = "the data folder cannot be written, nothing was accepted";
                let mut new = Self::new(ErrorCode::DataFolderReadOnly, detail);
                new.cause = Some(text);
                new.cure("Make its file system writable again; what runs goes on.")
            }
            E::OutcomeUnknown => {
                let detail =
                    "the database stopped answering while this was written: it may have been accepted";
                Self::new(ErrorCode::OutcomeUnknown, detail)
                    .cure("Send it again with the same `Idempotency-Key`; without one, look at the list of runs first.")
            }
            E::Unavailable(_) | E::Crossed(_) | E::Io { .. } | E::Database { .. } => {
                let mut new = Self::new(
                    ErrorCode::StorageUnavailable,
                    "the storage does not answer, nothing was changed",
                );
                new.cause = Some(text);
                new.cure("Try again; `rigi doctor` says more.")
            }
            // What should be there and is not.
            E::NotFound { what: "stored file", .. } => {
                let mut new = Self::new(ErrorCode::StorageDamaged, "the stored file is missing");
                new.cause = Some(text);
                new.cure("Restore it from a backup; `rigi doctor --deep` names what is damaged.")
            }
            E::NotFound { .. } => Self::new(ErrorCode::NotFound, text),
            E::Damaged { .. } => {
                let mut new = Self::new(ErrorCode::StorageDamaged, "what is stored here is damaged");
                new.cause = Some(text);
                new.cure("`rigi doctor --deep` names what is damaged.")
            }
            E::LastAdministrator => Self::new(ErrorCode::LastAdministrator, text)
                .cure("Make somebody else an administrator first."),
            E::BackupRunning | E::Conflict(_) | E::Parts(_) | E::NotEmpty { .. } | E::Key(_) => {
                Self::new(ErrorCode::StateConflict, text)
            }
            E::Sent(_) => Self::new(ErrorCode::RequestInvalid, text),
            E::Elsewhere(_) => {
                let mut new = Self::new(ErrorCode::StateConflict, text);
                new.elsewhere = true;
                new.cure("Ask the server that leads.")
            }
            E::Closed => Self::new(ErrorCode::Unavailable, "the server is stopping"),
            E::InUse { .. } => Self::new(ErrorCode::StorageUnavailable, text)
                .cure("Use the other server; or stop it, and start this one again."),
            E::Lost { .. } => Self::new(ErrorCode::DataFolderIncomplete, text),
            E::Newer { .. } => Self::new(ErrorCode::Internal, text),
        }
    }
}

/// Words as a sentence.
pub(super) fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

impl From<SyncError> for ApiError {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Failed(Failure { message, cure }) => {
                Self::new(ErrorCode::SyncFailed, message).cure(cure)
            }
            SyncError::Store(error) => error.into(),
        }
    }
}

impl From<SubmitError> for ApiError {
    fn from(error: SubmitError) -> Self {
        let text = error.to_string();
        match error {
            SubmitError::NoPipeline(_) => Self::new(ErrorCode::NotFound, text),
            SubmitError::Mistakes(pipeline) => Self::mistakes(&pipeline, text),
            SubmitError::Unread { .. } => Self::new(ErrorCode::StorageUnavailable, text)
                .cure("Try again, and look at the disk that the pipelines lie on."),
            SubmitError::Disabled(_) => {
                Self::new(ErrorCode::PipelineDisabled, text).cure("Set `enabled: true` in its spec.")
            }
            SubmitError::Parameters(mistakes) => Self::parameters(&mistakes, text),
            SubmitError::Invalid { pointer, message } => {
                let code = if pointer.starts_with("/inputs") {
                    ErrorCode::InputInvalid
                } else {
                    ErrorCode::RequestInvalid
                };
                let mut new = Self::new(code, message.clone());
                new.errors.push(json!({"pointer": pointer, "message": message}));
                new
            }
            SubmitError::NoTarget { .. } => Self::new(ErrorCode::TargetUnavailable, text)
                .cure("Choose another target, or set this one up on the server."),
            SubmitError::Refused { .. } => Self::new(ErrorCode::TargetUnavailable, text),
            SubmitError::Dataset { input, source } => match source {
                DatasetError::Store(error) if !matches!(error, rigi_store::Error::NotFound { .. }) => {
                    error.into()
                }
                _ => {
                    let mut new = Self::new(ErrorCode::InputInvalid, text.clone())
                        .cure("`rigi data list` shows what there is.");
                    new.errors.push(json!({"pointer": format!("/inputs/{input}"), "message": text}));
                    new
                }
            },
            SubmitError::Quota(exceeded) => Self::quota(&exceeded, text),
            SubmitError::SecretsMissing { names, .. } => Self::secrets_missing(&names, text),
            SubmitError::Capture { source, .. } => {
                Self { cure: source.cure(), ..Self::new(ErrorCode::PipelineInvalid, text) }
            }
            SubmitError::Store(error) => error.into(),
        }
    }
}

impl ApiError {
    fn mistakes(pipeline: &Pipeline, detail: String) -> Self {
        let mistakes = pipeline.outcome.as_ref().err().map(Vec::as_slice).unwrap_or_default();
        let mut new = Self::new(ErrorCode::PipelineInvalid, detail);
        let entry = |mistake: &Mistake| {
            let file = pipeline.path_of(mistake);
            let source = match mistake.line {
                0 => file,
                _ => format!("{file}:{}", mistake.position()),
            };
            json!({"source": source, "message": mistake.message, "cure": mistake.cure})
        };
        new.errors = mistakes.iter().map(entry).collect();
        new.cure = match mistakes.first() {
            Some(Mistake { path: Some(_), cure, .. }) => cure.clone(),
            _ => Some("Mend the spec; it is read again as soon as it is saved.".to_owned()),
        };
        new
    }

    pub(super) fn quota(exceeded: &Exceeded, detail: String) -> Self {
        let cure = match exceeded.quota {
            "queued" => "Come back when fewer wait, or cancel some of them.",
            _ => "Ask for less in its spec, or have an operator change the quota.",
        };
        let quota = format!("projects.{}.{}", exceeded.project, exceeded.quota);
        let mut new = Self::new(ErrorCode::QuotaExceeded, detail.clone()).cure(cure);
        new.errors.push(json!({"rule": quota, "message": detail}));
        new
    }

    fn secrets_missing(names: &[String], detail: String) -> Self {
        let first = names.first().map_or("NAME", String::as_str);
        let mut new = Self::new(ErrorCode::SecretMissing, detail)
            .cure(format!("`rigi secrets set {first}` sets it; or take it out of the spec."));
        new.errors = names
            .iter()
            .map(|name| json!({"secret": name, "message": format!("the secret `{name}` is not set")}))
            .collect();
        new
    }

    pub(super) fn parameters(mistakes: &[ParameterMistake], detail: String) -> Self {
        let mut new = Self::new(ErrorCode::ParameterInvalid, detail);
        new.cure = mistakes.first().and_then(|m| m.cure.clone());
        new.errors = mistakes.iter().filter_map(|m| serde_json::to_value(m).ok()).collect();
        if mistakes.iter().any(|m| m.rule == "size") {
            new.code = ErrorCode::TooLarge;
        }
        new
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return Self::new(ErrorCode::TooLarge, "the body is larger than this call takes");
        }
        Self::new(ErrorCode::RequestInvalid, "the body broke off").cure("Send it again.")
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        let text = rejection.body_text();
        let why = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
        // `name: what is wrong`, where it is one value's mistake.
        match why.split_once(": ").filter(|(name, _)| !name.contains([' ', '`'])) {
            Some((name, why)) => {
                let (name, why) = (name.split('[').next().unwrap_or(name), plain(why));
                Self::invalid(&format!("/query/{name}"), format!("`{name}`: {why}"))
            }
            None => Self::invalid("/query", plain(why)),
        }
    }
}

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        let text = rejection.body_text();
        let why = text.strip_prefix("Invalid URL: ").unwrap_or(&text);
        Self::invalid("/path", format!("the address cannot be read: {}", plain(why)))
    }
}
