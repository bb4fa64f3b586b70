//! Webhooks: their secrets, and each delivery once.

use std::collections::BTreeMap;

use rigi_model::Timestamp;
use rigi_model::webhooks::{DeliveryOutcome, PER_MINUTE, WebhookKind, WebhookSpec};
use rigi_store::people::Deed;
use rigi_store::triggers::{Came, Delivery, Webhook, delivery_key};
use rigi_store::{IdempotencyKey, Store};

use super::support::{T, new_run, on_each, project};

fn deed() -> Deed {
    Deed::of_server("ada", T)
}

fn hook(name: &str) -> Webhook {
    let spec = WebhookSpec {
        pipeline: "etl".to_owned(),
        kind: WebhookKind::Standard,
        schedule: None,
        parameters: BTreeMap::new(),
        when: None,
        per_minute: PER_MINUTE,
    };
    Webhook::new(project(), name.to_owned(), spec, &deed())
}

fn delivery(hook: &Webhook, event: &str, at: i64, outcome: DeliveryOutcome) -> Delivery {
    Delivery {
        webhook: hook.id.clone(),
        event: event.to_owned(),
        project: project(),
        at: Timestamp(T.0 + at),
        kind: None,
        outcome,
        reason: None,
        run: None,
        headers: BTreeMap::new(),
        body: Some("{}".to_owned()),
        again_of: None,
    }
}

#[test]
fn a_secret_is_sealed_and_the_former_one_counts_for_a_while() {
    on_each(async |store: Store| {
        store.make_webhook(&hook("a"), "the first secret", &deed()).await.unwrap();
        let known = store.db().webhooks(&project()).await.unwrap().remove(0);
        assert_eq!(store.db().webhook(&known.id).await.unwrap(), Some(known.clone()));
        let secrets = |hook: &Webhook, at: i64| {
            let all = store.webhook_secrets(hook, Timestamp(T.0 + at)).unwrap();
            all.into_iter().map(|secret| secret.0).collect::<Vec<_>>()
        };
        assert_eq!(secrets(&known, 0), ["the first secret"]);
        store.set_webhook_secret(&known, "the second", Timestamp(T.0 + 10), &deed()).await.unwrap();
        let known = store.db().webhooks(&project()).await.unwrap().remove(0);
        assert_eq!(secrets(&known, 9), ["the second", "the first secret"]);
        assert_eq!(secrets(&known, 10), ["the second"]);
        // Of two with one name, the second is refused.
        assert!(store.make_webhook(&hook("a"), "another secret", &deed()).await.is_err());
    });
}

#[test]
fn each_delivery_is_there_once_and_what_was_refused_may_be_taken_later() {
    on_each(async |store: Store| {
        let hook = hook("a");
        store.make_webhook(&hook, "the first secret", &deed()).await.unwrap();
        let db = store.db();
        let refused = delivery(&hook, "1", 1, DeliveryOutcome::Refused);
        store.note_delivery(&refused, "a", Came::First).await.unwrap();
        let run = new_run("etl");
        let key = IdempotencyKey { key: delivery_key(&hook.id, "1"), request: "webhook".to_owned() };
        store.submit(vec![run.clone()], Some(key.clone())).await.unwrap();
        let taken = Delivery { run: Some(run.id.clone()), ..delivery(&hook, "1", 2, DeliveryOutcome::Run) };
        // Who did not know that it had come changes nothing.
        store.note_delivery(&taken, "a", Came::First).await.unwrap();
        assert_eq!(db.delivery(&hook.id, "1").await.unwrap().unwrap().outcome, DeliveryOutcome::Refused);
        store.note_delivery(&taken, "a", Came::Refused).await.unwrap();
        assert_eq!(db.delivery(&hook.id, "1").await.unwrap(), Some(taken.clone()));
        assert_eq!(store.accepted_before(&project(), &key).await.unwrap(), None);
        // What started a run stays so.
        store.note_delivery(&refused, "a", Came::Refused).await.unwrap();
        assert_eq!(db.delivery(&hook.id, "1").await.unwrap(), Some(taken));
        store
            .note_delivery(&delivery(&hook, "2", 5, DeliveryOutcome::Ignored), "a", Came::First)
            .await
            .unwrap();
        let page = db.deliveries(&hook.id, None, 10).await.unwrap();
        assert_eq!(page.iter().map(|one| one.event.as_str()).collect::<Vec<_>>(), ["2", "1"]);
        let rest = db.deliveries(&hook.id, Some((page[0].at, page[0].event.clone())), 10).await.unwrap();
        assert_eq!(rest.len(), 1);
        store.remove_deliveries(&project(), Timestamp(T.0 + 5)).await.unwrap();
        assert_eq!(db.deliveries(&hook.id, None, 10).await.unwrap().len(), 1);
        let known = db.webhooks(&project()).await.unwrap().remove(0);
        store.remove_webhook(&known, &deed()).await.unwrap();
        assert_eq!(db.deliveries(&hook.id, None, 10).await.unwrap(), []);
    });
}
