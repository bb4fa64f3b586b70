//! Which file counts, which Python is asked for, and what an environment's name follows from.

use rigi_model::attempt::FailureClass;
use serde_json::json;

use super::*;

struct Folder {
    dir: tempfile::TempDir,
    plan: AttemptPlan,
}

fn folder(files: &[(&str, &str)]) -> Folder {
    let dir = tempfile::tempdir().unwrap();
    let plan = json!({
        "key": {"run": rigi_model::RunId::generate(), "number": 1},
        "project": "default", "pipeline": "p", "step": "main", "trigger": "manual",
        "entry": {"kind": "script", "file": "main.py"}, "cells": [], "code": dir.path(),
        "environment": {"python_version": null, "requirements": []},
        "parameters": {}, "env": {}, "inputs": [], "outputs": [], "limits": {}, "timeout": null,
        "grace": {"secs": 1, "nanos": 0},
    });
    let folder = Folder { dir, plan: serde_json::from_value(plan).unwrap() };
    files.iter().for_each(|(name, text)| folder.write(name, text.as_bytes()));
    folder
}

impl Folder {
    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn need(&self) -> Need {
        find(&self.plan).unwrap()
    }

    fn hash(&self) -> String {
        let python = Python { path: "python".into(), version: "3.12.1".into(), kind: "cpython".into() };
        self.need().hash(&python, std::iter::empty())
    }

    fn mistake(&self) -> String {
        let error = find(&self.plan).unwrap_err();
        assert_eq!(error.class, FailureClass::User, "{}", error.message);
        error.message
    }
}

const BLOCK: (&str, &str) =
    ("main.py", "# /// script\n# requires-python = \">=3.10\"\n# dependencies = [\"b\"]\n# ///\n");
const PROJECT: (&str, &str) =
    ("pyproject.toml", "[project]\nname='p'\nversion='1'\nrequires-python='>=3.11'\ndependencies=['c']\n");
const LOCK: (&str, &str) = ("uv.lock", "version = 1\n");
const REQUIREMENTS: (&str, &str) = ("requirements.txt", "d\n");
const PINNED: (&str, &str) = ("requirements.txt.lock", "d==1\n");
const FAST_FLOW: (&str, &str) = ("pipeline.json", "{}");

#[test]
fn each_project_has_environments_of_its_own() {
    for files in [&[][..], &[REQUIREMENTS]] {
        let mut asked = folder(files);
        let (of_default, told) = (asked.hash(), signature(&asked.plan));
        asked.plan.project = "lab".parse().unwrap();
        assert_ne!(asked.hash(), of_default);
        assert_ne!(signature(&asked.plan), told);
        let of_lab = asked.hash();
        asked.plan.project = "lab-2".parse().unwrap();
        assert_ne!(asked.hash(), of_lab);
    }
}

#[test]
fn what_is_nearest_to_the_script_counts_and_in_fast_flows_folders_the_list_alone() {
    let counts = |files: &[(&str, &str)]| folder(files).need().describe();
    let with = |name: &str| format!("with the requirements of {name}");
    let all = [BLOCK, PROJECT, LOCK, PINNED, REQUIREMENTS];
    assert_eq!(counts(&all), with("main.py"));
    assert_eq!(counts(&all[1..]), with("uv.lock"));
    assert_eq!(counts(&[PROJECT, PINNED, REQUIREMENTS]), with("requirements.txt.lock"));
    assert_eq!(counts(&[PROJECT, REQUIREMENTS]), with("requirements.txt"));
    assert_eq!(counts(&[PROJECT]), with("pyproject.toml"));
    assert_eq!(counts(&[LOCK]), "without packages");
    assert_eq!(counts(&[&all[..], &[FAST_FLOW]].concat()), with("requirements.txt.lock"));
    assert_eq!(counts(&[BLOCK, PROJECT, LOCK, REQUIREMENTS, ("p.json", "{}")]), with("requirements.txt"));
    assert_eq!(counts(&[BLOCK, PROJECT, LOCK, FAST_FLOW]), "without packages");
    assert_eq!(counts(&[&all[..], &[("pipeline.yaml", "")]].concat()), with("main.py"));
}

#[test]
fn the_python_is_the_specs_then_the_codes_then_the_servers() {
    let python = |files: &[(&str, &str)], spec: Option<&str>| {
        let mut folder = folder(files);
        let asked = folder.plan.environment.as_mut().unwrap();
        asked.python_version = spec.map(str::to_owned);
        asked.default_python = Some("3.13".into());
        folder.need().python.unwrap()
    };
    let version = (".python-version", "# ours\n3.12\n");
    assert_eq!(python(&[PROJECT, LOCK, version], Some("3.9")), "3.9");
    assert_eq!(python(&[PROJECT, LOCK, version], None), "3.12");
    assert_eq!(python(&[PROJECT, LOCK], None), ">=3.11");
    assert_eq!(python(&[BLOCK, version], None), ">=3.10");
    assert_eq!(python(&[REQUIREMENTS, version], None), "3.12");
    assert_eq!(python(&[(".python-version", "cpython-3.11.2\n")], None), "cpython-3.11.2");
    assert_eq!(python(&[REQUIREMENTS, version, FAST_FLOW], None), "3.13");
    // Neither a name of an environment nor a program is a version.
    for other in ["my-env", "./python", "/bin/sh", "--help", ""] {
        assert_eq!(python(&[(".python-version", other)], None), "3.13", "{other}");
    }
    let wrong = ("main.py", "# /// script\n# requires-python = \"./evil\"\n# ///\n");
    assert!(folder(&[wrong]).mistake().contains("`./evil`"));
}

#[test]
fn the_name_follows_from_all_that_is_built_from_and_from_nothing_else() {
    let changes = |files: &[(&str, &str)], changed: (&str, &str)| {
        let folder = folder(files);
        let before = folder.hash();
        folder.write(changed.0, changed.1.as_bytes());
        folder.hash() != before
    };
    let code = ("main.py", "print(2)");
    let package = ("pkg/pkg.py", "x = 2");
    for (list, other) in [
        ("./pkg", ("x", "")),
        ("-e ./pkg", ("x", "")),
        ("pkg @ file:pkg", ("x", "")),
        ("-r other.txt", ("other.txt", "./pkg")),
        ("-c other.txt\n./pkg", ("other.txt", "d<2")),
        ("--find-links ./pkg\nd", ("x", "")),
    ] {
        assert!(changes(&[("requirements.txt", list), other, ("pkg/pkg.py", "x = 1")], package), "{list}");
    }
    assert!(changes(&[("requirements.txt", "-c other.txt\nd"), ("other.txt", "d<2")], ("other.txt", "d<1")));
    assert!(changes(&[REQUIREMENTS], ("uv.toml", "index-url = 'https://example.org'")));
    assert!(changes(
        &[REQUIREMENTS, ("pyproject.toml", "[tool.uv]\n")],
        ("pyproject.toml", "[tool.uv]\nno-index=true\n")
    ));
    assert!(changes(&[PROJECT, LOCK], ("uv.lock", "version = 2\n")));
    let built = ("pyproject.toml", "[project]\nname='p'\nversion='1'\n[build-system]\nrequires=[]\n");
    assert!(changes(&[built, LOCK], ("src/p/x.py", "")));
    assert!(changes(&[built], ("src/p/x.py", "")));
    assert!(changes(&[BLOCK], ("main.py", &BLOCK.1.replace("\"b\"", "\"a\""))));
    // What nothing is built from changes nothing.
    assert!(!changes(&[REQUIREMENTS], code));
    assert!(!changes(&[PROJECT, LOCK], code));
    assert!(!changes(&[BLOCK], ("main.py", &format!("{}print(2)\n", BLOCK.1))));
    assert!(!changes(&[REQUIREMENTS, ("pyproject.toml", "[tool.ruff]\n")], ("pyproject.toml", "")));
    assert!(!changes(&[REQUIREMENTS, FAST_FLOW], ("uv.toml", "no-index = true")));
    assert!(!changes(&[code], ("uv.toml", "no-index = true")));
}

#[test]
fn a_package_elsewhere_on_the_machine_counts_as_it_is() {
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("x.py"), "1").unwrap();
    let list = format!("pkg @ file://{}\n", elsewhere.path().display());
    let folder = folder(&[("requirements.txt", &list)]);
    let before = folder.hash();
    assert_eq!(folder.hash(), before);
    fs::write(elsewhere.path().join("x.py"), "2").unwrap();
    assert_ne!(folder.hash(), before);
}

#[test]
fn variables_that_the_requirements_name_reach_the_build() {
    let mut folder = folder(&[("requirements.txt", "--index-url https://${HOST}/simple\nd\n")]);
    folder.plan.env = [("HOST", "h"), ("OTHER", "x"), ("UV_INDEX", "https://i"), ("PYTHONPATH", "x")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let need = folder.need();
    assert_eq!(need.variables.keys().collect::<Vec<_>>(), ["HOST", "UV_INDEX"]);
    folder.plan.env.insert("UV_CONSTRAINT".into(), "limits.txt".into());
    assert!(folder.need().reach.folder);
}

#[test]
fn what_cannot_be_read_is_the_users_with_file_and_line() {
    let list = |bytes: &[u8]| {
        let folder = folder(&[]);
        folder.write("requirements.txt", bytes);
        folder
    };
    assert!(list(b"a\n\n# caf\xe9").mistake().starts_with("requirements.txt:3 is not UTF-8"));
    assert!(list(b"a\0").mistake().starts_with("requirements.txt:1 holds a NUL"));
    assert!(list(b"-r other.txt").mistake().starts_with("There is no file other.txt"));
    assert!(list(b"-r other.txt").mistake().ends_with("requirements.txt includes it."));
    assert!(list(b"-r ../other.txt").mistake().contains("leads out of the pipeline's folder"));
    assert!(folder(&[("requirements.txt/x", "")]).mistake().starts_with("requirements.txt is a folder"));
    for good in [&b"\xef\xbb\xbfd\r\n"[..], b"\xff\xfed\0\r\0\n\0"] {
        assert_eq!(list(good).need().texts, [("requirements.txt".to_owned(), "d\r\n".to_owned())]);
    }
}
