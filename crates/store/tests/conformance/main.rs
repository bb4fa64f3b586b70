//! Every table function, on SQLite always and on PostgreSQL where `RIGI_TEST_POSTGRES` names one; CI names one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod addresses;
mod archive;
mod areas;
mod backfills;
mod backup;
mod bucket;
mod cut;
mod damage;
mod datasets;
mod flows;
mod lists;
mod mails;
mod migrations;
mod notices;
mod open_uploads;
mod packages;
mod people;
mod people_audit;
mod projects;
mod references;
mod repositories;
mod retention;
mod runs;
mod schedules;
mod schema;
mod secrets;
mod servers;
mod support;
mod triggers;
mod webhooks;
