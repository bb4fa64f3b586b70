//! `rigi notices`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use reqwest::Method;
use rigi_api::view::{IncidentView, NoticeKeyView, NoticeView, Page, QuietHours, RuleView, SetRule};

use super::output::{List, OutputArgs, print_value};
use super::session::Session;
use super::table::Column;
use super::words;
use crate::client::Client;
use crate::terminal::{Exit, Failure, say};

/// `rigi notices`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi notices rule failures --on failed,recovered --channel team
  rigi notices rule nights --on failed --channel us --pipeline 'etl-*' --quiet-hours 22:00-07:00 --zone Europe/Zurich
  rigi notices list --state dead             those that were given up
  rigi notices retry ntc_…
  rigi notices incidents --open              trouble that goes on")]
pub struct Notices {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Notices and what became of each, the newest first
    List {
        /// In this state alone
        #[arg(long, value_parser = ["waiting", "sent", "dead"])]
        state: Option<String>,
        /// To this channel alone
        #[arg(long)]
        channel: Option<String>,
        /// So many
        #[arg(long, default_value_t = 20)]
        limit: u32,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Have one that was given up tried again
    Retry {
        /// Its id
        notice: String,
    },
    /// Trouble that goes on or went on
    Incidents {
        /// What goes on alone
        #[arg(long)]
        open: bool,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// What is told, and to whom
    Rules {
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Make a rule, or change one
    Rule(Box<RuleArgs>),
    /// Remove a rule
    RemoveRule {
        /// Its name
        rule: String,
    },
    /// Keys of programs that send notices
    Keys {
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Make a key for a program that sends notices; it is shown this once
    Key {
        /// What it is called
        name: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Take a key back
    RemoveKey {
        /// What it is called
        name: String,
    },
}

/// `rigi notices rule`
#[derive(Debug, Args)]
struct RuleArgs {
    /// Its name
    rule: String,
    /// Of what, with commas between: failed, recovered, succeeded, slow, missed, waiting, stopped, soft-limit, storage, approval,
    /// vulnerable, sync
    #[arg(long, value_delimiter = ',')]
    on: Vec<String>,
    /// A channel; more than once
    #[arg(long = "channel")]
    channels: Vec<String>,
    /// A pipeline, in which `*` stands for anything; more than once; all unless told
    #[arg(long = "pipeline")]
    pipelines: Vec<String>,
    /// What comes within this time is told together, such as 60s
    #[arg(long, value_name = "TIME")]
    digest: Option<String>,
    /// When nobody is told, such as 22:00-07:00
    #[arg(long, value_name = "FROM-TO")]
    quiet_hours: Option<String>,
    /// Whose hours these are: an IANA name
    #[arg(long, requires = "quiet_hours")]
    zone: Option<String>,
    /// How long a run may wait
    #[arg(long, value_name = "TIME")]
    waiting_after: Option<String>,
    /// The text instead of ours, with ${…}
    #[arg(long)]
    template: Option<String>,
    /// It tells nothing until it goes on
    #[arg(long, conflicts_with = "resume")]
    pause: bool,
    /// It goes on
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl Notices {
    /// Does what was said.
    ///
    /// # Errors
    /// When no server answers, or it says no.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        session.block_on(async {
            match self.command {
                Command::List { state, channel, limit, output } => {
                    let mut query = vec![("limit", limit.to_string())];
                    query.extend(state.map(|state| ("state", state)));
                    query.extend(channel.map(|channel| ("channel", channel)));
                    let page: Page<NoticeView> = client.get(&["notices"], &query).await?;
                    list(&page.items, output, session)?;
                }
                Command::Retry { notice } => {
                    client.change::<()>(Method::POST, &["notices", &notice, "retry"], None::<&()>).await?;
                    say("It is tried again.")?;
                }
                Command::Incidents { open, output } => {
                    let page: Page<IncidentView> =
                        client.get(&["incidents"], &[("open", open.to_string())]).await?;
                    incidents(&page.items, output, session)?;
                }
                Command::Rules { output } => {
                    let page: Page<RuleView> = client.get(&["rules"], &[]).await?;
                    rules(&page.items, output, session)?;
                }
                Command::Rule(rule) => rule.run(&client, session).await?,
                Command::RemoveRule { rule } => {
                    client.delete(&["rules", &rule], &[]).await?;
                    say(&format!("{rule} tells nothing any more."))?;
                }
                Command::Keys { output } => {
                    let page: Page<NoticeKeyView> = client.get(&["notice-keys"], &[]).await?;
                    keys(&page.items, output, session)?;
                }
                Command::Key { name, output } => {
                    let made: NoticeKeyView =
                        client.change(Method::PUT, &["notice-keys", &name], None::<&()>).await?;
                    match output.is_for_people() {
                        true => say(&made.key.unwrap_or_default())?,
                        false => print_value(&made, output, || vec![made.name.clone()])?,
                    }
                }
                Command::RemoveKey { name } => {
                    client.delete(&["notice-keys", &name], &[]).await?;
                    say(&format!("The key {name} sends nothing any more."))?;
                }
            }
            Ok(Exit::Ok.into())
        })
    }
}

fn list(all: &[NoticeView], output: OutputArgs, session: &Session) -> anyhow::Result<()> {
    let list = List {
        items: all,
        columns: &[
            Column::fixed("WRITTEN"),
            Column::fixed("CHANNEL"),
            Column::fixed("STATE"),
            Column::elastic("NOTICE", 24),
        ],
        wide: &[
            Column::fixed("ID"),
            Column::fixed("RULE"),
            Column::fixed("TRIES"),
            Column::elastic("WHY", 20),
        ],
        row: &|one: &NoticeView| {
            let why = one.error.as_ref().map(|error| format!(" ({error})")).unwrap_or_default();
            vec![
                words::date(one.created_at).into(),
                one.channel.clone().into(),
                one.state.as_str().into(),
                format!("{}{why}", one.title).into(),
                one.id.clone().into(),
                one.rule.clone().unwrap_or_default().into(),
                one.tries.to_string().into(),
                one.error.clone().unwrap_or_default().into(),
            ]
        },
        name: &|one| one.id.clone(),
        nothing: "Nobody was told anything yet.",
    };
    list.print(output, &session.terminal)
}

fn incidents(all: &[IncidentView], output: OutputArgs, session: &Session) -> anyhow::Result<()> {
    let list = List {
        items: all,
        columns: &[
            Column::elastic("PIPELINE", 12),
            Column::fixed("KIND"),
            Column::fixed("SINCE"),
            Column::fixed("TIMES"),
            Column::fixed("OVER"),
        ],
        wide: &[Column::fixed("LAST RUN")],
        row: &|one: &IncidentView| {
            vec![
                one.pipeline.clone().unwrap_or_default().into(),
                one.kind.as_str().into(),
                words::date(one.opened_at).into(),
                one.count.to_string().into(),
                one.closed_at.map_or_else(|| "goes on".to_owned(), words::date).into(),
                one.last_run.as_ref().map(ToString::to_string).unwrap_or_default().into(),
            ]
        },
        name: &|one| one.id.clone(),
        nothing: "There is no trouble that a rule is about.",
    };
    list.print(output, &session.terminal)
}

fn rules(all: &[RuleView], output: OutputArgs, session: &Session) -> anyhow::Result<()> {
    let list = List {
        items: all,
        columns: &[
            Column::fixed("RULE"),
            Column::elastic("ON", 16),
            Column::elastic("PIPELINES", 10),
            Column::elastic("CHANNELS", 10),
            Column::fixed("STATE"),
        ],
        wide: &[Column::fixed("TOGETHER"), Column::fixed("QUIET")],
        row: &|one: &RuleView| {
            let rule = &one.rule;
            let quiet = rule.quiet.as_ref().map(|quiet| format!("{}-{}", quiet.from, quiet.to));
            let pipelines =
                if rule.pipelines.is_empty() { "all".to_owned() } else { rule.pipelines.join(", ") };
            vec![
                one.name.clone().into(),
                rule.on.join(", ").into(),
                pipelines.into(),
                rule.channels.join(", ").into(),
                if rule.paused { "paused" } else { "" }.into(),
                rule.digest.clone().unwrap_or_default().into(),
                quiet.unwrap_or_default().into(),
            ]
        },
        name: &|one| one.name.clone(),
        nothing: "Nobody is told anything. `rigi notices rule failures --on failed,recovered --channel NAME` makes a rule.",
    };
    list.print(output, &session.terminal)
}

fn keys(all: &[NoticeKeyView], output: OutputArgs, session: &Session) -> anyhow::Result<()> {
    let list = List {
        items: all,
        columns: &[Column::elastic("KEY", 10), Column::fixed("MADE"), Column::fixed("BY")],
        wide: &[],
        row: &|one: &NoticeKeyView| {
            vec![one.name.clone().into(), words::date(one.made_at).into(), one.made_by.clone().into()]
        },
        name: &|one| one.name.clone(),
        nothing: "No program has a key. `rigi notices key NAME` makes one.",
    };
    list.print(output, &session.terminal)
}

impl RuleArgs {
    async fn run(self, client: &Client, session: &Session) -> anyhow::Result<()> {
        let page: Page<RuleView> = client.get(&["rules"], &[]).await?;
        let known = page.items.into_iter().find(|rule| rule.name == self.rule).map(|rule| rule.rule);
        let mut body = known.unwrap_or_else(|| SetRule {
            on: Vec::new(),
            pipelines: Vec::new(),
            channels: Vec::new(),
            digest: None,
            quiet: None,
            waiting_after: None,
            template: None,
            paused: false,
        });
        let some = |given: Vec<String>, before: Vec<String>| if given.is_empty() { before } else { given };
        body.on = some(self.on, body.on);
        body.channels = some(self.channels, body.channels);
        body.pipelines = some(self.pipelines, body.pipelines);
        body.digest = self.digest.or(body.digest);
        body.waiting_after = self.waiting_after.or(body.waiting_after);
        body.template = self.template.or(body.template);
        body.paused = (body.paused || self.pause) && !self.resume;
        if let Some(quiet) = &self.quiet_hours {
            let Some((from, to)) = quiet.split_once('-') else {
                let failure =
                    Failure::new(Exit::Usage, format!("`{quiet}` must read FROM-TO, such as 22:00-07:00"));
                return Err(failure.into());
            };
            body.quiet = Some(QuietHours { from: from.to_owned(), to: to.to_owned(), zone: self.zone });
        }
        let made: RuleView = client.change(Method::PUT, &["rules", &self.rule], Some(&body)).await?;
        rules(&[made], self.output, session)
    }
}
