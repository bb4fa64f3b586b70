//! `rigi members requests|accept|refuse`, `rigi projects joinable|join`.

use reqwest::Method;
use rigi_api::view::{AnswerRequest, AskToJoin, JoinRequestView, JoinableView};
use rigi_model::rights::Role;

use crate::cli::output::{List, OutputArgs};
use crate::cli::session::Session;
use crate::cli::table::Column;
use crate::cli::words;
use crate::client::Client;
use crate::terminal::{Exit, Failure, say};

/// Who asks to be in the project.
pub(super) async fn list(client: &Client, output: OutputArgs, session: &Session) -> anyhow::Result<()> {
    let requests: Vec<JoinRequestView> = client.all(&["requests"], &[]).await?;
    let list = List {
        items: &requests,
        columns: &[Column::elastic("NAME", 12), Column::elastic("NOTE", 20), Column::fixed("ID")],
        wide: &[],
        row: &|one: &JoinRequestView| {
            vec![one.name.clone().into(), one.note.replace('\n', " ").into(), one.person.to_string().into()]
        },
        name: &|one| one.person.to_string(),
        nothing: "Nobody asks to be in this project.",
    };
    list.print(output, &session.terminal)
}

/// Whose request it is, by id or name.
async fn find(client: &Client, who: &str) -> anyhow::Result<JoinRequestView> {
    let requests: Vec<JoinRequestView> = client.all(&["requests"], &[]).await?;
    let found = requests.into_iter().find(|one| one.person.as_str() == who || one.name == who);
    let nobody = || Failure::new(Exit::NotFound, format!("{who} does not ask to be in this project"));
    Ok(found.ok_or_else(|| nobody().cure("`rigi members requests` shows who does"))?)
}

/// Lets somebody in, or not.
pub(super) async fn answer(client: &Client, who: &str, role: Option<Role>) -> anyhow::Result<()> {
    let request = find(client, who).await?;
    let path = ["requests", request.person.as_str()];
    let words = match role {
        Some(role) => {
            client.change::<()>(Method::PUT, &path, Some(&AnswerRequest { role })).await?;
            format!("{} is {role}.", request.name)
        }
        None => {
            client.delete(&path, &[]).await?;
            format!("The request of {} is gone.", request.name)
        }
    };
    Ok(say(&words)?)
}

/// Projects that one may ask to be in.
pub(in crate::cli) async fn joinable(
    client: &Client,
    output: OutputArgs,
    session: &Session,
) -> anyhow::Result<()> {
    let projects: Vec<JoinableView> = client.all(&["joinable"], &[]).await?;
    let list = List {
        items: &projects,
        columns: &[Column::fixed("NAME"), Column::fixed("ASKED"), Column::elastic("LABELS", 12)],
        wide: &[],
        row: &|one: &JoinableView| {
            let asked = if one.asked { "yes" } else { "" };
            vec![one.name.to_string().into(), asked.into(), words::labels(&one.labels).into()]
        },
        name: &|one| one.name.to_string(),
        nothing: "There is no other project that lets people ask to be in it.",
    };
    list.print(output, &session.terminal)
}

/// Asks to be in a project.
pub(in crate::cli) async fn join(
    client: &Client,
    project: String,
    note: Option<String>,
) -> anyhow::Result<()> {
    let words = format!("Asked to be in {project}. Its owners see it, and answer.");
    client.change::<()>(Method::POST, &["join-requests"], Some(&AskToJoin { project, note })).await?;
    Ok(say(&words)?)
}
