//! A description of CTD, or a file of ParamXML (`.ini`) alone.

use super::items::{Found, ToolItem, name_of, plain};
use super::xml::{Element, read_tree};
use super::{Argument, ToldBy, ToolDescription, ToolError};
use crate::text::excerpt;

/// What tools of OpenMS are told about their own log, which Rigi keeps.
const OWN_LOG: &str = "log";
/// What people have no use for there: how the log looks, and a mode for tests.
const HIDDEN: [&str; 2] = ["no_progress", "test"];

/// Reads a description.
///
/// # Errors
/// When it is none, or one that cannot be used: with the line where it is.
pub fn read_ctd(bytes: &[u8]) -> Result<ToolDescription, ToolError> {
    let root = read_tree(bytes)?;
    let (tool, parameters) = match root.name.as_str() {
        "PARAMETERS" => (None, &root),
        "tool" => {
            let parameters = root.child("PARAMETERS");
            (
                Some(&root),
                parameters.ok_or_else(|| ToolError::at(root.line, "`<tool>` has no `<PARAMETERS>`"))?,
            )
        }
        other => {
            let message = format!("it is `<{}>` and neither `<tool>` nor `<PARAMETERS>`", excerpt(other));
            return Err(ToolError::at(root.line, message));
        }
    };
    let named = tool.and_then(|tool| tool.said("name"));
    let (node, mut notes) = node_of(parameters, named.as_deref())?;
    let name = match named {
        Some(name) => name,
        None => name_of(node)?,
    };
    if name.contains(crate::text::is_unseen) || name.len() > 200 {
        return Err(ToolError::at(root.line, "the tool's name is too long, or holds what cannot be seen"));
    }
    let version_item =
        node.children.iter().find(|child| child.name == "ITEM" && child.attribute("name") == Some("version"));
    let instances: Vec<&Element> = instances(node).collect();
    let around = instances.first().copied().unwrap_or(node);
    if instances.len() > 1 {
        let first = excerpt(around.attribute("name").unwrap_or_default());
        notes.push(format!("{} instances: the parameters are those of instance `{first}`", instances.len()));
    }
    let mut found = Found::default();
    found.take(around, &[])?;
    let is_topp = version_item.is_some() && !instances.is_empty();
    if is_topp {
        settle_openms(&mut found);
    }
    notes.append(&mut found.notes);
    let mut told_by = told_by(tool, &name, &found.items, &mut notes);
    if told_by == ToldBy::Names && is_topp {
        let root = [node, around].map(|node| node.attribute("name").unwrap_or_default().to_owned());
        told_by = ToldBy::Ini { root: root.to_vec() };
    }
    let said = |what: &str| tool.and_then(|tool| tool.said(what)).map(|text| plain(&text));
    let version = said("version").or_else(|| version_item?.attribute("value").map(plain));
    Ok(ToolDescription {
        description: description(tool, node),
        documentation: said("docurl").filter(|address| is_web(address)),
        categories: said("category").into_iter().filter(|word| word.len() <= 100).collect(),
        citations: tool.map(citations).unwrap_or_default(),
        program: said("executableName"),
        sections: found.sections,
        items: found.items,
        version,
        name,
        told_by,
        notes,
    })
}

/// The node of the tool; what else there is, is told.
fn node_of<'a>(parameters: &'a Element, name: Option<&str>) -> Result<(&'a Element, Vec<String>), ToolError> {
    let nodes: Vec<&Element> = parameters.children.iter().filter(|child| child.name == "NODE").collect();
    let own = nodes.iter().find(|node| node.attribute("name") == name && name.is_some());
    let Some(node) = own.or_else(|| nodes.first()) else {
        // Some descriptions have their parameters at the top.
        let bare = parameters.children.iter().any(|child| child.name.starts_with("ITEM"));
        return match name {
            Some(_) if bare || parameters.children.is_empty() => Ok((parameters, Vec::new())),
            _ => Err(ToolError::at(parameters.line, "`<PARAMETERS>` has no `<NODE>` of a tool")),
        };
    };
    let others = nodes.iter().filter(|other| !std::ptr::eq(**other, *node));
    let others: Vec<String> =
        others.map(|other| format!("`{}`", excerpt(other.attribute("name").unwrap_or_default()))).collect();
    let note = (!others.is_empty()).then(|| format!("{} beside it: left out", others.join(", ")));
    Ok((node, note.into_iter().collect()))
}

/// `<NODE name="1">`: tools of OpenMS may have parameters for several instances.
fn instances(node: &Element) -> impl Iterator<Item = &Element> {
    let is_number = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    node.children
        .iter()
        .filter(move |child| child.name == "NODE" && child.attribute("name").is_some_and(is_number))
}

fn settle_openms(found: &mut Found) {
    let is = |item: &ToolItem, name: &str| item.path.len() == 1 && item.path[0] == name;
    let before = found.items.len();
    found.items.retain(|item| !is(item, OWN_LOG));
    if found.items.len() < before {
        found.notes.push("`log`: left out, the log is kept with each run".to_owned());
    }
    for item in &mut found.items {
        item.hidden |= HIDDEN.iter().any(|name| is(item, name));
    }
}

fn description(tool: Option<&Element>, node: &Element) -> String {
    let said = tool.and_then(|tool| tool.said("description")).map(|text| plain(&text));
    let said = said.filter(|text| !text.is_empty());
    let said = said.unwrap_or_else(|| plain(node.attribute("description").unwrap_or_default()));
    let manual = tool.and_then(|tool| tool.said("manual")).map(|text| plain(&text));
    match manual.filter(|manual| *manual != said && !manual.is_empty() && manual.len() <= 20_000) {
        Some(manual) if said.is_empty() => manual,
        Some(manual) => format!("{said}\n\n{manual}"),
        None => said,
    }
}

fn citations(tool: &Element) -> Vec<String> {
    let all = tool.child("citations").map(|citations| citations.children.as_slice()).unwrap_or_default();
    let address = |citation: &Element| {
        let doi = citation.attribute("doi").map(|doi| format!("https://doi.org/{}", plain(doi)));
        doi.or_else(|| citation.attribute("url").map(plain)).filter(|address| is_web(address))
    };
    all.iter().filter_map(address).take(50).collect()
}

fn is_web(address: &str) -> bool {
    let web = address.starts_with("http://") || address.starts_with("https://");
    web && address.len() <= 500 && !address.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// `<cli>`, or the places of parameters; else names.
fn told_by(tool: Option<&Element>, name: &str, items: &[ToolItem], notes: &mut Vec<String>) -> ToldBy {
    let elements =
        tool.and_then(|tool| tool.child("cli")).map(|cli| cli.children.as_slice()).unwrap_or_default();
    let mut arguments = Vec::new();
    for element in elements.iter().filter(|element| element.name == "clielement") {
        let option = element.attribute("optionIdentifier").unwrap_or_default().to_owned();
        for mapping in element.children.iter().filter(|child| child.name == "mapping") {
            let reference = mapping.attribute("referenceName").unwrap_or_default();
            match items.iter().find(|item| refers(reference, name, item)) {
                Some(item) => arguments.push(Argument { option: option.clone(), item: item.path.clone() }),
                None => notes.push(format!("`<cli>`: `{}` is none of its parameters", excerpt(reference))),
            }
        }
    }
    if arguments.is_empty() && items.iter().any(|item| item.position.is_some()) {
        let named = items.iter().filter(|item| item.position.is_none());
        arguments.extend(
            named.map(|item| Argument {
                option: format!("-{}", item.path.join(":")),
                item: item.path.clone(),
            }),
        );
        let mut placed: Vec<&ToolItem> = items.iter().filter(|item| item.position.is_some()).collect();
        placed.sort_by_key(|item| item.position);
        arguments
            .extend(placed.iter().map(|item| Argument { option: String::new(), item: item.path.clone() }));
    }
    if arguments.is_empty() { ToldBy::Names } else { ToldBy::Arguments(arguments) }
}

/// `tool.1.section.name`, with or without the tool and the instance.
fn refers(reference: &str, tool: &str, item: &ToolItem) -> bool {
    let own = item.path.join(".");
    let rest = reference.strip_prefix(tool).and_then(|rest| rest.strip_prefix('.')).unwrap_or(reference);
    rest == own || rest.strip_prefix("1.") == Some(own.as_str())
}
