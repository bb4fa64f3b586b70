//! Who did what.

use axum::extract::State;
use rigi_api::view::{AuditHead, AuditOutside, AuditVerdict, AuditView, Page, VerifyAudit};
use rigi_model::{PersonId, ProjectName, Timestamp};
use rigi_store::people::Audited;
use rigi_store::people::audit::AuditFilter;
use rigi_store::people::audit_outside::Outside;
use rigi_store::people::audit_seal::{Head, kept_head};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ApiResult};
use super::extract::{Json, Query};
use super::scope::Scope;
use super::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_audit))
        .routes(routes!(verify_audit))
        .routes(routes!(list_activity))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListAudit {
    /// Of this project alone.
    project: Option<String>,
    /// By this account alone.
    actor: Option<String>,
    /// Of this action alone, such as `members.set`.
    action: Option<String>,
    /// At or after this time.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// At or before this time.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// At most so many, up to 1000; 100 unless told.
    limit: Option<u32>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListActivity {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// At most so many, up to 1000; 100 unless told.
    limit: Option<u32>,
}

fn view(state: &AppState, line: Audited) -> AuditView {
    let json = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
    AuditView {
        id: line.id,
        at: Timestamp(line.at),
        actor: line.actor,
        actor_id: line.actor_id,
        via: line.via,
        action: line.action,
        project: line.project.map(|id| state.projects.name_of(&ProjectName::unchecked(id)).to_string()),
        subject: line.subject,
        subject_id: line.subject_id,
        before: json(line.before),
        after: json(line.after),
        address: line.address,
        request: line.request,
        result: line.result,
    }
}

async fn page(state: &AppState, mut filter: AuditFilter, limit: Option<u32>) -> ApiResult<Page<AuditView>> {
    let limit = limit.unwrap_or(100).clamp(1, 1000);
    filter.limit = limit + 1;
    let mut lines = state.store().db().audit(&filter).await?;
    let more = lines.len() > limit as usize;
    lines.truncate(limit as usize);
    let next_cursor = lines.last().filter(|_| more).map(|line| line.id.clone());
    Ok(Page { items: lines.into_iter().map(|line| view(state, line)).collect(), next_cursor })
}

/// Who did what, the newest first.
#[utoipa::path(get, path = "/audit", tag = "people", extensions(("x-rigi-action" = json!("audit.read"))), params(ListAudit),
    responses((status = 200, description = "Lines", body = Page<AuditView>)))]
async fn list_audit(
    State(state): State<AppState>,
    Query(query): Query<ListAudit>,
) -> ApiResult<axum::Json<Page<AuditView>>> {
    let actor = query.actor.map(|id| id.parse::<PersonId>()).transpose();
    let filter = AuditFilter {
        project: query
            .project
            .map(|name| state.projects.id_of(&name).unwrap_or_else(|| ProjectName::unchecked(name))),
        actor: actor.map_err(|e| ApiError::invalid("/query/actor", e.to_string()))?,
        action: query.action,
        before: query.cursor,
        since: query.since,
        until: query.until,
        limit: 0,
    };
    page(&state, filter, query.limit).await.map(axum::Json)
}

/// Looks at the whole audit log: whether each line is as it was when it was sealed, and none is missing.
#[utoipa::path(post, path = "/audit/verify", tag = "people", extensions(("x-rigi-action" = json!("audit.read"))), request_body = VerifyAudit,
    responses((status = 200, description = "What was found", body = AuditVerdict)))]
async fn verify_audit(
    State(state): State<AppState>,
    Json(body): Json<VerifyAudit>,
) -> ApiResult<axum::Json<AuditVerdict>> {
    let store = state.store();
    let is_given = body.head.is_some();
    let kept = match body.head {
        Some(AuditHead { number, hash, signature, public_key, at }) => {
            Some(Head { number, hash, signature, public_key, at })
        }
        None => kept_head(store.data())?,
    };
    let mut found = store.db().verify_audit(kept.as_ref()).await?;
    let outside = store.kept_outside().await;
    if let Some(outside) = &outside {
        // One that was given may be of any time.
        let folder = if is_given { None } else { kept.as_ref() };
        found.wrong.extend(store.db().hold_outside(outside, folder).await?);
    }
    let view = |Head { number, hash, signature, public_key, at }: Head| AuditHead {
        number,
        hash,
        signature,
        public_key,
        at,
    };
    let head = kept.map(view);
    let outside =
        outside.map(|Outside { place, head, trouble }| AuditOutside { place, head: head.map(view), trouble });
    Ok(axum::Json(AuditVerdict {
        sealed: found.sealed,
        waiting: found.waiting,
        seals: found.seals,
        wrong: found.wrong,
        head,
        outside,
    }))
}

/// Who did what in the project, the newest first.
#[utoipa::path(get, path = "/activity", tag = "people", extensions(("x-rigi-action" = json!("project.audit"))), params(ListActivity),
    responses((status = 200, description = "Lines", body = Page<AuditView>)))]
async fn list_activity(
    scope: Scope,
    Query(query): Query<ListActivity>,
) -> ApiResult<axum::Json<Page<AuditView>>> {
    let filter = AuditFilter {
        project: Some(scope.project().clone()),
        before: query.cursor,
        ..AuditFilter::default()
    };
    page(&scope, filter, query.limit).await.map(axum::Json)
}
