//! HTTP: who is let in ([`door`]), what is answered ([`http`]), what is told while it happens ([`live`]); and the page.
#![forbid(unsafe_code)]

pub mod auth;
mod calls;
pub mod door;
pub mod http;
pub mod lineage;
pub mod live;
pub mod mail;
pub mod measures;
pub mod notices;
pub mod outside;
pub mod packages;
mod papers;
