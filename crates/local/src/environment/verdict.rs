//! Whose fault it is that uv did not end well. Its exit status tells less than its words: 1 is said of a server that
//! refuses, 2 of a requirement that cannot be read.

use rigi_model::attempt::FailureClass;

/// The machine's own trouble.
const MACHINE: &[&str] = &[
    "no space left on device",
    "disk quota exceeded",
    "read-only file system",
    "too many open files",
    "cannot allocate memory",
    "input/output error",
    "stale file handle",
    "permission denied (os error 13)",
    "no such device",
    "when the network is disabled",
];

/// What another machine, or the way there, may have put right the next time. It is no fault of the pipeline's code.
const PASSING: &[&str] = &[
    "error sending request",
    "request failed after",
    "connection refused",
    "connection reset",
    "connection closed",
    "connection aborted",
    "broken pipe",
    "could not resolve",
    "couldn't resolve",
    "dns error",
    "failed to lookup address",
    "name or service not known",
    "temporary failure in name resolution",
    "timed out",
    "failed to connect",
    "couldn't connect",
    "could not connect",
    "network is unreachable",
    "no route to host",
    "host is unreachable",
    "http status server error",
    "429 too many requests",
    "408 request timeout",
    "407 proxy authentication",
    "401 unauthorized",
    "403 forbidden",
    "requested url returned error: 5",
    "requested url returned error: 401",
    "requested url returned error: 403",
    "requested url returned error: 407",
    "requested url returned error: 429",
    "could not read username",
    "could not read password",
    "authentication failed",
    "permission denied (publickey",
    "host key verification failed",
    "lack of valid authentication credentials",
    "invalid peer certificate",
    "tls handshake",
    "ssl certificate problem",
    "ssl connect error",
    "server certificate verification failed",
    "gnutls",
    "early eof",
    "unexpected eof",
    "remote end hung up",
    "rpc failed",
    "error decoding response body",
    "body write aborted",
];

/// Ended by itself, with a status that uv gives when it did its work.
const SPOKEN: [i32; 2] = [1, 2];

/// Who or what is at fault; `None` for the status is an end by a signal.
pub fn judge(code: Option<i32>, text: &str) -> FailureClass {
    let words = own_words(text).to_lowercase();
    let says = |list: &[&str]| list.iter().any(|entry| words.contains(entry));
    match code {
        None => FailureClass::Infrastructure,
        _ if text.to_lowercase().contains(MACHINE[0]) || says(MACHINE) => FailureClass::Infrastructure,
        _ if says(PASSING) => FailureClass::Transient,
        Some(code) if SPOKEN.contains(&code) => FailureClass::User,
        Some(_) => FailureClass::Infrastructure,
    }
}

/// What a package's own build printed is not uv's word.
fn own_words(text: &str) -> String {
    let mut own = true;
    let lines = text.lines().filter(|line| {
        match line.trim() {
            "[stdout]" | "[stderr]" => own = false,
            _ if !line.starts_with(' ') && !line.is_empty() => own = true,
            _ => {}
        }
        own
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use FailureClass::{Infrastructure, Transient, User};

    use super::*;

    #[test]
    fn the_class_follows_from_what_uv_says() {
        let git = "error: Failed to download and build `x @ git+https://h/y.git`\n  cause: Git operation failed\n         --- stderr\n         fatal: ";
        let unsolved = "error: No solution found when resolving dependencies\n  cause: Because x was not found in the package registry and you require x==1, we can conclude that your requirements are unsatisfiable.\n";
        let cases = [
            (1, unsolved.to_owned(), User),
            (1, "error: Distribution not found at: file:///x/nothere".into(), User),
            (1, "error: Failed to download `attrs==25.1.0`\n  cause: Hash mismatch for `attrs==25.1.0`".into(), User),
            (2, "error: In `--require-hashes` mode, all requirements must have a hash, but none were provided for: x".into(), User),
            (2, "error: Couldn't parse requirement in `requirements.txt` at position 0".into(), User),
            (2, "error: Failed to fetch: http://127.0.0.1:9/simple/x/\n  cause: error sending request for url".into(), Transient),
            (2, "error: Failed to fetch: x\n  cause: HTTP status server error (503 Service Unavailable)".into(), Transient),
            (1, format!("{unsolved}\nhint: An index (http://h) returned a 403 Forbidden error."), Transient),
            (1, format!("{unsolved}\nhint: An index URL could not be queried due to a lack of valid authentication credentials (401 Unauthorized)"), Transient),
            (1, format!("{git}unable to access: Failed to connect to 127.0.0.1 port 9"), Transient),
            (1, format!("{git}could not read Username for 'https://h': terminal prompts disabled"), Transient),
            (1, format!("{git}unable to access: The requested URL returned error: 403"), Transient),
            (1, format!("{git}ssh: connect to host h port 22: Connection refused"), Transient),
            (1, format!("{git}git@h: Permission denied (publickey)."), Transient),
            (1, format!("{git}repository 'https://h/y.git/' not found"), User),
            (1, format!("{git}couldn't find remote ref refs/tags/v9"), User),
            (2, "error: Failed to initialize cache at `/x`\n  cause: Permission denied (os error 13)".into(), Infrastructure),
            (2, "error: failed to write\n  cause: No space left on device (os error 28)".into(), Infrastructure),
            (101, "thread 'main' panicked".into(), Infrastructure),
            // A package's own build may say anything; only a full disk is the machine's all the same.
            (1, "error: The build backend returned an error\n  cause: Call failed\n\n         [stderr]\n         timed out\n         connection refused\n".into(), User),
            (1, "error: The build backend returned an error\n\n         [stderr]\n         OSError: [Errno 28] No space left on device\n".into(), Infrastructure),
        ];
        for (code, text, class) in cases {
            assert_eq!(judge(Some(code), &text), class, "{text}");
        }
        assert_eq!(judge(None, ""), Infrastructure);
    }
}
