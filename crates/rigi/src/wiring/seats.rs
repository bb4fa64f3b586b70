//! Which of several servers this one is: what it does with what it ran when another one leads, what it takes over when it leads, and
//! when it changes from one to the other.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rigi_exec::remote::Remote;
use rigi_local::ProcessExecutor;
use rigi_model::{AttemptKey, RunState, Target};
use rigi_store::Store;
use rigi_store::seat::{Chair, Reached};
use rigi_work::plan::{Executor, Known, Observation, Observed, Phase};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use super::error::{of_executor, of_store};
use super::surroundings::Surroundings;
use crate::config::{Config, Seat};
use crate::trouble::Trouble;

/// Why a server that serves is to stop, beside being told so.
pub(super) enum Turn {
    /// It starts anew, in the other seat. Until it lets go of the lock, no other takes it.
    Anew(Option<Chair>),
    /// It ends.
    Ends(Trouble),
}

/// Resolves when this server is not any more what it was at its start, after it was told to stop.
pub(super) async fn turns(
    seat: Seat,
    store: Store,
    process: ProcessExecutor,
    stop: watch::Sender<bool>,
) -> Turn {
    let follows = store.follows();
    let stands_by = async {
        match seat == Seat::Auto && follows {
            true => store.stand_by().await,
            false => std::future::pending().await,
        }
    };
    let turn = tokio::select! {
        chair = stands_by => {
            tracing::info!("this server leads from now on");
            stop.send_replace(true);
            return Turn::Anew(Some(chair));
        }
        error = store.taken() => of_store(&error),
        () = process.superseded() => of_executor(&rigi_local::process::Error::Superseded),
    };
    tracing::error!(error = turn.message, "another server leads");
    stop.send_replace(true);
    if seat == Seat::Auto { Turn::Anew(None) } else { Turn::Ends(turn) }
}

/// Where other servers reach this one.
pub(super) fn reached(config: &Config, listener: &TcpListener) -> Reached {
    let at = |address: SocketAddr, scheme: &str| {
        let host = match &config.server.peer {
            Some(peer) => peer.clone(),
            None if address.ip().is_unspecified() => return None,
            None => match address.ip() {
                IpAddr::V4(ip) => ip.to_string(),
                IpAddr::V6(ip) => format!("[{ip}]"),
            },
        };
        Some(format!("{scheme}://{host}:{}", address.port()))
    };
    let scheme = if config.tls.is_on() { "https" } else { "http" };
    let api = listener.local_addr().ok().and_then(|address| at(address, scheme));
    Reached { api, door: config.runners.bind.and_then(|address| at(address, "http")) }
}

/// Attempts on clusters and on engines elsewhere go on whoever leads: those that another server has started are known to this one from
/// now on, and their runners tell it what it has not.
pub(super) async fn adopt(store: &Store, remote: &Remote, targets: &Surroundings) -> Result<(), Trouble> {
    let shared: Vec<Target> =
        targets.executed().filter(|t| t.is_shared()).map(|t| t.name().clone()).collect();
    if shared.is_empty() {
        return Ok(());
    }
    let active = [RunState::Starting, RunState::Running];
    for project in store.db().projects().await.map_err(|e| of_store(&e))? {
        let open = store.db().open_runs(&project, &active, None, u32::MAX).await.map_err(|e| of_store(&e))?;
        for run in open.into_iter().filter(|run| shared.contains(&run.target)) {
            let key = AttemptKey { run: run.id, number: run.status.attempt };
            let started = run.status.state == RunState::Running;
            if let Err(error) = remote.adopt(&key, &run.target, started) {
                tracing::error!(%key, %error, "an attempt that another server has started cannot be noted down");
            }
        }
    }
    Ok(())
}

/// What runs on this machine is lost to the server that leads now, and may have begun elsewhere: it is ended once that server is heard.
pub(super) async fn give_up(
    store: Store,
    executors: Vec<Arc<dyn Executor>>,
    known: Vec<(Target, Known)>,
    mut seen: mpsc::UnboundedReceiver<Observed>,
) {
    if known.is_empty() {
        return;
    }
    store.is_led_by_another().await;
    tracing::warn!(attempts = known.len(), "what this machine ran is ended: another server leads");
    let executor = |target: &Target| executors.iter().find(|executor| executor.target() == *target);
    let mut open: Vec<(Target, AttemptKey)> = Vec::new();
    for (target, known) in known {
        let Some(executor) = executor(&target) else { continue };
        match known.phase {
            Phase::Ended => executor.release(&known.key),
            _ => {
                executor.stop(&known.key, Duration::ZERO);
                open.push((target, known.key));
            }
        }
    }
    while !open.is_empty() {
        let Some(Observed { key, what, .. }) = seen.recv().await else { return };
        if matches!(what, Observation::Ended(_))
            && let Some(at) = open.iter().position(|(_, of)| *of == key)
        {
            let (target, key) = open.swap_remove(at);
            executor(&target).into_iter().for_each(|executor| executor.release(&key));
        }
    }
}
