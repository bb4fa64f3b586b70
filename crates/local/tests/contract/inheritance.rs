//! What runs have from whoever started Rigi: no descriptor, no blocked or ignored signal, no terminal.

use rigi_model::pipeline::spec::Entry;

use crate::bed::{Bed, stdout_of};

/// A caller with bad habits: it leaves a locked file open, blocks and ignores all signals, and takes its own rights away.
const CALLER: &str = r#"
import fcntl, os, signal, sys, tempfile
signals = set(range(1, 65)) - {9, 19, 32, 33}
for number in signals - {17}:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, signals)
file = tempfile.TemporaryFile()
fcntl.flock(file, fcntl.LOCK_EX)
for number in (7, 300):
    os.dup2(file.fileno(), number, inheritable=True)
os.set_inheritable(file.fileno(), True)
os.umask(0o777)
os.execvp(sys.argv[1], sys.argv[1:])
"#;

/// What a process says of itself. Signals 32 and 33 are the C library's own.
const TELL: &str = r#"
import os, re
folder = "/proc/self/fd/"
print("descriptors", *sorted(name for name in os.listdir(folder) if os.path.lexists(folder + name)))
status = open("/proc/self/status").read()
for kind in ("SigBlk", "SigIgn"):
    mask = int(re.search(kind + r":\t(\w+)", status)[1], 16)
    # Python ignores SIGPIPE and SIGXFSZ for itself.
    print(kind, sorted(n + 1 for n in range(64) if mask >> n & 1 and n + 1 not in (13, 25, 32, 33)))
print("stdin", os.readlink("/proc/self/fd/0"))
print("terminal", open("/proc/self/stat").read().rsplit(") ")[1].split()[4])
print("umask", oct(os.umask(0)))
"#;

#[tokio::test]
async fn nothing_of_the_caller_reaches_a_run() {
    let mut bed = Bed::started_by(CALLER).await;
    let plan = bed.plan(Entry::Command { argv: ["python3", "-c", TELL].map(str::to_owned).to_vec() }, &[]);
    let ended = bed.run(plan).await;
    let expected =
        "descriptors 0 1 2\nSigBlk []\nSigIgn []\nstdin /dev/null\nterminal 0\numask 0o77\n".to_owned();
    assert_eq!(stdout_of(&ended), expected);
    let open = std::fs::read_dir(format!("/proc/{}/fd", bed.supervisor_pid())).unwrap();
    let targets = open.flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok());
    let foreign: Vec<_> = targets.filter(|path| path.to_string_lossy().contains("(deleted)")).collect();
    assert_eq!(foreign, Vec::<std::path::PathBuf>::new());
}
