//! What shares a commit and is refused: nothing beside it suffers.

use rigi_model::{ContentHash, ProjectName, Timestamp, UploadId};

use crate::tables::uploads::{Upload, add};
use crate::{DbConfig, Error, Pace, Store};

#[tokio::test]
async fn a_write_that_contradicts_what_is_stored_is_refused_alone() {
    let data = tempfile::tempdir().unwrap();
    let config = DbConfig::Sqlite(data.path().join("rigi.db"));
    let store = Store::open(&config, data.path()).await.unwrap();
    let upload = |id: &UploadId| {
        let upload = Upload { id: id.clone(), name: "x".into(), size: 1, sha256: ContentHash::new([1; 32]) };
        add(&ProjectName::default(), &upload, Timestamp(1))
    };
    let taken = UploadId::generate();
    store.write(upload(&taken)).await.unwrap();
    let before = store.db().last_event().await.unwrap();
    let free = [UploadId::generate(), UploadId::generate()];
    // Asked for at once: the task takes all of them into one commit.
    let (first, refused, last, changed) = tokio::join!(
        store.write(upload(&free[0])),
        store.write(upload(&taken)),
        store.write(upload(&free[1])),
        async { store.change(Vec::new(), Pace::Now).await.unwrap().await },
    );
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    first.unwrap();
    last.unwrap();
    changed.unwrap();
    for id in &free {
        store.db().upload(&ProjectName::default(), id).await.unwrap();
    }
    assert_eq!(store.db().last_event().await.unwrap(), before + 2, "what was refused is not told");
    store.write(upload(&UploadId::generate())).await.unwrap();
}
