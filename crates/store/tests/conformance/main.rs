//! Every table function, on SQLite always and on PostgreSQL where `TEST_DATABASE_URL` names one; CI names one.

mod lists;
mod retention;
mod runs;
mod schema;
mod support;
