//! Takes what comes of a file: while it is written, what was written before is made to last and said so in the database.

use std::fs::File;

use axum::body::Body;
use bytes::Bytes;
use futures_util::StreamExt;
use rigi_model::{ErrorCode, Timestamp};
use rigi_store::{Arriving, Error, OpenUpload};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::turns::Entered;
use super::words::Checksum;
use crate::http::error::{ApiError, ApiResult};
use crate::http::scope::Scope;

/// Bytes after which it is made to last.
const STEP: u64 = 1 << 20;
/// Bytes that are taken and do not last yet, at most: so many are sent once more when this process dies, and what the system holds
/// for it.
const AHEAD: u64 = 4 << 20;
/// Pieces that wait to be written.
const WAITING: usize = 32;
/// The status of tus for a checksum that is another.
pub(super) const OTHER_CHECKSUM: u16 = 460;

/// A request's part of a file.
pub(super) struct Append {
    pub scope: Scope,
    pub entered: Entered,
    /// As the database has it now.
    pub open: OpenUpload,
    pub checksum: Option<Checksum>,
}

/// Why no more is taken.
enum Ended {
    /// All of the request came.
    Whole,
    /// Its connection broke.
    Broken,
    /// A newer request came.
    Newer,
    /// The file has no more bytes.
    TooLong,
}

/// What was written, how, and what it comes to.
type Written = (Arriving, Option<Checksum>, rigi_store::Result<()>);

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> rigi_store::Result<T> + Send + 'static,
) -> rigi_store::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Closed)?
}

/// What is known of the upload as long as it goes on.
pub(super) fn until(scope: &Scope) -> Timestamp {
    Timestamp::now().after(scope.engine.settings().uploads_age)
}

/// That somebody else writes, or has written.
pub(super) fn elsewhere(held: u64) -> ApiError {
    ApiError::new(
        ErrorCode::StateConflict,
        format!("the upload has {held} bytes: the next piece begins there"),
    )
    .cure("Ask how far it is (`HEAD`), and go on there.")
}

pub(super) fn superseded() -> ApiError {
    ApiError::new(ErrorCode::StateConflict, "a newer request for this upload has come")
        .cure("Ask how far it is (`HEAD`), and go on there.")
}

pub(super) fn not_here(open: &OpenUpload) -> ApiError {
    let error = ApiError::not_found("open upload", open.id.as_str());
    error.cure("Begin it again: what came of it is not on this server.")
}

impl Append {
    /// Takes a request's bytes, and tells how far the upload is. It is to be run beside the request, which may be gone at any moment.
    pub(super) async fn run(mut self, body: Body) -> ApiResult<(Entered, OpenUpload)> {
        if !self.entered.begin(self.open.held) {
            return Err(superseded());
        }
        let (blobs, open) = (self.scope.blobs(), self.open.clone());
        let hashed = self.entered.hashed.take();
        let opened = blocking(move || {
            let mut file = blobs.arrive(&open.id, open.held, hashed)?;
            file.as_mut().filter(|_| open.is_part()).map(Arriving::without_hash);
            Ok(file)
        });
        let file = opened.await?.ok_or_else(|| not_here(&self.open))?;
        let before = file.hashed();
        let checked = self.checksum.is_some();
        let (ended, written, lasts) = self.stream(file, body).await?;
        let (mut file, checksum, wrote) = written;
        let is_right =
            wrote.is_ok() && matches!(ended, Ended::Whole) && checksum.is_none_or(Checksum::matches);
        if checked && !is_right {
            let start = self.open.held;
            file = blocking(move || file.cut(start, before).map(|()| file)).await?;
        }
        // What came before something went wrong is kept, and the rest is sent again.
        let kept = self.keep(file).await;
        wrote?;
        kept?;
        lasts?;
        match ended {
            Ended::Whole if is_right => Ok((self.entered, self.open)),
            Ended::Whole => {
                Err(ApiError::new(ErrorCode::RequestInvalid, "the bytes are not those of the checksum")
                    .status(axum::http::StatusCode::from_u16(OTHER_CHECKSUM).unwrap_or_default())
                    .cure("Send them again."))
            }
            Ended::Broken => Err(ApiError::new(ErrorCode::RequestInvalid, "the upload broke off")
                .cure("Ask how far it is (`HEAD`), and go on there.")),
            Ended::Newer => Err(superseded()),
            Ended::TooLong => {
                let length = self.open.length;
                let detail = format!("more came than the {length} bytes that the upload was said to have");
                Err(ApiError::new(ErrorCode::TooLarge, detail))
            }
        }
    }

    /// Makes what was written last, and says so.
    async fn keep(&mut self, file: Arriving) -> rigi_store::Result<()> {
        *self.entered.hashed = file.hashed();
        let held = file.size();
        blocking(move || file.sync()).await?;
        self.open.until = until(&self.scope);
        self.scope.store().hold_upload(&self.open.id, held, self.open.until).await?;
        self.open.held = held;
        Ok(())
    }

    /// Makes so many bytes last, and says so: beside the writing of others.
    fn last(&self, file: &File, held: u64) -> rigi_store::Result<JoinHandle<rigi_store::Result<u64>>> {
        let io = |source| Error::Io { what: "write an upload".to_owned(), source };
        let file = file.try_clone().map_err(io)?;
        let (scope, id) = (self.scope.clone(), self.open.id.clone());
        Ok(tokio::spawn(async move {
            blocking(move || file.sync_data().map_err(io)).await?;
            scope.store().hold_upload(&id, held, until(&scope)).await?;
            Ok(held)
        }))
    }

    async fn stream(
        &mut self,
        file: Arriving,
        body: Body,
    ) -> rigi_store::Result<(Ended, Written, rigi_store::Result<()>)> {
        let start = file.size();
        let shared = file.shared()?;
        let (pieces, inbox) = mpsc::channel(WAITING);
        let (tell, mut written) = watch::channel(start);
        let checksum = self.checksum.take();
        let step = if checksum.is_some() { u64::MAX } else { STEP };
        let writing = tokio::task::spawn_blocking(move || write(file, checksum, inbox, &tell));
        let mut body = body.into_data_stream();
        let (mut taken, mut held, mut lasting) = (start, start, None);
        let mut lasts = Ok(());
        let ended = loop {
            let at = *written.borrow_and_update();
            if lasting.is_none() && at - held >= step {
                lasting = Some(self.last(&shared, at)?);
            }
            let has_room = step == u64::MAX || taken - held < AHEAD;
            tokio::select! {
                biased;
                () = self.entered.newer() => break Ended::Newer,
                lasted = result_of(&mut lasting) => {
                    lasting = None;
                    match lasted {
                        Ok(lasted) => held = lasted,
                        Err(error) => { lasts = Err(error); break Ended::Broken }
                    }
                }
                // Whoever writes has given up, and says why.
                changed = written.changed(), if lasting.is_none() => if changed.is_err() { break Ended::Broken },
                piece = body.next(), if has_room => match piece {
                    None => break Ended::Whole,
                    Some(Err(_)) => break Ended::Broken,
                    Some(Ok(piece)) => {
                        let size = piece.len() as u64;
                        if size > self.open.length - taken { break Ended::TooLong }
                        if !self.entered.take(size) { break Ended::Newer }
                        taken += size;
                        if pieces.send(piece).await.is_err() { break Ended::Broken }
                    }
                }
            }
        };
        drop(pieces);
        let all = writing.await.map_err(|_| Error::Closed)?;
        if let Some(lasting) = lasting {
            lasts = lasts.and(result_of(&mut Some(lasting)).await.map(drop));
        }
        Ok((ended, all, lasts))
    }
}

/// What comes of it; never, where nothing is under way.
async fn result_of(task: &mut Option<JoinHandle<rigi_store::Result<u64>>>) -> rigi_store::Result<u64> {
    match task {
        Some(task) => task.await.map_err(|_| Error::Closed)?,
        None => std::future::pending().await,
    }
}

/// Writes what comes, on a thread of its own.
fn write(
    mut file: Arriving,
    mut checksum: Option<Checksum>,
    mut pieces: mpsc::Receiver<Bytes>,
    told: &watch::Sender<u64>,
) -> Written {
    while let Some(piece) = pieces.blocking_recv() {
        if let Err(error) = file.write(&piece) {
            return (file, checksum, Err(error));
        }
        if let Some(checksum) = &mut checksum {
            checksum.update(&piece);
        }
        told.send_replace(file.size());
    }
    (file, checksum, Ok(()))
}
