//! What every command needs: the flags that all of them take, the terminal, and the way to the server.

use std::cell::OnceCell;
use std::future::Future;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use clap_complete::ArgValueCompleter;
use rigi_model::text::shown;

use crate::cli::here::Aside;
use crate::client::{self, Client, FindError, SearchPlace, ServerPlace};
use crate::config::{self, Flag, Loaded, Sources};
use crate::terminal::Failure;
use crate::terminal::{Terminal, remark};

/// Flags of every command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Which server")]
pub struct Globals {
    /// Name of a server that you have signed in to (`rigi login`)
    #[arg(long, global = true, env = "RIGI_SERVER", hide_env_values = true, value_name = "NAME")]
    pub server: Option<String>,
    /// Address of the server, such as `http://127.0.0.1:7444`
    #[arg(long, global = true, env = "RIGI_URL", hide_env_values = true, value_name = "URL")]
    pub url: Option<String>,
    /// Token that signs in there; better given by the variable, as others can see the arguments of a process
    #[arg(long, global = true, env = "RIGI_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub token: Option<String>,
    /// Project, where the server has several
    #[arg(long, global = true, env = "RIGI_PROJECT", hide_env_values = true, value_name = "NAME",
        add = ArgValueCompleter::new(super::complete::projects))]
    pub project: Option<String>,
    /// Data folder of the server
    #[arg(long, global = true, env = "RIGI_DATA", hide_env_values = true, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Configuration file, instead of `rigi.toml` in the pipelines folder
    #[arg(long, global = true, env = "RIGI_CONFIG", hide_env_values = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// A server, or what is there without one.
#[derive(Debug)]
pub enum Found {
    /// It runs.
    Server(ServerPlace),
    /// None runs on this.
    Offline(Box<Loaded>),
}

/// Where a process belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// Where it was started.
    AsStarted,
    /// It was sent into the background.
    Detached,
}

/// One call of the program.
#[derive(Debug)]
pub struct Session {
    /// Flags of every command.
    pub globals: Globals,
    /// What the terminal is.
    pub terminal: Terminal,
    /// Where this process belongs.
    pub placement: Placement,
    /// A server of this process, where none runs and something is to be read.
    aside: OnceCell<Aside>,
}

impl Session {
    /// A call with these flags.
    #[must_use]
    pub const fn new(globals: Globals, terminal: Terminal, placement: Placement) -> Self {
        Self { globals, terminal, placement, aside: OnceCell::new() }
    }

    /// Finds the server.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn find(&self) -> Result<ServerPlace, FindError> {
        let Globals { server, url, token, data, .. } = self.globals.clone();
        let named = client::NamedServers::file().map(|file| named_of(&file));
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        client::find(&SearchPlace {
            url: filled(url),
            token: filled(token),
            data: data.filter(|data| !data.as_os_str().is_empty()),
            current: std::env::current_dir().unwrap_or_default(),
            list: client::running_servers_file(),
            server: filled(server),
            named: named.unwrap_or_default(),
        })
    }

    /// Finds the server of a pipelines folder, or of the current one; where none runs, what to do without.
    ///
    /// # Errors
    /// When more than one runs and none is nearer, or the configuration has a mistake.
    pub fn place(&self, folder: Option<&Path>) -> Result<Found, Failure> {
        let offline = |folder: &Path| Ok(Found::Offline(Box::new(self.load(folder, Vec::new())?)));
        if let (Some(folder), None) = (folder, &self.globals.url) {
            let data = self.load(folder, Vec::new())?.data_folder();
            let place = SearchPlace { data: Some(data), ..SearchPlace::default() };
            return client::find(&place).map_or_else(|_| offline(folder), |server| Ok(Found::Server(server)));
        }
        match self.find() {
            Ok(server) => Ok(Found::Server(server)),
            Err(error @ (FindError::Several(_) | FindError::NoName(_))) => Err(error.into()),
            Err(FindError::None) => offline(folder.unwrap_or(Path::new("."))),
            Err(FindError::NotOn(data)) => {
                let beside = data.parent().filter(|_| data.ends_with(".rigi"));
                offline(folder.or(beside).unwrap_or(Path::new(".")))
            }
        }
    }

    /// The configuration of a pipelines folder, or of the server nearest to the current one: for what reads its data
    /// folder beside it.
    ///
    /// # Errors
    /// When more than one runs and none is nearer, when it is not on this machine, or the configuration has a mistake.
    pub fn local(&self, folder: Option<&Path>) -> Result<Loaded, Failure> {
        let data = match (folder, self.place(folder)?) {
            (Some(folder), _) => return self.load(folder, Vec::new()),
            (None, Found::Offline(loaded)) => return Ok(*loaded),
            (None, Found::Server(server)) => server.data,
        };
        let here = data.as_deref().and_then(client::ServerFile::of_running);
        let (Some(data), Some(here)) = (data, here) else {
            let words = "this reads the data folder, and the server was named by its address";
            let cure = "do it on the server's machine, and name the pipelines folder, or the data folder with `--data`";
            return Err(Failure::new(crate::terminal::Exit::Usage, words).cure(cure));
        };
        let beside = data.parent().filter(|_| data.ends_with(".rigi"));
        let mut loaded = self.load(beside.unwrap_or(Path::new(&here.pipelines_folder)), Vec::new())?;
        loaded.config.data.folder = Some(data);
        Ok(loaded)
    }

    /// A client of the server.
    ///
    /// # Errors
    /// When there is none, or its address is none.
    pub fn client(&self) -> anyhow::Result<Client> {
        let server = self.find().map_err(Failure::from)?;
        Ok(Client::new(&server).map_err(Failure::from)?.within(self.globals.project.as_deref()))
    }

    /// A client for what is only read: of the server, or where none runs, of what its data folder keeps.
    ///
    /// # Errors
    /// When there is neither, or the data folder cannot be opened.
    pub fn reader(&self) -> anyhow::Result<Client> {
        let Err(FindError::NotOn(data)) = self.find() else { return self.client() };
        if !data.join("secret.key").is_file() {
            return self.client();
        }
        let Found::Offline(mut loaded) = self.place(None)? else { return self.client() };
        loaded.config.data.folder = Some(data.clone());
        let aside = Aside::reading(*loaded)?;
        let client =
            Client::new(aside.place()).map_err(Failure::from)?.within(self.globals.project.as_deref());
        remark(&format!("No server runs on {}: this is what it keeps.", shown(&data.display().to_string())));
        // Asked once in a call; should it be again, the first is as good.
        let _ = self.aside.set(aside);
        Ok(client)
    }

    /// Whether later commands find a data folder by themselves from here.
    #[must_use]
    pub fn finds(&self, data: &Path) -> bool {
        let told = self.globals.data.as_ref().is_some_and(|data| !data.as_os_str().is_empty());
        !told && client::finds(&std::env::current_dir().unwrap_or_default(), data)
    }

    /// Does what waits for the network.
    ///
    /// # Errors
    /// Those of the work.
    pub fn block_on<T>(&self, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.context("starting")?.block_on(work)
    }

    /// The configuration for a pipelines folder.
    ///
    /// # Errors
    /// With all its mistakes.
    pub fn load(&self, pipelines: &Path, flags: Vec<Flag>) -> Result<Loaded, Failure> {
        let mut sources = Sources::of_process(pipelines.to_owned());
        sources.data = self.globals.data.clone().filter(|data| !data.as_os_str().is_empty());
        sources.config = self.globals.config.clone().filter(|file| !file.as_os_str().is_empty());
        sources.flags = flags;
        config::load(&sources).map_err(Failure::from)
    }
}
/// The servers that are known; a file that cannot be used is told, and none of it is used.
fn named_of(file: &Path) -> client::NamedServers {
    match client::NamedServers::read(file) {
        Ok(named) => {
            if named.was_open {
                remark(&was_open(file));
            }
            named
        }
        Err(error) => {
            remark(&format!("Note: {} is not used: {error}.", file.display()));
            client::NamedServers::default()
        }
    }
}

/// What to say where others could read tokens.
pub(super) fn was_open(file: &Path) -> String {
    format!(
        "Note: others could read the tokens in {}. It is closed to them now; sign in again (`rigi logout`, `rigi login`) if somebody may have.",
        file.display()
    )
}
