use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::time::Duration;

use rigi_model::{ContentHash, RunId};
use rigi_store::{BucketConfig, BucketKind, Hidden, Storage};

use super::*;

/// A bucket of the MinIO that `RIGI_TEST_S3` names; CI names one.
fn bucket(data: &Path, collect_after: Duration) -> Option<Blobs> {
    let Ok(named) = std::env::var("RIGI_TEST_S3") else {
        assert!(std::env::var("CI").is_err(), "CI must set RIGI_TEST_S3");
        return None;
    };
    let words: Vec<String> = named.split(' ').map(str::to_owned).collect();
    let config = BucketConfig {
        kind: BucketKind::S3,
        bucket: "rigi-tests".into(),
        prefix: RunId::generate().to_string(),
        endpoint: Some(words[0].clone()),
        region: None,
        access_key_id: Some(words[1].clone()),
        secret_access_key: Some(Hidden(words[2].clone())),
        role: None,
        sts_endpoint: None,
        credentials_for: None,
        collect_after,
        own: Default::default(),
    };
    Some(
        Blobs::open_at(data, &rigi_model::ProjectName::default(), &Storage::Bucket(Box::new(config)))
            .unwrap(),
    )
}

struct Bed {
    data: tempfile::TempDir,
    blobs: Blobs,
    brake: Brake,
    limit: Option<u64>,
}

impl Bed {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(data.path(), &rigi_model::ProjectName::default()).unwrap();
        fs::create_dir_all(data.path().join("attempt/outputs")).unwrap();
        Self { data, blobs, brake: Brake::default(), limit: None }
    }

    fn outputs(&self) -> PathBuf {
        self.data.path().join("attempt/outputs")
    }

    fn write(&self, path: impl AsRef<Path>, content: &[u8]) -> PathBuf {
        let place = self.outputs().join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&place, content).unwrap();
        place
    }

    fn gather(&self, stored: &[StoredFile]) -> Result<Gathered> {
        let declared = ["maps".to_owned()];
        let Self { blobs, brake, limit, .. } = self;
        let gatherer = Gatherer { blobs, number: 1, declared: &declared, limit: *limit, brake };
        gatherer.gather(&self.outputs(), stored)
    }

    fn paths(&self) -> Vec<String> {
        self.gather(&[]).unwrap().artifacts.into_iter().map(|a| a.path).collect()
    }
}

#[test]
fn what_its_runner_has_stored_is_kept_unread_and_only_if_it_is_there() {
    // Young and old: what is old is written anew, so that no collection takes it.
    for collect_after in [Duration::from_secs(3600), Duration::ZERO] {
        let mut bed = Bed::new();
        let Some(blobs) = bucket(bed.data.path(), collect_after) else { return };
        bed.blobs = blobs;
        // Its place in the folder; what it holds is in the bucket.
        bed.write("maps/big", b"");
        bed.write("small", b"small");
        let big = bed.blobs.put(&b"big"[..]).unwrap();
        let file = |path: &str, sha256: ContentHash, size| StoredFile { path: path.into(), sha256, size };
        // What has no place in the folder is nobody's.
        let stored = vec![file("maps/big", big.sha256, 3), file("../x", big.sha256, 3)];
        let kept = bed.gather(&stored).unwrap().artifacts;
        let seen: Vec<_> = kept.iter().map(|a| (a.path.as_str(), a.output.as_deref(), a.size)).collect();
        assert_eq!(seen, [("maps/big", Some("maps"), 3), ("small", None, 5)]);
        assert_eq!(kept[0].sha256, big.sha256);
        for wrong in [file("maps/big", ContentHash::new([10; 32]), 3), file("maps/big", big.sha256, 4)] {
            let gathered = bed.gather(&[wrong]).unwrap();
            assert_eq!(gathered.left.lost, 1, "{:?}", gathered.left);
            assert_eq!(gathered.artifacts.len(), 1);
        }
    }
}

#[test]
fn names_that_the_file_system_allows_are_kept() {
    let bed = Bed::new();
    let long = "x".repeat(255);
    let names: Vec<&[u8]> = vec![
        b"a\nb",
        b"a\tb",
        b"-d",
        b" ",
        b"..x",
        b"caf\xc3\xa9",
        b"caf\xe9",
        b"q?#%&\"'\\",
        long.as_bytes(),
    ];
    for name in &names {
        bed.write(std::ffi::OsStr::from_bytes(name), b"x");
    }
    let paths = bed.paths();
    assert_eq!(paths.len(), names.len());
    assert!(paths.contains(&"caf\\xE9".to_owned()) && paths.contains(&"a\nb".to_owned()), "{paths:?}");
    // What is called by another's name is not mixed up with it.
    bed.write("caf\\xE9", b"y");
    let gathered = bed.gather(&[]).unwrap();
    assert_eq!((gathered.artifacts.len(), gathered.left.lost), (names.len(), 1));
}

#[test]
fn what_is_no_file_is_named_and_links_within_are_kept() {
    let bed = Bed::new();
    bed.write("d/file", b"text");
    let outputs = bed.outputs();
    symlink("d/file", outputs.join("near")).unwrap();
    symlink("../d/file", outputs.join("d/up")).unwrap();
    symlink("d", outputs.join("folder")).unwrap();
    symlink("/etc/hostname", outputs.join("out")).unwrap();
    symlink("../../secret.key", outputs.join("key")).unwrap();
    symlink("nowhere", outputs.join("nothing")).unwrap();
    symlink("loop", outputs.join("loop")).unwrap();
    let _socket = UnixListener::bind(outputs.join("socket")).unwrap();
    let gathered = bed.gather(&[]).unwrap();
    let paths: Vec<_> = gathered.artifacts.iter().map(|a| a.path.as_str()).collect();
    assert_eq!(paths, ["d/file", "d/up", "near"]);
    assert_eq!(gathered.artifacts[0].sha256, gathered.artifacts[2].sha256);
    let mut why: Vec<_> = gathered.left.named.iter().map(|l| (l.path.as_str(), l.why.as_str())).collect();
    why.sort_unstable();
    assert_eq!(
        why,
        [
            ("folder", "a link to a folder"),
            ("key", "a link that leads out of the outputs folder"),
            ("loop", "a link to itself"),
            ("nothing", "a link to nothing"),
            ("out", "a link that leads out of the outputs folder"),
            ("socket", "a socket"),
        ]
    );
    assert_eq!(gathered.left.lost, 0);
}

/// What a run closes to itself is no secret to itself: as an account that is not root.
#[test]
fn what_its_owner_may_not_read_is_opened_again() {
    let bed = Bed::new();
    let file = bed.write("closed/file", b"text");
    let folder = bed.outputs();
    let other = 65534;
    let give = |path: &Path| std::os::unix::fs::chown(path, Some(other), Some(other)).is_ok();
    for path in [bed.data.path(), &bed.data.path().join("attempt"), &folder, &folder.join("closed"), &file] {
        if !give(path) {
            return;
        }
    }
    for place in ["tmp", "objects/default/blobs", "objects/default", "objects"] {
        assert!(give(&bed.data.path().join(place)));
    }
    fs::set_permissions(&file, Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(folder.join("closed"), Permissions::from_mode(0o000)).unwrap();
    // The thread's alone: the other tests stay who they are.
    let gathered = std::thread::scope(|scope| {
        let working = scope.spawn(|| {
            let uid = rustix::process::Uid::from_raw(other);
            rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
            assert!(fs::read(&file).is_err());
            bed.gather(&[]).unwrap()
        });
        working.join().unwrap()
    });
    assert!(gathered.left.is_empty(), "{:?}", gathered.left);
    assert_eq!(gathered.artifacts.len(), 1);
}

#[test]
fn what_a_limit_leaves_out_of_a_bucket_does_not_depend_on_who_is_faster() {
    let mut bed = Bed::new();
    let Some(blobs) = bucket(bed.data.path(), Duration::from_secs(3600)) else { return };
    (bed.blobs, bed.limit) = (blobs, Some(2500));
    for name in 0..12 {
        bed.write(format!("{name:02}"), &vec![name; 700]);
    }
    for _ in 0..8 {
        let gathered = bed.gather(&[]).unwrap();
        let kept: Vec<_> = gathered.artifacts.iter().map(|file| file.path.as_str()).collect();
        assert_eq!((kept, gathered.over, gathered.left.named.len()), (vec!["00", "01", "02"], true, 9));
    }
}

#[test]
fn no_more_is_kept_than_the_limit_allows() {
    let mut bed = Bed::new();
    for n in 0..30 {
        bed.write(format!("{n:02}"), &[n; 100]);
    }
    bed.limit = Some(1000);
    let gathered = bed.gather(&[]).unwrap();
    assert!(gathered.over);
    assert_eq!(gathered.artifacts.iter().map(|a| a.size).sum::<i64>(), 1000);
    assert_eq!(gathered.left.named.len(), 20);
    bed.limit = Some(3000);
    let gathered = bed.gather(&[]).unwrap();
    assert!(!gathered.over && gathered.left.is_empty());
}

#[test]
fn a_long_file_that_was_stored_is_not_copied_again() {
    let bed = Bed::new();
    let place = bed.write("long", &vec![7; 17 << 20]);
    let first = bed.gather(&[]).unwrap().artifacts;
    // Its content now has to come from what was stored: it is changed without a trace.
    let modified = fs::metadata(&place).unwrap().modified().unwrap();
    fs::OpenOptions::new().write(true).open(&place).unwrap().set_modified(modified).unwrap();
    let of = Gatherer { blobs: &bed.blobs, number: 1, declared: &[], limit: None, brake: &bed.brake };
    let resumed = Resumed::open(&bed.outputs());
    let found = resumed.find("long", &fs::metadata(&place).unwrap(), of.blobs).unwrap();
    assert_eq!(found.sha256, first[0].sha256);
    fs::write(&place, vec![8; 17 << 20]).unwrap();
    assert_ne!(bed.gather(&[]).unwrap().artifacts[0].sha256, first[0].sha256);
}

#[test]
fn a_cancelled_run_keeps_what_was_copied_and_says_so() {
    let bed = Bed::new();
    bed.write("a", b"a");
    bed.brake.pull();
    let gathered = bed.gather(&[]).unwrap();
    assert!(gathered.artifacts.is_empty());
    assert_eq!(gathered.left.named[0].why, "1 file more: the run was cancelled before that was copied");
}
