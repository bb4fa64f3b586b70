//! Secrets that are made here: random, and shown once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rigi_model::ErrorCode;

use super::error::{ApiError, ApiResult};
use crate::auth::random_token;

fn none(error: getrandom::Error) -> ApiError {
    ApiError::new(ErrorCode::Internal, format!("the machine gives no random numbers: {error}"))
}

/// 256 bits, in hex.
pub(super) fn hex_secret() -> ApiResult<String> {
    random_token().map_err(none)
}

/// 256 bits as Standard Webhooks writes them: `whsec_` and base64.
pub(super) fn standard_secret() -> ApiResult<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(none)?;
    Ok(format!("whsec_{}", STANDARD.encode(bytes)))
}
