//! Projects that people make: names that lead to ids, and what is left when they go.

use rigi_model::ProjectName;
use rigi_model::people::GrantSource;
use rigi_model::project::{ProjectFacts, ProjectSettings, ProjectState, Quota};
use rigi_model::rights::{Grant, Role};
use rigi_store::people::{Deed, Principal};
use rigi_store::{Error, Store};

use crate::support::{T, lab, on_each};

fn deed() -> Deed {
    Deed::of_server("ann", T)
}

fn name(text: &str) -> ProjectName {
    ProjectName::unchecked(text.to_owned())
}

async fn facts(store: &Store, id: &ProjectName) -> Option<ProjectFacts> {
    store.db().project_facts().await.unwrap().into_iter().find(|facts| facts.id == *id)
}

async fn renamed(store: &Store, id: &ProjectName, to: &str) -> Result<(), Error> {
    let before = facts(store, id).await.unwrap();
    let after = ProjectFacts { name: name(to), ..before.clone() };
    store.change_project(&before, &after, "projects.rename", &deed()).await
}

#[test]
fn names_lead_to_ids_and_each_to_one() {
    on_each(async |store: Store| {
        store.add_project(&lab(), T).await.unwrap();
        let quota = Quota { cpu: Some(1.5), targets: Some(vec!["process".into()]), ..Quota::default() };
        let settings = ProjectSettings { quota, ..ProjectSettings::default() };
        let air = store.make_project(&name("air"), settings.clone(), &deed()).await.unwrap();
        assert_eq!((air.id.as_str(), facts(&store, &air.id).await.unwrap()), ("air", air.clone()));
        assert!(!facts(&store, &lab()).await.unwrap().made);
        renamed(&store, &air.id, "sky").await.unwrap();
        renamed(&store, &air.id, "air").await.unwrap();
        renamed(&store, &air.id, "sky").await.unwrap();
        let now = facts(&store, &air.id).await.unwrap();
        assert_eq!((now.name.as_str(), now.former, now.settings), ("sky", vec![name("air")], settings));
        // The name is free; the id is not.
        let second = store.make_project(&name("air"), ProjectSettings::default(), &deed()).await.unwrap();
        assert!(second.id != air.id && second.id.as_str().starts_with("air-"), "{}", second.id);
        assert_eq!(facts(&store, &air.id).await.unwrap().former.len(), 0);
        // Two may not have the same name at the same time.
        assert!(matches!(renamed(&store, &second.id, "sky").await, Err(Error::Conflict(_))));
        let third = store.make_project(&name("sky"), ProjectSettings::default(), &deed()).await;
        assert!(matches!(third, Err(Error::Conflict(_))), "{third:?}");
    });
}

#[test]
fn of_a_project_that_goes_nothing_is_left_but_its_id() {
    on_each(async |store: Store| {
        let air = store.make_project(&name("air"), ProjectSettings::default(), &deed()).await.unwrap();
        let secret = [("TOKEN".to_owned(), "hunter2".to_owned())];
        store.set_secrets(&air.id, &secret, &deed()).await.unwrap();
        let group = Principal::Group(store.add_group("Ops", &deed()).await.unwrap());
        store
            .grant(&group, &Grant::Role(air.id.clone(), Role::Owner), GrantSource::Hand, &deed())
            .await
            .unwrap();
        let stored = store.blobs(&air.id).put(&b"of the air"[..]).unwrap();
        let before = std::path::PathBuf::from(store.blobs(&air.id).name(&stored.sha256));
        assert!(before.is_file());
        let deleted = ProjectFacts { state: ProjectState::Deleted, deleted_at: Some(T), ..air.clone() };
        store.change_project(&air, &deleted, "projects.delete", &deed()).await.unwrap();
        assert_eq!(facts(&store, &air.id).await.unwrap(), deleted);
        store.forget_project(&deleted, &deed()).await.unwrap();
        assert_eq!(facts(&store, &air.id).await, None);
        assert!(!store.db().projects().await.unwrap().contains(&air.id));
        assert!(store.db().secrets(&air.id).await.unwrap().is_empty());
        assert!(store.db().granted_in(Some(&air.id)).await.unwrap().is_empty());
        assert!(!before.exists());
        // What another of this name has is under another id, and sealed with another key.
        let second = store.make_project(&name("air"), ProjectSettings::default(), &deed()).await.unwrap();
        assert_ne!(second.id, air.id);
        store.set_secrets(&second.id, &secret, &deed()).await.unwrap();
    });
}
