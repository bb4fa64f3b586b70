//! What happens to one run, as it happens.

use std::time::Duration;

use rigi_api::view::RunSummary;
use tokio::time::timeout;

use super::call::{CallError, Client};
use super::event_stream::EventStream;

/// How long to wait for the server's greeting.
const GREETING: Duration = Duration::from_secs(5);

/// News of a run.
#[derive(Debug, Clone)]
pub enum RunNews {
    /// It changed.
    Changed(Box<RunSummary>),
    /// Something may have been missed: look at it anew.
    LookAgain,
}

/// Follows a run's states.
pub struct RunStream {
    events: EventStream,
    run: String,
}

impl RunStream {
    /// Follows the run with this whole id. What happens after this call is not missed: the server's greeting says
    /// that it listens.
    ///
    /// # Errors
    /// When the server does not answer, or says no.
    pub async fn open(client: &Client, run: &str) -> Result<Self, CallError> {
        let query = vec![("run", run.to_owned())];
        let mut events = EventStream::open(client, &["events"], query, None).await?;
        // A server that does not greet may still tell what happens.
        if let Ok(greeting) = timeout(GREETING, events.next()).await {
            greeting?;
        }
        Ok(Self { events, run: run.to_owned() })
    }

    /// What comes next. May be dropped at any time and called again.
    ///
    /// # Errors
    /// When the server stays away, or says no.
    pub async fn next(&mut self) -> Result<RunNews, CallError> {
        loop {
            let event = self.events.next().await?;
            match event.event.as_str() {
                "run" => match serde_json::from_str::<RunSummary>(&event.data) {
                    Ok(run) if run.id.as_str() == self.run => return Ok(RunNews::Changed(Box::new(run))),
                    Ok(_) => {}
                    // A newer server may say more than we understand; the run itself can still be asked for.
                    Err(_) => return Ok(RunNews::LookAgain),
                },
                "reset" => return Ok(RunNews::LookAgain),
                _ => {}
            }
        }
    }
}
