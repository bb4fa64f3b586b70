//! `rigi version`.

use std::process::ExitCode;

use clap::Args;
use rigi_api::view::SystemView;
use serde::Serialize;

use super::output::{OutputArgs, facts, print_value};
use super::session::Session;
use crate::client::Client;
use crate::terminal::Exit;
use crate::terminal::say;

/// `rigi version`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  rigi version -o json")]
pub struct Version {
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Serialize)]
struct Versions {
    version: &'static str,
    /// Absent without a server.
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    os: &'static str,
    architecture: &'static str,
}

impl Version {
    /// Prints both versions; no server is no error here.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let versions = Versions {
            version: env!("CARGO_PKG_VERSION"),
            server: server_version(session),
            os: std::env::consts::OS,
            architecture: std::env::consts::ARCH,
        };
        if self.output.is_for_people() {
            let server = versions.server.clone().unwrap_or_else(|| "none found".to_owned());
            let own = format!("{} ({} {})", versions.version, versions.os, versions.architecture);
            say(&facts(&[("rigi", own), ("server", server)]))?;
        } else {
            print_value(&versions, self.output, || vec![versions.version.to_owned()])?;
        }
        Ok(Exit::Ok.into())
    }
}

fn server_version(session: &Session) -> Option<String> {
    let client = Client::new(&session.find().ok()?).ok()?;
    let system = session.block_on(async { Ok(client.get::<SystemView>(&["system"], &[]).await?) });
    system.ok().map(|system| system.version)
}
