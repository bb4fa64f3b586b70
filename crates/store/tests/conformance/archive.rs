//! One project as one archive: from either database into either, and what is left of one that cannot be.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use rigi_model::project::{ProjectFacts, ProjectSettings};
use rigi_model::version::{FileEntry, hash_version};
use rigi_model::{ProjectName, RunId, RunState, VersionHash};
use rigi_store::archive::{Arrival, Put, Refused, Tail, Taking, put, read_ends, read_head, take};
use rigi_store::backup::Target;
use rigi_store::people::Deed;
use rigi_store::tables::versions::{Version, VersionFile};
use rigi_store::{NewRun, RunInput, Store};
use tokio::runtime::Handle;

use crate::backup::{block_on, empty, ended, open, version};
use crate::support::{T, configs, new_run, stored};

/// What is in an archive, by path.
type Members = BTreeMap<String, Vec<u8>>;

fn deed() -> Deed {
    Deed::of_server("ann", T)
}

pub fn air() -> ProjectName {
    ProjectName::unchecked("air")
}

/// A server with a project whose runs have all that runs may have, and with runs of another.
async fn filled(at: &Target) -> (Store, Vec<NewRun>) {
    let store = open(at).await;
    let settings = ProjectSettings { labels: [("team".into(), "lab".into())].into(), ..Default::default() };
    store.make_project(&air(), settings, &deed()).await.unwrap();
    store.set_secrets(&air(), &[("TOKEN".into(), "hunter2".into())], &deed()).await.unwrap();
    let code = store.blobs(&air()).put(&b"print(1)"[..]).unwrap();
    let file = VersionFile { path: "main.py".into(), executable: true, size: code.size, sha256: code.sha256 };
    let entry = FileEntry { path: "main.py", sha256: code.sha256, executable: true };
    let hash = hash_version([entry]);
    let captured = Version { hash, pipeline: "a".parse().unwrap(), files: vec![file], ..version() };
    store.add_version(&air(), captured, T).await.unwrap();
    let mut runs = Vec::new();
    for (n, lines) in [(0, 0), (1, 10), (2, 20_000)] {
        runs.push(ended(&store, of_air(&store, hash, n), n, lines).await);
    }
    let upload = store.blobs(&air()).put(&b"brought"[..]).unwrap();
    store.add_upload(&air(), "data.csv", &upload, T).await.unwrap();
    stored(&store, &of_air(&store, hash, 7), RunState::Queued).await;
    ended(&store, new_run("other"), 8, 10).await;
    pipelines(&at.data.join("pipelines"));
    (store, runs)
}

fn of_air(store: &Store, version: VersionHash, n: usize) -> NewRun {
    let input = store.blobs(&air()).put(format!("input {n}").as_bytes()).unwrap();
    let input = RunInput {
        input: "table".into(),
        name: "t.csv".into(),
        size: input.size,
        sha256: input.sha256,
        dataset: None,
    };
    NewRun { project: air(), version, inputs: vec![input].into(), ..new_run("a") }
}

fn pipelines(folder: &Path) {
    fs::create_dir_all(folder.join("fit/lib")).unwrap();
    fs::write(folder.join("fit/main.sh"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(folder.join("fit/main.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(folder.join(format!("fit/lib/{}.py", "long".repeat(50))), "x = 1\n").unwrap();
    symlink("/etc/passwd", folder.join("fit/passwd")).unwrap();
    symlink("/etc", folder.join("etc")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        folder.join("fit/pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
}

async fn taken(store: &Store, facts: &ProjectFacts, folder: &Path) -> (Vec<u8>, Tail) {
    let taking = Taking {
        id: facts.id.clone(),
        name: facts.name.clone(),
        settings: facts.settings.clone(),
        folder: folder.to_owned(),
        at: T,
    };
    let mut archive = Vec::new();
    let tail = take(store, &taking, &mut archive).await.unwrap();
    (archive, tail)
}

async fn facts(store: &Store, id: &ProjectName) -> ProjectFacts {
    store.db().project_facts().await.unwrap().into_iter().find(|facts| facts.id == *id).unwrap()
}

async fn begun(store: &Store) -> ProjectFacts {
    store.begin_project(&air(), ProjectSettings::default(), &deed(), |_| true).await.unwrap()
}

async fn brought(
    store: &Store,
    id: &ProjectName,
    folder: &Path,
    archive: &[u8],
    most: u64,
) -> Result<Put, Refused> {
    let arrival = Arrival { id: id.clone(), folder: folder.to_owned(), most };
    let (store, archive) = (store.clone(), archive.to_vec());
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || put(&store, &runtime, &arrival, &archive[..])).await.unwrap()
}

fn members(archive: &[u8]) -> Members {
    let mut archive = tar::Archive::new(zstd::Decoder::new(archive).unwrap());
    let read = |entry: std::io::Result<tar::Entry<'_, _>>| {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (path, content)
    };
    archive.entries().unwrap().map(read).collect()
}

/// An archive of these.
fn archive_of(members: &Members) -> Vec<u8> {
    let order = |path: &str| match path.split('/').next().unwrap() {
        "project.json" => 0,
        "rows" => 1 + ["versions", "runs"].iter().position(|table| path.contains(table)).unwrap_or(5),
        "content" => 10,
        "logs" => 11,
        "pipelines" => 12,
        "end.json" => 13,
        _ => 9,
    };
    let mut all: Vec<_> = members.iter().collect();
    // Tables behind runs have the order of the archive.
    let behind = ["attempts", "artifacts", "run_inputs", "labels", "uploads"];
    all.sort_by_key(|(path, _)| (order(path), behind.iter().position(|table| path.contains(table))));
    let mut packer = tar::Builder::new(zstd::Encoder::new(Vec::new(), 1).unwrap());
    for (path, content) in all {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        // As it stands: `append_data` refuses what is tried here.
        if path.len() < 100 {
            header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
            header.set_cksum();
            packer.append(&header, &content[..]).unwrap();
        } else {
            packer.append_data(&mut header, path, &content[..]).unwrap();
        }
    }
    packer.into_inner().unwrap().finish().unwrap()
}

async fn assert_nothing_left(store: &Store, id: &ProjectName, folder: &Path) {
    let _ = fs::remove_dir_all(folder);
    store.undo_project(id).await.unwrap();
    assert!(store.db().coming_projects().await.unwrap().is_empty());
    assert!(
        !store.blobs(id).folder().unwrap().join("blobs").read_dir().is_ok_and(|mut all| all.next().is_some())
    );
    assert!(!store.db().projects().await.unwrap().contains(id));
}

#[test]
fn a_project_goes_from_each_database_into_each_and_is_the_same() {
    let many = configs().len();
    for (from, to) in (0..many).flat_map(|from| (0..many).map(move |to| (from, to))) {
        // Each time in a schema of its own.
        let [from, to] = [from, to].map(|which| configs().swap_remove(which));
        let dir = tempfile::tempdir().unwrap();
        block_on(goes(&empty(&dir, "first", from), &empty(&dir, "second", to)));
    }
}

async fn goes(from: &Target, to: &Target) {
    let (store, runs) = filled(from).await;
    let own = facts(&store, &air()).await;
    let (archive, tail) = taken(&store, &own, &from.data.join("pipelines")).await;
    assert_eq!((tail.files, tail.left_out, tail.missing), (2, 3, 0));
    let head = read_head(&archive[..]).unwrap();
    assert_eq!((head.open_runs, head.rows["runs"], &*head.secrets), (1, 3, &["TOKEN".to_owned()][..]));
    assert_eq!(read_ends(&archive[..]).unwrap(), (head, tail));
    let all: Vec<u8> = members(&archive).into_values().flatten().collect();
    for hidden in ["sealed1:", "hunter2", "root:"] {
        assert!(memchr::memmem::find(&all, hidden.as_bytes()).is_none(), "{hidden} is in it");
    }
    let there = open(to).await;
    let coming = begun(&there).await;
    let folder = to.data.join("made");
    brought(&there, &coming.id, &folder, &archive, u64::MAX).await.unwrap();
    assert!(there.db().projects().await.unwrap().iter().all(|id| *id != coming.id), "it is seen too early");
    there.open_project(&coming, &deed()).await.unwrap();
    assert_eq!(facts(&there, &coming.id).await, coming);
    for run in &runs {
        let mut same = store.db().run(&air(), &run.id).await.unwrap();
        std::sync::Arc::make_mut(&mut same.request.env).remove("TOKEN");
        assert_eq!(there.db().run(&coming.id, &run.id).await.unwrap(), same);
        assert_eq!(
            there.db().artifacts(&run.id, "", 9).await.unwrap(),
            store.db().artifacts(&run.id, "", 9).await.unwrap()
        );
    }
    let script = fs::metadata(folder.join("fit/main.sh")).unwrap();
    assert_eq!(script.permissions().mode() & 0o777, 0o755);
    // All else, to the last byte: rows with inline logs, stored files, logs, pipelines.
    let mut again = members(&taken(&there, &coming, &folder).await.0);
    let mut before = members(&archive);
    for own in ["project.json", "end.json"] {
        assert!(again.remove(own).is_some() && before.remove(own).is_some());
    }
    assert_eq!(again.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    assert_eq!(again, before);
    assert!(
        before.keys().any(|path| path.starts_with("logs/"))
            && before.keys().any(|path| path.starts_with("content/"))
    );
}

#[test]
fn what_an_archive_should_not_hold_is_refused_and_leaves_nothing() {
    for config in configs() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (empty(&dir, "first", None), empty(&dir, "second", config));
        block_on(async {
            let (store, runs) = filled(&first).await;
            let own = facts(&store, &air()).await;
            let (archive, _) = taken(&store, &own, &first.data.join("pipelines")).await;
            let there = open(&second).await;
            for (what, bad) in hostile(&archive, &runs[0].id) {
                let (coming, folder) = (begun(&there).await, second.data.join("made"));
                let found = brought(&there, &coming.id, &folder, &bad, 64 << 20).await;
                assert!(matches!(found, Err(Refused::Archive(_))), "{what}: {found:?}");
                assert_nothing_left(&there, &coming.id, &folder).await;
                assert!(there.db().runs_by_id(&[runs[0].id.clone()]).await.unwrap().is_empty(), "{what}");
            }
            let (coming, folder) = (begun(&there).await, second.data.join("made"));
            let found = brought(&there, &coming.id, &folder, &bomb(&archive), 8 << 20).await;
            assert!(matches!(found, Err(Refused::TooLarge(most)) if most == 8 << 20), "{found:?}");
            assert_nothing_left(&there, &coming.id, &folder).await;
            // After all that, a good one comes; and does not come twice.
            let coming = begun(&there).await;
            brought(&there, &coming.id, &folder, &archive, u64::MAX).await.unwrap();
            there.open_project(&coming, &deed()).await.unwrap();
            let twice = begun(&there).await;
            let folder = second.data.join("twice");
            let found = brought(&there, &twice.id, &folder, &archive, u64::MAX).await;
            assert!(matches!(found, Err(Refused::Here(_))), "{found:?}");
            assert_nothing_left(&there, &twice.id, &folder).await;
            assert_eq!(there.db().runs_by_id(&[runs[0].id.clone()]).await.unwrap().len(), 1);
        });
    }
}

/// More than it may be, of next to nothing.
fn bomb(archive: &[u8]) -> Vec<u8> {
    let mut members = members(archive);
    members.insert("pipelines/bomb".into(), vec![0; 16 << 20]);
    archive_of(&members)
}

fn hostile(archive: &[u8], run: &RunId) -> Vec<(String, Vec<u8>)> {
    let good = members(archive);
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    for at in [0, 1, 100, archive.len() / 2, archive.len() - 1] {
        all.push((format!("cut at {at}"), archive[..at].to_vec()));
    }
    let mut with = |what: &str, change: &dyn Fn(&mut Members)| {
        let mut members = good.clone();
        change(&mut members);
        all.push((what.to_owned(), archive_of(&members)));
    };
    let of = |prefix: &str| good.keys().find(|path| path.starts_with(prefix)).unwrap().clone();
    let (content, log) = (of("content/"), of("logs/"));
    with("other content", &|all| _ = all.insert(content.clone(), b"other".to_vec()));
    with("another log", &|all| _ = all.insert(log.clone(), b"other".to_vec()));
    with("content is missing", &|all| _ = all.remove(&content));
    with("rows are missing", &|all| _ = all.remove("rows/labels/00000001.jsonl"));
    with("no end", &|all| _ = all.remove("end.json"));
    with("content that nothing refers to", &|all| {
        _ = all.insert(format!("content/{}", "0".repeat(64)), Vec::new())
    });
    for path in [
        "pipelines/../../out",
        "pipelines//etc/out",
        "pipelines/./a",
        "pipelines/",
        "/etc/out",
        "../out",
        "other/x",
        "rows/people/00000001.jsonl",
        "rows/projects/00000001.jsonl",
        "rows/secrets/00000001.jsonl",
        "logs/../../x",
    ] {
        with(path, &|all| _ = all.insert(path.to_owned(), b"{}\n".to_vec()));
    }
    let rewrite = |all: &mut Members, path: &str, from: &str, to: &str| {
        let text = String::from_utf8(all[path].clone()).unwrap();
        assert!(text.contains(from), "{path} has no {from}: {text}");
        all.insert(path.to_owned(), text.replace(from, to).into_bytes());
    };
    let other = RunId::generate();
    for (table, from, to) in [
        ("project.json", "\"format\": 1", "\"format\": 2"),
        ("project.json", "\"schema\": ", "\"schema\": 9"),
        ("project.json", "\"air\"", "\"../air\""),
        ("runs", "\"failed\"", "\"queued\""),
        ("runs", "\"failed\"", "\"nonsense\""),
        ("runs", "\"max_attempts\":1", "\"max_attempts\":\"1\""),
        ("runs", "\"max_attempts\":1", "\"max_attempts\":null"),
        ("runs", "\"max_attempts\":1", "\"max_attempts\":1,\"more\":2"),
        ("runs", "\"parent\":null", "\"parent\":\"run_01ARZ3NDEKTSV4RRFFQ69G5FAV\""),
        ("runs", "\\\"A\\\":\\\"b\\\"", "\\\"A\\\":\\\"sealed1:b\\\""),
        ("runs", run.as_str(), "../../run"),
        ("versions", "main.py", "../main.py"),
        ("versions", "main.py", "other.py"),
        ("artifacts", "out/x.txt", "../x.txt"),
        ("run_inputs", "t.csv", "../t.csv"),
        ("labels", run.as_str(), other.as_str()),
        ("attempts", &format!("{run}\""), &format!("{other}\"")),
        ("attempts", "\"log_object\":\"", "\"log_object\":\"../"),
        ("uploads", "data.csv", "../data.csv"),
        ("labels", "\"team\"", "\"te\\u0000am\""),
    ] {
        let path =
            if table.contains('.') { table.to_owned() } else { format!("rows/{table}/00000001.jsonl") };
        with(&format!("{table}: {to}"), &|all| rewrite(all, &path, from, to));
    }
    all.extend(odd_members(archive));
    all.push(("no zstd".into(), b"PK\x03\x04 something else".to_vec()));
    all.push(("nothing".into(), Vec::new()));
    all
}

/// A link, a device and a folder where files should be, and a name that is longer than any.
fn odd_members(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    use tar::EntryType as Kind;
    let head = members(archive).remove("project.json").unwrap();
    let odd = |kind: Kind| {
        let mut packer = tar::Builder::new(zstd::Encoder::new(Vec::new(), 1).unwrap());
        let mut header = tar::Header::new_gnu();
        header.set_size(head.len() as u64);
        header.set_mode(0o644);
        packer.append_data(&mut header, "project.json", &head[..]).unwrap();
        let long = vec![b'a'; 1 << 20];
        let content = if kind == Kind::GNULongName { &long[..] } else { &[] };
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        if kind.is_symlink() || kind.is_hard_link() {
            header.set_link_name("/etc/passwd").unwrap();
        }
        packer.append_data(&mut header, "pipelines/odd", content).unwrap();
        let mut out = packer.into_inner().unwrap();
        out.flush().unwrap();
        (format!("{kind:?}"), out.finish().unwrap())
    };
    let kinds = [
        Kind::Symlink,
        Kind::Link,
        Kind::Char,
        Kind::Fifo,
        Kind::Directory,
        Kind::GNULongName,
        Kind::GNUSparse,
    ];
    kinds.into_iter().map(odd).collect()
}
