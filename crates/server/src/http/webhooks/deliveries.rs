//! What came to webhooks, and having it done again.

use axum::response::Response;
use rigi_api::view::{DeliveryView, Page};
use rigi_engine::triggers::Coming;
use rigi_model::{ErrorCode, Timestamp, UploadId};
use rigi_store::triggers::Delivery;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::made::find;
use super::receive::answer;
use crate::http::asker::Asker;
use crate::http::error::{ApiError, ApiResult};
use crate::http::extract::{Path, Query};
use crate::http::scope::Scope;
use crate::http::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_deliveries))
        .routes(routes!(get_delivery))
        .routes(routes!(redeliver))
}

pub(super) fn view(delivery: Delivery) -> DeliveryView {
    DeliveryView {
        id: delivery.event,
        at: delivery.at,
        event: delivery.kind,
        outcome: delivery.outcome,
        reason: delivery.reason,
        run: delivery.run,
        again_of: delivery.again_of,
        headers: delivery.headers,
        body: delivery.body,
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListDeliveries {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// At most so many, up to 500; 50 unless told.
    limit: Option<u32>,
}

/// What came to a webhook, the newest first.
#[utoipa::path(get, path = "/webhooks/{webhook}/deliveries", tag = "triggers", extensions(("x-rigi-action" = json!("webhooks.read"))),
    params(ListDeliveries, ("webhook" = String, Path, description = "Name of the webhook")),
    responses((status = 200, description = "Deliveries", body = Page<DeliveryView>)))]
async fn list_deliveries(
    scope: Scope,
    Path(name): Path<String>,
    Query(query): Query<ListDeliveries>,
) -> ApiResult<axum::Json<Page<DeliveryView>>> {
    let hook = find(&scope, &name).await?;
    let limit = query.limit.unwrap_or(50).clamp(1, 500);
    let before = query.cursor.as_deref().map(|cursor| {
        let (at, event) = cursor.split_once(' ')?;
        Some((Timestamp(at.parse().ok()?), event.to_owned()))
    });
    let wrong = || ApiError::invalid("/query/cursor", "no page ends with it");
    let before = before.map(|before| before.ok_or_else(wrong)).transpose()?;
    let mut all = scope.db().deliveries(&hook.id, before, limit + 1).await?;
    let more = all.len() > limit as usize;
    all.truncate(limit as usize);
    let next_cursor = all.last().filter(|_| more).map(|last| format!("{} {}", last.at.0, last.event));
    Ok(axum::Json(Page { items: all.into_iter().map(view).collect(), next_cursor }))
}

async fn find_delivery(scope: &Scope, hook: &rigi_store::triggers::Webhook, id: &str) -> ApiResult<Delivery> {
    let found = scope.db().delivery(&hook.id, id).await?;
    found.ok_or_else(|| {
        ApiError::not_found("delivery", id)
            .cure(format!("`rigi webhooks deliveries {}` shows those that are kept.", hook.name))
    })
}

/// One delivery, with what it came with where that is kept.
#[utoipa::path(get, path = "/webhooks/{webhook}/deliveries/{delivery}", tag = "triggers", extensions(("x-rigi-action" = json!("webhooks.read"))),
    params(("webhook" = String, Path, description = "Name of the webhook"), ("delivery" = String, Path, description = "Its id")),
    responses((status = 200, description = "The delivery", body = DeliveryView)))]
async fn get_delivery(
    scope: Scope,
    Path((name, id)): Path<(String, String)>,
) -> ApiResult<axum::Json<DeliveryView>> {
    let hook = find(&scope, &name).await?;
    Ok(axum::Json(view(find_delivery(&scope, &hook, &id).await?)))
}

/// Has a delivery done again, by what the webhook says now: a new delivery with the same body.
#[utoipa::path(post, path = "/webhooks/{webhook}/deliveries/{delivery}/redeliver", tag = "triggers", extensions(("x-rigi-action" = json!("webhooks.manage"))),
    params(("webhook" = String, Path, description = "Name of the webhook"), ("delivery" = String, Path, description = "Its id")),
    responses((status = 202, description = "What became of it", body = Object)))]
async fn redeliver(
    scope: Scope,
    asker: Asker,
    Path((name, id)): Path<(String, String)>,
) -> ApiResult<Response> {
    let hook = find(&scope, &name).await?;
    let delivery = find_delivery(&scope, &hook, &id).await?;
    let Some(body) = delivery.body else {
        let detail = format!(
            "the body of the delivery `{id}` is not kept: it is larger than 256 KiB, or a secret is made of it"
        );
        return Err(ApiError::new(ErrorCode::StateConflict, detail).cure("Have its sender send it again."));
    };
    let coming = Coming {
        id: format!("again-{}", UploadId::generate().as_str().trim_start_matches("upl_")),
        event: delivery.kind,
        headers: delivery.headers,
        body: body.into_bytes(),
        again_of: Some(delivery.event),
    };
    answer(&asker.state, scope.catalog(), &hook, coming, Timestamp::now()).await
}
