//! The `rigi` binary: HTTP API, page, command line, configuration, wiring.

mod api;

fn main() {}
