//! Datasets: what there is ([`show`]), adding and changing ([`change`]), contents before they have a name ([`contents`]), what lies in a version
//! ([`files`]), and what was made of what ([`lineage`]).

mod change;
mod contents;
mod files;
mod lineage;
mod show;

use rigi_engine::datasets::DatasetError;
use rigi_model::data::{Which, check_name};
use rigi_model::{ContentHash, ErrorCode};
use rigi_store::Error;
use rigi_store::datasets::DatasetVersion;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;

use super::error::{ApiError, ApiResult};
use super::scope::Scope;
use super::state::AppState;

/// Missing contents that are named in an answer.
const NAMED: usize = 100;

pub(super) fn router() -> OpenApiRouter<AppState> {
    show::router()
        .merge(change::router())
        .merge(contents::router())
        .merge(files::router())
        .merge(lineage::router())
}

/// A version by what an address says of it.
async fn version_of(scope: &Scope, name: &str, which: &str) -> ApiResult<DatasetVersion> {
    check_name(name).map_err(|why| ApiError::invalid("/path/dataset", why))?;
    let which = Which::parse(which).map_err(|why| ApiError::invalid("/path/version", why))?;
    Ok(scope.db().dataset_version(scope.project(), name, &which).await?)
}

fn hash_of(text: &str, pointer: &str) -> ApiResult<ContentHash> {
    text.parse().map_err(|error| ApiError::invalid(pointer, format!("{error}")))
}

impl From<DatasetError> for ApiError {
    fn from(error: DatasetError) -> Self {
        let text = error.to_string();
        match error {
            DatasetError::Name(why) => Self::invalid("/name", why),
            DatasetError::Missing(missing) => {
                let mut refused = Self::new(ErrorCode::StateConflict, text)
                    .cure("Store them first: `POST …/contents/missing` says which, and `POST …/contents` takes them.");
                refused.errors =
                    missing.iter().take(NAMED).map(|hash| json!({"sha256": hash.to_string()})).collect();
                refused
            }
            DatasetError::Tree(mistake) => Self::invalid("/files", mistake.to_string()),
            DatasetError::NoPath { .. } => Self::new(ErrorCode::NotFound, text),
            DatasetError::TooMany { .. } => Self::new(ErrorCode::TooLarge, text),
            DatasetError::Quota(exceeded) => Self::quota(&exceeded, text),
            DatasetError::Store(Error::Conflict(why)) => Self::new(ErrorCode::StateConflict, why),
            DatasetError::Store(error) => error.into(),
        }
    }
}
