//! Python environments: built once, shared, and clear about what is wrong.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use rigi_model::attempt::FailureClass;
use rigi_model::pipeline::spec::Entry;
use rigi_model::{AttemptKey, Exit, Reason};
use rigi_work::plan::{EnvironmentPlan, Executor, Observation};

use crate::bed::{Bed, stdout_of, text_of};

fn script() -> Entry {
    Entry::Script { file: "main.py".into() }
}

fn environment(python: Option<&str>, requirements: &[&str]) -> Option<EnvironmentPlan> {
    let requirements = requirements.iter().map(|&text| text.to_owned()).collect();
    let python_version = python.map(str::to_owned);
    Some(EnvironmentPlan { python_version, default_python: None, requirements })
}

fn prepared(bed: &Bed, key: &AttemptKey) -> (String, Duration) {
    let found = bed.seen(key).iter().find_map(|observed| match &observed.what {
        Observation::Prepared { environment, took, .. } => Some((environment.clone(), *took)),
        _ => None,
    });
    found.expect("prepared")
}

#[tokio::test]
async fn a_plain_script_runs_in_a_shared_environment() {
    let mut bed = Bed::new().await;
    let mut plan = bed.plan(
        script(),
        &[
            ("main.py", "import sys, helper\nprint(sys.argv, helper.x, sys.prefix)\n"),
            ("helper.py", "x = 5\n"),
        ],
    );
    plan.environment = environment(None, &[]);
    let key = plan.key.clone();
    let ended = bed.run(plan.clone()).await;
    let (hash, took) = prepared(&bed, &key);
    assert!(took > Duration::ZERO);
    let prefix = bed.data.path().canonicalize().unwrap().join("environments").join(&hash).join("venv");
    assert_eq!(stdout_of(&ended), format!("['main.py'] 5 {}\n", prefix.display()));
    plan.key.number = 2;
    let key = plan.key.clone();
    bed.run(plan).await;
    assert_eq!(prepared(&bed, &key), (hash.clone(), Duration::ZERO));
    let later = SystemTime::now() + Duration::from_secs(100);
    let environments = bed.executor().environments().clone();
    let keep = HashSet::from([hash.clone()]);
    assert_eq!(environments.collect(&keep, Duration::from_secs(10), later).count, 0);
    assert_eq!(environments.collect(&HashSet::new(), Duration::from_secs(1000), later).count, 0);
    assert_eq!(environments.collect(&HashSet::new(), Duration::from_secs(10), later).count, 1);
    assert!(!prefix.exists());
}

#[tokio::test]
async fn two_attempts_that_need_the_same_build_it_once() {
    let mut bed = Bed::new().await;
    let files = [
        ("main.py", "import iniconfig\nprint(iniconfig.__name__)\n"),
        ("requirements.txt", "iniconfig==2.0.0\n"),
    ];
    let mut plan = bed.plan(script(), &files);
    plan.environment = environment(None, &[]);
    let mut other = plan.clone();
    other.key.number = 2;
    let keys = [plan.key.clone(), other.key.clone()];
    bed.executor().launch(plan);
    bed.executor().launch(other);
    for key in &keys {
        assert_eq!(stdout_of(&bed.end_of(key).await), "iniconfig\n");
    }
    let [first, second] = keys.map(|key| prepared(&bed, &key).0);
    assert_eq!(first, second);
    let log =
        std::fs::read_to_string(bed.data.path().join(format!("environments/{first}/build.log"))).unwrap();
    assert_eq!(log.matches("pip install").count(), 1, "{log}");
}

#[tokio::test]
async fn inline_metadata_and_the_specs_requirements_count() {
    let mut bed = Bed::new().await;
    let main = "# /// script\n# requires-python = \">=3.9\"\n# dependencies = [\"iniconfig\"]\n# ///\nimport iniconfig, toolz\nprint('both')\n";
    let mut plan =
        bed.plan(script(), &[("main.py", main), ("requirements.txt", "no-such-package-is-read==1\n")]);
    plan.environment = environment(None, &["toolz"]);
    assert_eq!(stdout_of(&bed.run(plan).await), "both\n");
}

#[tokio::test]
async fn what_does_not_exist_is_the_users_and_says_so() {
    let mut bed = Bed::new().await;
    for (python, requirement, word) in [
        (None, "no-such-package-here-at-all-xyz==1.0", "no-such-package-here-at-all-xyz"),
        (Some("3.99"), "", "3.99"),
    ] {
        let requirements = [requirement].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
        let mut plan = bed.plan(script(), &[("main.py", "print('not reached')")]);
        plan.environment = environment(python, &requirements);
        let ended = bed.run(plan).await;
        let Exit::NotStarted { class, reason, message } = &ended.exit else { panic!("{:?}", ended.exit) };
        assert_eq!((class, reason), (&FailureClass::User, &Reason::EnvironmentFailed), "{message}");
        assert!(message.contains(word), "{message}");
        assert!(text_of(&ended, rigi_model::log::Stream::System).contains(word));
    }
}

#[tokio::test]
async fn every_python_of_this_machine_can_be_asked_for() {
    let mut bed = Bed::new().await;
    let home = std::path::PathBuf::from(std::env::var_os("HOME").unwrap());
    let versions = std::fs::read_dir(home.join(".pyenv/versions")).into_iter().flatten().flatten();
    let names: Vec<String> = versions.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    for name in names.iter().filter(|name| name.starts_with("3.1")) {
        let short = name.rsplit_once('.').unwrap().0;
        let mut plan =
            bed.plan(script(), &[("main.py", "import sys\nprint('%d.%d' % sys.version_info[:2])\n")]);
        plan.environment = environment(Some(short), &[]);
        assert_eq!(stdout_of(&bed.run(plan).await), format!("{short}\n"));
    }
}

#[tokio::test]
async fn a_registry_that_does_not_answer_is_passing_trouble() {
    let mut bed = Bed::new().await;
    let requirements = "--index-url http://127.0.0.1:9/simple\niniconfig==1.1.1\n";
    let mut plan = bed.plan(script(), &[("main.py", ""), ("requirements.txt", requirements)]);
    plan.environment = environment(None, &[]);
    let exit = bed.run(plan).await.exit;
    assert!(matches!(exit, Exit::NotStarted { class: FailureClass::Transient, .. }), "{exit:?}");
}

#[tokio::test]
async fn a_build_can_be_stopped() {
    let mut bed = Bed::new().await;
    let mut plan = bed.plan(script(), &[("main.py", ""), ("requirements.txt", "iniconfig==2.0.0\n")]);
    plan.environment = environment(None, &["attrs"]);
    let key = plan.key.clone();
    bed.executor().launch(plan);
    bed.until(&key, |what| matches!(what, Observation::Preparing { .. })).await;
    bed.executor().stop(&key, Duration::from_secs(1));
    let ended = bed.end_of(&key).await;
    assert_eq!((ended.exit, ended.started_at), (Exit::Stopped, None));
}
