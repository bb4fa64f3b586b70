//! What a check has looked at, one line for each thing, with the cure where it is not well; and whose surroundings it
//! looks at.

use std::path::{Path, PathBuf};

use clap::Args;
use rigi_api::view::LookedView;
use rigi_model::text::shown;

use super::output::{OutputArgs, print_value};
use super::session::{Found, Session};
use crate::client::Client;
use crate::terminal::Exit;
use crate::terminal::Failure;
use crate::terminal::{Colour, remark, say};
use crate::wiring::surroundings::Surroundings;

/// Whose targets and storage are meant.
#[derive(Debug, Args)]
pub struct PlaceArgs {
    /// Folder of pipelines, where it is not the current one
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// By the configuration as it is here and now, also where a server runs with another
    #[arg(long)]
    offline: bool,
}

/// Who answers.
pub enum Asked {
    /// The server that runs there.
    Server(Client),
    /// Nobody but the configuration.
    Configuration(Surroundings),
}

impl PlaceArgs {
    /// Finds who answers.
    ///
    /// # Errors
    /// When more than one server runs and none is nearer, or the configuration has a mistake.
    pub fn ask(&self, session: &Session) -> Result<Asked, Failure> {
        let folder = self.folder.as_deref();
        let loaded = match self.offline {
            true => session.load(folder.unwrap_or(Path::new(".")), Vec::new())?,
            false => match session.place(folder)? {
                Found::Server(server) => return Ok(Asked::Server(Client::new(&server)?)),
                Found::Offline(loaded) => {
                    let folder = loaded.pipelines.display().to_string();
                    remark(&format!(
                        "No server runs on {}: this is by the configuration there.",
                        shown(&folder)
                    ));
                    *loaded
                }
            },
        };
        Ok(Asked::Configuration(Surroundings::of(&loaded.config, &loaded.data_folder(), "")?))
    }
}

/// Prints them; the exit says whether all is well.
///
/// # Errors
/// If nothing can be printed.
pub fn tell(looked: &[LookedView], output: OutputArgs, session: &Session) -> anyhow::Result<Exit> {
    let exit = if looked.iter().all(|one| one.ok) { Exit::Ok } else { Exit::Failed };
    if output.is_for_people() {
        say(&show(looked, session))?;
    } else {
        let wrong = || looked.iter().filter(|one| !one.ok).map(|one| one.what.clone()).collect();
        print_value(&looked, output, wrong)?;
    }
    Ok(exit)
}

fn show(looked: &[LookedView], session: &Session) -> String {
    let width = looked.iter().map(|one| one.what.chars().count()).max().unwrap_or(0);
    let one = |one: &LookedView| {
        let mark = if one.ok { (Colour::Green, "✓") } else { (Colour::Red, "✗") };
        let mark = session.terminal.paint(mark.0, mark.1);
        let cure = one.cure.as_ref().map(|cure| format!("\n  {:<width$}  → {cure}", "")).unwrap_or_default();
        format!("{mark} {:<width$}  {}{cure}\n", one.what, one.message)
    };
    let lines: String = looked.iter().map(one).collect();
    let wrong = looked.iter().filter(|one| !one.ok).count();
    let last = match wrong {
        0 => "Everything is well.".to_owned(),
        1 => "One thing is not well.".to_owned(),
        many => format!("{many} things are not well."),
    };
    format!("{lines}{last}")
}
