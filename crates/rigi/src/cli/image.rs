//! `rigi image`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use rigi_exec::container::{Endpoint, ImageOrder, build, save};

use super::session::Session;
use crate::terminal::Exit;
use crate::terminal::{remark, say};

/// `rigi image`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi image build                             an image for pipelines that name none
  rigi image build --base python:3.13-slim --tag rigi-worker:py313
  rigi image build --save worker.tar           for a cluster's nodes, where there is no registry")]
pub struct Image {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make an image of this program, for targets with containers
    Build(Build),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi image build
  rigi image build --base debian:13-slim --python 3.13")]
struct Build {
    /// Name and tag of the image
    #[arg(long, value_name = "NAME:TAG", default_value_t = default_tag())]
    tag: String,
    /// Image that it stands on; the engine must have it, or be able to pull it; `scratch` is nothing
    #[arg(long, value_name = "IMAGE", default_value = "debian:13-slim")]
    base: String,
    /// Put this Python into it, as `uv` understands it (needs a network)
    #[arg(long, value_name = "VERSION")]
    python: Option<String>,
    /// The `uv` program to put into it; the one on PATH unless told
    #[arg(long, value_name = "FILE")]
    uv: Option<PathBuf>,
    /// Also write the image to a file, for `docker load` and for nodes of clusters
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Socket of the engine; the first of the usual places unless told
    #[arg(long, value_name = "SOCKET")]
    socket: Option<PathBuf>,
}

fn default_tag() -> String {
    format!("rigi:{}", env!("CARGO_PKG_VERSION"))
}

impl Image {
    /// Makes it.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let Command::Build(build) = self.command;
        build.run(session)
    }
}

impl Build {
    fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let endpoint = self.socket.map(Endpoint::Socket).or_else(Endpoint::find);
        let endpoint = endpoint
            .context("no container engine was found in the usual places: name its socket with `--socket`")?;
        let program = std::env::current_exe().context("the program's own file cannot be found")?;
        let uv = self.uv.or_else(|| on_path("uv"));
        if uv.is_none() {
            say(
                "Without `uv` (it is not on PATH, and `--uv` names none): pipelines in Python will need an image of their own.",
            )?;
        }
        if self.python.is_some() && uv.is_none() {
            anyhow::bail!("`--python` needs `uv`: name the program with `--uv`");
        }
        let order = ImageOrder { name: self.tag, base: self.base, program, uv, python: self.python };
        session.block_on(async {
            build(&endpoint, &order, |line| remark(&format!("  {line}"))).await?;
            say(&format!(
                "Made {}. Use it with `image = \"{}\"` below `[targets.container]` in rigi.toml.",
                order.name, order.name
            ))?;
            if let Some(path) = &self.save {
                let bytes = save(&endpoint, &order.name, path).await?;
                say(&format!("Written to {} ({} MiB).", path.display(), bytes >> 20))?;
            }
            Ok(())
        })?;
        Ok(Exit::Ok.into())
    }
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
