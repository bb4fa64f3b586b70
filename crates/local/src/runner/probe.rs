//! What can be reached from where an attempt would run, told to whoever checks a target.

use std::path::Path;
use std::time::Duration;

use reqwest::StatusCode;
use rigi_model::causes::with_causes;
use rigi_work::check::Check;

use super::client::without_proxy;

/// What does not answer within this time is not reached.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks at the folder of attempts, the server, and where files are kept, if that is elsewhere.
pub async fn probe(folder: &Path, server: &str, storage: Option<&str>) -> Vec<Check> {
    let mut found = vec![look_at_folder(folder), look_at_server(server).await];
    if let Some(url) = storage {
        found.push(match answer(url).await {
            Ok(_) => Check::good("storage", format!("a pod reaches {url}")),
            Err(why) => Check::good(
                "storage",
                format!("a pod does not reach {url} ({why}): files go through the server"),
            ),
        });
    }
    found
}

fn look_at_folder(folder: &Path) -> Check {
    let file = folder.join(".probe");
    match std::fs::write(&file, "probe").and_then(|()| std::fs::remove_file(&file)) {
        Ok(()) => Check::good("disk", format!("a pod writes below {}", folder.display())),
        Err(error) => Check::bad(
            "disk",
            format!("a pod cannot write below {}: {error}", folder.display()),
            "let the target's `user` write to volumes of pods",
        ),
    }
}

async fn look_at_server(server: &str) -> Check {
    let cure = "start the server, set the target's `url` to an address of it that pods reach, and let them: network \
                policies, firewalls, names";
    match answer(&format!("{}/runner/v1/credentials", server.trim_end_matches('/'))).await {
        // We show no token.
        Ok(StatusCode::UNAUTHORIZED) => Check::good("server", format!("a pod reaches {server}")),
        Ok(status) => {
            Check::bad("server", format!("what answers a pod at {server} is not Rigi ({status})"), cure)
        }
        Err(why) => Check::bad("server", format!("a pod does not reach {server}: {why}"), cure),
    }
}

async fn answer(url: &str) -> Result<StatusCode, String> {
    let client = without_proxy(url).timeout(PATIENCE).build().map_err(|error| with_causes(&error))?;
    let answered = client.get(url).send().await;
    Ok(answered.map_err(|error| with_causes(&error.without_url()))?.status())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// Answers one request.
    fn listen(status: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        });
        format!("http://{address}")
    }

    #[tokio::test]
    async fn a_server_is_one_that_asks_for_a_token() {
        let folder = tempfile::tempdir().unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let well = probe(folder.path(), &listen("401 Unauthorized"), Some(&listen("403 Forbidden"))).await;
        assert!(well.iter().all(|check| check.found.is_ok()), "{well:?}");
        assert_eq!(well.len(), 3);
        for (server, words) in [
            (listen("404 Not Found"), "is not Rigi"),
            (format!("http://{closed}"), "does not reach"),
            ("http://no-such-host.invalid:1".to_owned(), "does not reach"),
        ] {
            let found = look_at_server(&server).await.found.unwrap_err();
            assert!(found.message.contains(words) && found.cure.contains("`url`"), "{found:?}");
        }
        let away =
            probe(&folder.path().join("none"), "http://127.0.0.1:1", Some(&format!("http://{closed}"))).await;
        assert!(away[0].found.is_err());
        assert!(away[2].found.as_ref().is_ok_and(|said| said.contains("go through the server")), "{away:?}");
    }
}
