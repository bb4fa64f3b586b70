use std::fs;
use std::os::unix::fs::symlink;

use super::*;

fn walked(path: &Path) -> Result<Walked, CaptureError> {
    walk(&Folder::open(path).unwrap(), CodeLimits::default())
}

fn paths(walked: &Walked) -> Vec<&str> {
    walked.files.keys().map(String::as_str).collect()
}

fn told(walked: &Walked) -> Vec<String> {
    walked.left_out.iter().map(|left| format!("{} {}", left.path, left.why)).collect()
}

#[test]
fn links_within_are_followed_to_files_and_to_folders() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    fs::create_dir_all(root.join("lib/deep")).unwrap();
    fs::write(root.join("lib/deep/a.py"), "a").unwrap();
    fs::write(root.join("main.py"), "").unwrap();
    symlink("main.py", root.join("again.py")).unwrap();
    symlink("lib", root.join("shared")).unwrap();
    symlink(root.join("lib/deep"), root.join("absolute")).unwrap();
    let found = walked(root).unwrap();
    let wanted = ["absolute/a.py", "again.py", "lib/deep/a.py", "main.py", "shared/deep/a.py"];
    assert_eq!(paths(&found), wanted);
    assert_eq!(told(&found), Vec::<String>::new());
    assert_eq!(found.files["shared/deep/a.py"].mark, found.files["lib/deep/a.py"].mark);
    let folder = Folder::open(root).unwrap();
    let listing = crate::folder::list(&folder, &found, &crate::folder::Listing::default()).unwrap();
    assert!(wanted.iter().all(|path| listing.open(&folder, path).is_ok()));
}

#[test]
fn what_cannot_be_code_is_left_out_with_a_word() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    fs::create_dir_all(root.join("lib")).unwrap();
    symlink("user@host.4711:1", root.join(".#main.py")).unwrap();
    symlink("nothing", root.join("gone")).unwrap();
    symlink("circle", root.join("circle")).unwrap();
    symlink("..", root.join("lib/up")).unwrap();
    fs::create_dir(root.join("node_modules")).unwrap();
    let mode = Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, root.join("pipe"), FileType::Fifo, mode, 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    let found = walked(root).unwrap();
    let mut said = told(&found);
    said.sort();
    let wanted = [
        "circle is a link that leads in a circle",
        "gone is a link that leads to nothing",
        "lib/up is a link to a folder that it lies in",
        "node_modules is not part of the code",
        "pipe is a named pipe",
        "socket is a socket",
    ];
    assert_eq!(said, wanted);
    assert!(found.files.is_empty());
}

#[test]
fn environments_are_left_out_under_any_name() {
    let dir = tempfile::tempdir().unwrap();
    for (folder, file) in [("my-env", "pyvenv.cfg"), ("conda", "conda-meta/history"), ("lib", "setup.cfg")] {
        let file = dir.path().join(folder).join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "").unwrap();
        fs::write(dir.path().join(folder).join("x.py"), "").unwrap();
    }
    fs::create_dir_all(dir.path().join("lib/.ruff_cache")).unwrap();
    fs::write(dir.path().join("lib/.ruff_cache/x"), "").unwrap();
    assert_eq!(paths(&walked(dir.path()).unwrap()), ["lib/setup.cfg", "lib/x.py"]);
}

#[test]
fn a_link_that_leaves_is_named_with_its_target() {
    for target in ["/etc/passwd", "/", "/proc/self/fd", "../../../../../../etc"] {
        let dir = tempfile::tempdir().unwrap();
        symlink(target, dir.path().join("out")).unwrap();
        let error = walked(dir.path()).unwrap_err();
        assert!(matches!(error, CaptureError::LinkLeaves { .. }), "{target}: {error}");
    }
}

#[test]
fn a_folder_that_is_too_large_is_named_with_its_size() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("data")).unwrap();
    for file in ["main.py", "data/a", "data/b"] {
        fs::write(dir.path().join(file), "x").unwrap();
    }
    let said = |limits| {
        walk(&Folder::open(dir.path()).unwrap(), limits).map(drop).map_err(|error| error.to_string())
    };
    let of = |files, bytes| CodeLimits { files, bytes };
    assert_eq!(said(of(Some(3), Some(3))), Ok(()));
    assert_eq!(said(of(None, None)), Ok(()));
    assert_eq!(
        said(of(Some(2), None)).unwrap_err(),
        "the folder holds 3 files, and may hold 2; 2 of them lie in `data`"
    );
    // A hole counts as what it would be: it is not read to find out.
    fs::File::create(dir.path().join("data/hole")).unwrap().set_len(1 << 40).unwrap();
    assert_eq!(
        said(of(None, Some(256 << 20))).unwrap_err(),
        "the folder holds 1 TiB, and may hold 256 MiB; the largest is `data/hole` with 1 TiB"
    );
}

#[test]
fn a_name_that_is_not_utf_8_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(OsStr::from_bytes(b"caf\xe9.txt")), "").unwrap();
    let error = walked(dir.path()).unwrap_err();
    assert_eq!(error.to_string(), r"`caf\xe9.txt` has a name that is not UTF-8");
}
