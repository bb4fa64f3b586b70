//! `rigi audit`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use rigi_api::view::{AuditHead, AuditOutside, AuditVerdict, AuditView, VerifyAudit};

use crate::cli::output::{List, OutputArgs, facts, print_value};
use crate::cli::session::Session;
use crate::cli::table::Column;
use crate::cli::words::{count, date};
use crate::client::Client;
use crate::terminal::{Exit, hand_on, say};

/// `rigi audit`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rigi audit list
  rigi audit list --action members.set --project lab
  rigi audit export --since 2026-01-01T00:00:00Z > audit.jsonl
  rigi audit export --csv > audit.csv
  rigi audit verify --head /mnt/safe/audit.head")]
pub struct Audit {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Filter {
    /// Of this action alone, such as `members.set`
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// By this account alone
    #[arg(long, value_name = "ID")]
    actor: Option<String>,
    /// At or after this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// At or before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Who did what, the newest first
    List {
        #[command(flatten)]
        filter: Filter,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Whether nobody has changed the log; exit code 70 if somebody has
    Verify {
        /// File with a head that was kept elsewhere; the one in the server's data folder unless told
        #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
        head: Option<PathBuf>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// All lines, one JSON object each, the newest first
    Export {
        #[command(flatten)]
        filter: Filter,
        /// As CSV
        #[arg(long)]
        csv: bool,
    },
}

fn query(session: &Session, filter: Filter) -> Vec<(&'static str, String)> {
    let project = session.globals.project.clone().filter(|project| !project.is_empty());
    let all = [
        ("action", filter.action),
        ("actor", filter.actor),
        ("since", filter.since),
        ("until", filter.until),
        ("project", project),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

impl Audit {
    /// Lists or exports.
    ///
    /// # Errors
    /// When no server answers, or it says no.
    pub fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let client = session.client()?;
        session.block_on(async {
            match self.command {
                Command::List { filter, limit, output } => {
                    let mut query = query(session, filter);
                    query.push(("limit", limit.to_string()));
                    let page: rigi_api::view::Page<AuditView> = client.get(&["audit"], &query).await?;
                    list(session, &page.items, output)?;
                }
                Command::Verify { head, output } => return verify(&client, head, output).await,
                Command::Export { filter, csv } => {
                    let mut query = query(session, filter);
                    query.push(("limit", "1000".to_owned()));
                    if csv {
                        hand_on(HEAD)?;
                    }
                    loop {
                        let page: rigi_api::view::Page<AuditView> = client.get(&["audit"], &query).await?;
                        for line in &page.items {
                            hand_on(&if csv { row(line) } else { serde_json::to_string(line)? })?;
                        }
                        query.retain(|(name, _)| *name != "cursor");
                        let Some(cursor) = page.next_cursor else { break };
                        query.push(("cursor", cursor));
                    }
                }
            }
            Ok(Exit::Ok.into())
        })
    }
}

/// Holds the log against a head.
async fn verify(client: &Client, head: Option<PathBuf>, output: OutputArgs) -> anyhow::Result<ExitCode> {
    let head = match head {
        None => None,
        Some(file) => {
            let text =
                std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
            let head = serde_json::from_str::<AuditHead>(&text);
            Some(head.with_context(|| format!("{} holds no head of an audit log", file.display()))?)
        }
    };
    let verdict: AuditVerdict = client.post(&["audit", "verify"], &VerifyAudit { head }).await?;
    if output.is_for_people() {
        let against = match &verdict.head {
            Some(head) => format!("seal {} of {}", head.number, date(head.at)),
            None => "nothing: there is no head yet, so that a missing end would not show".to_owned(),
        };
        let wrong = if verdict.wrong.is_empty() { "nothing".to_owned() } else { verdict.wrong.join("\n") };
        let mut shown = vec![
            (
                "lines",
                format!(
                    "{} sealed, {} wait for the next seal",
                    count(verdict.sealed),
                    count(verdict.waiting)
                ),
            ),
            ("held against", against),
        ];
        shown.extend(verdict.outside.as_ref().map(|outside| ("and", of_outside(outside))));
        shown.push(("wrong", wrong));
        say(&facts(&shown))?;
    } else {
        print_value(&verdict, output, || verdict.wrong.clone())?;
    }
    Ok(if verdict.wrong.is_empty() { Exit::Ok } else { Exit::Internal }.into())
}

fn of_outside(outside: &AuditOutside) -> String {
    let AuditOutside { place, head, trouble } = outside;
    match (head, trouble) {
        (Some(head), _) => format!("seal {} of {}, in {place}", head.number, date(head.at)),
        (None, Some(trouble)) => format!("nothing in {place}: {trouble}"),
        (None, None) => format!("nothing in {place}: there is none yet, or it was removed"),
    }
}

fn list(session: &Session, lines: &[AuditView], output: OutputArgs) -> anyhow::Result<()> {
    let list = List {
        items: lines,
        columns: &[
            Column::fixed("AT"),
            Column::elastic("WHO", 8),
            Column::fixed("ACTION"),
            Column::ranked("PROJECT", 2),
            Column::ranked("WHAT", 1),
            Column::ranked("FROM", 3),
            Column::fixed("RESULT"),
        ],
        wide: &[Column::fixed("BY"), Column::fixed("REQUEST")],
        row: &|line: &AuditView| {
            vec![
                date(line.at).into(),
                line.actor.clone().into(),
                line.action.clone().into(),
                line.project.clone().unwrap_or_default().into(),
                format!("{} {}", line.subject, line.subject_id).into(),
                line.address.clone().unwrap_or_default().into(),
                line.result.clone().into(),
                line.via.clone().into(),
                line.request.clone().unwrap_or_default().into(),
            ]
        },
        name: &|line| line.id.clone(),
        nothing: "Nothing was done that this finds.",
    };
    list.print(output, &session.terminal)
}

const HEAD: &str =
    "at,actor,actor_id,via,action,project,subject,subject_id,before,after,address,request,result";

/// A line as CSV (RFC 4180). What a spreadsheet would take for a formula is a text.
fn row(line: &AuditView) -> String {
    let json =
        |value: &Option<serde_json::Value>| value.as_ref().map(ToString::to_string).unwrap_or_default();
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let cells = [
        line.at.to_string(),
        line.actor.clone(),
        text(&line.actor_id),
        line.via.clone(),
        line.action.clone(),
        text(&line.project),
        line.subject.clone(),
        line.subject_id.clone(),
        json(&line.before),
        json(&line.after),
        text(&line.address),
        text(&line.request),
        line.result.clone(),
    ];
    let cell = |text: &String| {
        let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
        format!("\"{}{}\"", if formula { "'" } else { "" }, text.replace('"', "\"\""))
    };
    cells.iter().map(cell).collect::<Vec<_>>().join(",")
}
