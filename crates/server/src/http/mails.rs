//! What became of mails, for administrators; and what other handlers write into them.

use axum::http::StatusCode;
use rigi_api::view::{MailLog, MailServerView, MailView, TestMail};
use rigi_model::mail::{MailKind, MailState};
use rigi_model::people::mail_address;
use rigi_model::{ErrorCode, MailId, Timestamp};
use rigi_store::people::{Deed, Person};
use rigi_store::tables::mails::{Mail as Queued, NewMail};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asker::Asker;
use super::error::{ApiError, ApiResult};
use super::extract::{Json, Path, Query};
use super::state::AppState;
use crate::mail::{Change, Encryption, Mail, sealed};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_mails)).routes(routes!(test_mail)).routes(routes!(retry_mail))
}

/// How mail goes from here.
///
/// # Errors
/// If it goes nowhere.
pub(super) fn mail_of(state: &AppState) -> ApiResult<&Mail> {
    state.mail.as_ref().ok_or_else(|| {
        ApiError::new(ErrorCode::MailUnavailable, "this server sends no mail: no mail server is set up")
            .cure("Set `mail.host`, or hand links on yourself.")
    })
}

/// Tells somebody that something of their account was changed, where mail goes from here.
pub(super) fn note(
    state: &AppState,
    person: &Person,
    what: Change,
    deed: &Deed,
) -> ApiResult<Option<NewMail>> {
    let (Some(mail), Some(to)) = (&state.mail, &person.mail) else { return Ok(None) };
    let letter = mail.letters.changed(what, &person.name, deed.address.as_deref(), deed.at);
    Ok(Some(sealed(state.store(), MailKind::Changed, to, &letter, None)?))
}

fn view(mail: Queued) -> MailView {
    MailView {
        id: mail.id,
        kind: mail.kind,
        to: mail.to,
        state: mail.state,
        tries: mail.tries,
        next_at: mail.next_at,
        error: mail.error,
        created_at: mail.created_at,
        ended_at: mail.ended_at,
    }
}

fn server_view(mail: &Mail) -> MailServerView {
    let settings = mail.smtp.settings();
    let tls = match settings.encryption {
        Encryption::StartTls => "starttls",
        Encryption::Tls => "tls",
        Encryption::None => "none",
    };
    MailServerView {
        server: format!("{}:{}", settings.host, settings.port),
        tls: tls.to_owned(),
        from: settings.from.to_string(),
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListMails {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// At most so many, up to 500; 100 unless told.
    limit: Option<u32>,
}

/// What became of mails, the newest first, and by which mail server they go.
#[utoipa::path(get, path = "/mails", tag = "people", extensions(("x-rigi-action" = json!("mails.read"))), params(ListMails),
    responses((status = 200, description = "Mails", body = MailLog)))]
async fn list_mails(asker: Asker, Query(query): Query<ListMails>) -> ApiResult<axum::Json<MailLog>> {
    let limit = query.limit.unwrap_or(100).clamp(1, 500);
    let before = query.cursor.map(|id| id.parse::<MailId>()).transpose();
    let before = before.map_err(|e| ApiError::invalid("/query/cursor", e.to_string()))?;
    let db = asker.state.store().db();
    let mut mails = db.mails(before.as_ref(), limit + 1).await?;
    let more = mails.len() > limit as usize;
    mails.truncate(limit as usize);
    let next_cursor = mails.last().filter(|_| more).map(|last| last.id.to_string());
    Ok(axum::Json(MailLog {
        server: asker.state.mail.as_ref().map(server_view),
        waiting: db.waiting_mails().await?,
        items: mails.into_iter().map(view).collect(),
        next_cursor,
    }))
}

/// Sends a mail as a test, at once, and answers when the mail server has taken it or has said why not.
#[utoipa::path(post, path = "/mails/test", tag = "people", extensions(("x-rigi-action" = json!("mails.send"))), request_body = TestMail,
    responses((status = 200, description = "It was taken", body = MailView)))]
async fn test_mail(asker: Asker, Json(body): Json<TestMail>) -> ApiResult<axum::Json<MailView>> {
    let mail = mail_of(&asker.state)?;
    let own = asker.principal.account.as_ref().and_then(|account| account.person.mail.clone());
    let to = body.to.or(own).ok_or_else(|| ApiError::invalid("/to", "to which address?"))?;
    let to = mail_address(&to).map_err(|e| ApiError::invalid("/to", e.to_string()))?;
    let (store, deed) = (asker.state.store(), asker.deed());
    let letter = mail.letters.test(asker.signature());
    let new = sealed(store, MailKind::Test, &to, &letter, None)?;
    let outcome = mail.smtp.send(&new.id, &to, &letter, deed.at).await;
    let said = outcome.as_ref().copied().map_err(|failure| failure.message.as_str());
    store.tested_mail(&new, said, Timestamp::now(), &deed).await?;
    match outcome {
        Ok(()) => Ok(axum::Json(view(store.db().mail(&new.id).await?))),
        Err(failure) => Err(ApiError::new(ErrorCode::MailFailed, failure.message).cure(failure.cure)),
    }
}

/// Has a mail that waits tried now.
#[utoipa::path(post, path = "/mails/{id}/retry", tag = "people", extensions(("x-rigi-action" = json!("mails.send"))),
    params(("id" = String, Path, description = "Id of the mail")),
    responses((status = 204, description = "It is tried")))]
async fn retry_mail(asker: Asker, Path(id): Path<String>) -> ApiResult<StatusCode> {
    let known = id.parse::<MailId>().map_err(|_| ApiError::not_found("mail", &id))?;
    let store = asker.state.store();
    let queued = store.db().mail(&known).await?;
    if queued.state != MailState::Waiting {
        let detail = format!("this mail does not wait any more: it is {}", queued.state);
        return Err(ApiError::new(ErrorCode::StateConflict, detail).cure(
            "Its text is erased. Do again what it told of: make another link, or another invitation.",
        ));
    }
    mail_of(&asker.state)?;
    store.retry_mail(&known, &asker.deed()).await?;
    Ok(StatusCode::NO_CONTENT)
}
