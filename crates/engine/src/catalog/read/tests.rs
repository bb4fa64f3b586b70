use std::fs;
use std::os::unix::fs::symlink;

use rustix::fs::Mode;

use super::*;

fn read(folder: &Path) -> Option<Arc<Pipeline>> {
    let name = folder.file_name().unwrap().to_str().unwrap();
    read_pipeline(name, folder, CodeLimits::default()).unwrap()
}

fn mistakes(folder: &Path) -> Vec<String> {
    let pipeline = read(folder).unwrap();
    let mistakes = pipeline.outcome.as_ref().err().cloned().unwrap_or_default();
    mistakes.into_iter().map(|mistake| mistake.message).collect()
}

/// A folder `co2` with these files.
fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("co2");
    for (path, text) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    (dir, folder)
}

#[test]
fn data_that_is_called_as_its_folder_is_no_spec() {
    let (_dir, path) = folder(&[("main.py", ""), ("co2.json", "[1]")]);
    let pipeline = read(&path).unwrap();
    let ready = pipeline.outcome.as_ref().unwrap();
    assert_eq!(ready.warnings[0].message, "`co2.json` is taken for data, not for a spec: it holds a list");
    assert_eq!(ready.files.len(), 2);
    fs::write(path.join("co2.json"), r#"{"timeout": 5}"#).unwrap();
    assert_eq!(read(&path).unwrap().spec_file.as_deref(), Some("co2.json"));
    fs::write(path.join("co2.json"), "{").unwrap();
    assert!(mistakes(&path).last().unwrap().contains("is read as the spec"));
    fs::remove_file(path.join("main.py")).unwrap();
    fs::write(path.join("co2.json"), "[1]").unwrap();
    assert!(read(&path).is_none(), "a folder of data is no pipeline");
}

#[test]
fn what_stands_in_a_specs_place_is_told_and_not_read() {
    let (_dir, path) = folder(&[("main.py", "")]);
    let spec = path.join("pipeline.yaml");
    fs::create_dir(&spec).unwrap();
    assert_eq!(mistakes(&path), ["`pipeline.yaml` is a folder; a spec is a file"]);
    fs::remove_dir(&spec).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &spec, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    assert_eq!(mistakes(&path), ["`pipeline.yaml` is a named pipe; a spec is a file"]);
    fs::remove_file(&spec).unwrap();
    symlink("nothing", &spec).unwrap();
    assert_eq!(mistakes(&path), ["`pipeline.yaml` is a link that leads to nothing; a spec is a file"]);
    fs::remove_file(&spec).unwrap();
    symlink("/etc/passwd", &spec).unwrap();
    assert_eq!(mistakes(&path), ["`pipeline.yaml` is a link that leaves the folder (to `/etc/passwd`)"]);
    fs::remove_file(&spec).unwrap();
    fs::write(&spec, "apiVersion: v1\nkind: Workflow\n").unwrap();
    assert!(mistakes(&path)[0].starts_with("`pipeline.yaml` is no spec of Rigi: it has `apiVersion`"));
}

#[test]
fn what_was_left_out_is_told_with_what_is_missing() {
    let (_dir, path) = folder(&[("pipeline.yaml", "")]);
    rustix::fs::mknodat(rustix::fs::CWD, path.join("main.py"), FileType::Fifo, Mode::from_raw_mode(0o600), 0)
        .unwrap();
    let said = mistakes(&path);
    assert!(said[0].starts_with("there is nothing to run"), "{said:?}");
    assert_eq!(said[1], "`main.py` is a named pipe, and no part of the code");
}

#[test]
fn mistakes_of_the_folder_name_the_file_and_the_cure() {
    let (_dir, path) = folder(&[("main.py", "")]);
    symlink("/", path.join("out")).unwrap();
    let pipeline = read(&path).unwrap();
    let mistake = &pipeline.outcome.as_ref().unwrap_err()[0];
    assert_eq!(pipeline.path_of(mistake), path.join("out").display().to_string());
    assert!(mistake.cure.as_ref().unwrap().contains("as an input"));
    assert_eq!((mistake.line, mistake.column), (0, 0));
}
