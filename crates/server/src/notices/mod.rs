//! Who sends notices while this server leads: to channels by HTTP, and to the mail queue.

mod send;

pub use send::{Sender, keep_sending};
