//! Projects as archives: taken along, and brought in.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::unix::net::UnixStream;

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::StreamExt;
use rigi_api::view::ImportedView;
use rigi_model::ErrorCode;
use rigi_model::project::ProjectSettings;
use rigi_store::Error;
use rigi_store::archive::{Head, Refused, read_head};
use serde::Deserialize;
use tokio_util::io::ReaderStream;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asker::Asker;
use super::error::{ApiError, ApiResult};
use super::extract::{Path, Query};
use super::projects::find;
use super::projects_change::{
    check_labels, check_quota, free, fresh, name_of, owned_by_asker, room_for_one, there,
};
use super::state::AppState;

/// Bytes of one archive at most.
const LARGEST: u64 = 1 << 40;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(export_project)).routes(routes!(import_project))
}

/// All of a project as one archive: ended runs with their logs and files, code, its pipelines and settings. Values of secrets,
/// people, roles and the audit log are not in it.
#[utoipa::path(get, path = "/projects/{project}/export", tag = "projects", extensions(("x-rigi-action" = json!("project.manage"))),
    params(("project" = String, Path, description = "Name of the project")),
    responses((status = 200, description = "The archive: tar in zstd. One that breaks off has no end, and is refused where it is brought in",
        body = Vec<u8>, content_type = "application/octet-stream")))]
async fn export_project(asker: Asker, Path(name): Path<String>) -> ApiResult<Response> {
    let state = asker.state.clone();
    let project = find(&state, &asker.principal, &name)?;
    there(&project)?;
    state.store().tell_export(project.id(), &asker.deed()).await?;
    // A pair of sockets holds a bounded part of it, and keeps whoever writes waiting for whoever reads.
    let trouble = |error: io::Error| ApiError::new(ErrorCode::Internal, error.to_string());
    let (to, from) = UnixStream::pair().map_err(trouble)?;
    from.set_nonblocking(true).map_err(trouble)?;
    let from = tokio::net::UnixStream::from_std(from).map_err(trouble)?;
    let file = format!("attachment; filename=\"{}.rigi-project\"", project.name());
    let task = tokio::spawn(async move { rigi_engine::moving::export(&state.engine, &project, to).await });
    let mut pieces = ReaderStream::new(from);
    // What keeps it from beginning is said as such; only what comes later breaks it off.
    let Some(first) = pieces.next().await else {
        return Err(match task.await {
            Ok(Err(error)) => error.into(),
            _ => Error::Closed.into(),
        });
    };
    let end = async move {
        match task.await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(Err::<Bytes, _>(io::Error::other(error))),
            Err(error) => Some(Err(io::Error::other(error))),
        }
    };
    let ended = futures_util::stream::once(end).filter_map(std::future::ready);
    let begun = futures_util::stream::once(std::future::ready(first));
    let body = Body::from_stream(begun.chain(pieces).chain(ended));
    let headers =
        [(header::CONTENT_TYPE, "application/octet-stream".to_owned()), (header::CONTENT_DISPOSITION, file)];
    Ok((headers, body).into_response())
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ImportProject {
    /// What it is called here; absent: what it was called where it was taken from.
    name: Option<String>,
}

/// Brings a project in: the body is an archive. All of it comes, or nothing; whoever brings it owns it.
#[utoipa::path(post, path = "/projects/import", tag = "projects", extensions(("x-rigi-action" = json!("projects.manage"))), params(ImportProject),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, description = "The project, and what did not come", body = ImportedView)))]
async fn import_project(asker: Asker, Query(query): Query<ImportProject>, body: Body) -> ApiResult<Response> {
    let state = &asker.state;
    if !state.engine.leads() {
        return Err(Error::Elsewhere("bringing in a project").into());
    }
    let wanted = query.name.as_deref().map(name_of).transpose()?;
    if let Some(name) = &wanted {
        free(state, name, None)?;
    }
    room_for_one(state)?;
    state.engine.room().check()?;
    let (archive, head) = received(state, body).await?;
    let name = wanted.map_or_else(|| name_of(head.name.as_str()), Ok)?;
    free(state, &name, None)?;
    let settings = settings_here(state, &head)?;
    let imported = state.collector.import(archive, (name, settings), asker.deed()).await;
    let (facts, put) = imported.map_err(refused)?;
    owned_by_asker(&asker, &facts.id).await?;
    let axum::Json(project) = fresh(&asker, &facts.id).await?;
    let (head, tail) = (put.head, put.tail);
    let view = ImportedView {
        project,
        taken_as: head.name,
        taken_at: head.taken_at,
        runs: head.rows.get("runs").copied().unwrap_or_default(),
        open_runs: head.open_runs,
        files: tail.files,
        left_out: tail.left_out,
        missing: tail.missing,
        secrets: head.secrets,
    };
    Ok((StatusCode::CREATED, axum::Json(view)).into_response())
}

/// What is set for it here: what names something of another server, or shows it to others, is said anew.
fn settings_here(state: &AppState, head: &Head) -> ApiResult<ProjectSettings> {
    let ProjectSettings { labels, target, retention, quota, .. } = head.settings.clone();
    check_labels(&labels)?;
    check_quota(&quota)?;
    let target = target.filter(|target| state.engine.targets().contains(target));
    Ok(ProjectSettings { labels, target, retention, quota, ..ProjectSettings::default() })
}

fn refused(refused: Refused) -> ApiError {
    let text = format!("the archive cannot be brought in: {refused}");
    match refused {
        Refused::Store(error) => error.into(),
        Refused::Archive(_) => ApiError::new(ErrorCode::RequestInvalid, text)
            .cure("Nothing of it is left here. Take the project again where it comes from."),
        Refused::TooLarge(_) => ApiError::new(ErrorCode::TooLarge, text)
            .cure("Nothing of it is left here. Make room on the disk of the data folder."),
        Refused::Here(_) => ApiError::new(ErrorCode::StateConflict, text).cure(
            "The project is here: a run is on a server once. Delete that project first, with `--at-once`.",
        ),
    }
}

/// The archive in a file without a name, which goes with the request, and what it says of itself.
async fn received(state: &AppState, body: Body) -> ApiResult<(File, Head)> {
    let store = state.store();
    let path = store.data().join("tmp").join(format!("import-{}", rigi_model::UploadId::generate()));
    let trouble = |source: io::Error| -> ApiError {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Error::Full(source.to_string()).into()
            }
            _ => Error::Io { what: "keep an archive".to_owned(), source }.into(),
        }
    };
    let mut file = File::options().read(true).write(true).create_new(true).open(&path).map_err(trouble)?;
    std::fs::remove_file(&path).map_err(trouble)?;
    let most = state.engine.room().left().min(LARGEST);
    let (mut pieces, mut size) = (body.into_data_stream(), 0);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| ApiError::new(ErrorCode::RequestInvalid, "the archive broke off"))?;
        size += piece.len() as u64;
        if size > most {
            let detail = format!("the archive has more than {most} bytes, for which there is room here");
            return Err(ApiError::new(ErrorCode::TooLarge, detail));
        }
        // Off the async threads, one piece after the other: the disk sets the pace.
        let written = tokio::task::spawn_blocking(move || file.write_all(&piece).map(|()| file));
        file = written.await.map_err(|_| Error::Closed)?.map_err(trouble)?;
    }
    let look = tokio::task::spawn_blocking(move || {
        file.rewind().map_err(|source| Error::Io { what: "read an archive".to_owned(), source })?;
        let head = read_head(&file)?;
        file.rewind().map_err(|source| Error::Io { what: "read an archive".to_owned(), source })?;
        Ok((file, head))
    });
    look.await.map_err(|_| Error::Closed)?.map_err(refused)
}
