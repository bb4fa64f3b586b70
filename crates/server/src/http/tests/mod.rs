//! The API without a process or a port around it: a store on SQLite, the engine, an executor that does as it is told.

mod backfills;
mod blind;
mod crowd;
mod datasets;
mod executor;
mod flows;
mod follow;
mod gate;
mod gateway;
mod keys;
mod mails;
mod notices;
mod packages;
mod papers;
mod people;
mod process_types;
mod projects;
mod projects_change;
mod projects_move;
mod quotas;
mod repositories;
mod schedules;
mod secrets;
mod server;
mod traffic;
mod triggers;
mod tus;
mod webhooks;

pub(super) use server::{Answer, TestServer, settings};
