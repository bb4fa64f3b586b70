//! Repositories: what opens them is sealed, a sync is one piece, and what they hold is kept as long as they do.

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::repositories::plan::Plan;
use rigi_model::repositories::{Cause, Outcome, Reference, RepositorySpec};
use rigi_model::{ContentHash, Timestamp};
use rigi_store::people::Deed;
use rigi_store::repositories::{LeftOutOf, NewParts, Part, Repository, RepositoryTree, Sync};
use rigi_store::tables::versions::VersionFile;
use rigi_store::{Error, Hidden, Store};

use crate::support::{T, lab, on_each, project};

fn deed() -> Deed {
    Deed::of_server("ann", T)
}

fn repository(name: &str) -> Repository {
    let spec = RepositorySpec {
        url: "https://git.example.org/lab/tools".into(),
        reference: Reference::Branch("main".into()),
        folder: String::new(),
        interval: Some(60),
        forge: None,
        user: None,
    };
    Repository::new(name, spec, &deed())
}

fn sync(number: i64, outcome: Outcome) -> Sync {
    Sync {
        number,
        begun_at: T,
        ended_at: Timestamp(T.0 + number),
        cause: Cause::Hand,
        asked_by: "ann".into(),
        outcome,
        commit: Some("a".repeat(40)),
        plan: Some(Plan { same: 3, ..Plan::default() }),
        message: (outcome == Outcome::Failed).then(|| "it does not answer".into()),
    }
}

fn tree(name: &str, number: i64, content: u8) -> RepositoryTree {
    let sha256 = ContentHash::new([content; 32]);
    RepositoryTree {
        repository: name.into(),
        number,
        commit: "a".repeat(40),
        spec: repository(name).spec,
        files: vec![VersionFile { path: "p/main.py".into(), executable: false, size: 1, sha256 }],
        told: vec![LeftOutOf { pipeline: "p".into(), path: "out".into(), why: "is a link".into() }],
        synced_at: T,
    }
}

async fn add(store: &Store, name: &str, parts: NewParts) -> Repository {
    store.put_repository(&project(), repository(name), parts, "repositories.add", &deed()).await.unwrap()
}

#[test]
fn what_opens_a_repository_is_sealed_and_stays_until_it_is_replaced() {
    on_each(async |store: Store| {
        let hidden = |text: &str| Part::Set(Hidden(text.into()));
        let token = NewParts { token: hidden("ghp_secret"), ..NewParts::default() };
        let added = add(&store, "tools", token).await;
        assert!(added.has_token() && !added.has_key() && !added.has_hook());
        let stored = store.db().repository(&project(), "tools").await.unwrap();
        assert_eq!(stored, added);
        assert!(!format!("{stored:?}").contains("ghp_secret"));
        let open = store.open_repository(&project(), &stored).await.unwrap();
        assert_eq!(open.token.map(|token| token.0).as_deref(), Some("ghp_secret"));
        let mut changed = stored;
        changed.host_key = Some("h ssh-ed25519 AAAA".into());
        let hook = NewParts { hook_secret: hidden("hush-hush"), ..NewParts::default() };
        let changed =
            store.put_repository(&project(), changed, hook, "repositories.hook", &deed()).await.unwrap();
        assert!(changed.has_token() && changed.has_hook());
        let gone = NewParts { token: Part::Remove, ..NewParts::default() };
        let changed =
            store.put_repository(&project(), changed, gone, "repositories.change", &deed()).await.unwrap();
        assert!(!changed.has_token() && changed.has_hook() && changed.host_key.is_some());
        assert!(store.db().repositories(&lab()).await.unwrap().is_empty());
        let missing = store.db().repository(&project(), "other").await;
        assert!(matches!(missing, Err(Error::NotFound { what: "repository", .. })));
    });
}

#[test]
fn a_sync_is_one_piece_and_a_number_is_given_once() {
    on_each(async |store: Store| {
        add(&store, "tools", NewParts::default()).await;
        let mut commits = store.commits();
        let first = sync(1, Outcome::Changed);
        store.note_sync(&project(), "tools", &first, Some(&tree("tools", 1, 1)), &deed()).await.unwrap();
        let told = commits.recv().await.unwrap();
        let told: Vec<_> = told.others.iter().map(|change| (change.subject, change.kind.clone())).collect();
        assert_eq!(told, [(Subject::Repository, SubjectEvent::SYNCED.into())]);
        // Another server was first: neither the sync nor its tree counts.
        let second = store.note_sync(&project(), "tools", &first, Some(&tree("tools", 1, 9)), &deed()).await;
        assert!(second.is_err());
        assert_eq!(store.db().repository_trees(&project()).await.unwrap(), [tree("tools", 1, 1)]);
        store.note_sync(&project(), "tools", &sync(2, Outcome::Failed), None, &deed()).await.unwrap();
        assert_eq!(store.db().repository_numbers(&project()).await.unwrap(), [("tools".to_owned(), 1)]);
        let syncs = store.db().syncs(&project(), "tools", None, 10).await.unwrap();
        assert_eq!(syncs, [sync(2, Outcome::Failed), first.clone()]);
        assert_eq!(store.db().syncs(&project(), "tools", Some(2), 10).await.unwrap(), [first]);
        // One that is removed meanwhile takes no sync.
        assert!(
            store.note_sync(&project(), "gone", &sync(1, Outcome::Changed), None, &deed()).await.is_err()
        );
        store.note_sync(&project(), "tools", &sync(102, Outcome::Failed), None, &deed()).await.unwrap();
        let numbers: Vec<i64> = store
            .db()
            .syncs(&project(), "tools", None, 200)
            .await
            .unwrap()
            .iter()
            .map(|sync| sync.number)
            .collect();
        assert_eq!(numbers, [102]);
    });
}

#[test]
fn what_a_repository_holds_is_kept_until_it_goes() {
    on_each(async |store: Store| {
        for name in ["a", "b"] {
            add(&store, name, NewParts::default()).await;
        }
        for (name, content) in [("a", 1), ("b", 2)] {
            let one = tree(name, 1, content);
            store.note_sync(&project(), name, &sync(1, Outcome::Changed), Some(&one), &deed()).await.unwrap();
        }
        let held = store.db().referenced_content(&project()).await.unwrap();
        assert!([1, 2].iter().all(|content| held.contains(&ContentHash::new([*content; 32]))));
        store.remove_repository(&project(), "a", &deed()).await.unwrap();
        let held = store.db().referenced_content(&project()).await.unwrap();
        assert!(!held.contains(&ContentHash::new([1; 32])) && held.contains(&ContentHash::new([2; 32])));
        assert_eq!(store.db().repositories(&project()).await.unwrap().len(), 1);
        assert!(store.db().syncs(&project(), "a", None, 10).await.unwrap().is_empty());
        assert!(store.remove_repository(&project(), "a", &deed()).await.is_err());
    });
}
