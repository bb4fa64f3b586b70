//! What is said of datasets.

use rigi_api::view::{DatasetDiff, DatasetEntry, DatasetVersionView, DatasetView, LineageView};
use rigi_model::quantity::show_bytes;

use crate::cli::output::{List, OutputArgs, facts, print_value};
use crate::cli::session::Session;
use crate::cli::table::Column;
use crate::cli::words;
use crate::terminal::say;

pub(super) fn list(all: &[DatasetView], output: OutputArgs, session: &Session) -> anyhow::Result<()> {
    let list = List {
        items: all,
        columns: &[
            Column::fixed("DATASET"),
            Column::fixed("VERSION"),
            Column::fixed("FILES"),
            Column::fixed("SIZE"),
            Column::fixed("CHANGED"),
            Column::elastic("DESCRIPTION", 12),
        ],
        wide: &[Column::elastic("TAGS", 10), Column::fixed("BY")],
        row: &|one: &DatasetView| {
            let newest = one.newest.as_ref();
            let tags = one.tags.iter().map(|(tag, version)| format!("{tag}={version}"));
            vec![
                one.name.clone().into(),
                newest.map(|newest| newest.version.to_string()).unwrap_or_default().into(),
                newest.map(|newest| newest.files.to_string()).unwrap_or_default().into(),
                newest.map(|newest| show_bytes(newest.bytes)).unwrap_or_default().into(),
                words::date(one.changed_at).into(),
                one.description.clone().unwrap_or_default().into(),
                tags.collect::<Vec<_>>().join(",").into(),
                one.made_by.clone().into(),
            ]
        },
        name: &|one| one.name.clone(),
        nothing: "There are no datasets yet. `rigi data put NAME FOLDER` makes one.",
    };
    list.print(output, &session.terminal)
}

pub(super) fn one(view: &DatasetView, output: OutputArgs) -> anyhow::Result<()> {
    if !output.is_for_people() {
        return print_value(view, output, || vec![view.name.clone()]);
    }
    let mut rows = vec![
        ("dataset", view.name.clone()),
        ("description", view.description.clone().unwrap_or_default()),
        ("labels", words::labels(&view.labels)),
        ("protected", if view.protected { "yes".to_owned() } else { String::new() }),
        ("newest", view.newest.as_ref().map(|newest| newest.version.to_string()).unwrap_or_default()),
    ];
    rows.retain(|(_, value)| !value.is_empty());
    Ok(say(&facts(&rows))?)
}

pub(super) fn versions(
    all: &[DatasetVersionView],
    output: OutputArgs,
    session: &Session,
) -> anyhow::Result<()> {
    let list = List {
        items: all,
        columns: &[
            Column::fixed("VERSION"),
            Column::fixed("FILES"),
            Column::fixed("SIZE"),
            Column::fixed("MADE"),
            Column::elastic("FROM", 10),
            Column::elastic("NOTE", 10),
        ],
        wide: &[Column::fixed("ROOT")],
        row: &|one: &DatasetVersionView| {
            let run = one.run.as_ref().map(ToString::to_string);
            vec![
                one.version.to_string().into(),
                one.files.to_string().into(),
                show_bytes(one.bytes).into(),
                words::date(one.made_at).into(),
                run.unwrap_or_else(|| one.made_by.clone()).into(),
                one.note.clone().unwrap_or_default().into(),
                one.root.clone().into(),
            ]
        },
        name: &|one| one.version.to_string(),
        nothing: "It has no versions any more.",
    };
    list.print(output, &session.terminal)
}

pub(super) fn entries(all: &[DatasetEntry], output: OutputArgs, session: &Session) -> anyhow::Result<()> {
    let list = List {
        items: all,
        columns: &[Column::elastic("PATH", 20), Column::fixed("SIZE"), Column::fixed("FILES")],
        wide: &[Column::fixed("SHA256")],
        row: &|one: &DatasetEntry| {
            let path = if one.kind == "folder" { format!("{}/", one.path) } else { one.path.clone() };
            let files = one.files.map(|files| files.to_string()).unwrap_or_default();
            vec![path.into(), show_bytes(one.size).into(), files.into(), one.sha256.clone().into()]
        },
        name: &|one| one.path.clone(),
        nothing: "Nothing lies there.",
    };
    list.print(output, &session.terminal)
}

pub(super) fn diff(view: &DatasetDiff, output: OutputArgs, session: &Session) -> anyhow::Result<()> {
    if !output.is_for_people() {
        let paths = || view.changes.iter().map(|change| change.path.clone()).collect();
        return print_value(view, output, paths);
    }
    let list = List {
        items: &view.changes,
        columns: &[
            Column::fixed("CHANGE"),
            Column::elastic("PATH", 20),
            Column::fixed("BEFORE"),
            Column::fixed("AFTER"),
        ],
        wide: &[],
        row: &|one: &rigi_api::view::DatasetChange| {
            let path = if one.of == "folder" { format!("{}/", one.path) } else { one.path.clone() };
            let size = |size: Option<u64>| size.map(show_bytes).unwrap_or_default();
            vec![one.kind.as_str().into(), path.into(), size(one.before).into(), size(one.after).into()]
        },
        name: &|one| one.path.clone(),
        nothing: "They hold the same.",
    };
    list.print(output, &session.terminal)?;
    if view.more {
        say("There is more than that.")?;
    }
    Ok(())
}

pub(super) fn lineage(view: &LineageView, output: OutputArgs) -> anyhow::Result<()> {
    if !output.is_for_people() {
        let ids = || view.nodes.iter().map(|node| node.id.clone()).collect();
        return print_value(view, output, ids);
    }
    let named = |id: &String| {
        let node = view.nodes.iter().find(|node| node.id == *id);
        match node.and_then(|node| node.pipeline.as_ref()) {
            Some(pipeline) => format!("{pipeline} ({id})"),
            None => id.clone(),
        }
    };
    if view.edges.is_empty() {
        say("Nothing is known to have made it or to have used it.")?;
    }
    for edge in &view.edges {
        say(&format!("{} → {}   {}", named(&edge.from), named(&edge.to), edge.by))?;
    }
    if view.more {
        say("There is more than that.")?;
    }
    Ok(())
}
