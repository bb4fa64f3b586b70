//! The server's own log, on standard error. How much of it is written may be changed while the server runs, for a while.

use std::io::IsTerminal;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use rigi_api::view::LogLevelView;
use rigi_model::Timestamp;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use crate::config::{Log, LogFormat, LogLevel};

/// What decides which lines are written.
static CHANGE: OnceLock<(reload::Handle<EnvFilter, Registry>, Mutex<Level>)> = OnceLock::new();

/// The level that counts.
#[derive(Debug, Clone, Copy)]
struct Level {
    configured: LogLevel,
    /// In place of it, until then.
    other: Option<(LogLevel, Timestamp)>,
}

/// Starts logging; a second time does nothing.
pub fn start(config: &Log) {
    let (filter, handle) = reload::Layer::new(filter(config.level));
    let registry = tracing_subscriber::registry().with(filter);
    let lines = fmt::layer().with_writer(std::io::stderr);
    let started = match config.format {
        LogFormat::Json => registry.with(lines.json()).try_init(),
        LogFormat::Text => {
            registry.with(lines.with_ansi(std::io::stderr().is_terminal()).with_target(false)).try_init()
        }
    };
    if started.is_ok() {
        let _ = CHANGE.set((handle, Mutex::new(Level { configured: config.level, other: None })));
    }
}

/// What a watch of a cluster meets is said by who has it, once and in words.
fn filter(level: LogLevel) -> EnvFilter {
    EnvFilter::new(format!("{},kube_runtime::watcher=error", level.as_str()))
}

fn locked(level: &Mutex<Level>) -> MutexGuard<'_, Level> {
    level.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is written now.
pub fn level() -> LogLevelView {
    let level =
        CHANGE.get().map_or(Level { configured: LogLevel::Info, other: None }, |(_, level)| *locked(level));
    let (now, until) = level.other.map_or((level.configured, None), |(other, until)| (other, Some(until)));
    LogLevelView { level: now.as_str().to_owned(), configured: level.configured.as_str().to_owned(), until }
}

/// Writes so much from now on, and what is configured after this time; at once what is configured where no level is named. Returns
/// what is written then; `None`: there is no such level.
pub fn set(name: Option<&str>, time: Duration) -> Option<LogLevelView> {
    let asked = match name {
        Some(name) => Some(LogLevel::ALL.into_iter().find(|level| level.as_str() == name)?),
        None => None,
    };
    let Some((handle, level)) = CHANGE.get() else { return Some(self::level()) };
    let until = Timestamp::now().after(time);
    let counts = {
        let mut level = locked(level);
        level.other = asked.filter(|asked| *asked != level.configured).map(|asked| (asked, until));
        level.other.map_or(level.configured, |(other, _)| other)
    };
    // The subscriber is there as long as the process.
    let _ = handle.reload(filter(counts));
    tracing::warn!(level = counts.as_str(), "the level of the log was changed");
    if asked.is_some() {
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            if level_ends(level, until) {
                let _ = handle.reload(filter(locked(level).configured));
                tracing::warn!("the level of the log is what is configured again");
            }
        });
    }
    Some(self::level())
}

/// Whether this change counts still; then it ends.
fn level_ends(level: &Mutex<Level>, until: Timestamp) -> bool {
    let mut level = locked(level);
    let counts = level.other.is_some_and(|(_, of)| of == until);
    if counts {
        level.other = None;
    }
    counts
}
