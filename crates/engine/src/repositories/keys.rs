//! Keys: those that repositories are opened with, made here or given, and those that hosts are known by.

use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use rigi_store::Hidden;
use sha2::{Digest, Sha256};

use super::access::Desk;
use super::error::Failure;
use super::program::broken;

/// Bytes of a key at most.
const LONGEST: usize = 16 << 10;

/// Both halves of a key.
#[derive(Debug)]
pub struct KeyPair {
    /// The half that stays here.
    pub private: Hidden,
    /// The half that the host is given.
    pub public: String,
}

/// Makes a key.
pub(super) fn make(data: &Path, name: &str) -> Result<KeyPair, Failure> {
    let desk = Desk::open(data)?;
    let file = desk.file("new");
    let comment = format!("rigi-{name}");
    let arguments = ["-q", "-t", "ed25519", "-N", "", "-C", &comment, "-f"];
    keygen(&desk, |command| command.args(arguments).arg(&file))?;
    let read = |path: &Path| std::fs::read_to_string(path).map_err(|error| broken(&error));
    let (private, public) = (read(&file)?, read(&file.with_extension("pub"))?);
    Ok(KeyPair { private: Hidden(private), public: public.trim().to_owned() })
}

/// Takes a key that was given.
pub(super) fn take(data: &Path, text: &str) -> Result<KeyPair, Failure> {
    let wrong = |why: &str| {
        Failure::new(
            format!("the key cannot be taken: {why}"),
            "Give a private key without a passphrase, as `ssh-keygen -t ed25519` makes it.",
        )
    };
    let text = text.replace("\r\n", "\n");
    if text.len() > LONGEST || !text.trim_start().starts_with("-----BEGIN ") {
        return Err(wrong("it is no private key"));
    }
    let desk = Desk::open(data)?;
    let private = format!("{}\n", text.trim());
    let file = desk.write("given", &private).map_err(|error| broken(&error))?;
    let public = keygen(&desk, |command| command.args(["-y", "-P", "", "-f"]).arg(&file))
        .map_err(|_| wrong("it is damaged, or has a passphrase"))?;
    Ok(KeyPair { private: Hidden(private), public: public.trim().to_owned() })
}

fn keygen(desk: &Desk, with: impl FnOnce(&mut Command) -> &mut Command) -> Result<String, Failure> {
    let mut command = Command::new("ssh-keygen");
    command.env_clear().env("HOME", desk.home()).env("LC_ALL", "C").current_dir(desk.home());
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path))).stdin(Stdio::null());
    let output = with(&mut command).output().map_err(|error| {
        Failure::new(
            format!("the program `ssh-keygen` cannot be started: {error}"),
            "Install it on the server's machine, such as by `apt-get install openssh-client`.",
        )
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Failure::new(format!("no key was made: {said}"), "Try again."))
}

/// The fingerprints of host keys as `ssh` writes them down: kind and hash, as hosts publish them.
#[must_use]
pub fn fingerprints(known_hosts: &str) -> Vec<String> {
    let one = |line: &str| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let (kind, key) = (words.next()?, words.next()?);
        let hash = Sha256::digest(STANDARD.decode(key).ok()?);
        Some(format!("{kind} SHA256:{}", STANDARD_NO_PAD.encode(hash)))
    };
    known_hosts.lines().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_and_taken_and_no_other_text_is() {
        let data = tempfile::tempdir().unwrap();
        let made = make(data.path(), "tools").unwrap();
        assert!(
            made.public.starts_with("ssh-ed25519 ") && made.public.ends_with(" rigi-tools"),
            "{}",
            made.public
        );
        let taken = take(data.path(), &made.private.0.replace('\n', "\r\n")).unwrap();
        assert_eq!(taken.public, made.public);
        for bad in ["", "hello", "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n-----END OPENSSH PRIVATE KEY-----"]
        {
            assert!(take(data.path(), bad).is_err(), "{bad}");
        }
        assert_eq!(std::fs::read_dir(data.path().join("tmp")).unwrap().count(), 0);
    }

    #[test]
    fn a_host_key_has_the_fingerprint_that_hosts_publish() {
        // GitHub's, from its documentation.
        let line =
            "github.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
        assert_eq!(fingerprints(line), ["ssh-ed25519 SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"]);
    }
}
