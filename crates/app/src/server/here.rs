//! `rigi run ./folder`: the same server in this process, on a free port, for as long as the run takes.

use std::path::PathBuf;
use std::process::ExitCode;

use rigi_model::ErrorCode;
use rigi_store::Renew;
use tokio::sync::watch;

use super::data_folder::DataFolder;
use super::error::failure;
use super::listen;
use super::parts::Parts;
use super::runners::Doors;
use super::up::{finish, public_url, state};
use crate::api::view::SubmitRun;
use crate::cli::{Failure, Follow, Terminal, drive};
use crate::client::{Client, ServerFile, ServerPlace};
use crate::config::Loaded;

/// Runs the pipeline that a folder holds, and stays with it to its end. Its data lie in `.rigi` beside it; a server that
/// has them already is used instead.
///
/// # Errors
/// If it cannot be started.
pub fn run_here(
    mut loaded: Loaded,
    folder: PathBuf,
    request: SubmitRun,
    inputs: Vec<(String, PathBuf)>,
    follow: Follow,
) -> anyhow::Result<ExitCode> {
    let name = folder.file_name().and_then(|name| name.to_str()).map(str::to_owned).ok_or_else(|| {
        let message = format!("{} is no pipeline's folder", folder.display());
        failure(ErrorCode::NotFound, message, "name a folder that holds a pipeline")
    })?;
    nobody_else(&mut loaded);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let code = runtime.block_on(async {
        let terminal = Terminal::of_process();
        let data = loaded.data_folder();
        if let Some(server) = data.canonicalize().ok().and_then(|data| ServerFile::of_running(&data)) {
            let place =
                ServerPlace { url: server.url, token: Some(server.token), data: None, pid: Some(server.pid) };
            return drive(&Client::new(&place)?, &terminal, &name, request, inputs, &follow).await;
        }
        let server = Guest::start(&loaded).await?;
        let client = Client::new(&server.place)?;
        let code = drive(&client, &terminal, &name, request, inputs, &follow).await;
        server.end().await;
        code
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    code
}

/// Does something with a server that lives only for it: where none runs, and what goes on without one must be reached.
///
/// # Errors
/// If it cannot be started, or those of the work.
pub fn aside<T>(
    mut loaded: Loaded,
    work: impl AsyncFnOnce(&Client) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    nobody_else(&mut loaded);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        let server = Guest::start(&loaded).await?;
        let client = Client::new(&server.place)?;
        let done = work(&client).await;
        server.end().await;
        done
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    done
}

/// A server that this process alone talks to: on any free port, without the address that people use.
fn nobody_else(loaded: &mut Loaded) {
    loaded.config.server.port = 0;
    loaded.config.server.public_url = None;
}

/// A server for one run.
struct Guest {
    parts: Parts,
    place: ServerPlace,
    stop: watch::Sender<bool>,
}

impl Guest {
    async fn start(loaded: &Loaded) -> Result<Self, Failure> {
        let folder = DataFolder::take(&loaded.data_folder())?;
        let listener = listen::bind(&loaded.config)?;
        let doors = Doors::open(&loaded.config, &folder.path).await?;
        let parts = Parts::open(loaded.clone(), folder, Renew::default()).await?;
        let (stop, stopped) = watch::channel(false);
        let state = state(&parts, loaded, &loaded.pipelines)?;
        doors.serve(&crate::api::runner::router(state.clone()), &stopped);
        let token = Some(parts.folder.token()?);
        let place = ServerPlace { url: public_url(&listener, loaded), token, data: None, pid: None };
        tokio::spawn(listen::serve(listener, crate::api::router(state), stopped));
        Ok(Self { parts, place, stop })
    }

    async fn end(self) {
        // What runs beside, from a server that was stopped, goes on.
        finish(&self.parts).await;
        let _ = self.stop.send(true);
    }
}
