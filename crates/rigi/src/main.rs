//! The `rigi` binary: command line, configuration, wiring.
#![forbid(unsafe_code)]

mod cli;
mod client;
mod config;
mod imports;
mod logging;
mod terminal;
mod trouble;
mod wiring;

fn main() -> std::process::ExitCode {
    cli::main()
}
