//! `rigi webhooks`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use reqwest::Method;
use rigi_api::view::{DeliveryView, Page, SetWebhook, WebhookView};
use serde_json::Value;

use super::output::{List, OutputArgs, facts, print_value};
use super::session::Session;
use super::table::Column;
use super::{templates, words};
use crate::client::Client;
use crate::terminal::{Exit, say};

/// `rigi webhooks`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi webhooks set pushes --pipeline build --kind github --when \"event == 'push'\" -p 'branch=${body.ref}'
  rigi webhooks list
  rigi webhooks deliveries pushes            what came, and what became of it
  rigi webhooks redeliver pushes DELIVERY    once more, by what the webhook says now
  rigi webhooks secret pushes                another secret; the former counts for a day")]
pub struct Webhooks {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Those that there are, with what came last
    List {
        #[command(flatten)]
        output: OutputArgs,
    },
    /// One webhook, with its address
    Get {
        /// Its name
        webhook: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Make a webhook, or change one
    Set(Box<Set>),
    /// Remove a webhook, with what is known of what came to it
    Remove {
        /// Its name
        webhook: String,
    },
    /// Take nothing until it goes on
    Pause {
        /// Its name
        webhook: String,
    },
    /// Let it go on
    Resume {
        /// Its name
        webhook: String,
    },
    /// Give it another secret, which is shown this once; the former counts for a day
    Secret {
        /// Its name
        webhook: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// What came to it and what became of each, the newest first
    Deliveries {
        /// Its name
        webhook: String,
        /// One delivery, with its body
        delivery: Option<String>,
        /// So many
        #[arg(long, default_value_t = 20)]
        limit: u32,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Have a delivery done again, by what the webhook says now
    Redeliver {
        /// Its name
        webhook: String,
        /// Which delivery
        delivery: String,
    },
}

/// `rigi webhooks set`
#[derive(Debug, Args)]
struct Set {
    /// Its name
    webhook: String,
    /// Whose runs it starts
    #[arg(long)]
    pipeline: Option<String>,
    /// By which rules its sender signs
    #[arg(long, value_parser = ["standard", "github", "gitea", "gitlab"])]
    kind: Option<String>,
    /// The entry of the pipeline's `schedules` whose words count
    #[arg(long)]
    schedule: Option<String>,
    /// What is to hold for a run to start
    #[arg(long, value_name = "EXPRESSION")]
    when: Option<String>,
    /// A parameter of its runs, with `${…}` over body, headers, event, id; more than once
    #[arg(short, long = "parameter", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// Calls within a minute
    #[arg(long)]
    per_minute: Option<u32>,
    /// Read the secret that its sender has already from standard input
    #[arg(long)]
    secret_stdin: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl Webhooks {
    /// Does what was said.
    ///
    /// # Errors
    /// When no server answers, or it says no.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        session.block_on(async {
            match self.command {
                Command::List { output } => {
                    let page: Page<WebhookView> = client.get(&["webhooks"], &[]).await?;
                    list(&page.items, output, session)?;
                }
                Command::Get { webhook, output } => print(&get(&client, &webhook).await?, output)?,
                Command::Set(set) => set.run(&client).await?,
                Command::Remove { webhook } => {
                    client.delete(&["webhooks", &webhook], &[]).await?;
                    say(&format!("{webhook} takes nothing any more."))?;
                }
                Command::Pause { webhook } => {
                    change(&client, &webhook, |body| body.paused = true).await?;
                    say(&format!("{webhook} is paused; `rigi webhooks resume {webhook}` lets it go on."))?;
                }
                Command::Resume { webhook } => {
                    change(&client, &webhook, |body| body.paused = false).await?;
                    say(&format!("{webhook} goes on."))?;
                }
                Command::Secret { webhook, output } => {
                    let hook: WebhookView = client.act(&["webhooks", &webhook, "secret"], &[]).await?;
                    print(&hook, output)?;
                }
                Command::Deliveries { webhook, delivery: Some(id), output, .. } => {
                    let path = ["webhooks", &*webhook, "deliveries", &*id];
                    let one: DeliveryView = client.get(&path, &[]).await?;
                    print_delivery(&one, output)?;
                }
                Command::Deliveries { webhook, delivery: None, limit, output } => {
                    let path = ["webhooks", &*webhook, "deliveries"];
                    let page: Page<DeliveryView> = client.get(&path, &[("limit", limit.to_string())]).await?;
                    deliveries(&page.items, output, session)?;
                }
                Command::Redeliver { webhook, delivery } => {
                    let path = ["webhooks", &*webhook, "deliveries", &*delivery, "redeliver"];
                    let answer: Value = client.act(&path, &[]).await?;
                    let run = answer["run"].as_str().map_or_else(
                        || format!("{}: no run", answer["outcome"].as_str().unwrap_or_default()),
                        str::to_owned,
                    );
                    say(&run)?;
                }
            }
            Ok(Exit::Ok.into())
        })
    }
}

async fn get(client: &Client, webhook: &str) -> anyhow::Result<WebhookView> {
    Ok(client.get(&["webhooks", webhook], &[]).await?)
}

/// What a webhook is to do, as it is.
fn as_set(hook: &WebhookView) -> SetWebhook {
    SetWebhook {
        pipeline: hook.pipeline.clone(),
        kind: Some(hook.kind.as_str().to_owned()),
        secret: None,
        schedule: hook.schedule.clone(),
        parameters: hook.parameters.clone(),
        when: hook.when.clone(),
        per_minute: Some(hook.per_minute),
        paused: hook.paused_at.is_some(),
    }
}

async fn change(
    client: &Client,
    webhook: &str,
    how: impl FnOnce(&mut SetWebhook),
) -> anyhow::Result<WebhookView> {
    let mut body = as_set(&get(client, webhook).await?);
    how(&mut body);
    Ok(client.change(Method::PUT, &["webhooks", webhook], Some(&body)).await?)
}

fn last(hook: &WebhookView) -> String {
    hook.last.as_ref().map_or_else(String::new, |last| format!("{}, {}", words::date(last.at), last.outcome))
}

fn list(all: &[WebhookView], output: OutputArgs, session: &Session) -> anyhow::Result<()> {
    let list = List {
        items: all,
        columns: &[
            Column::fixed("WEBHOOK"),
            Column::fixed("KIND"),
            Column::elastic("PIPELINE", 12),
            Column::fixed("LAST"),
            Column::fixed("STATE"),
        ],
        wide: &[Column::fixed("ADDRESS"), Column::elastic("WHEN", 20)],
        row: &|hook: &WebhookView| {
            vec![
                hook.name.clone().into(),
                hook.kind.as_str().into(),
                hook.pipeline.clone().into(),
                last(hook).into(),
                if hook.paused_at.is_some() { "paused" } else { "" }.into(),
                hook.path.clone().into(),
                hook.when.clone().unwrap_or_default().into(),
            ]
        },
        name: &|hook| hook.name.clone(),
        nothing: "Nobody sends anything here. `rigi webhooks set NAME --pipeline PIPELINE --kind github` makes an address.",
    };
    list.print(output, &session.terminal)
}

fn print(hook: &WebhookView, output: OutputArgs) -> anyhow::Result<()> {
    if !output.is_for_people() {
        return print_value(hook, output, || vec![hook.name.clone()]);
    }
    let parameters = hook.parameters.iter();
    let parameters = parameters.map(|(name, value)| {
        format!("{name}: {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    });
    let former =
        hook.former_until.map(|until| format!("the former secret counts until {}", words::date(until)));
    let mut rows = vec![
        ("webhook", hook.name.clone()),
        ("address", hook.path.clone()),
        ("kind", hook.kind.as_str().to_owned()),
        (
            "secret",
            hook.secret.clone().map(|secret| format!("{secret}   (shown this once)")).unwrap_or_default(),
        ),
        ("", former.unwrap_or_default()),
        ("pipeline", hook.pipeline.clone()),
        ("schedule", hook.schedule.clone().unwrap_or_default()),
        ("when", hook.when.clone().unwrap_or_default()),
        ("parameters", parameters.collect::<Vec<_>>().join("\n")),
        ("at most", format!("{} a minute", hook.per_minute)),
        ("state", hook.paused_at.map(|at| format!("paused since {}", words::date(at))).unwrap_or_default()),
        ("last", last(hook)),
    ];
    rows.retain(|(_, value)| !value.is_empty());
    Ok(say(&facts(&rows))?)
}

fn said(one: &DeliveryView) -> String {
    let run = one.run.as_ref().map(ToString::to_string);
    run.or_else(|| one.reason.clone()).unwrap_or_default()
}

fn deliveries(all: &[DeliveryView], output: OutputArgs, session: &Session) -> anyhow::Result<()> {
    let list = List {
        items: all,
        columns: &[
            Column::fixed("CAME"),
            Column::elastic("DELIVERY", 12),
            Column::fixed("EVENT"),
            Column::fixed("OUTCOME"),
            Column::elastic("RUN OR REASON", 20),
        ],
        wide: &[Column::elastic("AGAIN OF", 12)],
        row: &|one: &DeliveryView| {
            vec![
                words::date(one.at).into(),
                one.id.clone().into(),
                one.event.clone().unwrap_or_default().into(),
                one.outcome.as_str().into(),
                said(one).into(),
                one.again_of.clone().unwrap_or_default().into(),
            ]
        },
        name: &|one| one.id.clone(),
        nothing: "Nothing came yet.",
    };
    list.print(output, &session.terminal)
}

fn print_delivery(one: &DeliveryView, output: OutputArgs) -> anyhow::Result<()> {
    if !output.is_for_people() {
        return print_value(one, output, || vec![one.id.clone()]);
    }
    let headers: Vec<String> = one.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let mut rows = vec![
        ("delivery", one.id.clone()),
        ("came", words::date(one.at)),
        ("event", one.event.clone().unwrap_or_default()),
        ("outcome", one.outcome.as_str().to_owned()),
        ("run", said(one)),
        ("again of", one.again_of.clone().unwrap_or_default()),
        ("headers", headers.join("\n")),
        ("body", one.body.clone().unwrap_or_else(|| "not kept".to_owned())),
    ];
    rows.retain(|(_, value)| !value.is_empty());
    Ok(say(&facts(&rows))?)
}

impl Set {
    async fn run(self, client: &Client) -> anyhow::Result<()> {
        let known = match get(client, &self.webhook).await {
            Ok(hook) => Some(hook),
            Err(_) if self.pipeline.is_some() => None,
            Err(error) => return Err(error),
        };
        let mut body = known.as_ref().map_or_else(
            || SetWebhook {
                pipeline: String::new(),
                kind: None,
                secret: None,
                schedule: None,
                parameters: Default::default(),
                when: None,
                per_minute: None,
                paused: false,
            },
            as_set,
        );
        body.pipeline = self.pipeline.unwrap_or(body.pipeline);
        body.kind = self.kind.or(body.kind);
        body.schedule = self.schedule.or(body.schedule);
        body.when = self.when.or(body.when);
        body.per_minute = self.per_minute.or(body.per_minute);
        let given = templates::read(client, &body.pipeline, self.parameters).await?;
        body.parameters.extend(given);
        if self.secret_stdin {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line)?;
            body.secret = Some(line.trim_end_matches(['\r', '\n']).to_owned());
        }
        let hook: WebhookView = client.change(Method::PUT, &["webhooks", &self.webhook], Some(&body)).await?;
        print(&hook, self.output)
    }
}
