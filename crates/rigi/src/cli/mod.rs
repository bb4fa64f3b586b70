//! The command line: a file per noun. Each one reads its arguments, calls the API or the server's own functions, and
//! prints what came back in the words of `words` and the format of `output`.

mod backfills;
mod backup;
mod channels;
mod complete;
mod completion;
mod config;
mod data;
mod doctor;
mod follow;
mod from_tool;
mod gc;
mod help;
mod here;
mod image;
mod imports;
mod init;
mod log_level;
mod looked;
mod migrate;
mod notices;
mod output;
mod packages;
mod pairs;
mod people;
mod pipelines;
mod progress;
mod projects;
mod reference;
mod repositories;
mod run;
mod runner;
mod runs;
mod schedules;
mod secrets;
mod server;
mod session;
mod spec_words;
mod status;
mod storage;
mod support;
mod table;
mod targets;
mod templates;
mod top;
mod triggers;
mod version;
mod webhooks;
mod words;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use session::{Globals, Placement, Session};

use crate::terminal::{Exit, Terminal, is_closed_pipe, of_any, remark};

const ABOUT: &str = "Runs data pipelines on machines their owners control.";

const EXAMPLES: &str = "\
Examples:
  rigi up examples                             start a server on the folder `examples`
  rigi run co2-trend -p start=1990 --follow    run a pipeline and watch it
  rigi runs list --state failed --since 1d     what failed since yesterday

`rigi help COMMAND` says more. `rigi help exit-codes` lists the exit codes.";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "rigi", version, about = ABOUT, after_help = EXAMPLES, disable_help_subcommand = true)]
#[command(subcommand_help_heading = "Commands", max_term_width = 110)]
struct Cli {
    /// Set by `rigi up --detach` for the server that it starts: it has a session of its own.
    #[arg(long, hide = true)]
    detached: bool,
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a server on a folder of pipelines
    Up(server::Up),
    /// Stop the server; runs go on unless told otherwise
    Down(server::Down),
    /// What the server does, and a link to its page
    Status(status::Status),
    /// Run a pipeline
    Run(Box<run::Run>),
    /// List, show, follow, cancel and repeat runs
    Runs(runs::Runs),
    /// List, show and check pipelines
    Pipelines(pipelines::Pipelines),
    /// Sign in to a server of a team
    Login(people::Login),
    /// Sign out of it
    Logout(people::Logout),
    /// Who you are on the server, and what you may
    Whoami(people::Whoami),
    /// List the servers that you have signed in to, and choose one
    Server(people::Servers),
    /// List, add, change and remove accounts
    People(people::People),
    /// List, make and fill groups of people
    Groups(people::Groups),
    /// Say who is what in a project
    Members(people::Members),
    /// Invite to a project
    Invitations(people::Invitations),
    /// List, make and take back tokens
    Tokens(people::Tokens),
    /// What became of mails, and whether they can be sent
    Mail(people::Mail),
    /// Who did what
    Audit(people::Audit),
    /// The way back in for administrators
    Admin(people::Admin),
    /// Make, change and list the projects of the server
    Projects(projects::Projects),
    /// Datasets: put, get, list, compare, tag, and where they come from
    Data(data::Data),
    /// What starts runs by itself: list, explain, make, pause, and what became of each due time
    Schedules(schedules::Schedules),
    /// What starts runs when something has happened: files, sensors, other pipelines; and what became of each event
    Triggers(triggers::Triggers),
    /// Start runs for a range of due times, and see how far they are
    Backfills(backfills::Backfills),
    /// Where somebody is told of what happens
    Channels(channels::Channels),
    /// What is told of, to whom, and what became of it
    Notices(notices::Notices),
    /// Addresses to which others send what starts runs: signed webhooks
    Webhooks(webhooks::Webhooks),
    /// Set, list and remove what runs are given and nobody else may read
    Secrets(secrets::Secrets),
    /// Where pipelines come from beside the folder: add, show and change git repositories
    Repositories(repositories::Repositories),
    /// Bring pipelines to what their repositories have now
    Sync(repositories::SyncNow),
    /// Which packages pipelines have, and what is publicly known against them
    Packages(packages::Packages),
    /// Check the specs of pipelines, as `rigi pipelines validate`
    Validate(pipelines::Validate),
    /// Write a pipeline that works, to start from
    Init(init::Init),
    /// Bring what Fast-Flow, cron or Airflow ran so far
    Import(imports::Import),
    /// List and check where runs can execute
    Targets(targets::Targets),
    /// Check where files are stored
    Storage(storage::Storage),
    /// Make the image that containers of pipelines without one have
    Image(image::Image),
    /// Show the configuration and where it comes from
    Config(config::Config),
    /// Find out what is wrong with a server or its folder
    Doctor(doctor::Doctor),
    /// Print or change how much the server writes into its own log
    LogLevel(log_level::LogLevel),
    /// Gather what somebody who helps has to see
    Support(support::Support),
    /// What runs and what waits, as it changes
    Top(top::Top),
    /// Remove what retention no longer keeps, now
    Gc(gc::Gc),
    /// Take, check and restore backups
    Backup(backup::Backup),
    /// Change the schema of the database
    Migrate(migrate::Migrate),
    /// Print a script that completes commands in a shell
    Completion(completion::Completion),
    /// The version of this program and of the server
    Version(version::Version),
    /// Explain a command, or the exit codes
    Help(help::Help),
    /// Print the OpenAPI file of this version
    #[command(hide = true)]
    Openapi,
    /// Print the JSON Schema of a pipeline's spec
    #[command(hide = true)]
    Schema,
    /// Runs one attempt in its container; the server has it started.
    #[command(hide = true)]
    Runner(runner::Runner),
    /// Owns the processes of runs; the server starts it.
    #[command(hide = true, disable_help_flag = true)]
    Supervisor {
        /// Handed on.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
}

/// Reads the command line, does what it says, prints what went wrong.
#[must_use]
pub fn main() -> ExitCode {
    rigi_local::inheritance::seal();
    completion::answer();
    let cli = match command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let terminal = Terminal::of_process();
    let place = if cli.detached { Placement::Detached } else { Placement::AsStarted };
    let session = Session::new(cli.globals, terminal, place);
    match dispatch(cli.command, session) {
        Ok(code) => code,
        Err(error) if is_closed_pipe(&error) => Exit::Ok.into(),
        Err(error) => {
            let failure = of_any(error);
            remark(&failure.show(&terminal));
            failure.exit.into()
        }
    }
}

/// The command line as clap knows it, colours heeding the terminal.
fn command() -> clap::Command {
    let colours =
        if Terminal::of_process().colours { clap::ColorChoice::Auto } else { clap::ColorChoice::Never };
    Cli::command().color(colours)
}

fn usage(error: &clap::Error) -> ExitCode {
    // Help and version are no errors, and a closed pipe is none either.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage.into() } else { Exit::Ok.into() }
}

fn dispatch(command: Option<Command>, session: Session) -> anyhow::Result<ExitCode> {
    let Some(command) = command else { return help::welcome(&session) };
    match command {
        Command::Up(command) => command.run(&session),
        Command::Down(command) => command.run(&session),
        Command::Status(command) => command.run(&session),
        Command::Run(command) => command.run(&session),
        Command::Runs(command) => command.run(&session),
        Command::Pipelines(command) => command.run(&session),
        Command::Login(command) => command.run(&session),
        Command::Logout(command) => command.run(&session),
        Command::Whoami(command) => command.run(&session),
        Command::Server(command) => command.run(&session),
        Command::People(command) => command.run(&session),
        Command::Groups(command) => command.run(&session),
        Command::Members(command) => command.run(&session),
        Command::Invitations(command) => command.run(&session),
        Command::Tokens(command) => command.run(&session),
        Command::Mail(command) => command.run(&session),
        Command::Audit(command) => command.run(&session),
        Command::Admin(command) => command.run(&session),
        Command::Projects(command) => command.run(&session),
        Command::Data(command) => command.run(&session),
        Command::Schedules(command) => command.run(&session),
        Command::Triggers(command) => command.run(&session),
        Command::Webhooks(command) => command.run(&session),
        Command::Backfills(command) => command.run(&session),
        Command::Channels(command) => command.run(&session),
        Command::Notices(command) => command.run(&session),
        Command::Secrets(command) => command.run(&session),
        Command::Repositories(command) => command.run(&session),
        Command::Sync(command) => command.run(&session),
        Command::Packages(command) => command.run(&session),
        Command::Validate(command) => command.run(&session),
        Command::Init(command) => command.run(),
        Command::Import(command) => command.run(&session),
        Command::Targets(command) => command.run(&session),
        Command::Storage(command) => command.run(&session),
        Command::Image(command) => command.run(&session),
        Command::Config(command) => command.run(&session),
        Command::Doctor(command) => command.run(&session),
        Command::LogLevel(command) => command.run(&session),
        Command::Support(command) => command.run(&session),
        Command::Top(command) => command.run(&session),
        Command::Gc(command) => command.run(&session),
        Command::Backup(command) => command.run(&session),
        Command::Migrate(command) => command.run(&session),
        Command::Completion(command) => command.run(),
        Command::Version(command) => command.run(&session),
        Command::Help(command) => command.run(),
        Command::Openapi => reference::openapi(),
        Command::Schema => reference::schema(),
        Command::Runner(command) => command.run(),
        Command::Supervisor { args } => Ok(crate::wiring::supervisor(args)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_a_line_of_help_and_an_example() {
        for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
            let name = command.get_name();
            assert!(command.get_about().is_some(), "{name} has no help");
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.starts_with("Example"), "{name} has no example");
        }
    }
}
