//! Servers and supervisors of different versions: the greeting that both understand for ever, and what follows from it.
//! It is written out here byte by byte: whoever changes it breaks every upgrade.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use rigi_local::process::Error;
use rigi_model::{AttemptKey, RunId};
use rigi_work::plan::{Executor, Phase};
use serde_json::{Value, json};

use crate::bed::{Bed, open, stdout_of};

fn say(stream: &mut UnixStream, head: &Value) {
    let text = head.to_string();
    let mut frame = u32::try_from(text.len()).unwrap().to_le_bytes().to_vec();
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(text.as_bytes());
    stream.write_all(&frame).unwrap();
}

/// The next message; `None` when the other side has closed.
fn hear(stream: &mut UnixStream) -> Option<Value> {
    let mut lengths = [0; 8];
    stream.read_exact(&mut lengths).ok()?;
    let length = |at: usize| u32::from_le_bytes(lengths[at..at + 4].try_into().unwrap()) as usize;
    let mut bytes = vec![0; length(0) + length(4)];
    stream.read_exact(&mut bytes).unwrap();
    Some(serde_json::from_slice(&bytes[..length(0)]).unwrap())
}

/// A supervisor of another version, until it is told something or left. Returns what it was told.
fn other_supervisor(data: &Path, protocol: u32, running: bool) -> std::thread::JoinHandle<Vec<Value>> {
    let folder = data.join("supervisor");
    std::fs::create_dir_all(&folder).unwrap();
    let socket = folder.join("sock");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = vec![hear(&mut stream).unwrap()];
        let key = AttemptKey { run: RunId::generate(), number: 1 };
        let known = json!([[key, running]]);
        say(
            &mut stream,
            &json!({ "Welcome": { "protocol": protocol, "version": "40.1", "known": known, "more": {} } }),
        );
        let told = hear(&mut stream);
        heard.extend(told);
        // It ends: its door is closed before the connection.
        drop(listener);
        std::fs::remove_file(&socket).unwrap();
        heard
    })
}

#[tokio::test]
async fn runs_under_a_supervisor_of_another_protocol_are_left_in_peace() {
    let data = tempfile::tempdir().unwrap();
    let supervisor = other_supervisor(data.path(), 99, true);
    let refused = open(data.path()).await.err();
    assert!(
        matches!(&refused, Some(Error::Version { version, running: 1 }) if version == "40.1"),
        "{refused:?}"
    );
    assert_eq!(supervisor.join().unwrap(), [json!({ "Hello": { "protocol": 1 } })]);
}

#[tokio::test]
async fn an_idle_supervisor_of_another_protocol_makes_room() {
    let data = tempfile::tempdir().unwrap();
    let supervisor = other_supervisor(data.path(), 99, false);
    let mut bed = Bed::within(data).await;
    assert_eq!(supervisor.join().unwrap(), [json!({ "Hello": { "protocol": 1 } }), json!("Quit")]);
    let plan = bed.shell("echo mine");
    assert_eq!(stdout_of(&bed.run(plan).await), "mine\n");
}

#[tokio::test]
async fn a_supervisor_of_another_version_goes_on_with_what_runs_and_then_makes_room() {
    let data = tempfile::tempdir().unwrap();
    let supervisor = other_supervisor(data.path(), 1, true);
    let mut bed = Bed::within(data).await;
    assert_eq!(bed.known.iter().map(|known| known.phase).collect::<Vec<_>>(), [Phase::Running]);
    assert_eq!(supervisor.join().unwrap(), [json!({ "Hello": { "protocol": 1 } }), json!("Quit")]);
    let plan = bed.shell("echo mine");
    assert_eq!(stdout_of(&bed.run(plan).await), "mine\n");
}

#[tokio::test]
async fn a_server_of_another_protocol_learns_what_runs_and_can_have_an_idle_supervisor_end() {
    let mut bed = Bed::new().await;
    let plan = bed.shell("sleep 1000");
    let key = plan.key.clone();
    bed.executor().launch(plan);
    bed.started(&key).await;
    let mut stream = UnixStream::connect(bed.data.path().join("supervisor/sock")).unwrap();
    say(&mut stream, &json!({ "Hello": { "protocol": 99, "more": [] } }));
    let welcome = hear(&mut stream).unwrap();
    assert_eq!(welcome["Welcome"]["protocol"], 1);
    assert_eq!(welcome["Welcome"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(welcome["Welcome"]["known"], json!([[key, true]]));
    say(&mut stream, &json!({ "Stop": { "key": key, "grace_us": 0 } }));
    say(&mut stream, &json!("Quit"));
    // It says how the attempt ended, and closes.
    let mut words = Vec::new();
    while let Some(word) = hear(&mut stream) {
        words.push(word);
    }
    assert!(words.iter().any(|word| word["Ended"]["ended"]["exit"]["kind"] == "stopped"), "{words:?}");
}
