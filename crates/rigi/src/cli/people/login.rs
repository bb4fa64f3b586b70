//! `rigi login`, `rigi logout`, `rigi whoami`.

use std::collections::BTreeMap;
use std::process::{Command, ExitCode, Stdio};

use anyhow::Context as _;
use clap::Args;
use reqwest::Url;
use rigi_api::view::{AccountView, AskForDevice, DeviceAsked, DeviceTaken, TakeDeviceToken};

use crate::cli::output::{OutputArgs, facts, print_value};
use crate::cli::session::Session;
use crate::client::{Client, NamedServer, NamedServers, ServerPlace};
use crate::terminal::{Exit, Failure, remark, say};

/// `rigi login`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi login https://rigi.example.org                the browser of this machine opens, where there is one
  rigi login https://rigi.example.org --name lab     later commands name it with `--server lab`
  rigi login https://rigi.example.org --no-browser   prints a code to type on the page, on any machine")]
pub struct Login {
    /// Address of the server
    #[arg(value_name = "ADDRESS")]
    address: String,
    /// What the server is called here; the name of its machine unless told
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Open no browser
    #[arg(long)]
    no_browser: bool,
}

fn file() -> Result<std::path::PathBuf, Failure> {
    NamedServers::file().ok_or_else(|| {
        Failure::new(Exit::CannotCreate, "there is no home folder to keep a token in").cure("set HOME")
    })
}

/// The servers that are known here, and their file.
pub(super) fn known() -> Result<(std::path::PathBuf, NamedServers), Failure> {
    let file = file()?;
    let servers = NamedServers::read(&file).map_err(|error| {
        let words = format!("{} cannot be read: {error}", file.display());
        Failure::new(Exit::Config, words).cure("mend it, or remove it and sign in again")
    })?;
    if servers.was_open {
        remark(&crate::cli::session::was_open(&file));
    }
    Ok((file, servers))
}

pub(super) fn keep(file: &std::path::Path, servers: &NamedServers) -> Result<(), Failure> {
    servers.write(file).map_err(|error| {
        Failure::new(Exit::CannotCreate, format!("{} cannot be written: {error}", file.display()))
            .cure("check the folder and its rights")
    })
}

/// A browser can be opened here: there is a display, and nobody sits elsewhere.
fn has_browser(variables: &BTreeMap<String, String>) -> bool {
    let set = |name: &str| variables.get(name).is_some_and(|value| !value.is_empty());
    let elsewhere = ["SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"].iter().any(|name| set(name));
    let display = cfg!(target_os = "macos") || set("DISPLAY") || set("WAYLAND_DISPLAY");
    display && !elsewhere
}

fn open_browser(url: &str) -> bool {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let quiet = || (Stdio::null(), Stdio::null(), Stdio::null());
    let (input, output, errors) = quiet();
    Command::new(program).arg(url).stdin(input).stdout(output).stderr(errors).spawn().is_ok()
}

fn machine() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "a terminal".to_owned() } else { name }
}

impl Login {
    /// Signs in, and keeps the token.
    ///
    /// # Errors
    /// When the server does not answer, has no accounts, or somebody says no.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let url = Url::parse(&self.address).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| {
            Failure::new(Exit::BadInput, format!("`{}` is not the address of a server", self.address))
                .cure("write it as `https://rigi.example.org`")
        })?;
        let address = url.as_str().trim_end_matches('/').to_owned();
        let (file, mut servers) = known()?;
        let place = ServerPlace { url: address.clone(), public: None, token: None, data: None, pid: None };
        let client = Client::new(&place).map_err(Failure::from)?;
        let asked: DeviceAsked = session.block_on(async {
            Ok(client.post(&["device", "codes"], &AskForDevice { name: machine() }).await?)
        })?;
        let page = format!("{}{}", client.public(), asked.path);
        if !self.no_browser && has_browser(&std::env::vars().collect()) && open_browser(&page) {
            remark(&format!(
                "The browser shows whether {} is let in; the code is {}.",
                machine(),
                asked.user_code
            ));
        } else {
            remark(&format!("Open {page} and check that it shows {}.", asked.user_code));
        }
        let wanted = TakeDeviceToken { device_code: asked.device_code };
        let (key, person) = session.block_on(async { wait(&client, &wanted).await })?;
        let name = self.name.unwrap_or_else(|| url.host_str().unwrap_or("server").to_owned());
        servers
            .servers
            .insert(name.clone(), NamedServer { url: address, token: key, person: person.clone() });
        servers.current = Some(name.clone());
        keep(&file, &servers)?;
        say(&format!(
            "Signed in to {name} as {person}. Commands go there from now on; `rigi server use` chooses another."
        ))?;
        Ok(Exit::Ok.into())
    }
}

/// Until somebody has said yes or no. The server keeps each question open for a while.
async fn wait(client: &Client, wanted: &TakeDeviceToken) -> anyhow::Result<(String, String)> {
    loop {
        let taken: DeviceTaken = client.post(&["device", "tokens"], wanted).await?;
        match (taken.state.as_str(), taken.key) {
            ("waiting", _) => {}
            ("allowed", Some(key)) => return Ok((key, taken.name.unwrap_or_default())),
            _ => {
                return Err(Failure::new(Exit::NotSignedIn, "somebody said no to this terminal")
                    .cure("run `rigi login` again")
                    .into());
            }
        }
    }
}

/// `rigi logout`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi logout                 sign out of the server that commands go to; its token counts no more
  rigi logout --server lab    sign out of another")]
pub struct Logout;

impl Logout {
    /// Takes the token back on the server, and forgets it here.
    ///
    /// # Errors
    /// When there is none, or the server does not answer.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let (file, mut servers) = known()?;
        let name = session.globals.server.clone().or_else(|| servers.current.clone());
        let found = name.and_then(|name| servers.servers.remove(&name).map(|server| (name, server)));
        let (name, server) = found.ok_or_else(|| {
            Failure::new(Exit::NotFound, "no server is signed in to")
                .cure("`rigi server list` shows those that are")
        })?;
        let place =
            ServerPlace { url: server.url, public: None, token: Some(server.token), data: None, pid: None };
        let client = Client::new(&place).map_err(Failure::from)?;
        let ended = session.block_on(async { Ok(client.delete(&["session"], &[]).await) })?;
        match ended {
            // It counts no more already.
            Err(crate::client::CallError::Refused { status, .. }) if status.as_u16() == 401 => {}
            other => other.context("the token still counts: it is kept")?,
        }
        if servers.current.as_ref() == Some(&name) {
            servers.current = None;
        }
        keep(&file, &servers)?;
        say(&format!("Signed out of {name}."))?;
        Ok(Exit::Ok.into())
    }
}

/// `rigi whoami`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi whoami
  rigi whoami -o json")]
pub struct Whoami {
    #[command(flatten)]
    output: OutputArgs,
}

impl Whoami {
    /// Says who one is on the server, and what one may.
    ///
    /// # Errors
    /// When no server answers.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        let account: AccountView = session.block_on(async { Ok(client.get(&["account"], &[]).await?) })?;
        if !self.output.is_for_people() {
            print_value(&account, self.output, || vec![account.name.clone()])?;
            return Ok(Exit::Ok.into());
        }
        let roles: Vec<String> =
            account.roles.iter().map(|role| format!("{} of {}", role.role, role.project)).collect();
        let everywhere = account.everywhere.map(|role| format!("{role} of every project"));
        let rights = if account.administrator { Some("administrator".to_owned()) } else { everywhere };
        say(&facts(&[
            ("name", account.name),
            ("mail", account.mail.unwrap_or_default()),
            ("server", client.public().to_owned()),
            ("rights", rights.into_iter().chain(roles).collect::<Vec<_>>().join(", ")),
        ]))?;
        Ok(Exit::Ok.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_opened_where_one_sits() {
        let on = |pairs: &[(&str, &str)]| {
            has_browser(
                &pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            )
        };
        assert!(on(&[("DISPLAY", ":0")]) && on(&[("WAYLAND_DISPLAY", "w")]));
        assert!(!on(&[("DISPLAY", ":0"), ("SSH_CONNECTION", "a b")]) && !on(&[("DISPLAY", "")]));
    }
}
