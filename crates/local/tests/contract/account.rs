//! Runs with another account: what they can do, and what is refused to them.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rigi_local::account::{Account, AccountError, Apart};
use rigi_model::Exit;
use rigi_model::pipeline::spec::Entry;
use rigi_work::Executor;
use rigi_work::plan::AttemptPlan;
use serde_json::json;

use crate::bed::{Bed, stdout_of};

/// Tries one thing a line, and says what came of it.
const TRIES: &str = r#"
import os, socket, sys
data, runs, supervisor, test, other, other_pid = sys.argv[1:]

def connect():
    s = socket.socket(socket.AF_UNIX)
    s.connect(data + "/supervisor/sock")

def trace():
    open(f"/proc/{other_pid}/mem", "rb").read(1)

own = os.path.dirname(os.environ["RIGI_EVENTS"])
tries = {
    "key": lambda: open(data + "/secret.key").read(),
    "database": lambda: open(data + "/rigi.db").read(),
    "data": lambda: os.listdir(data),
    "into data": lambda: open(data + "/x", "w"),
    "socket": connect,
    "supervisor": lambda: os.kill(int(supervisor), 9),
    "stranger": lambda: os.kill(int(test), 0),
    "runs": lambda: os.listdir(runs),
    "new run": lambda: os.mkdir(runs + "/run_x.1"),
    "other's files": lambda: os.listdir(other + "/work"),
    "other's parameters": lambda: open(other + "/params.json").read(),
    "into other's": lambda: open(other + "/work/x", "w"),
    "other's outputs": lambda: open(other + "/outputs/x", "w"),
    "other's folder": lambda: os.listdir(f"/proc/{other_pid}/cwd"),
    "other's variables": lambda: open(f"/proc/{other_pid}/environ").read(),
    "other's memory": trace,
    "own log": lambda: os.symlink("/etc/passwd", own + "/log"),
    "own notes": lambda: os.remove(os.environ["RIGI_EVENTS"]),
    "shadow": lambda: open("/etc/shadow").read(),
    "group": lambda: os.setgid(0),
}
for name, what in tries.items():
    try:
        what()
        print(name, "done")
    except (OSError, PermissionError):
        pass
open("mine", "w").write("x")
open("given.txt", "a").write("y")
open(os.environ["RIGI_OUTPUTS"] + "/result", "w").write("x")
open(os.environ["TMPDIR"] + "/x", "w").write("x")
open(os.environ["RIGI_EVENTS"], "a").write('{"progress": 1}\n')
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
print("user", os.getuid(), "groups", os.getgroups(), "privileges", status["NoNewPrivs"].strip(), status["CapEff"].strip())
print("parameters", open(os.environ["RIGI_PARAMS"]).read())
"#;

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// The account, and where its runs lie; `None` where the tests may not change user, which they are then told.
fn apart() -> Option<(Apart, tempfile::TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let opened = Apart::open("nobody", folder.path().to_owned());
    if is_root() {
        return Some((opened.unwrap(), folder));
    }
    assert!(matches!(opened.unwrap_err(), AccountError::NotAllowed { .. }));
    None
}

fn python(bed: &mut Bed, arguments: &[&str]) -> AttemptPlan {
    let argv = ["python3", "tries.py"].iter().chain(arguments).map(|&text| text.to_owned()).collect();
    bed.plan(Entry::Command { argv }, &[("tries.py", TRIES), ("given.txt", "x")])
}

#[tokio::test]
async fn a_run_reaches_its_own_and_nothing_of_rigi_or_other_runs() {
    let Some((apart, _folder)) = apart() else { return };
    let (user, runs) = (apart.user, apart.folder.join("runs"));
    let mut bed = Bed::apart(apart).await;
    for file in ["secret.key", "rigi.db"] {
        std::fs::write(bed.data.path().join(file), "secret").unwrap();
    }
    let mut other = bed.shell("echo ready; sleep 600");
    other.parameters = json!({"key": "theirs"}).as_object().unwrap().clone();
    let other_key = other.key.clone();
    bed.executor().launch(other);
    bed.lines(&other_key, 1).await;
    let other_pid = bed.started(&other_key).await.to_string();
    let other_folder = runs.join(other_key.to_string());
    assert!(other_folder.join("work").is_dir());
    let data = bed.data.path().display().to_string();
    let (supervisor, test) = (bed.supervisor_pid().to_string(), std::process::id().to_string());
    let (runs_path, other_path) = (runs.to_str().unwrap(), other_folder.to_str().unwrap());
    let arguments = [data.as_str(), runs_path, &supervisor, &test, other_path, &other_pid];
    let mut plan = python(&mut bed, &arguments);
    plan.parameters = json!({"key": "mine"}).as_object().unwrap().clone();
    let key = plan.key.clone();
    let ended = bed.run(plan).await;
    let expected =
        format!("user {user} groups [] privileges 1 0000000000000000\nparameters {{\"key\":\"mine\"}}\n");
    assert_eq!((ended.exit.clone(), stdout_of(&ended)), (Exit::Code { code: 0 }, expected));
    assert_eq!(std::fs::read_to_string(ended.outputs.unwrap().join("result")).unwrap(), "x");
    let mode = |path: &Path| std::fs::symlink_metadata(path).unwrap().mode() & 0o777;
    let folder = runs.join(key.to_string());
    assert_eq!((mode(&folder), mode(&folder.join("work")), mode(&runs)), (0o710, 0o700, 0o711));
    bed.executor().release(&key);
    bed.gone(&folder).await;
    bed.executor().stop(&other_key, std::time::Duration::ZERO);
    assert_eq!(bed.end_of(&other_key).await.exit, Exit::Stopped);
}

#[tokio::test]
async fn what_hides_from_its_run_ends_with_it() {
    let Some((apart, _folder)) = apart() else { return };
    let user = apart.user;
    let mut bed = Bed::apart(apart).await;
    // An older run goes on, so that a stray could be its.
    let other = bed.shell("echo ready; sleep 600");
    let other_key = other.key.clone();
    bed.executor().launch(other);
    bed.lines(&other_key, 1).await;
    let forged = format!("RIGI_RUN_ID={} RIGI_ATTEMPT={}", other_key.run, other_key.number);
    let plan = bed.shell(&format!(
        "env -i {forged} setsid sh -c 'sleep 900 & sleep 901 &'; env -i setsid sleep 902 & sleep 0.1"
    ));
    let (key, group) = (plan.key.clone(), Account::of_attempt(user, &plan.key).group);
    let ended = bed.run(plan).await;
    assert_eq!(ended.exit, Exit::Code { code: 0 }, "{key}");
    assert_eq!(members(group), [0i32; 0]);
    assert_ne!(members(Account::of_attempt(user, &other_key).group), [0i32; 0]);
}

#[tokio::test]
async fn what_cannot_be_started_ends_nothing_else() {
    let Some((apart, _folder)) = apart() else { return };
    let mut bed = Bed::apart(apart).await;
    let supervisor = bed.supervisor_pid();
    let mut keys = Vec::new();
    for _ in 0..30 {
        let argv = vec!["./closed".to_owned()];
        let plan = bed.plan(Entry::Command { argv }, &[("closed", "#!/bin/sh\n")]);
        keys.push(plan.key.clone());
        bed.executor().launch(plan);
        let plan = bed.shell("true");
        keys.push(plan.key.clone());
        bed.executor().launch(plan);
    }
    for (count, key) in keys.iter().enumerate() {
        match bed.end_of(key).await.exit {
            Exit::Code { code: 0 } if count % 2 == 1 => {}
            Exit::NotStarted { message, .. } if count % 2 == 0 => {
                assert!(message.contains("not executable for user"), "{message}")
            }
            other => panic!("{count}: {other:?}"),
        }
    }
    assert_eq!(bed.supervisor_pid(), supervisor);
}

/// Living processes of a group.
fn members(group: u32) -> Vec<i32> {
    let pids = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let of_group = |pid: &i32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let is = |name: &str, value: &str| {
            status.lines().any(|line| {
                line.strip_prefix(name).is_some_and(|rest| rest.split_whitespace().next() == Some(value))
            })
        };
        is("Gid:", &group.to_string()) && !is("State:", "Z")
    };
    pids.filter(of_group).collect()
}

#[tokio::test]
async fn an_account_that_keeps_nothing_apart_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let open = |name: &str| Apart::open(name, folder.path().to_owned());
    assert!(matches!(open("root"), Err(AccountError::Same(_))));
    assert!(matches!(open("0"), Err(AccountError::Same(_))));
    assert!(matches!(open("no-such-account"), Err(AccountError::Unknown(_))));
    std::os::unix::fs::symlink("/tmp", folder.path().join("link")).unwrap();
    assert!(matches!(Apart::open("65534", folder.path().join("link")), Err(AccountError::Folder { .. })));
    if is_root() {
        std::fs::create_dir(folder.path().join("closed")).unwrap();
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        assert!(matches!(
            Apart::open("nobody", folder.path().join("closed/x")),
            Err(AccountError::Closed { .. })
        ));
    }
}

#[tokio::test]
async fn runs_of_a_project_with_an_account_of_its_own_are_out_of_reach_of_all_others() {
    let Some((mut apart, _folder)) = apart() else { return };
    let lab = rigi_model::ProjectName::unchecked("lab");
    assert!(matches!(apart.give(lab.clone(), "root"), Err(AccountError::Same(_))));
    assert!(matches!(apart.give(lab.clone(), "no-such-account"), Err(AccountError::Unknown(_))));
    apart.give(lab.clone(), "daemon").unwrap();
    let (first, own) = (apart.user, apart.user_of(&lab));
    assert_ne!(first, own);
    let mut bed = Bed::apart(apart).await;
    let other = bed.shell("id -u; sleep 600");
    let other_key = other.key.clone();
    bed.executor().launch(other);
    bed.lines(&other_key, 1).await;
    let pid = bed.started(&other_key).await;
    // It has its own folder and its outputs, and does not even send another project's processes a signal.
    let mut plan = bed.shell(&format!(
        "id -u; kill -0 {pid} 2>/dev/null && echo reached; echo x > \"$RIGI_OUTPUTS/result\"; cat \"$RIGI_SECRETS/key\""
    ));
    plan.project = lab;
    plan.secrets
        .files
        .push(rigi_work::secrets::SecretFile { name: "key".into(), content: "hunter22".into() });
    let ended = bed.run(plan).await;
    assert_eq!(
        (ended.exit.clone(), stdout_of(&ended)),
        (Exit::Code { code: 0 }, format!("{own}\nhunter22\n"))
    );
    assert_eq!(std::fs::read_to_string(ended.outputs.unwrap().join("result")).unwrap(), "x\n");
    // With the same account it is the same user.
    let plan = bed.shell(&format!("id -u; kill -0 {pid} && echo reached"));
    let ended = bed.run(plan).await;
    assert_eq!(stdout_of(&ended), format!("{first}\nreached\n"));
    bed.executor().stop(&other_key, std::time::Duration::ZERO);
    assert_eq!(bed.end_of(&other_key).await.exit, Exit::Stopped);
}
