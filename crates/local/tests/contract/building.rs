//! What environments are built from: local packages, projects, variables, and what goes wrong on the way.

use std::path::Path;

use rigi_model::attempt::FailureClass;
use rigi_model::log::Stream;
use rigi_model::pipeline::spec::Entry;
use rigi_model::{Exit, Reason};
use rigi_work::plan::{AttemptPlan, EnvironmentPlan};

use crate::bed::{Bed, stdout_of, text_of};

/// Builds wheels by itself, and leaves something behind where it builds, as others do.
const BACKEND: &str = r#"
import os, zipfile
def _wheel(folder, files):
    open('left-behind', 'w').write('x')
    name = 'pkg-1-py3-none-any.whl'
    with zipfile.ZipFile(os.path.join(folder, name), 'w') as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
        wheel.writestr('pkg-1.dist-info/METADATA', 'Metadata-Version: 2.1\nName: pkg\nVersion: 1\n')
        wheel.writestr('pkg-1.dist-info/WHEEL', 'Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
        wheel.writestr('pkg-1.dist-info/RECORD', '')
    return name
def build_wheel(folder, config_settings=None, metadata_directory=None):
    return _wheel(folder, {'pkg.py': open('src/pkg.py').read()})
def build_editable(folder, config_settings=None, metadata_directory=None):
    return _wheel(folder, {'pkg.pth': os.path.abspath('src') + '\n'})
"#;
const PROJECT: &str = "[project]\nname = 'pkg'\nversion = '1'\nrequires-python = '>=3.9'\n\
                       [build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n";
const LOCK: &str = "version = 1\nrequires-python = '>=3.9'\n\n[[package]]\nname = 'pkg'\nversion = '1'\nsource = { editable = '.' }\n";
const MAIN: &str = "import pkg\nprint(pkg.x)\n";

fn script(bed: &mut Bed, files: &[(&str, &str)]) -> AttemptPlan {
    let mut plan = bed.plan(Entry::Script { file: "main.py".into() }, files);
    plan.environment =
        Some(EnvironmentPlan { python_version: None, default_python: None, requirements: Vec::new() });
    plan
}

fn names_in(folder: &Path, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        names.push(path.display().to_string());
        if path.is_dir() {
            names_in(&path, names);
        }
    }
}

/// Runs a package's first version and its second, and looks whether the captured code stays as it is.
async fn runs_both(bed: &mut Bed, at: &str, more: &[(&str, &str)]) {
    for text in ["x = 1", "x = 2"] {
        let paths = ["pyproject.toml", "backend.py", "src/pkg.py"].map(|name| format!("{at}{name}"));
        let own = [(&*paths[0], PROJECT), (&*paths[1], BACKEND), (&*paths[2], text), ("main.py", MAIN)];
        let plan = script(bed, &[&own[..], more].concat());
        let (code, mut before, mut after) = (plan.code.clone(), Vec::new(), Vec::new());
        names_in(&code, &mut before);
        let ended = bed.run(plan).await;
        let told = text_of(&ended, Stream::System) + &text_of(&ended, Stream::Stderr);
        assert_eq!(stdout_of(&ended), format!("{}\n", &text[4..]), "{at} {more:?}: {told}");
        names_in(&code, &mut after);
        assert_eq!(before, after);
    }
}

#[tokio::test]
async fn a_local_package_is_the_one_of_the_version_that_runs() {
    let mut bed = Bed::new().await;
    for list in ["./lib\n", "-e ./lib\r\n", "pkg @ file:lib\n"] {
        runs_both(&mut bed, "lib/", &[("requirements.txt", list)]).await;
    }
    runs_both(
        &mut bed,
        "lib/",
        &[("requirements.txt", "-r more/other.txt\n"), ("more/other.txt", "./lib\n")],
    )
    .await;
}

#[tokio::test]
async fn a_project_that_is_a_package_is_installed_itself() {
    let mut bed = Bed::new().await;
    runs_both(&mut bed, "", &[]).await;
    runs_both(&mut bed, "", &[("uv.lock", LOCK)]).await;
}

#[tokio::test]
async fn a_member_of_a_workspace_is_installed() {
    let mut bed = Bed::new().await;
    let root = "[project]\nname = 'root'\nversion = '1'\nrequires-python = '>=3.9'\ndependencies = ['pkg']\n\
                [tool.uv.workspace]\nmembers = ['lib']\n[tool.uv.sources]\npkg = { workspace = true }\n";
    runs_both(&mut bed, "lib/", &[("pyproject.toml", root)]).await;
}

#[tokio::test]
async fn a_script_may_say_where_its_packages_are() {
    let mut bed = Bed::new().await;
    let main = "# /// script\n# requires-python = '>=3.9'\n# dependencies = ['pkg']\n# [tool.uv.sources]\n# pkg = { path = 'lib' }\n# ///\nimport pkg\nprint(pkg.x)\n";
    let files = [
        ("main.py", main),
        ("lib/pyproject.toml", PROJECT),
        ("lib/backend.py", BACKEND),
        ("lib/src/pkg.py", "x = 7"),
    ];
    let plan = script(&mut bed, &files);
    let ended = bed.run(plan).await;
    assert_eq!(stdout_of(&ended), "7\n", "{}", text_of(&ended, Stream::System));
}

#[tokio::test]
async fn settings_of_a_folder_above_are_somebody_elses() {
    let mut bed = Bed::new().await;
    std::fs::write(bed.data.path().join("uv.toml"), "no-index = true\n").unwrap();
    let plan = script(
        &mut bed,
        &[("main.py", "import iniconfig\nprint('here')\n"), ("requirements.txt", "iniconfig==2.0.0\n")],
    );
    assert_eq!(stdout_of(&bed.run(plan).await), "here\n");
    let own = [("main.py", ""), ("requirements.txt", "iniconfig==2.0.0\n"), ("uv.toml", "no-index = true\n")];
    let plan = script(&mut bed, &own);
    assert!(matches!(bed.run(plan).await.exit, Exit::NotStarted { class: FailureClass::User, .. }));
}

async fn refused(bed: &mut Bed, list: &str, env: &[(&str, &str)]) -> (FailureClass, String, String) {
    let mut plan = script(bed, &[("main.py", ""), ("requirements.txt", list)]);
    let env = [&[("UV_HTTP_RETRIES", "0")], env].concat();
    plan.env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let ended = bed.run(plan).await;
    let Exit::NotStarted { class, reason, message } = &ended.exit else { panic!("{:?}", ended.exit) };
    assert_eq!(reason, &Reason::EnvironmentFailed);
    (*class, message.clone(), text_of(&ended, Stream::System))
}

#[tokio::test]
async fn whose_fault_it_is_is_told_apart() {
    let mut bed = Bed::new().await;
    for (list, class, word) in [
        ("iniconfig==2.0.0\niniconfig=2\n", FailureClass::User, "requirements.txt:2"),
        ("--require-hashes\nattrs==25.1.0\n", FailureClass::User, "hash"),
        (
            "attrs==25.1.0 --hash=sha256:b6a85871a79d2e3b22d2d1b94ac2824226a63c6b741c88f7ae975f18b6778370\n",
            FailureClass::User,
            "Hash mismatch",
        ),
        ("./nothing\n", FailureClass::User, "nothing"),
        ("x @ git+https://127.0.0.1:9/x/y.git\n", FailureClass::Transient, "127.0.0.1"),
        ("x @ https://127.0.0.1:9/x-1-py3-none-any.whl\n", FailureClass::Transient, "127.0.0.1"),
    ] {
        let (told, message, log) = refused(&mut bed, list, &[]).await;
        assert_eq!(told, class, "{message}");
        assert!(message.contains(word), "{message}");
        assert!(log.contains(word), "{log}");
    }
}

#[tokio::test]
async fn variables_say_where_packages_come_from_and_secrets_are_not_shown() {
    let mut bed = Bed::new().await;
    let mut plan = script(
        &mut bed,
        &[
            ("main.py", "import iniconfig\nprint('here')\n"),
            ("requirements.txt", "--index-url https://${HOST}/simple\niniconfig==2.0.0\n"),
        ],
    );
    plan.env.insert("HOST".into(), "pypi.org".into());
    assert_eq!(stdout_of(&bed.run(plan.clone()).await), "here\n");
    // The same code with another value is another environment.
    plan.key.run = rigi_model::RunId::generate();
    plan.env.insert("HOST".into(), "127.0.0.1:9/hunter2".into());
    plan.env.insert("UV_HTTP_RETRIES".into(), "0".into());
    let ended = bed.run(plan).await;
    let told = format!("{:?}{}", ended.exit, text_of(&ended, Stream::System));
    assert!(told.contains("${HOST}") && !told.contains("hunter2"), "{told}");
    let list = "iniconfig==1.1.0\n";
    for env in [
        &[("UV_INDEX_URL", "https://joe:hunter2@127.0.0.1:9/simple")][..],
        &[
            ("UV_DEFAULT_INDEX", "https://127.0.0.1:9/simple"),
            ("PIP_INDEX_URL", "https://joe:hunter2@127.0.0.1:9/"),
        ],
    ] {
        let (class, message, log) = refused(&mut bed, list, env).await;
        assert_eq!(class, FailureClass::Transient, "{message}");
        assert!(
            message.contains("127.0.0.1:9") && !format!("{message}{log}").contains("hunter2"),
            "{message}{log}"
        );
        assert_eq!(log.contains("`UV_DEFAULT_INDEX`"), env.len() == 2, "{log}");
    }
    let mut names = Vec::new();
    names_in(&bed.data.path().join("environments"), &mut names);
    for name in names.iter().filter(|name| name.ends_with("build.log")) {
        assert!(!std::fs::read_to_string(name).unwrap().contains("hunter2"), "{name}");
    }
    assert!(!names.join("\n").contains("hunter2"));
}
