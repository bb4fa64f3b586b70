//! Advisories by way of `pip-audit`: it is given names and versions alone, installs nothing, and says what it knows as JSON.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rigi_model::packages::{Advice, Known, Pinned, clean_text, is_version, read_pip_audit};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

/// It takes no longer.
const PATIENCE: Duration = Duration::from_secs(300);
/// Bytes of what it says.
const LARGEST: u64 = 64 << 20;
/// Bytes of what it complains about.
const LARGEST_TROUBLE: u64 = 64 << 10;
/// Beginnings of the server's variables that it sees: the way outside, and its own.
const SEEN: [&str; 7] =
    ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "SSL_CERT_", "REQUESTS_CA_BUNDLE", "PIP_AUDIT_"];

/// Asks it about packages; `folder` is where it keeps what it has fetched.
///
/// # Errors
/// Why nothing is known, as the end of a sentence.
pub(super) async fn ask(program: &Path, all: &[Pinned], folder: &Path) -> Result<Advice, String> {
    // One that it cannot read would keep it from reading the others.
    let (asked, odd): (Vec<_>, Vec<_>) = all.iter().cloned().partition(|one| is_version(&one.version));
    let mut advice = if asked.is_empty() {
        Advice::new()
    } else {
        let said = tokio::time::timeout(PATIENCE, run(program, &asked, folder)).await;
        let said = said.map_err(|_| format!("pip-audit does not end within {} s", PATIENCE.as_secs()))??;
        read_pip_audit(&asked, &said.output).map_err(|why| {
            match clean_text(&last_line(&said.trouble), 300) {
                none if none.is_empty() => format!("pip-audit: {why}"),
                trouble => format!("pip-audit: {trouble}"),
            }
        })?
    };
    let why = "its version is none that pip-audit reads";
    advice.extend(odd.into_iter().map(|one| (one, Known::Unchecked(why.to_owned(), Vec::new()))));
    Ok(advice)
}

struct Said {
    output: Vec<u8>,
    trouble: Vec<u8>,
}

fn last_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned()
}

async fn run(program: &Path, asked: &[Pinned], folder: &Path) -> Result<Said, String> {
    let failed = |what: &str, error: &std::io::Error| format!("{what}: {error}");
    let listed: String = asked.iter().map(|one| format!("{}=={}\n", one.name, one.version)).collect();
    let file = folder.join("requirements.txt");
    let written = async {
        tokio::fs::create_dir_all(folder).await?;
        tokio::fs::write(&file, listed).await
    };
    written.await.map_err(|error| failed(&folder.display().to_string(), &error))?;
    let seen = std::env::vars().filter(|(name, _)| {
        let name = name.to_ascii_uppercase();
        ["PATH", "HOME", "LANG"].contains(&name.as_str()) || SEEN.iter().any(|begin| name.starts_with(begin))
    });
    let mut command = Command::new(program);
    command.env_clear().envs(seen).current_dir(folder);
    command.args(["--format", "json", "--progress-spinner", "off", "--desc", "on", "--aliases", "on"]);
    command.args(["--no-deps", "--disable-pip", "--cache-dir"]).arg(folder.join("http"));
    command.arg("--requirement").arg(&file);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| failed(&program.display().to_string(), &error))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let read = async {
        let (mut output, mut trouble) = (Vec::new(), Vec::new());
        let out = async {
            match stdout {
                Some(pipe) => pipe.take(LARGEST + 1).read_to_end(&mut output).await,
                None => Ok(0),
            }
        };
        let err = async {
            match stderr {
                Some(mut pipe) => {
                    let read = (&mut pipe).take(LARGEST_TROUBLE).read_to_end(&mut trouble).await;
                    // What it says beyond is let go by, so that it does not wait for a reader.
                    tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await?;
                    read
                }
                None => Ok(0),
            }
        };
        tokio::try_join!(out, err)?;
        Ok((output, trouble))
    };
    let (output, trouble) = read.await.map_err(|error: std::io::Error| failed("pip-audit", &error))?;
    if output.len() as u64 > LARGEST {
        return Err(format!("pip-audit says more than {} MiB", LARGEST >> 20));
    }
    // Its exit status is 1 where it has found something, and where it has failed: what it says counts.
    child.wait().await.map_err(|error| failed("pip-audit", &error))?;
    Ok(Said { output, trouble })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    async fn said(script: &str) -> Result<Advice, String> {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("pip-audit");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let asked = [("lib", "1.0"), ("pytz", "2004d-x")];
        let asked = asked.map(|(name, version)| Pinned { name: name.into(), version: version.into() });
        ask(&program, &asked, &dir.path().join("cache")).await
    }

    #[tokio::test]
    async fn what_it_says_counts_whatever_its_exit_status_and_nothing_else_does() {
        let good = r#"echo '{"dependencies": [{"name": "lib", "version": "1.0", "vulns": [{"id": "PYSEC-1"}]}]}'; exit 1"#;
        let advice = said(good).await.unwrap();
        let known: Vec<_> = advice.values().collect();
        assert!(matches!(known[0], Known::Advisories(found) if found.len() == 1));
        assert!(matches!(known[1], Known::Unchecked(..)));
        assert!(
            said("grep -qx lib==1.0 requirements.txt && ! grep -q pytz requirements.txt && exit 0")
                .await
                .is_err()
        );
        for (script, why) in [
            ("echo 'ERROR: no network' >&2; exit 1", "no network"),
            ("exit 0", "not its own format"),
            ("echo '[]'", "not its own format"),
            ("yes | head -c 70000000", "more than 64 MiB"),
        ] {
            let told = said(script).await.unwrap_err();
            assert!(told.contains(why), "{script}: {told}");
        }
        let (asked, folder) = ([Pinned { name: "a".into(), version: "1".into() }], std::env::temp_dir());
        let gone = ask(Path::new("/nonexistent/pip-audit"), &asked, &folder.join("rigi-no-audit")).await;
        assert!(gone.unwrap_err().contains("/nonexistent/pip-audit"));
    }
}
