//! The `rigi` binary: HTTP API, page, command line, configuration, wiring.
#![forbid(unsafe_code)]

mod api;
mod cli;
mod client;
mod config;
mod door;
mod live;
mod logging;
mod server;

fn main() -> std::process::ExitCode {
    cli::main()
}
