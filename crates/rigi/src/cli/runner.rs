//! `rigi runner`: the first process of a container that an attempt runs in. Not for people.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use rigi_local::runner::{RunnerConfig, Server, probe, run};

/// `rigi runner`
#[derive(Debug, Args)]
pub struct Runner {
    /// Folder of the server's socket.
    #[arg(long, conflicts_with = "server_url")]
    server_socket: Option<PathBuf>,
    /// The server's address for runners.
    #[arg(long)]
    server_url: Option<String>,
    /// File with the attempt's token; it is removed if that is possible.
    #[arg(long, required_unless_present_any = ["install", "probe"])]
    token_file: Option<PathBuf>,
    /// The runner's own folder.
    #[arg(long, default_value = "/rigi/work")]
    folder: PathBuf,
    /// The attempt's current directory.
    #[arg(long, default_value = "/app")]
    work: PathBuf,
    /// Copy this program to a path, and nothing else: for an image that does not know it.
    #[arg(long, value_name = "PATH")]
    install: Option<PathBuf>,
    /// Tell what can be reached from here, and nothing else: for `rigi targets check`.
    #[arg(long, requires = "server_url")]
    probe: bool,
    /// With `--probe`: where files are kept.
    #[arg(long, requires = "probe")]
    storage_url: Option<String>,
    /// What the image starts by itself.
    #[arg(last = true)]
    command: Vec<String>,
}

impl Runner {
    /// Runs the attempt.
    ///
    /// # Errors
    /// If it cannot begin.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let program = std::env::current_exe().context("the program's own file cannot be found")?;
        if let Some(place) = self.install {
            std::fs::copy(&program, &place)
                .with_context(|| format!("{} cannot be written", place.display()))?;
            return Ok(ExitCode::SUCCESS);
        }
        if self.probe {
            let server = self.server_url.unwrap_or_default();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let found = runtime.block_on(probe(&self.folder, &server, self.storage_url.as_deref()));
            for check in found {
                println!("{}", serde_json::to_string(&check)?);
            }
            return Ok(ExitCode::SUCCESS);
        }
        let file = self.token_file.unwrap_or_default();
        let read = std::fs::read_to_string(&file);
        let token = read.with_context(|| format!("the token {} cannot be read", file.display()))?;
        // The attempt may not need it, and where it is a mounted secret it stays.
        let _ = std::fs::remove_file(&file);
        let place = match (self.server_socket, self.server_url) {
            (Some(folder), _) => Server::Socket(folder.join("sock")),
            (None, url) => Server::Url(url.unwrap_or_default()),
        };
        let config = RunnerConfig {
            place,
            token: token.trim().to_owned(),
            data: self.folder,
            work: self.work,
            supervisor: (program, vec!["supervisor".into(), "--contained".into()]),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            mirror: true,
            command: self.command,
        };
        rigi_local::inheritance::leave_caller();
        // An attempt may use up all processes that the container may have: what was started before stays.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(3)
            .thread_keep_alive(std::time::Duration::from_secs(365 * 24 * 3600))
            .enable_all()
            .build()?;
        let code = runtime.block_on(run(config));
        runtime.shutdown_background();
        Ok(code)
    }
}
