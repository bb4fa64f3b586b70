//! What is told while it happens. Each event is made once and shared by all who listen; one who is behind reads what was
//! missed where it is kept, so that a slow reader costs neither memory nor the others' time.

mod changes;
mod feed;
mod follower;
mod hub;
mod listener;
mod log_origin;
mod logs;
mod pace;
mod sse;
mod teller;

pub use changes::{Changes, Happenings, Missed};
pub use feed::{Feeds, Wants};
pub use follower::Attempts;
pub use hub::{LogPlace, line};
pub use logs::Logs;
pub use sse::respond;

#[cfg(test)]
mod feed_tests;
#[cfg(test)]
mod hub_tests;
