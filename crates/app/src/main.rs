//! The `rigi` binary: HTTP API, page, command line, configuration, wiring.

mod api;
mod cli;
mod client;
mod config;
mod logging;
mod server;

fn main() -> std::process::ExitCode {
    cli::main()
}
