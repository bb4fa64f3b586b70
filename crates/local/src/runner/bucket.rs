//! The server as a bucket, for what an attempt runs: at the address of the server where there is one, else at one of this
//! container alone, from which everything goes on to the server's socket.

use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use rigi_work::credentials::BucketAccess;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinSet;

use super::client::Server;

/// Connections at a time.
const MOST: usize = 256;

/// Says where the server answers; what has to go on meanwhile is added to `tasks`.
pub(super) async fn open(
    place: &Server,
    bucket: &mut BucketAccess,
    tasks: &mut JoinSet<()>,
) -> io::Result<()> {
    if !bucket.at_door {
        return Ok(());
    }
    match place {
        Server::Url(url) => bucket.set_endpoint(url.trim_end_matches('/')),
        Server::Socket(path) => {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            bucket.set_endpoint(&format!("http://{}", listener.local_addr()?));
            tasks.spawn(pass_on(listener, path.clone()));
        }
    }
    Ok(())
}

async fn pass_on(listener: TcpListener, socket: PathBuf) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = open.join_next(), if !open.is_empty() => {}
            // With more than fit, the next one waits.
            Ok((stream, _)) = listener.accept(), if open.len() < MOST => {
                open.spawn(one(stream, socket.clone()));
            }
        }
    }
}

/// A connection; how it ends is the business of those at its ends.
async fn one(mut stream: TcpStream, socket: PathBuf) {
    if let Ok(mut server) = UnixStream::connect(socket).await {
        let _ = copy_bidirectional(&mut stream, &mut server).await;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rigi_model::Timestamp;
    use rigi_work::credentials::{Credential, ENDPOINT, GivenBy};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixListener;

    use super::*;

    #[tokio::test]
    async fn what_is_said_in_the_container_goes_on_to_the_socket() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sock");
        let server = UnixListener::bind(&path).unwrap();
        let credential = Credential {
            access_key_id: "id".into(),
            secret_access_key: "secret".into(),
            session_token: None,
            expires: Timestamp(0),
        };
        let mut access =
            BucketAccess { variables: BTreeMap::new(), credential, given: GivenBy::Variables, at_door: true };
        let mut tasks = JoinSet::new();
        open(&Server::Url("http://rigi:1/".into()), &mut access, &mut tasks).await.unwrap();
        assert_eq!(access.variables[ENDPOINT[0]], "http://rigi:1");
        open(&Server::Socket(path), &mut access, &mut tasks).await.unwrap();
        let address = access.variables[ENDPOINT[1]].strip_prefix("http://").unwrap().to_owned();
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"there?").await.unwrap();
        let (mut heard, mut text) = (server.accept().await.unwrap().0, [0; 6]);
        heard.read_exact(&mut text).await.unwrap();
        heard.write_all(b"here").await.unwrap();
        drop(heard);
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!((&text, answer.as_str()), (b"there?", "here"));
    }
}
