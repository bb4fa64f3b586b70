//! The supervisor by itself, as tests and benchmarks start it: `rigi-supervisor DATA [IDLE_SECONDS [FOLDER]]`.

use std::process::ExitCode;
use std::time::Duration;

use rigi_local::supervisor::{SupervisorConfig, main as supervise};

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let Some(data) = args.next() else {
        eprintln!("usage: rigi-supervisor DATA [IDLE_SECONDS [FOLDER]]");
        return ExitCode::from(64);
    };
    let mut config = SupervisorConfig::new(data.into());
    if let Some(seconds) = args.next().and_then(|text| text.parse().ok()) {
        config.idle_exit = Duration::from_secs_f64(seconds);
    }
    config.open = args.next().map(Into::into);
    supervise(&config)
}
