//! Stored files in a bucket, on the MinIO that `RIGI_TEST_S3` names (address, key and secret, with spaces between); CI
//! names one. And what storages do that are none, or are not well.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rigi_model::log::{Encoder, Stream};
use rigi_model::{ContentHash, RunId, Timestamp};
use rigi_store::backup::{Key, Target};
use rigi_store::inspect::inspect;
use rigi_store::logs::{LogSource, Notes, Packed};
use rigi_store::tables::attempts::StoredLog;
use rigi_store::{BlobKind, Blobs, BucketConfig, BucketKind, Error, Hidden, Removal, Storage, check_storage};

use crate::areas::have_their_own;
use crate::backup::{block_on, create, empty, fill, open, restore};
use crate::support::{lab, project};

/// A bucket of a MinIO, with a prefix of this test's own.
pub fn bucket() -> Option<BucketConfig> {
    let Ok(named) = std::env::var("RIGI_TEST_S3") else {
        assert!(std::env::var("CI").is_err(), "CI must set RIGI_TEST_S3");
        return None;
    };
    let words: Vec<&str> = named.split(' ').collect();
    let config = at(words[0], words[1], words[2]);
    Some(config)
}

fn until(time: SystemTime) -> std::ops::Range<SystemTime> {
    SystemTime::UNIX_EPOCH..time
}

fn at(endpoint: &str, id: &str, secret: &str) -> BucketConfig {
    BucketConfig {
        kind: BucketKind::S3,
        bucket: "rigi-tests".into(),
        prefix: format!("some/{}", RunId::generate()),
        endpoint: Some(endpoint.into()),
        region: None,
        access_key_id: Some(id.into()),
        secret_access_key: Some(Hidden(secret.into())),
        role: None,
        sts_endpoint: None,
        credentials_for: Some(Duration::from_secs(900)),
        collect_after: Duration::from_secs(3600),
        own: Default::default(),
    }
}

pub fn storage(config: &BucketConfig) -> Storage {
    Storage::Bucket(Box::new(config.clone()))
}

fn blobs(data: &Path, config: &BucketConfig) -> Blobs {
    Blobs::open_at(data, &project(), &storage(config)).unwrap()
}

fn read(blobs: &Blobs, sha256: &ContentHash) -> Vec<u8> {
    let mut reader = blobs.get(sha256).unwrap();
    let mut all = Vec::new();
    while let Some(piece) = reader.next_piece().unwrap() {
        all.extend(piece);
    }
    all
}

#[test]
fn files_of_every_size_come_back_as_they_were_and_leave_nothing_here() {
    let Some(config) = bucket() else { return };
    let data = tempfile::tempdir().unwrap();
    let blobs = blobs(data.path(), &config);
    // Below, at and above what is sent at once; the largest goes in parts.
    for size in [0, 1, 1000, 8 << 20, (8 << 20) + 1, (21 << 20) + 7] {
        let content: Vec<u8> = (0..size).map(|n: usize| (n * 31 % 251) as u8).collect();
        let stored = blobs.put(&content[..]).unwrap();
        assert_eq!(blobs.put(&content[..]).unwrap(), stored, "the same once more");
        assert!(read(&blobs, &stored.sha256) == content, "{size} bytes");
        assert!(std::fs::read(blobs.file(&stored.sha256).unwrap()).unwrap() == content);
        blobs.get(&stored.sha256).unwrap().expect_size(size as u64).unwrap();
    }
    let left = |name: &str| std::fs::read_dir(data.path().join(name)).map_or(0, Iterator::count);
    assert_eq!((left("tmp"), left("storage/uploads")), (0, 0));
    assert!(matches!(blobs.get(&ContentHash::new([0; 32])), Err(Error::NotFound { .. })));
}

#[test]
fn a_damaged_copy_is_fetched_again_and_what_is_not_what_was_stored_is_damage() {
    let Some(config) = bucket() else { return };
    let data = tempfile::tempdir().unwrap();
    let blobs = blobs(data.path(), &config);
    let stored = blobs.put(&b"good"[..]).unwrap();
    let copy = blobs.file(&stored.sha256).unwrap();
    std::fs::write(&copy, b"evil").unwrap();
    assert_eq!(std::fs::read(blobs.file(&stored.sha256).unwrap()).unwrap(), b"good");
}

#[test]
fn long_logs_lie_in_the_bucket_and_are_read_by_whoever_comes() {
    let Some(config) = bucket() else { return };
    let (here, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut encoder = Encoder::new(1);
    for n in 0..50_000 {
        encoder.write(Timestamp(n), Stream::Stdout, format!("line {n} {:x}\n", n * 7919 % 65_537).as_bytes());
    }
    let mut bytes = Vec::new();
    encoder.take(&mut bytes);
    let log = LogSource::Bytes(bytes.into());
    let packed = log.clone().pack(&blobs(here.path(), &config), "r1/run.1", &Notes::default()).unwrap();
    assert_eq!(packed, Packed::Object("r1/run.1".into()));
    for data in [&here, &elsewhere] {
        let stored = StoredLog { lines: 50_000, cut_bytes: 0, inline: None, object: Some("r1/run.1".into()) };
        let found = LogSource::stored(stored, &blobs(data.path(), &config)).unwrap();
        assert_eq!(found.tail(3, None).unwrap(), log.clone().tail(3, None).unwrap());
    }
    let gone = StoredLog { lines: 1, cut_bytes: 0, inline: None, object: Some("r1/gone.1".into()) };
    assert!(LogSource::stored(gone, &blobs(here.path(), &config)).is_err());
}

#[test]
fn what_nothing_refers_to_is_collected_when_it_is_old_and_the_rest_stays() {
    let Some(config) = bucket() else { return };
    let data = tempfile::tempdir().unwrap();
    let blobs = blobs(data.path(), &config);
    let (used, unused) = (blobs.put(&b"used"[..]).unwrap(), blobs.put(&b"unused"[..]).unwrap());
    let in_use = |name: &str| name == used.sha256.to_string();
    let long_ago = SystemTime::now() - Duration::from_secs(60);
    let soon = SystemTime::now() + Duration::from_secs(60);
    assert_eq!(blobs.collect(BlobKind::Blobs, &until(long_ago), Removal::Now, &in_use).unwrap(), (0, 0));
    assert_eq!(blobs.collect(BlobKind::Blobs, &until(soon), Removal::Counted, &in_use).unwrap(), (1, 6));
    assert_eq!(blobs.collect(BlobKind::Blobs, &until(soon), Removal::Now, &in_use).unwrap(), (1, 6));
    assert!(matches!(blobs.get(&unused.sha256), Err(Error::NotFound { .. })));
    assert_eq!(read(&blobs, &used.sha256), b"used");
    blobs.tidy(soon).unwrap();
}

#[test]
fn a_backup_goes_from_a_bucket_to_a_folder_and_back_with_every_byte() {
    let (Some(first), Some(second)) = (bucket(), bucket()) else { return };
    let dir = tempfile::tempdir().unwrap();
    let backups = dir.path().join("backups");
    block_on(async {
        let from = Target { storage: storage(&first), ..empty(&dir, "first", None) };
        fill(&from).await;
        let created = create(&from, &backups, rigi_store::backup::WithKey::Yes).await.unwrap();
        assert!(created.manifest.file_bytes > 20_000, "{}", created.manifest.file_bytes);
        let folder = Storage::Folder(dir.path().join("files"));
        for (n, storage) in [folder, storage(&second)].into_iter().enumerate() {
            let to = Target { storage, ..empty(&dir, &format!("next{n}"), None) };
            restore(&backups, &to, &Key::OfBackup).await.unwrap();
            let again = create(&to, &backups, rigi_store::backup::WithKey::Yes).await.unwrap();
            assert_eq!(again.manifest.file_bytes, created.manifest.file_bytes);
            let parts = inspect(&to.config, &to.data, &to.storage, &mut |_| {}).await.unwrap();
            for part in &parts {
                assert_eq!(part.damage, [], "{}", part.name);
            }
            assert!(parts.iter().any(|part| part.name == "files" && part.read == 11));
            assert!(parts.iter().all(|part| part.notes.is_empty()));
            have_their_own(&open(&to).await);
            let full = Target { storage: to.storage.clone(), ..empty(&dir, &format!("other{n}"), None) };
            let refused = restore(&backups, &full, &Key::OfBackup).await.unwrap_err();
            assert!(matches!(refused, Error::NotEmpty { .. }), "{refused}");
        }
    });
}

#[test]
fn what_is_missing_in_a_bucket_is_named() {
    let Some(config) = bucket() else { return };
    let dir = tempfile::tempdir().unwrap();
    block_on(async {
        let from = Target { storage: storage(&config), ..empty(&dir, "data", None) };
        fill(&from).await;
    });
    let data = dir.path().join("data");
    let soon = SystemTime::now() + Duration::from_secs(60);
    let (objects, _) =
        blobs(&data, &config).collect(BlobKind::Blobs, &until(soon), Removal::Now, &|_| false).unwrap();
    assert!(objects > 0);
    let database = rigi_store::DbConfig::Sqlite(data.join("rigi.db"));
    let found = || {
        let parts = block_on(inspect(&database, &data, &storage(&config), &mut |_| {})).unwrap();
        parts.into_iter().flat_map(|part| part.damage).map(|damage| damage.problem).collect::<Vec<_>>()
    };
    let of = |project: &str| format!("s3://rigi-tests/{}/{project}/", config.prefix);
    let missing = found();
    assert!(!missing.is_empty() && missing.iter().all(|line| line.contains(&of("default"))), "{missing:?}");
    // What the other project has lost is lost, whoever else has the same.
    let lab = Blobs::open_at(&data, &lab(), &storage(&config)).unwrap();
    lab.collect(BlobKind::Blobs, &until(soon), Removal::Now, &|_| false).unwrap();
    assert_eq!(found().iter().filter(|line| line.contains(&of("lab"))).count(), 4);
}

/// What a run may do with its credentials, asked of MinIO as the run would.
#[test]
fn a_run_reads_its_project_writes_its_own_folder_and_nothing_else() {
    use object_store::aws::AmazonS3Builder;
    use object_store::path::Path as Place;
    use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
    let Some(config) = bucket() else { return };
    let data = tempfile::tempdir().unwrap();
    let blobs = blobs(data.path(), &config);
    let stored = blobs.put(&b"data of the project"[..]).unwrap();
    let foreign = Blobs::open_at(data.path(), &"other".parse().unwrap(), &storage(&config))
        .unwrap()
        .put(&b"foreign"[..])
        .unwrap();
    let (run, other) = (RunId::generate(), RunId::generate());
    block_on(async {
        let access = blobs.access_for(&run).await.unwrap().unwrap();
        assert_eq!(access.own, format!("s3://rigi-tests/{}/default/processes/{run}/", config.prefix));
        assert!(access.expires > Timestamp::now().after(Duration::from_secs(800)));
        assert!(!format!("{access:?}").contains(&access.secret_access_key.0));
        let own = AmazonS3Builder::new()
            .with_endpoint(config.endpoint.as_ref().unwrap())
            .with_allow_http(true)
            .with_access_key_id(&access.access_key_id)
            .with_secret_access_key(&access.secret_access_key.0)
            .with_token(&access.session_token.0)
            .with_region(&access.region)
            .with_bucket_name("rigi-tests")
            .build()
            .unwrap();
        let base = format!("{}/default", config.prefix);
        let at = |path: String| Place::from(path);
        let x = || PutPayload::from_static(b"x");
        let blob = at(format!("{base}/blobs/{}/{}", &stored.sha256.to_string()[..2], stored.sha256));
        let mine = at(format!("{base}/processes/{run}/out/x"));
        own.put(&mine, x()).await.unwrap();
        own.get(&mine).await.unwrap();
        let mut parts = own.put_multipart(&mine).await.unwrap();
        parts.put_part(PutPayload::from(vec![7; 6 << 20])).await.unwrap();
        parts.abort().await.unwrap();
        let list = own.list_with_delimiter(Some(&at(base.clone()))).await.unwrap();
        assert!(!list.common_prefixes.is_empty());

        let theirs = at(format!("{base}/processes/{other}/x"));
        let foreign =
            format!("{}/other/blobs/{}/{}", config.prefix, &foreign.sha256.to_string()[..2], foreign.sha256);
        let refused = [
            ("write to another run's folder", own.put(&theirs, x()).await.err()),
            ("read a blob", own.get(&blob).await.err()),
            ("read another run's folder", own.get(&theirs).await.err()),
            ("write a blob", own.put(&blob, x()).await.err()),
            ("remove a blob", own.delete(&blob).await.err()),
            ("write a log", own.put(&at(format!("{base}/logs/x")), x()).await.err()),
            ("read a log", own.get(&at(format!("{base}/logs/x"))).await.err()),
            ("read another project", own.get(&at(foreign)).await.err()),
            (
                "list another project",
                own.list_with_delimiter(Some(&at(format!("{}/other", config.prefix)))).await.err(),
            ),
            ("list all", own.list_with_delimiter(None).await.err()),
            ("write beside", own.put(&at("x".into()), x()).await.err()),
        ];
        for (what, error) in refused {
            let error = error.unwrap_or_else(|| panic!("a run may {what}"));
            let mut text = format!("{error:?}");
            text.push_str(&error.to_string());
            assert!(text.contains("AccessDenied"), "{what}: {text}");
        }
        own.delete(&mine).await.unwrap();
    });
    assert_eq!(read(&blobs, &stored.sha256), b"data of the project");
}

#[test]
fn what_a_run_has_written_is_found_and_goes_with_it() {
    use object_store::ObjectStoreExt;
    let Some(config) = bucket() else { return };
    let data = tempfile::tempdir().unwrap();
    let blobs = blobs(data.path(), &config);
    let run = RunId::generate();
    let own = object_store::aws::AmazonS3Builder::new()
        .with_endpoint(config.endpoint.as_ref().unwrap())
        .with_allow_http(true)
        .with_access_key_id(config.access_key_id.as_ref().unwrap())
        .with_secret_access_key(&config.secret_access_key.as_ref().unwrap().0)
        .with_bucket_name("rigi-tests")
        .build()
        .unwrap();
    block_on(async {
        for name in ["a", "b/c d", "ü"] {
            let key = format!("{}/default/processes/{run}/{name}", config.prefix);
            own.put(&object_store::path::Path::from(key), "x".into()).await.unwrap();
        }
    });
    assert_eq!(blobs.runs_with_files().unwrap(), [run.clone()].to_vec());
    let soon = SystemTime::now() + Duration::from_secs(60);
    let young = blobs.remove_files_of(&run, &until(SystemTime::UNIX_EPOCH), Removal::Now).unwrap();
    assert_eq!(young, (0, 0));
    assert_eq!(blobs.remove_files_of(&run, &until(soon), Removal::Now).unwrap(), (3, 3));
    assert_eq!(blobs.runs_with_files().unwrap(), []);
}

#[test]
fn the_check_is_well_where_all_is_well_and_names_what_is_not() {
    let Some(config) = bucket() else { return };
    let data = tempfile::tempdir().unwrap();
    let look = |config: &BucketConfig| block_on(check_storage(&storage(config), data.path())).unwrap();
    let all = look(&config);
    for one in &all {
        assert!(one.found.is_ok(), "{one:?}");
    }
    let names: Vec<_> = all.iter().map(|one| one.what).collect();
    let expected = [
        "reach",
        "put",
        "clock",
        "get",
        "list",
        "multipart",
        "credentials",
        "own folder",
        "elsewhere",
        "delete",
    ];
    assert_eq!(names, expected);
    let wrong = |config: BucketConfig| {
        let problem = look(&config).into_iter().find_map(|one| one.found.err()).unwrap();
        format!("{} → {}", problem.message, problem.cure)
    };
    let secret = Some(Hidden("no".repeat(20)));
    let said = wrong(BucketConfig { secret_access_key: secret, ..config.clone() });
    assert!(said.contains("check `storage.access_key_id`"), "{said}");
    let said = wrong(BucketConfig { bucket: "rigi-none".into(), ..config });
    assert!(said.contains("there is no such bucket"), "{said}");
}

/// A server that gives everybody the same answer, as whole as it is.
fn answering(answer: &'static str) -> BucketConfig {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = |mut stream: TcpStream| {
        let mut request = [0; 64 << 10];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(answer.as_bytes());
    };
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || answer(stream));
        }
    });
    at(&format!("http://{address}"), "id", "secret")
}

fn refused(config: &BucketConfig) -> String {
    let data = tempfile::tempdir().unwrap();
    let blobs = blobs(data.path(), config);
    let since = Instant::now();
    let error = blobs.put(&b"x"[..]).unwrap_err();
    assert!(error.may_pass() && matches!(error, Error::Storage { .. }), "{error:?}");
    assert!(since.elapsed() < Duration::from_secs(20), "{:?}", since.elapsed());
    assert_eq!(std::fs::read_dir(data.path().join("tmp")).unwrap().count(), 0);
    assert!(block_on(blobs.reach()).is_err());
    error.to_string()
}

#[test]
fn a_storage_that_is_away_full_or_none_is_told_as_what_it_is() {
    let garbage =
        "HTTP/1.1 200 OK\r\nContent-Length: 26\r\nConnection: close\r\n\r\n<html>Please sign in</html>";
    assert!(refused(&answering(garbage)).contains("cannot write s3://rigi-tests/"));
    let noise = "\u{1}\u{2} this is no HTTP at all\r\n\r\n";
    refused(&answering(noise));
    let full = "HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 88\r\nConnection: close\r\n\r\n\
                <Error><Code>XMinioStorageFull</Code><Message>Storage backend is full</Message></Error>  ";
    assert!(refused(&answering(full)).contains("it is full"));
    let denied = "HTTP/1.1 403 Forbidden\r\nContent-Length: 49\r\nConnection: close\r\n\r\n\
                  <Error><Code>AccessDenied</Code></Error>         ";
    assert!(refused(&answering(denied)).contains("this key may not do that"));
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(refused(&at(&format!("http://{nobody}"), "id", "secret")).contains("refused"));
}
