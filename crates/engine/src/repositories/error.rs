//! Why a sync did not go well, in words.

/// Characters of what a program said that are repeated at most.
const MOST_SAID: usize = 300;

/// A repository could not be taken. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What went wrong.
    pub message: String,
    /// What to do, as a sentence.
    pub cure: String,
}

impl Failure {
    pub(super) fn new(message: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { message: message.into(), cure: cure.into() }
    }
}

/// Why nothing was synced.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The repository could not be taken.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// Something of this server.
    #[error(transparent)]
    Store(#[from] rigi_store::Error),
}

/// What `git` or `ssh` said, as far as it is known, becomes a sentence of what is wrong.
pub(super) fn explain(said: &str, host: &str) -> Failure {
    let has = |text: &str| said.contains(text);
    let known: &[(&[&str], String, &str)] = &[
        (
            &["REMOTE HOST IDENTIFICATION HAS CHANGED", "Host key verification failed"],
            format!("`{host}` shows another key than at first: it was replaced, or somebody is in between"),
            "Compare it with what the host publishes. An administrator can then have it forgotten: `rigi repositories reset-host-key`.",
        ),
        (
            &["Permission denied"],
            format!("`{host}` does not take the key"),
            "Add the public key to the repository there as a deploy key: `rigi repositories show` has it.",
        ),
        (
            &[
                "could not read Username",
                "Authentication failed",
                "error: 401",
                "error: 403",
                "terminal prompts disabled",
            ],
            format!("`{host}` wants a token, or does not take the one that it is given"),
            "Give one that may read the repository: `rigi repositories edit NAME --with-token`.",
        ),
        (
            &["error: 404", "not found", "does not appear to be a git repository", "does not exist"],
            format!("`{host}` has no such repository, or does not show it without a token"),
            "Look at the address, and at what the token may see.",
        ),
        (
            &["couldn't find remote ref", "not our ref"],
            "the repository has no such branch, tag or commit".to_owned(),
            "Look at its name, and whether it was pushed.",
        ),
        (
            &["error: 301", "error: 302", "error: 303", "error: 307", "error: 308", "redirect"],
            format!("`{host}` leads elsewhere, where nobody follows"),
            "Give the address that it leads to, if that is meant.",
        ),
        (
            &["certificate", "SSL", "TLS"],
            format!("the connection to `{host}` is not safe"),
            "Look at its certificate; `SSL_CERT_FILE` names authorities that the machine does not know.",
        ),
        (
            &[
                "Could not resolve",
                "Connection refused",
                "Failed to connect",
                "Could not connect",
                "Connection timed out",
                "No route to host",
                "Connection reset",
                "Empty reply",
                "hung up",
            ],
            format!("`{host}` cannot be reached, or breaks off"),
            "Try again a little later.",
        ),
        (
            &[
                "File size limit",
                "died of signal 25",
                "Operation too slow",
                "too large",
                "Out of memory",
                "out of memory",
            ],
            "the repository is larger or slower than this server takes".to_owned(),
            "Make it smaller, or have `git.size` and `git.timeout` raised.",
        ),
        (
            &[
                "fsck",
                "index-pack failed",
                "bad pack",
                "pack has bad object",
                "corrupt",
                "invalid index-pack",
                "protocol error",
                "bad object",
                "unexpected",
            ],
            format!("what `{host}` sends is damaged, or made to harm; git itself refuses it"),
            "Look at the repository with `git fsck`.",
        ),
    ];
    for (marks, message, cure) in known {
        if marks.iter().any(|mark| has(mark)) {
            return Failure::new(format!("{message} ({})", shown(said)), *cure);
        }
    }
    Failure::new(
        format!("git does not take the repository: {}", shown(said)),
        "Look at the repository and its address.",
    )
}

/// The line that says most, without what could steer a terminal.
fn shown(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let telling = lines.iter().find(|line| line.starts_with("fatal:") || line.starts_with("error:"));
    let line = telling.or(lines.last()).copied().unwrap_or("it says nothing");
    let line = line.trim_start_matches("fatal: ").trim_start_matches("error: ");
    line.chars().filter(|c| !c.is_control()).take(MOST_SAID).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_says_becomes_what_to_do() {
        let of = |said: &str| explain(said, "h").message;
        assert!(
            of("fatal: could not read Username for 'https://h': terminal prompts disabled").contains("token")
        );
        assert!(of("remote: x\nfatal: couldn't find remote ref refs/heads/x").contains("no such branch"));
        assert!(
            of("fatal: unable to access 'x': The requested URL returned error: 302")
                .contains("leads elsewhere")
        );
        assert_eq!(of("fatal: odd\u{1b}[31m"), "git does not take the repository: odd[31m");
        assert!(of("").contains("it says nothing"));
    }
}
