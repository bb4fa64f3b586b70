//! Backups: from either database into either, and what they are worth when something is damaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rigi_model::log::Encoder;
use rigi_model::log::Stream;
use rigi_model::pipeline::spec::{Entry, PipelineSpec};
use rigi_model::run::{AttemptRecord, LogFacts};
use rigi_model::{AttemptState, ProjectName, RunState, Timestamp, Usage};
use rigi_store::backup::{self, Created, Key, Repository, Restored, Target, WithKey};
use rigi_store::logs::{LogSource, Notes, Packed};
use rigi_store::tables::artifacts::Artifact;
use rigi_store::tables::runs_list::RunFilter;
use rigi_store::tables::versions::{Version, VersionFile};
use rigi_store::{DbConfig, EndedAttempt, Error, FilesLock, NewRun, Renew, Result, Storage, Store};

use crate::areas::have_their_own;
use crate::support::{T, change, configs, lab, named, new_run, project, version_hash};

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(future)
}

pub async fn create(at: &Target, into: &Path, key: WithKey) -> Result<Created> {
    let repository = Repository::open_to_write(into)?;
    backup::create(at, &repository, key, Timestamp::now(), &mut |_| {}).await
}

pub async fn restore(from: &Path, to: &Target, key: &Key) -> Result<Restored> {
    backup::restore(&Repository::open(from)?, None, to, key, &mut |_| {}).await
}

/// An empty place on SQLite, or on PostgreSQL.
pub fn empty(dir: &tempfile::TempDir, name: &str, postgres: Option<DbConfig>) -> Target {
    let data = dir.path().join(name);
    fs::create_dir_all(&data).unwrap();
    Target {
        config: postgres.unwrap_or_else(|| DbConfig::Sqlite(data.join("rigi.db"))),
        data,
        storage: Storage::Data,
    }
}

fn postgres() -> Option<DbConfig> {
    configs().into_iter().flatten().next()
}

/// A run that has ended, with a log, a sealed parameter, a label and a file, which is the same for the same number.
pub async fn ended_run(store: &Store, project: &ProjectName, n: usize, log_lines: usize) -> NewRun {
    ended(store, NewRun { project: project.clone(), ..new_run("a") }, n, log_lines).await
}

/// The same, of this run.
pub async fn ended(store: &Store, mut run: NewRun, n: usize, log_lines: usize) -> NewRun {
    let blobs = store.blobs(&run.project);
    Arc::make_mut(&mut run.env).insert("TOKEN".into(), store.sealer().seal("hunter2").unwrap());
    store.submit(vec![run.clone()], None).await.unwrap();
    let mut encoder = Encoder::new(1);
    for line in 0..log_lines {
        encoder.write(
            T,
            Stream::Stdout,
            format!("line {line} of {n} {:x}\n", line * 7919 % 65_536).as_bytes(),
        );
    }
    let mut bytes = Vec::new();
    encoder.take(&mut bytes);
    let object = format!("{}/{}.1", run.id.short(), run.id);
    let packed = LogSource::Bytes(bytes.into()).pack(&blobs, &object, &Notes::default()).unwrap();
    let (log, log_object) = match packed {
        Packed::Empty => (None, None),
        Packed::Inline(bytes) => (Some(bytes), None),
        Packed::Object(object) => (None, Some(object)),
    };
    let file = blobs.put(format!("result {n}\t\\N\n").as_bytes()).unwrap();
    let mut ended = change(&run, RunState::Failed, T);
    ended.status.message = Some("tab\there, line\nthere, back\\slash, \\N, Zürich ✓".into());
    ended.events[0].message = ended.status.message.clone();
    ended.artifacts = vec![Artifact::new("out/x.txt".into(), None, 1, file.size, file.sha256)];
    let record = AttemptRecord {
        number: 1,
        state: AttemptState::Failed,
        reason: None,
        message: None,
        exit_code: Some(1),
        signal: None,
        claimed_at: T,
        started_at: Some(T),
        ended_at: T,
        usage: Usage::default(),
        log: LogFacts { lines: log_lines as u64, ..LogFacts::default() },
    };
    ended.attempt = Some(EndedAttempt { record, log, log_object, samples: None });
    store.change(vec![ended], rigi_store::Pace::Now).await.unwrap().await.unwrap();
    run
}

pub async fn open(at: &Target) -> Store {
    let store = Store::open_at(&at.config, &at.data, &at.storage, Renew::default(), None).await.unwrap();
    // What tells the key from others is no secret.
    store.lead().await.unwrap();
    store
}

/// A small server's life: two projects, whose code and one of whose results are the same.
pub async fn fill(at: &Target) {
    let store = open(at).await;
    store.add_project(&lab(), T).await.unwrap();
    for n in 0..5 {
        ended_run(&store, &project(), n, 10).await;
    }
    ended_run(&store, &project(), 9, 20_000).await;
    ended_run(&store, &lab(), 0, 10).await;
    ended_run(&store, &lab(), 10, 20_000).await;
    store.submit(vec![new_run("waits")], None).await.unwrap();
    for project in [project(), lab()] {
        let code = store.blobs(&project).put(&b"print(1)"[..]).unwrap();
        let file =
            VersionFile { path: "main.py".into(), executable: false, size: code.size, sha256: code.sha256 };
        let version = Version { hash: version_hash(1), pipeline: named("a"), files: vec![file], ..version() };
        store.add_version(&project, version, T).await.unwrap();
    }
    let upload = store.blobs(&lab()).put(&b"of the lab"[..]).unwrap();
    store.add_upload(&lab(), "u", &upload, T).await.unwrap();
}

pub fn version() -> Version {
    Version {
        hash: version_hash(0),
        pipeline: named(""),
        spec: PipelineSpec::of(Entry::Script { file: "main.py".into() }),
        files: Vec::new(),
        git: None,
    }
}

#[test]
fn what_goes_from_sqlite_to_postgres_and_back_is_the_same_to_the_last_byte() {
    let dir = tempfile::tempdir().unwrap();
    let backups = dir.path().join("backups");
    block_on(async {
        let first = empty(&dir, "first", None);
        fill(&first).await;
        let created = create(&first, &backups, WithKey::Yes).await.unwrap();
        assert_eq!((created.manifest.runs, created.manifest.open_runs), (9, 1));
        assert_eq!(created.manifest.sealed, 8);
        for (n, postgres) in [postgres(), None].into_iter().enumerate() {
            let next = empty(&dir, &format!("next{n}"), postgres);
            restore(&backups, &next, &Key::OfBackup).await.unwrap();
            let again = create(&next, &backups, WithKey::Yes).await.unwrap();
            assert_eq!(again.new_objects, 0, "rows or files differ after a restore to {:?}", next.config);
            assert_eq!(again.manifest.runs, 9);
            let store = open(&next).await;
            have_their_own(&store);
            assert_eq!(store.db().projects().await.unwrap(), [project(), lab()]);
            let open = store
                .db()
                .open_runs(
                    &project(),
                    &[RunState::Queued, RunState::Starting, RunState::Running, RunState::Retrying],
                    None,
                    10_000,
                )
                .await
                .unwrap();
            assert_eq!(open.len(), 1);
        }
        let verified = backup::verify(&Repository::open(&backups).unwrap(), None, &mut |_| {}).unwrap();
        assert_eq!((verified.snapshots, verified.findings), (3, vec![]));
    });
}

#[test]
fn a_backup_of_a_former_schema_is_restored_and_brought_up_to_date() {
    // Taken by the binary that had schema 2: two runs of a pipeline, one with a secret, a label and a file.
    let former = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/schema-2");
    let dir = tempfile::tempdir().unwrap();
    block_on(async {
        for (n, postgres) in [None, postgres()].into_iter().enumerate() {
            let to = empty(&dir, &n.to_string(), postgres);
            restore(&former, &to, &Key::OfBackup).await.unwrap();
            let store = Store::open(&to.config, &to.data).await.unwrap();
            let filter =
                RunFilter { labels: vec![("team".into(), "data".into())], limit: 9, ..RunFilter::default() };
            let found = store.db().list_runs(&project(), &filter).await.unwrap().runs;
            let [run] = found.as_slice() else { panic!("{found:?}") };
            let run = store.db().run(&project(), &run.id).await.unwrap();
            assert_eq!((run.request.pipeline.as_str(), run.status.state), ("hello", RunState::Succeeded));
            assert_eq!(
                (run.request.step.clone(), run.request.parameters["name"].as_str()),
                (None, Some("Zürich"))
            );
            let files = store.db().artifacts(&run.request.id, "", 9).await.unwrap();
            assert_eq!(files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["answer.txt"]);
            store.storage().check(&files[0].sha256).unwrap();
            assert_eq!(store.db().attempts(&run.request.id).await.unwrap().len(), 1);
            let code = store.db().version(&project(), run.request.version).await.unwrap();
            assert_eq!(code.pipeline, "hello");
            let used = store.db().referenced_content(&project()).await.unwrap();
            assert!(
                used.contains(&files[0].sha256) && code.files.iter().all(|file| used.contains(&file.sha256))
            );
            let any = RunFilter { limit: 9, ..RunFilter::default() };
            assert_eq!(store.db().list_runs(&project(), &any).await.unwrap().runs.len(), 2);
        }
    });
}

/// A data folder with something of everything.
pub async fn filled(dir: &tempfile::TempDir) -> Target {
    let at = empty(dir, "data", None);
    fill(&at).await;
    at
}

#[test]
fn a_second_backup_adds_only_what_is_new() {
    let dir = tempfile::tempdir().unwrap();
    let backups = dir.path().join("backups");
    block_on(async {
        let at = filled(&dir).await;
        let first = create(&at, &backups, WithKey::No).await.unwrap();
        assert!(first.new_objects > 10);
        let store = Store::open(&at.config, &at.data).await.unwrap();
        // Beside a store that is open and goes on writing.
        let writer = tokio::spawn({
            let store = store.clone();
            async move {
                loop {
                    store.submit(vec![new_run("busy")], None).await.unwrap();
                    tokio::task::yield_now().await;
                }
            }
        });
        let second = create(&at, &backups, WithKey::No).await.unwrap();
        writer.abort();
        assert!(second.new_objects < 10, "{} objects are new", second.new_objects);
        let next = empty(&dir, "next", None);
        let restored = restore(&backups, &next, &Key::New).await.unwrap();
        assert_eq!(restored.manifest.runs, second.manifest.runs);
    });
}

/// Every file below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[test]
fn every_damage_of_a_backup_is_found_and_named_and_nothing_is_restored_from_it() {
    let dir = tempfile::tempdir().unwrap();
    let backups = dir.path().join("backups");
    block_on(async {
        let at = filled(&dir).await;
        create(&at, &backups, WithKey::Yes).await.unwrap();
        let verify = || backup::verify(&Repository::open(&backups).unwrap(), None, &mut |_| {}).unwrap();
        let files = files_below(&backups);
        assert!(files.len() > 10);
        for (n, file) in files.iter().filter(|file| !file.ends_with("rigi-backup")).enumerate() {
            let good = fs::read(file).unwrap();
            let step = (good.len() / 64).max(1);
            let flips = (0..good.len()).step_by(step).map(|at| {
                let mut bad = good.clone();
                bad[at] ^= 1 << (at % 8);
                bad
            });
            let cuts = [0, good.len() / 2, good.len() - 1].map(|len| good[..len].to_vec());
            let longer = [&good[..], b"\n"].concat();
            for bad in flips.chain(cuts).chain([longer]) {
                fs::write(file, &bad).unwrap();
                let found = verify().findings;
                let named = found.iter().any(|finding| finding.file == file.display().to_string());
                assert!(named, "{}: {found:?}", file.display());
            }
            let to = empty(&dir, &format!("to{n}"), None);
            let error = restore(&backups, &to, &Key::OfBackup).await.unwrap_err();
            assert!(matches!(error, Error::Damaged { .. }), "{}: {error}", file.display());
            assert_eq!(fs::read_dir(&to.data).unwrap().count(), 0, "{} left something", file.display());
            fs::remove_file(file).unwrap();
            if !file.parent().unwrap().ends_with("snapshots") {
                assert!(!verify().findings.is_empty(), "{} is not missed", file.display());
            }
            fs::write(file, &good).unwrap();
        }
        assert_eq!(verify().findings, []);
    });
}

#[test]
fn an_interrupted_backup_is_none_and_what_it_left_is_not_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let backups = dir.path().join("backups");
    block_on(async {
        let at = filled(&dir).await;
        create(&at, &backups, WithKey::Yes).await.unwrap();
        // As if it had been killed before its end, and the machine had lost its power.
        for manifest in files_below(&backups.join("snapshots")) {
            fs::remove_file(manifest).unwrap();
        }
        fs::write(backups.join("unfinished"), b"").unwrap();
        for object in files_below(&backups.join("objects")) {
            let zeros = vec![0; usize::try_from(fs::metadata(&object).unwrap().len()).unwrap()];
            fs::write(object, zeros).unwrap();
        }
        let repository = Repository::open(&backups).unwrap();
        assert!(matches!(backup::verify(&repository, None, &mut |_| {}), Err(Error::NotFound { .. })));
        let to = empty(&dir, "to", None);
        assert!(matches!(restore(&backups, &to, &Key::OfBackup).await, Err(Error::NotFound { .. })));
        create(&at, &backups, WithKey::Yes).await.unwrap();
        assert_eq!(backup::verify(&repository, None, &mut |_| {}).unwrap().findings, []);
        restore(&backups, &to, &Key::OfBackup).await.unwrap();
    });
}

#[test]
fn nothing_is_restored_over_what_is_there_nor_with_a_wrong_key() {
    let dir = tempfile::tempdir().unwrap();
    let backups = dir.path().join("backups");
    block_on(async {
        let at = filled(&dir).await;
        create(&at, &backups, WithKey::No).await.unwrap();
        let refused = restore(&backups, &at, &Key::New).await.unwrap_err();
        assert!(matches!(refused, Error::NotEmpty { .. }), "{refused}");
        let to = empty(&dir, "to", None);
        let missing = restore(&backups, &to, &Key::OfBackup).await.unwrap_err();
        assert!(matches!(missing, Error::Key(_)), "{missing}");
        let other = dir.path().join("other.key");
        fs::write(&other, [7; 32]).unwrap();
        let wrong = restore(&backups, &to, &Key::File(other)).await.unwrap_err();
        assert!(matches!(wrong, Error::Key(_)), "{wrong}");
        let key = Key::File(at.data.join("secret.key"));
        restore(&backups, &to, &key).await.unwrap();
        assert_eq!(
            fs::read(to.data.join("secret.key")).unwrap(),
            fs::read(at.data.join("secret.key")).unwrap()
        );
        if let Some(postgres) = postgres() {
            let full = empty(&dir, "full", Some(postgres));
            fill(&full).await;
            let beside = Target { data: dir.path().join("beside"), ..full };
            fs::create_dir_all(&beside.data).unwrap();
            let refused = restore(&backups, &beside, &key).await.unwrap_err();
            assert!(matches!(refused, Error::NotEmpty { .. }), "{refused}");
        }
        let strange = dir.path().join("data");
        assert!(matches!(Repository::open_to_write(&strange), Err(Error::NotEmpty { .. })));
    });
}

#[test]
fn a_restore_that_was_killed_is_no_data_folder_and_can_be_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let backups = dir.path().join("backups");
    block_on(async {
        let at = filled(&dir).await;
        create(&at, &backups, WithKey::Yes).await.unwrap();
        let to = empty(&dir, "to", None);
        fs::write(to.data.join("restoring"), "x").unwrap();
        fs::write(to.data.join("rigi.db"), "half").unwrap();
        assert!(matches!(Store::open(&to.config, &to.data).await, Err(Error::Damaged { .. })));
        restore(&backups, &to, &Key::OfBackup).await.unwrap();
        Store::open(&to.config, &to.data).await.unwrap();
    });
}

#[test]
fn nothing_is_collected_while_a_backup_reads() {
    let dir = tempfile::tempdir().unwrap();
    let kept = FilesLock::keep(dir.path()).unwrap();
    let second = FilesLock::keep(dir.path()).unwrap();
    assert!(matches!(FilesLock::collect(dir.path()), Err(Error::BackupRunning)));
    drop((kept, second));
    FilesLock::collect(dir.path()).unwrap();
}

#[test]
fn a_file_that_is_damaged_already_is_named_and_not_taken_for_good() {
    let dir = tempfile::tempdir().unwrap();
    let backups = dir.path().join("backups");
    block_on(async {
        let at = filled(&dir).await;
        let victim = files_below(&at.data.join("objects/default/blobs")).remove(0);
        let mut bytes = fs::read(&victim).unwrap();
        bytes[0] ^= 1;
        fs::write(&victim, bytes).unwrap();
        let created = create(&at, &backups, WithKey::No).await.unwrap();
        assert_eq!(created.manifest.damaged, [victim.display().to_string()]);
        let verified = backup::verify(&Repository::open(&backups).unwrap(), None, &mut |_| {}).unwrap();
        assert_eq!(verified.findings.len(), 1);
    });
}
