//! Uploads that come in pieces: how far each is, whose it is, and that it becomes one upload.

use std::time::Duration;

use rigi_model::{ContentHash, PersonId, UploadId};
use rigi_store::{Error, OpenUpload, Store, Stored};

use crate::support::{T, on_each, project};

fn upload(person: Option<PersonId>) -> OpenUpload {
    OpenUpload {
        id: UploadId::generate(),
        project: project(),
        person,
        name: "a.csv".into(),
        metadata: "filename YS5jc3Y=".into(),
        concat: String::new(),
        length: 10,
        held: 0,
        content: None,
        stored: false,
        began_at: T,
        until: T.after(Duration::from_secs(60)),
    }
}

#[test]
fn what_is_held_is_remembered_until_it_is_an_upload() {
    on_each(async |store: Store| {
        let (db, p) = (store.db(), project());
        let mut open = upload(Some(PersonId::generate()));
        store.begin_upload(&open).await.unwrap();
        assert_eq!(db.open_upload(&p, &open.id).await.unwrap().as_ref(), Some(&open));
        let elsewhere = "elsewhere".parse().unwrap();
        assert_eq!(db.open_upload(&elsewhere, &open.id).await.unwrap(), None);

        (open.held, open.until) = (10, T.after(Duration::from_secs(90)));
        store.hold_upload(&open.id, 10, open.until).await.unwrap();
        let sha256 = ContentHash::new([7; 32]);
        store.know_upload(&open.id, &sha256).await.unwrap();
        open.content = Some(sha256);
        assert_eq!(db.open_upload(&p, &open.id).await.unwrap().as_ref(), Some(&open));
        assert!(open.is_to_be_stored());

        let stored = Stored { sha256, size: 10 };
        store.end_upload(&open, &stored, &[], T).await.unwrap();
        let found = db.upload(&p, &open.id).await.unwrap();
        assert_eq!((found.name.as_str(), found.size, found.sha256), ("a.csv", 10, sha256));
        assert!(store.end_upload(&open, &stored, &[], T).await.is_err(), "it is one upload");
        // It is known for whoever has not heard of it, and open no more.
        open.stored = true;
        store.hold_upload(&open.id, 3, T).await.unwrap();
        assert_eq!(db.open_upload(&p, &open.id).await.unwrap().as_ref(), Some(&open));
        assert!(
            db.open_uploads(&p).await.unwrap().is_empty() && db.open_upload_ids().await.unwrap().is_empty()
        );
        store.forget_upload(&open.id).await.unwrap();
        assert_eq!(db.open_upload(&p, &open.id).await.unwrap(), None);
        assert!(db.upload(&p, &open.id).await.is_ok(), "what it has become stays");
    });
}

#[test]
fn old_ones_are_forgotten_and_parts_go_with_their_whole() {
    on_each(async |store: Store| {
        let (db, p) = (store.db(), project());
        let parts = [0, 1].map(|_| OpenUpload { concat: "partial".into(), held: 10, ..upload(None) });
        for part in &parts {
            store.begin_upload(part).await.unwrap();
            assert!(!part.is_to_be_stored());
        }
        let whole = OpenUpload { concat: "final;a b".into(), length: 20, held: 20, ..upload(None) };
        store.begin_upload(&whole).await.unwrap();
        assert_eq!(db.open_uploads(&p).await.unwrap().len(), 3);
        let stored = Stored { sha256: ContentHash::new([8; 32]), size: 20 };
        store.end_upload(&whole, &stored, &[parts[0].id.clone()], T).await.unwrap();
        let left: Vec<_> = db.open_uploads(&p).await.unwrap().into_iter().map(|open| open.id).collect();
        assert_eq!(left, [parts[1].id.clone()]);

        store.forget_old_uploads(T.after(Duration::from_secs(59))).await.unwrap();
        assert_eq!(db.open_upload_ids().await.unwrap().len(), 1);
        store.forget_old_uploads(T.after(Duration::from_secs(60))).await.unwrap();
        assert!(db.open_upload_ids().await.unwrap().is_empty());
        assert!(matches!(db.upload(&p, &parts[1].id).await, Err(Error::NotFound { .. })));
    });
}
