//! Finds the supervisor of a data folder, or starts one.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rigi_work::plan::{Known, Phase};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::Error;
use crate::frame::{self, Inbox};
use crate::layout::{Layout, short_socket};
use crate::wire::{Order, PROTOCOL, Report};

/// It kills what an earlier one left before it is ready, which may take some seconds.
const READY: Duration = Duration::from_secs(20);
/// Between two tries while another supervisor holds the data folder.
const PAUSE: Duration = Duration::from_millis(20);

/// A supervisor that has answered.
#[derive(Debug)]
pub struct Connection {
    /// To it.
    pub stream: UnixStream,
    /// What came with its answer.
    pub inbox: Inbox,
    /// What it knows.
    pub known: Vec<Known>,
    /// To come back with.
    pub ticket: Option<u64>,
}

/// Connects, having started a supervisor if need be; again with the ticket of the first time.
///
/// # Errors
/// If it cannot be started or does not answer, or has welcomed a newer server.
pub async fn connect(
    layout: &Layout,
    command: &(PathBuf, Vec<String>),
    ticket: Option<u64>,
) -> Result<Connection, Error> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(layout.supervisor());
    made.map_err(|source| Error::Data { path: layout.supervisor(), source })?;
    let since = Instant::now();
    loop {
        let error = match dial(layout).await {
            Ok(stream) => match greet(stream, layout, ticket).await {
                // It was about to end when it was reached.
                Err(Error::Connection(error)) => error,
                other => return other,
            },
            Err(error) if is_absent(&error) => error,
            Err(error) => return Err(error.into()),
        };
        if since.elapsed() > READY {
            return Err(error.into());
        }
        if start(layout, command).await? == Start::Another {
            // One that is ending holds the place for a moment; one that is starting is there in a moment.
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// What became of a start.
#[derive(Debug, PartialEq, Eq)]
enum Start {
    /// It can be connected to.
    Ready,
    /// Another one holds the data folder.
    Another,
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

async fn dial(layout: &Layout) -> io::Result<UnixStream> {
    let folder = fs::File::open(layout.supervisor())?;
    UnixStream::connect(short_socket(&folder)).await
}

async fn start(layout: &Layout, (program, args): &(PathBuf, Vec<String>)) -> Result<Start, Error> {
    let failed = |source| Error::Start { program: program.clone(), source };
    let output = layout.supervisor().join("output");
    let complaints =
        fs::File::options().create(true).append(true).mode(0o600).open(&output).map_err(failed)?;
    let mut child = tokio::process::Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(complaints)
        .kill_on_drop(false)
        .spawn()
        .map_err(failed)?;
    let Some(stdout) = child.stdout.take() else {
        return Err(Error::Protocol("it has no standard output".into()));
    };
    let mut word = String::new();
    let mut reader = BufReader::new(stdout);
    let read = tokio::time::timeout(READY, reader.read_line(&mut word)).await;
    // Waited for, so that it does not stay as a zombie when it ends before the server.
    tokio::spawn(async move { child.wait().await });
    match read {
        Ok(Ok(_)) if word.trim() == "ready" => Ok(Start::Ready),
        Ok(Ok(_)) if word.trim() == "running" => Ok(Start::Another),
        Ok(Ok(_)) => {
            let said = fs::read_to_string(&output).unwrap_or_default();
            let last = said.lines().last().unwrap_or("it ended without a word").to_owned();
            Err(failed(io::Error::other(last)))
        }
        Ok(Err(source)) => Err(failed(source)),
        Err(_) => Err(Error::NotReady { bound: READY, output }),
    }
}

async fn greet(mut stream: UnixStream, layout: &Layout, ticket: Option<u64>) -> Result<Connection, Error> {
    let mut hello = Vec::new();
    frame::encode(&mut hello, &Order::Hello { protocol: PROTOCOL, ticket }, &[]);
    stream.write_all(&hello).await?;
    let mut inbox = Inbox::default();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let len = match tokio::time::timeout(READY, stream.read(&mut buffer)).await {
            Ok(read) => read?,
            Err(_) => return Err(Error::Protocol(format!("no word within {} s", READY.as_secs()))),
        };
        if len == 0 {
            return Err(io::Error::from(io::ErrorKind::ConnectionReset).into());
        }
        inbox.extend(&buffer[..len]);
        let first = inbox.next::<Report>().map_err(|error| Error::Protocol(error.to_string()))?;
        match first {
            None => {}
            Some((Report::Superseded, _)) => return Err(Error::Superseded),
            Some((Report::Welcome { protocol: PROTOCOL, known, open, .. }, _))
                if open.as_deref() != layout.open() =>
            {
                if known.iter().any(|(_, running)| *running) {
                    return Err(Error::Protocol(
                        "it still has runs of another account; before `process.run_as` or `process.folder` is \
                         changed, wait until these have ended, or stop them with `rigi down --cancel`"
                            .into(),
                    ));
                }
                return Err(retire(stream, &mut buffer).await.into());
            }
            Some((Report::Welcome { protocol: PROTOCOL, version, known, ticket, .. }, _)) => {
                if version != env!("CARGO_PKG_VERSION") {
                    // It makes room for this version's as soon as nothing runs under it.
                    stream.write_all(&quit()).await?;
                }
                let known = known
                    .into_iter()
                    .map(|(key, running)| {
                        let phase = if running { Phase::Running } else { Phase::Ended };
                        Known { key, phase }
                    })
                    .collect();
                return Ok(Connection { stream, inbox, known, ticket });
            }
            Some((Report::Welcome { version, known, .. }, _)) => {
                let running = known.iter().filter(|(_, running)| *running).count();
                if running > 0 {
                    return Err(Error::Version { version, running });
                }
                return Err(retire(stream, &mut buffer).await.into());
            }
            Some(_) => return Err(Error::Protocol("its first word is no welcome".into())),
        }
    }
}

fn quit() -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::encode(&mut bytes, &Order::Quit, &[]);
    bytes
}

/// Nothing runs under a supervisor that speaks another protocol: it makes room, and the next one reads its journal.
async fn retire(mut stream: UnixStream, buffer: &mut [u8]) -> io::Error {
    let gone = async {
        stream.write_all(&quit()).await?;
        while stream.read(buffer).await? > 0 {}
        Ok(())
    };
    match tokio::time::timeout(READY, gone).await {
        Ok(Err(error)) => error,
        Ok(Ok(())) => io::ErrorKind::ConnectionReset.into(),
        Err(_) => io::ErrorKind::TimedOut.into(),
    }
}
