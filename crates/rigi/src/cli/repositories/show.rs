//! How repositories, plans and syncs are printed.

use std::fmt::Write as _;

use rigi_api::view::{RepositoryHook, RepositoryView, SyncLine, SyncPlan, SyncView};
use rigi_model::Timestamp;
use rigi_model::repositories::plan::Change;

use crate::cli::output::{List, OutputArgs, facts, print_value};
use crate::cli::session::Session;
use crate::cli::table::Column;
use crate::cli::words::{ago, count, date, many};
use crate::terminal::say;

/// Digits of a commit that people read.
pub(super) fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}

/// Whether its address is one of SSH.
pub(super) fn is_by_ssh(one: &RepositoryView) -> bool {
    rigi_model::repositories::Address::parse(&one.url)
        .is_ok_and(|address| address.scheme == rigi_model::repositories::Scheme::Ssh)
}

fn taken(one: &RepositoryView) -> String {
    match (&one.branch, &one.tag, &one.commit) {
        (Some(branch), ..) => format!("branch {branch}"),
        (_, Some(tag), _) => format!("tag {tag}"),
        (.., Some(commit)) => format!("commit {}", short(commit)),
        _ => "its own branch".to_owned(),
    }
}

fn state(one: &RepositoryView) -> String {
    let wrong = one.pipelines.iter().filter(|pipeline| pipeline.version.is_none()).count();
    match (&one.failure, &one.synced) {
        (Some(failure), _) => format!("failed: {}", failure.message),
        (None, None) => "not synced yet".to_owned(),
        (None, Some(_)) if wrong > 0 => format!("{} cannot run", many(wrong as u64, "pipeline")),
        (None, Some(_)) => String::new(),
    }
}

pub(super) fn list(all: &[RepositoryView], output: OutputArgs, session: &Session) -> anyhow::Result<()> {
    let now = Timestamp::now();
    let list = List {
        items: all,
        columns: &[
            Column::fixed("REPOSITORY"),
            Column::fixed("COMMIT"),
            Column::ranked("SYNCED", 1),
            Column::ranked("PIPELINES", 2),
            Column::elastic("STATE", 14),
        ],
        wide: &[
            Column::fixed("TAKES"),
            Column::fixed("FOLDER"),
            Column::fixed("EVERY"),
            Column::fixed("URL"),
        ],
        row: &|one: &RepositoryView| {
            let synced = one.synced.as_ref();
            vec![
                one.name.clone().into(),
                synced.map(|synced| short(&synced.commit).to_owned()).unwrap_or_default().into(),
                synced.map(|synced| ago(now, synced.at)).unwrap_or_default().into(),
                count(one.pipelines.len() as u64).into(),
                state(one).into(),
                taken(one).into(),
                one.folder.clone().into(),
                one.interval.clone().unwrap_or_default().into(),
                one.url.clone().into(),
            ]
        },
        name: &|one| one.name.clone(),
        nothing: "There are no repositories. `rigi repositories add https://github.com/lab/tools` adds one; pipelines of the folder stay beside it.",
    };
    list.print(output, &session.terminal)
}

pub(super) fn one(one: &RepositoryView, output: OutputArgs) -> anyhow::Result<()> {
    if !output.is_for_people() {
        return print_value(one, output, || vec![one.name.clone()]);
    }
    let now = Timestamp::now();
    let synced = one.synced.as_ref().map(|synced| {
        let page = synced.page.as_ref().map(|page| format!("\n{page}")).unwrap_or_default();
        format!("{}, {}{page}", short(&synced.commit), ago(now, synced.at))
    });
    let pipelines = one.pipelines.iter().map(|pipeline| match pipeline.mistakes.as_slice() {
        [] => pipeline.name.clone(),
        mistakes => format!("{}  {}", pipeline.name, mistakes.join("\n  ")),
    });
    let opened = match (one.token, &one.public_key) {
        (true, None) => "by a token".to_owned(),
        (token, Some(key)) => format!(
            "{}by its key, of which the host is to have\n{key}",
            if token { "by a token, or " } else { "" }
        ),
        (false, None) if is_by_ssh(one) => {
            format!("it has no key yet: `rigi repositories key {}` makes one", one.name)
        }
        (false, None) => "it is public".to_owned(),
    };
    let failure = one.failure.as_ref().map(|failure| format!("{}\n{}", failure.message, failure.cure));
    let rows = [
        ("repository", one.name.clone()),
        ("url", one.url.clone()),
        ("takes", taken(one)),
        ("folder", one.folder.clone()),
        ("synced", synced.unwrap_or_else(|| "not yet".to_owned())),
        ("every", one.interval.clone().unwrap_or_else(|| "by hand alone".to_owned())),
        ("failed", failure.unwrap_or_default()),
        ("opened", opened),
        ("host key", one.host_keys.join("\n")),
        ("hook", if one.hook { "its host may call" } else { "" }.to_owned()),
        ("pipelines", pipelines.collect::<Vec<_>>().join("\n")),
    ];
    Ok(say(&facts(&rows))?)
}

pub(super) fn syncs(all: &[SyncView], output: OutputArgs, session: &Session) -> anyhow::Result<()> {
    let list = List {
        items: all,
        columns: &[
            Column::fixed("SYNC"),
            Column::fixed("AT"),
            Column::ranked("BY", 2),
            Column::fixed("COMMIT"),
            Column::elastic("WHAT CHANGED, OR WENT WRONG", 24),
        ],
        wide: &[],
        row: &|sync: &SyncView| {
            let plan = sync.plan.as_ref();
            let by = if sync.cause.as_str() == "hand" { sync.asked_by.as_str() } else { sync.cause.as_str() };
            vec![
                sync.number.to_string().into(),
                date(sync.ended_at).into(),
                by.into(),
                plan.map(|plan| short(&plan.commit).to_owned()).unwrap_or_default().into(),
                sync.message.clone().or_else(|| plan.map(counts)).unwrap_or_default().into(),
            ]
        },
        name: &|sync| sync.number.to_string(),
        nothing: "Nothing was synced yet.",
    };
    list.print(output, &session.terminal)
}

pub(super) fn hook(hook: &RepositoryHook) -> anyhow::Result<()> {
    say(&facts(&[
        ("url", hook.url.clone()),
        ("secret", hook.secret.clone()),
        ("type", "application/json".to_owned()),
    ]))?;
    eprintln!("Add this at the host, as a webhook for pushes. The secret is not shown again.");
    Ok(())
}

/// How many of what.
fn counts(plan: &SyncPlan) -> String {
    let each = [
        (plan.added, "added"),
        (plan.changed, "changed"),
        (plan.removed, "removed"),
        (plan.invalid, "cannot run"),
    ];
    let each: Vec<String> = each
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    if each.is_empty() { "no pipeline changed".to_owned() } else { each.join(", ") }
}

/// A plan, a line each.
pub(super) fn plan(name: &str, plan: &SyncPlan) -> String {
    let before = plan.before.as_ref().filter(|before| **before != plan.commit);
    let before = before.map(|before| format!(", before {}", short(before))).unwrap_or_default();
    let subject =
        if plan.subject.is_empty() { String::new() } else { format!(" \u{201c}{}\u{201d}", plan.subject) };
    let mut text = format!("{name}  commit {}{subject}{before}: {}\n", short(&plan.commit), counts(plan));
    let width = plan.pipelines.iter().map(|line| line.name.chars().count()).max().unwrap_or(0);
    // Writing to a text cannot fail.
    for line in &plan.pipelines {
        let mark = match line.change {
            Change::Added => '+',
            Change::Removed => '-',
            Change::Changed => '~',
            Change::Same => ' ',
        };
        let words = files(line);
        text.push_str(&format!("  {mark} {:<width$}  {words}", line.name).trim_end().replace('\n', " "));
        text.push('\n');
        for mistake in &line.mistakes {
            let _ = writeln!(text, "  ! {mistake}");
        }
        for warning in &line.warnings {
            let _ = writeln!(text, "    {warning}");
        }
    }
    if plan.same > 0 {
        let _ = writeln!(text, "    {} as before", many(plan.same as u64, "pipeline"));
    }
    for told in &plan.told {
        let _ = writeln!(text, "    {told}");
    }
    text
}

fn files(line: &SyncLine) -> String {
    let some = |files: &[String], what: &str| match files {
        [] => None,
        [one] => Some(format!("{one} {what}")),
        [one, two] => Some(format!("{one} and {two} {what}")),
        many => Some(format!("{} files {what}", many.len())),
    };
    let each = [
        some(&line.files_changed, "changed"),
        some(&line.files_added, "added"),
        some(&line.files_removed, "removed"),
    ];
    each.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
