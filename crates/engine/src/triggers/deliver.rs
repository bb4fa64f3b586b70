//! What comes to signed webhooks: it becomes a run, is ignored, or is refused; whichever it is, it is written down.

use std::collections::BTreeMap;

use rigi_model::expression::Template;
use rigi_model::parameters::secret_parameters;
use rigi_model::webhooks::{Asked, DeliveryOutcome, WebhookKind, names_of};
use rigi_model::{Actor, PipelineName, Timestamp, Trigger, TriggerKind};
use rigi_store::IdempotencyKey;
use rigi_store::triggers::{Came, Delivery, Webhook, delivery_key};
use serde_json::Value;

use crate::Engine;
use crate::catalog::Catalog;
use crate::submit::{Submission, SubmitError, may_pass};

/// Bytes of a body that are kept, so that it can be done again.
const KEPT: usize = 256 << 10;
/// Bytes of one header that are known to expressions.
const LONGEST_HEADER: usize = 4096;

/// Something that has come, and is from who has the secret.
#[derive(Debug, Clone)]
pub struct Coming {
    /// Names the delivery.
    pub id: String,
    /// What it tells of, as its sender calls that.
    pub event: Option<String>,
    /// What it came with.
    pub headers: BTreeMap<String, String>,
    /// As it came.
    pub body: Vec<u8>,
    /// The delivery that this one repeats.
    pub again_of: Option<String>,
}

/// Why a delivery has no end yet.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// It is refused, and written down.
    #[error("{}", .0.reason.as_deref().unwrap_or("it is refused"))]
    Refused(Box<Delivery>),
    /// It may go well a little later.
    #[error(transparent)]
    Later(SubmitError),
    /// It cannot be stored.
    #[error(transparent)]
    Store(#[from] rigi_store::Error),
}

/// Headers that expressions know and that are kept: not those that carry what lets somebody in.
#[must_use]
pub fn is_kept(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let secret = ["authorization", "cookie", "proxy-authorization", "x-gitlab-token"];
    !secret.contains(&name.as_str()) && !name.ends_with("-signature") && !name.ends_with("-signature-256")
}

impl Engine {
    /// Does what a delivery asks for: once, however often it comes.
    ///
    /// # Errors
    /// [`DeliverError`].
    pub async fn deliver(
        &self,
        catalog: &Catalog,
        hook: &Webhook,
        coming: Coming,
        now: Timestamp,
    ) -> Result<Delivery, DeliverError> {
        let known = self.store.db().delivery(&hook.id, &coming.id).await?;
        let came = match known {
            Some(known) if known.outcome != DeliveryOutcome::Refused => return Ok(known),
            Some(_) => Came::Refused,
            None => Came::First,
        };
        let body = String::from_utf8(coming.body);
        let keeps = !self.maps_secrets(catalog, hook);
        let mut delivery = Delivery {
            webhook: hook.id.clone(),
            event: coming.id,
            project: hook.project.clone(),
            at: now,
            kind: coming.event,
            outcome: DeliveryOutcome::Refused,
            reason: None,
            run: None,
            headers: coming.headers,
            body: body.as_ref().ok().filter(|body| keeps && body.len() <= KEPT).cloned(),
            again_of: coming.again_of,
        };
        let asked = match body {
            Ok(body) => asked(hook, &delivery, &body),
            Err(_) => Err("its body is no UTF-8".to_owned()),
        };
        match asked {
            Ok(Asked::Nothing) => delivery.outcome = DeliveryOutcome::Ignored,
            Ok(Asked::Run(parameters)) => {
                let trigger = Trigger { kind: TriggerKind::Webhook, by: Actor::named(hook.name.as_str()) };
                let submission = Submission {
                    parameters,
                    entry: hook.spec.schedule.clone(),
                    ..Submission::of(PipelineName::unchecked(hook.spec.pipeline.as_str()), trigger)
                };
                let key = delivery_key(&hook.id, &delivery.event);
                let key = IdempotencyKey { key, request: "webhook".to_owned() };
                match self.submit(catalog, vec![submission], Some(key)).await {
                    Ok(submitted) => {
                        delivery.outcome = DeliveryOutcome::Run;
                        delivery.run = submitted.ids.into_iter().next();
                    }
                    Err(error) if may_pass(&error) => return Err(DeliverError::Later(error)),
                    Err(error) => delivery.reason = Some(error.to_string()),
                }
            }
            Err(why) => delivery.reason = Some(why),
        }
        self.store.note_delivery(&delivery, &hook.name, came).await?;
        match delivery.outcome {
            DeliveryOutcome::Refused => Err(DeliverError::Refused(Box::new(delivery))),
            _ => Ok(delivery),
        }
    }

    /// Whether a part of its bodies becomes a secret: then none of them is kept.
    fn maps_secrets(&self, catalog: &Catalog, hook: &Webhook) -> bool {
        let Some(pipeline) = catalog.get(&hook.spec.pipeline) else { return true };
        let Ok(ready) = &pipeline.outcome else { return true };
        let secret = secret_parameters(ready.spec.parameters.as_ref());
        let names_any =
            |value: &Value| Template::parse(value).is_ok_and(|template| !template.names().is_empty());
        hook.spec.parameters.iter().any(|(name, value)| secret.contains(name) && names_any(value))
    }
}

/// What a delivery asks for.
fn asked(hook: &Webhook, delivery: &Delivery, body: &str) -> Result<Asked, String> {
    let kind = delivery.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let is_form = kind.is_some_and(|(_, kind)| kind.starts_with("application/x-www-form-urlencoded"));
    // GitHub sends forms, unless it is told to send JSON.
    let payload = match is_form && hook.spec.kind == WebhookKind::Github {
        true => form_urlencoded::parse(body.as_bytes())
            .find(|(name, _)| name == "payload")
            .map(|(_, value)| value.into_owned()),
        false => None,
    };
    let text = payload.as_deref().unwrap_or(body);
    let value: Value = match text.trim().is_empty() {
        true => Value::Null,
        false => serde_json::from_str(text).map_err(|error| format!("its body is no JSON: {error}"))?,
    };
    let headers = delivery.headers.iter().map(|(name, value)| {
        let end = value.char_indices().nth(LONGEST_HEADER).map_or(value.len(), |(at, _)| at);
        (name.as_str(), &value[..end])
    });
    hook.spec.asks(&names_of(value, headers, delivery.kind.as_deref(), &delivery.event))
}
