//! The way into the server: whom it lets in when many knock, and how long it waits for somebody who says nothing.
//!
//! One who has shown a token or a session is known for the rest of the connection; all others share few places, and give
//! theirs up to who comes next. So nobody without a token can keep those out who have one.

mod body;
mod gate;
mod serve;
mod stream;
#[cfg(test)]
mod tests;
mod tls;

pub use body::Stalled;
pub use gate::{Gate, Places, Seat};
pub use serve::{Listen, Patience, serve};
pub use tls::{ACME_PROTOCOL, TlsListener};
