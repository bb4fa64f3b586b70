//! Runs for papers: what a methods section says of one, and one as a crate of files that says how they were made (RO-Crate).

mod gather;
mod reproduce;
mod tools;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use rigi_api::view::CitationView;
use rigi_model::ErrorCode;
use rigi_model::data::FileAt;
use rigi_model::hash::hex;
use rigi_model::rights::Role;
use rigi_store::Run;
use rigi_store::tables::versions::Version;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::gather::{Most, gather};
use super::error::{ApiError, ApiResult};
use super::extract::{Path, Query};
use super::file_answers::media_type;
use super::scope::Scope;
use super::state::AppState;
use super::zipped::{self, Contents};
use crate::papers::{Bounds, Code, crate_of};

/// What is told in an answer: the page and a terminal read it whole.
const TOLD: Most = Most { runs: 300, files: 4000, bytes: 2 << 20 };
/// What a crate tells of: its description is one file that others read whole as well.
const IN_A_CRATE: Most = Most { runs: 1000, files: 20_000, bytes: 16 << 20 };
/// Characters of a licence.
const LONGEST_LICENCE: usize = 300;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get_citation)).routes(routes!(get_crate)).merge(reproduce::router())
}

/// What a paper says of a run: a text for its methods section, and the same as data. Of a flow, of its steps too.
#[utoipa::path(get, path = "/runs/{id}/citation", tag = "runs", extensions(("x-rigi-action" = json!("code.read"))),
    params(("id" = String, Path, description = "Id of the run")),
    responses((status = 200, description = "Text and data", body = CitationView)))]
async fn get_citation(scope: Scope, Path(id): Path<String>) -> ApiResult<axum::Json<CitationView>> {
    let (scope, run) = scope.find_run(&id).await?;
    Ok(axum::Json(gather(&scope, run, TOLD).await?.view))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct GetCrate {
    /// The licence of what is in it, best its address; unless told, the licence file of the code, if there is one.
    #[param(example = "https://creativecommons.org/licenses/by/4.0/", max_length = 300)]
    license: Option<String>,
}

/// An ended run as an RO-Crate: code, inputs and outputs with what made them, as a zip. Of a run alone it is a Process Run Crate, of a flow a
/// Provenance Run Crate. Its length is known, and any part of it may be asked for. Uploaded inputs are in it for those who may start runs.
#[utoipa::path(get, path = "/runs/{id}/crate", tag = "runs", extensions(("x-rigi-action" = json!("artifacts.read"))),
    params(("id" = String, Path, description = "Id of the run"), GetCrate),
    responses((status = 200, description = "The zip", body = Vec<u8>, content_type = "application/zip"),
              (status = 206, description = "The part that `Range` asks for", body = Vec<u8>, content_type = "application/zip")))]
async fn get_crate(
    scope: Scope,
    Path(id): Path<String>,
    Query(query): Query<GetCrate>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let (scope, run) = scope.find_run(&id).await?;
    if query.license.as_ref().is_some_and(|text| text.chars().count() > LONGEST_LICENCE) {
        let words = format!("a licence has {LONGEST_LICENCE} characters at most");
        return Err(ApiError::invalid("/query/license", words));
    }
    ended(&run)?;
    let short = run.request.id.short().to_owned();
    let name = format!("{}-{short}.zip", run.request.pipeline.as_str().replace('/', "-"));
    let found = gather(&scope, run, IN_A_CRATE).await?;
    let code: Vec<Code> = found.versions.into_values().map(code).collect();
    let bounds = Bounds { uploads: scope.role() >= Some(Role::Runner), ..Bounds::default() };
    let parts = crate_of(&found.view, &code, &bounds, query.license.as_deref(), media_type);
    let tag = format!("\"crate-{}\"", hex(&Sha256::digest(&parts.metadata)[..16]));
    let mut made = vec![
        ("ro-crate-metadata.json".to_owned(), parts.metadata.into()),
        ("README.md".to_owned(), parts.readme.into()),
    ];
    made.extend(parts.made.map(|(path, bytes)| (path, bytes.into())));
    let contents = Contents { made, stored: parts.files };
    let mut answer = zipped::answer(scope.blobs(), contents, &tag, &headers).await?;
    let name: String = name.chars().map(|c| if c.is_ascii_graphic() && c != '"' { c } else { '_' }).collect();
    if let Ok(shown) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        answer.headers_mut().insert(header::CONTENT_DISPOSITION, shown);
    }
    Ok(answer)
}

/// What a run made is known when it has ended.
fn ended(run: &Run) -> ApiResult<()> {
    if run.status.state.is_terminal() {
        return Ok(());
    }
    let detail = format!("run {} is {} and has not ended", run.request.id.short(), run.status.state);
    Err(ApiError::new(ErrorCode::StateConflict, detail).cure("Wait for its end."))
}

fn code(mut version: Version) -> Code {
    version.spec.hide_secrets();
    let file = |file: rigi_store::tables::versions::VersionFile| FileAt {
        path: file.path,
        sha256: file.sha256,
        size: file.size,
    };
    Code {
        version: version.hash.to_string(),
        spec: serde_json::to_string_pretty(&version.spec).unwrap_or_default(),
        files: version.files.into_iter().map(file).collect(),
    }
}
