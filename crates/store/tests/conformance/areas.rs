//! Several projects in one storage: backups and looks at what is stored keep them apart, in a folder and in a bucket.

use std::fs;
use std::path::{Path, PathBuf};

use rigi_model::{ContentHash, ProjectName};
use rigi_store::backup::{self, Key, Repository, Target, WithKey};
use rigi_store::inspect::inspect;
use rigi_store::{Blobs, BucketConfig, Error, Migrate, OwnPlace, Renew, Storage, Store};
use sha2::{Digest, Sha256};

use crate::backup::{block_on, create, empty, ended_run, files_below, fill, filled, open, restore};
use crate::bucket::{bucket, storage};
use crate::support::{T, configs, lab};

/// Each project has what it had, and nothing of the other's.
pub fn have_their_own(store: &Store) {
    let of = |text: &str| ContentHash::new(Sha256::digest(text).into());
    let (first, lab) = (store.storage(), store.blobs(&lab()));
    for both in ["print(1)", "result 0\t\\N\n"] {
        first.check(&of(both)).unwrap();
        lab.check(&of(both)).unwrap();
    }
    for (text, has, has_not) in
        [("result 1\t\\N\n", first, &lab), ("result 10\t\\N\n", &lab, first), ("of the lab", &lab, first)]
    {
        has.check(&of(text)).unwrap();
        assert!(matches!(has_not.check(&of(text)), Err(Error::NotFound { .. })), "{text}");
    }
}

#[test]
fn a_log_that_has_not_changed_is_not_read_again_in_any_project() {
    let dir = tempfile::tempdir().unwrap();
    let backups = dir.path().join("backups");
    block_on(async {
        let at = filled(&dir).await;
        let store = open(&at).await;
        // After `lab` by name, and before it where paths are compared as texts.
        let third = ProjectName::unchecked("lab-2");
        store.add_project(&third, T).await.unwrap();
        ended_run(&store, &third, 11, 20_000).await;
        create(&at, &backups, WithKey::No).await.unwrap();
        let logs = |project: &str| files_below(&at.data.join("objects").join(project).join("logs"));
        for log in ["default", "lab", "lab-2"].into_iter().flat_map(logs) {
            let modified = fs::metadata(&log).unwrap().modified().unwrap();
            let mut bytes = fs::read(&log).unwrap();
            bytes[0] ^= 1;
            fs::write(&log, bytes).unwrap();
            fs::File::options().write(true).open(&log).unwrap().set_modified(modified).unwrap();
        }
        assert_eq!(create(&at, &backups, WithKey::No).await.unwrap().new_objects, 0);
    });
}

/// A backup, and an empty place that keeps its files in a folder of their own.
async fn backup_and_folder(dir: &tempfile::TempDir) -> (PathBuf, Target, PathBuf) {
    let (backups, files) = (dir.path().join("backups"), dir.path().join("files"));
    create(&filled(dir).await, &backups, WithKey::Yes).await.unwrap();
    let to = Target { storage: Storage::Folder(files.clone()), ..empty(dir, "to", None) };
    (backups, to, files)
}

/// Restores until so many files are in their places, and is then no more.
async fn restore_until(from: PathBuf, to: Target, file: u64) {
    let restoring = tokio::spawn(async move {
        let mut watch = move |progress: backup::Progress<'_>| {
            if progress.step == "files" && progress.done == file {
                std::panic::resume_unwind(Box::new("killed"));
            }
        };
        let repository = Repository::open(&from).unwrap();
        backup::restore(&repository, None, &to, &Key::OfBackup, &mut watch).await
    });
    assert!(restoring.await.unwrap_err().is_panic());
}

#[test]
fn what_an_interrupted_restore_has_put_into_each_project_is_cleared_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    block_on(async {
        let (backups, to, files) = backup_and_folder(&dir).await;
        let all = Repository::open(&backups).unwrap().manifest(None).unwrap().file_count();
        restore_until(backups.clone(), to.clone(), all).await;
        assert!(files.join("lab/blobs").is_dir() && files.join("default/blobs").is_dir());
        fs::write(files.join("of-somebody"), "x").unwrap();
        let refused = restore(&backups, &to, &Key::OfBackup).await.unwrap_err();
        assert!(matches!(&refused, Error::NotEmpty { holds, .. } if holds == "`of-somebody`"), "{refused}");
        assert_eq!(files_below(&files), [files.join("of-somebody")]);
        fs::remove_file(files.join("of-somebody")).unwrap();
        restore(&backups, &to, &Key::OfBackup).await.unwrap();
        have_their_own(&open(&to).await);
    });
}

#[test]
fn a_restore_that_fails_leaves_nothing_of_any_project() {
    let dir = tempfile::tempdir().unwrap();
    block_on(async {
        let (backups, to, files) = backup_and_folder(&dir).await;
        // The last that is put there.
        let log = files_below(&dir.path().join("data/objects/lab/logs")).pop().unwrap();
        let name = ContentHash::new(Sha256::digest(fs::read(log).unwrap()).into()).to_string();
        fs::write(backups.join("objects").join(&name[..2]).join(&name), "damaged").unwrap();
        let error = restore(&backups, &to, &Key::OfBackup).await.unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
        assert_eq!(fs::read_dir(&files).unwrap().count(), 0);
    });
}

#[test]
fn a_former_backup_goes_into_a_bucket_and_a_restore_that_was_killed_begins_anew_there() {
    let (Some(config), Some(next)) = (bucket(), bucket()) else { return };
    let dir = tempfile::tempdir().unwrap();
    let former = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/schema-2");
    block_on(async {
        let to = Target { storage: storage(&config), ..empty(&dir, "former", None) };
        restore(&former, &to, &Key::OfBackup).await.unwrap();
        let parts = inspect(&to.config, &to.data, &to.storage, &mut |_| {}).await.unwrap();
        assert!(parts.iter().all(|part| part.damage.is_empty()), "{parts:?}");
        let from = empty(&dir, "from", None);
        fill(&from).await;
        let backups = dir.path().join("backups");
        let created = create(&from, &backups, WithKey::Yes).await.unwrap();
        let to = Target { storage: storage(&next), ..empty(&dir, "to", None) };
        restore_until(backups.clone(), to.clone(), created.manifest.file_count()).await;
        restore(&backups, &to, &Key::OfBackup).await.unwrap();
        have_their_own(&open(&to).await);
    });
}

#[test]
fn files_of_a_project_that_the_database_does_not_have_are_told_of_a_bucket_too() {
    let Some(config) = bucket() else { return };
    let dir = tempfile::tempdir().unwrap();
    block_on(async {
        let at = Target { storage: storage(&config), ..empty(&dir, "data", None) };
        fill(&at).await;
        let elsewhere = tempfile::tempdir().unwrap();
        let gone = Blobs::open_at(elsewhere.path(), &"gone".parse().unwrap(), &at.storage).unwrap();
        gone.put(&b"gone"[..]).unwrap();
        let parts = inspect(&at.config, &at.data, &at.storage, &mut |_| {}).await.unwrap();
        assert!(parts.iter().all(|part| part.damage.is_empty()), "{parts:?}");
        let notes: Vec<_> = parts.iter().flat_map(|part| &part.notes).collect();
        assert_eq!(notes.len(), 1, "{notes:?}");
        let place = format!("s3://rigi-tests/{}/gone/ ", config.prefix);
        assert!(notes[0].starts_with(&place), "{notes:?}");
    });
}

#[test]
fn a_database_of_a_former_schema_is_looked_at_and_backed_up_as_it_is() {
    let former = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/schema-2");
    let files = Repository::open(&former).unwrap().manifest(None).unwrap().file_count();
    for (n, config) in configs().into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        block_on(async {
            let at = empty(&dir, &n.to_string(), config);
            restore(&former, &at, &Key::OfBackup).await.unwrap();
            Store::migrate(&at.config, Some(Migrate::To(2))).await.unwrap();
            let parts = inspect(&at.config, &at.data, &at.storage, &mut |_| {}).await.unwrap();
            assert!(parts.iter().all(|part| part.damage.is_empty()), "{parts:?}");
            let created = create(&at, &dir.path().join("backups"), WithKey::No).await.unwrap();
            assert_eq!((created.manifest.schema, created.manifest.file_count()), (2, files));
        });
    }
}

#[test]
fn what_runs_keep_is_their_projects_after_the_schema_was_taken_back_too() {
    for (n, config) in configs().into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        block_on(async {
            let at = empty(&dir, &n.to_string(), config);
            fill(&at).await;
            let in_use = async || open(&at).await.db().referenced_content(&lab()).await.unwrap();
            let before = in_use().await;
            assert_eq!(before.len(), 4);
            Store::migrate(&at.config, Some(Migrate::To(2))).await.unwrap();
            Store::migrate(&at.config, Some(Migrate::Up)).await.unwrap();
            assert_eq!(in_use().await, before);
            let parts = inspect(&at.config, &at.data, &at.storage, &mut |_| {}).await.unwrap();
            assert!(parts.iter().all(|part| part.damage.is_empty()), "{parts:?}");
        });
    }
}

/// With the project `lab` below a prefix of its own.
fn apart() -> Option<(BucketConfig, BucketConfig)> {
    let (main, other) = (bucket()?, bucket()?);
    let place = OwnPlace { bucket: other.bucket.clone(), prefix: other.prefix.clone() };
    Some((BucketConfig { own: [(lab(), place)].into(), ..main }, other))
}

#[test]
fn a_project_with_a_bucket_of_its_own_has_all_of_its_files_there_and_stays_there() {
    let (Some((config, other)), Some((next, _))) = (apart(), apart()) else { return };
    let dir = tempfile::tempdir().unwrap();
    block_on(async {
        let at = Target { storage: storage(&config), ..empty(&dir, "own", None) };
        fill(&at).await;
        have_their_own(&open(&at).await);
        // None of it lies with the others, and all of it there.
        let main = BucketConfig { own: std::collections::BTreeMap::new(), ..config.clone() };
        let of_lab = ContentHash::new(Sha256::digest("of the lab").into());
        let look = |config: &BucketConfig| {
            Blobs::open_at(&dir.path().join("look"), &lab(), &storage(config)).unwrap().check(&of_lab)
        };
        assert!(matches!(look(&main), Err(Error::NotFound { .. })));
        look(&other).unwrap();
        let parts = inspect(&at.config, &at.data, &at.storage, &mut |_| {}).await.unwrap();
        assert!(parts.iter().all(|part| part.damage.is_empty() && part.notes.is_empty()), "{parts:?}");
        // A backup has both, and goes into such a storage as well as into a folder.
        let backups = dir.path().join("backups");
        create(&at, &backups, WithKey::Yes).await.unwrap();
        for (name, files) in [("again", storage(&next)), ("folder", Storage::Data)] {
            let to = Target { storage: files, ..empty(&dir, name, None) };
            restore(&backups, &to, &Key::OfBackup).await.unwrap();
            have_their_own(&open(&to).await);
        }
        let full = Target { storage: storage(&next), ..empty(&dir, "full", None) };
        assert!(matches!(restore(&backups, &full, &Key::OfBackup).await, Err(Error::NotEmpty { .. })));
        // It is not moved by a word of the configuration, wherever that leads.
        let elsewhere = BucketConfig { own: next.own.clone(), ..config.clone() };
        for changed in [storage(&main), storage(&elsewhere), Storage::Data] {
            let opened = Store::open_at(&at.config, &at.data, &changed, Renew::default(), None).await;
            let Err(Error::Storage { what, cure }) = opened else { panic!("{changed:?}") };
            assert!(what.contains("lab") || what.contains("buckets of their own"), "{what}");
            assert!(cure.contains("as it was"), "{cure}");
        }
        have_their_own(&open(&at).await);
        // One without files may go anywhere.
        let mut more = config.clone();
        more.own.insert(ProjectName::unchecked("new"), next.own[&lab()].clone());
        for changed in [&more, &config] {
            Store::open_at(&at.config, &at.data, &storage(changed), Renew::default(), None).await.unwrap();
        }
    });
}
