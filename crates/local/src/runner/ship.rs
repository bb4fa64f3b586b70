//! What an attempt says, on its way to the server: in order, and again until it is acknowledged.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rigi_model::log::Unfinished;
use rigi_model::{Exit, Timestamp};
use rigi_work::plan::{Ended, Observation};
use rigi_work::wire::{Kept, LastWord, Report, Said, Seen};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::client::{CallTrouble, Client, send};
use super::direct::Direct;
use super::mirror::mirror;
use super::outputs;

/// Bytes of log in one call.
const PIECE: usize = 1 << 20;

enum Parcel {
    Log {
        file: PathBuf,
        lines: u64,
        bytes: u64,
    },
    Said(Said),
    /// There is something in `unfinished`.
    Unfinished,
    End {
        at: Timestamp,
        ended: Box<Ended>,
    },
}

/// Takes what is to be shipped.
pub struct Shipper {
    parcels: mpsc::UnboundedSender<Parcel>,
    unfinished: Newest,
}

/// The unfinished lines that the server has not heard of: what stood before is nothing to anybody.
type Newest = Arc<Mutex<Option<Vec<Unfinished>>>>;

/// The end of shipping.
pub struct Shipped {
    task: JoinHandle<Result<Exit, CallTrouble>>,
}

impl Shipped {
    /// When all has arrived: how the attempt ended.
    pub async fn finished(self) -> Result<Exit, CallTrouble> {
        self.task.await.unwrap_or_else(|error| Err(CallTrouble::Final(error.to_string())))
    }
}

impl Shipper {
    pub fn start(client: Client, direct: Arc<Direct>, mirrored: bool) -> (Self, Shipped) {
        let (parcels, inbox) = mpsc::unbounded_channel();
        let unfinished = Newest::default();
        let shipping = Shipping {
            client,
            direct,
            mirrored,
            sent: 0,
            lines: 0,
            said: 0,
            mirrored_to: 0,
            mirrored_end: false,
            unfinished: unfinished.clone(),
        };
        (Self { parcels, unfinished }, Shipped { task: tokio::spawn(shipping.run(inbox)) })
    }

    /// The log has grown to so many lines and bytes.
    pub fn log(&self, file: PathBuf, lines: u64, bytes: u64) {
        let _ = self.parcels.send(Parcel::Log { file, lines, bytes });
    }

    /// Something else was seen.
    pub fn say(&self, at: Timestamp, what: Observation) {
        let what = match what {
            Observation::Preparing { reason, message } => Seen::Preparing { reason, message },
            Observation::Prepared { environment, message, took } => {
                let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
                Seen::Prepared { environment, message, took_us }
            }
            Observation::Started { pid } => Seen::Started { pid },
            Observation::Sample(sample) => Seen::Sample { sample },
            Observation::Note(note) => Seen::Note { note },
            Observation::Unfinished(lines) => {
                let before = newest(&self.unfinished).replace(lines);
                if before.is_none() {
                    let _ = self.parcels.send(Parcel::Unfinished);
                }
                return;
            }
            Observation::Log { .. } | Observation::Ended(_) => return,
        };
        let _ = self.parcels.send(Parcel::Said(Said { at, what }));
    }

    /// The last thing.
    pub fn end(&self, at: Timestamp, ended: Ended) {
        let _ = self.parcels.send(Parcel::End { at, ended: Box::new(ended) });
    }
}

struct Shipping {
    client: Client,
    direct: Arc<Direct>,
    mirrored: bool,
    /// Bytes of log that the server has.
    sent: u64,
    lines: u64,
    /// Things that the server has heard.
    said: u64,
    mirrored_to: u64,
    /// And what is in no file.
    mirrored_end: bool,
    unfinished: Newest,
}

impl Shipping {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Parcel>) -> Result<Exit, CallTrouble> {
        let mut waiting = Vec::new();
        while inbox.recv_many(&mut waiting, 256).await > 0 {
            let mut said = Vec::new();
            let mut unfinished = None;
            let mut grown = None;
            let mut end = None;
            for parcel in waiting.drain(..) {
                match parcel {
                    Parcel::Said(one) => said.push(one),
                    Parcel::Unfinished => unfinished = newest(&self.unfinished).take(),
                    Parcel::Log { file, lines, bytes } => grown = Some((file, lines, bytes)),
                    Parcel::End { at, ended } => end = Some((at, ended)),
                }
            }
            self.report(said, None).await?;
            if let Some((file, lines, bytes)) = grown {
                self.ship_file(&file, lines, bytes).await?;
            }
            // After the lines before it.
            self.report(Vec::new(), unfinished.filter(|_| end.is_none())).await?;
            if let Some((at, ended)) = end {
                return self.end(at, *ended).await;
            }
        }
        Err(CallTrouble::Final("its attempt ended without a word".into()))
    }

    async fn report(
        &mut self,
        said: Vec<Said>,
        unfinished: Option<Vec<Unfinished>>,
    ) -> Result<(), CallTrouble> {
        if said.is_empty() && unfinished.is_none() {
            return Ok(());
        }
        let report = Report { first: self.said, said, unfinished };
        self.client
            .insist(|| async { send(self.client.post("report").json(&report)).await.map(drop) })
            .await?;
        self.said += report.said.len() as u64;
        Ok(())
    }

    /// Ships the file up to `bytes`.
    async fn ship_file(&mut self, file: &Path, lines: u64, bytes: u64) -> Result<(), CallTrouble> {
        let lost = |error: io::Error| CallTrouble::Final(format!("the log cannot be read: {error}"));
        let file = File::open(file).map_err(lost)?;
        // First to where the engine keeps it: that is for when the server is away.
        while self.mirrored && self.mirrored_to < bytes {
            let mut blocks = vec![0; portion(bytes - self.mirrored_to)];
            file.read_exact_at(&mut blocks, self.mirrored_to).map_err(lost)?;
            if self.mirror(&blocks) == 0 {
                break;
            }
        }
        while self.sent < bytes {
            let mut piece = vec![0; portion(bytes - self.sent)];
            file.read_exact_at(&mut piece, self.sent).map_err(lost)?;
            // Lines are counted when the last of them is there.
            let lines = if self.sent + piece.len() as u64 >= bytes { lines } else { self.lines };
            match self.ship(piece, lines).await {
                // Another server leads: what it has not is in the file.
                Err(CallTrouble::Behind(kept)) if kept < self.sent => self.sent = kept,
                shipped => shipped?,
            }
        }
        Ok(())
    }

    /// Returns how many bytes of whole blocks that were.
    fn mirror(&mut self, blocks: &[u8]) -> usize {
        // Nobody may read it.
        let written = mirror(blocks, &mut io::stdout().lock()).unwrap_or(blocks.len());
        self.mirrored_to += written as u64;
        written
    }

    async fn ship(&mut self, piece: Vec<u8>, lines: u64) -> Result<(), CallTrouble> {
        let path = format!("log?offset={}&lines={lines}", self.sent);
        let piece = bytes::Bytes::from(piece);
        let kept = self.client.insist(|| async {
            let answer = send(self.client.post(&path).body(piece.clone())).await?;
            answer.json::<Kept>().await.map_err(|error| CallTrouble::Passing(error.to_string()))
        });
        kept.await?;
        self.sent += piece.len() as u64;
        self.lines = lines;
        Ok(())
    }

    async fn end(&mut self, at: Timestamp, mut ended: Ended) -> Result<Exit, CallTrouble> {
        let inline = std::mem::take(&mut ended.log.inline);
        loop {
            match self.end_once(at, &mut ended, &inline).await {
                // Another server leads: it gets what it has not.
                Err(CallTrouble::Behind(kept)) => self.sent = self.sent.min(kept),
                done => return done,
            }
        }
    }

    async fn end_once(
        &mut self,
        at: Timestamp,
        ended: &mut Ended,
        inline: &[u8],
    ) -> Result<Exit, CallTrouble> {
        let mut long = 0;
        if let Some(file) = ended.log.file.clone() {
            long = std::fs::metadata(&file).map_or(self.sent, |facts| facts.len());
            let lines = if inline.is_empty() { ended.log.lines } else { self.lines };
            self.ship_file(&file, lines, long).await?;
        }
        if self.mirrored && !std::mem::replace(&mut self.mirrored_end, true) && !inline.is_empty() {
            self.mirror(inline);
        }
        let there = usize::try_from(self.sent.saturating_sub(long)).unwrap_or(usize::MAX);
        if let Some(rest) = inline.get(there..).filter(|rest| !rest.is_empty()) {
            self.ship(rest.to_vec(), ended.log.lines).await?;
        }
        let mut outputs = false;
        if let Some(folder) = ended.outputs.clone() {
            match outputs::ship(&self.client, &self.direct, &folder).await {
                Err(CallTrouble::Here(why)) => ended.left.lost(Path::new("."), why),
                sent => (ended.left, outputs) = (sent?, true),
            }
        }
        let exit = ended.exit.clone();
        let last = LastWord { at, log_bytes: self.sent, outputs, ended: ended.clone() };
        self.client.insist(|| async { send(self.client.post("end").json(&last)).await.map(drop) }).await?;
        Ok(exit)
    }
}

fn newest(unfinished: &Newest) -> MutexGuard<'_, Option<Vec<Unfinished>>> {
    unfinished.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As much of the rest as goes in one call.
fn portion(rest: u64) -> usize {
    usize::try_from(rest).unwrap_or(PIECE).min(PIECE)
}
