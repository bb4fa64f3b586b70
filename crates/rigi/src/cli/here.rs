//! `rigi run ./folder`: the same server in this process, on a free port, for as long as the run takes.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rigi_api::view::SubmitRun;
use rigi_engine::catalog::read_pipeline;
use rigi_model::ErrorCode;
use rigi_server::measures::Measures;
use rigi_store::Renew;
use rigi_store::seat::Reached;
use tokio::sync::watch;

use super::follow::{Follow, drive};
use crate::client::{Client, ServerFile, ServerPlace};
use crate::config::Loaded;
use crate::terminal::Terminal;
use crate::trouble::Trouble;
use crate::wiring::data_folder::{DataFolder, Fresh};
use crate::wiring::listen;
use crate::wiring::parts::Parts;
use crate::wiring::runners::Doors;
use crate::wiring::up::{finish, public_url, state};

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
        Trouble::new(ErrorCode::NotFound, message, "name a folder that holds a pipeline")
    })?;
    holds_a_pipeline(&name, &folder, &loaded)?;
    nobody_else(&mut loaded);
    let data = loaded.data_folder();
    let fresh = Fresh::before(&data);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let code = runtime.block_on(async {
        let terminal = Terminal::of_process();
        if let Some(server) = data.canonicalize().ok().and_then(|data| ServerFile::of_running(&data)) {
            serves(&server, &data, &folder)?;
            let place = server.place(None);
            return drive(&Client::new(&place)?, &terminal, &name, request, inputs, &follow).await;
        }
        let server = Guest::start(&loaded).await?;
        let client = Client::new(&server.place)?;
        let code = drive(&client, &terminal, &name, request, inputs, &follow).await;
        if code.is_ok() || server.has_runs().await {
            fresh.keep();
        }
        server.end().await;
        code
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    fresh.discard();
    code
}

/// Refuses a folder without a pipeline before anything is made for it.
fn holds_a_pipeline(name: &str, folder: &Path, loaded: &Loaded) -> Result<(), Trouble> {
    let shown = folder.display();
    let none = |cure: &str| Trouble::new(ErrorCode::NotFound, format!("{shown} holds no pipeline"), cure);
    if name.starts_with('.') || name.starts_with("__") {
        return Err(none("rename it: folders that begin with `.` or `__` are nobody's pipelines"));
    }
    match read_pipeline(name, folder, loaded.config.code_limits()) {
        Ok(None) => {
            Err(none("put a `main.py`, a `main.ipynb` or a `pipeline.yaml` into it, or name another folder"))
        }
        // What is wrong with it, or keeps it from being read now, the server tells.
        Ok(Some(_)) | Err(_) => Ok(()),
    }
}

/// Refuses a server that would run another pipeline of the same name.
fn serves(server: &ServerFile, data: &Path, folder: &Path) -> Result<(), Trouble> {
    let whole = |path: &Path| path.canonicalize().ok();
    let own = Path::new(&server.pipelines_folder);
    let around = folder.parent().and_then(whole);
    // Servers of earlier versions say where they serve as seen from where they were started.
    let beside = !own.is_absolute() && data.parent().and_then(whole) == around;
    if beside || (own.is_absolute() && whole(own) == around) {
        return Ok(());
    }
    let (data, pipelines) = (data.display(), own.display());
    let message = format!(
        "the server that has {data} serves the pipelines of {pipelines}, and {} is none of them",
        folder.display()
    );
    let cure = "leave `--data` and RIGI_DATA away, or name another data folder: the run is kept there";
    Err(Trouble::new(ErrorCode::DataFolderInUse, message, cure))
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

/// A server that lives as long as this: what a data folder keeps is read by it, and nothing is started.
#[derive(Debug)]
pub struct Aside {
    runtime: Option<tokio::runtime::Runtime>,
    server: Option<Guest>,
    place: ServerPlace,
}

impl Aside {
    /// Opens a data folder.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn reading(mut loaded: Loaded) -> anyhow::Result<Self> {
        nobody_else(&mut loaded);
        // What waits goes on waiting: for a server.
        loaded.config.limits.runs = 0;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let server = runtime.block_on(Guest::start(&loaded))?;
        let place = server.place.clone();
        Ok(Self { runtime: Some(runtime), server: Some(server), place })
    }

    /// Where it answers.
    #[must_use]
    pub const fn place(&self) -> &ServerPlace {
        &self.place
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if let (Some(runtime), Some(server)) = (self.runtime.take(), self.server.take()) {
            runtime.block_on(server.end());
            runtime.shutdown_timeout(std::time::Duration::from_secs(2));
        }
    }
}

/// A server that this process alone talks to: on any free port, without the address that people use.
fn nobody_else(loaded: &mut Loaded) {
    loaded.config.server.port = 0;
    loaded.config.server.public_url = None;
    loaded.config.tls = crate::config::Config::default().tls;
}

/// A server for one run.
struct Guest {
    parts: Parts,
    place: ServerPlace,
    stop: watch::Sender<bool>,
}

impl Guest {
    async fn start(loaded: &Loaded) -> Result<Self, Trouble> {
        let folder = DataFolder::take(&loaded.data_folder())?;
        let listener = listen::bind(&loaded.config)?;
        let doors = Doors::open(&loaded.config, &folder.path).await?;
        let (url, peers) = (listen::local_url(&listener), Reached::default());
        let parts = Parts::open(loaded.clone(), folder, Renew::default(), url, peers).await?;
        let (stop, stopped) = watch::channel(false);
        let state = state(&parts, loaded, &loaded.pipelines, ("", Measures::default()))?;
        doors.serve(&rigi_server::http::runner::router(state.clone()), &stopped);
        let token = Some(parts.folder.token()?);
        let place =
            ServerPlace { url: public_url(&listener, loaded), token, public: None, data: None, pid: None };
        tokio::spawn(listen::serve(listener, rigi_server::http::router(state), stopped));
        Ok(Self { parts, place, stop })
    }

    /// Whether anything was ever accepted here; a database that does not say may have.
    async fn has_runs(&self) -> bool {
        !matches!(self.parts.engine.store().db().newest_run().await, Ok(None))
    }

    async fn end(self) {
        // What runs beside, from a server that was stopped, goes on.
        finish(&self.parts).await;
        let _ = self.stop.send(true);
    }
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guest").field("url", &self.place.url).finish_non_exhaustive()
    }
}
