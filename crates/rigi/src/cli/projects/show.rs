//! What is set for a project, and what it uses, in words.

use rigi_api::view::{ProjectUsage, QuotaView, RetentionView};
use rigi_model::quantity::{show_bytes, show_cpu, show_duration};

use crate::cli::output::{OutputArgs, facts, print_value};
use crate::terminal::say;

/// What is kept of ended runs.
pub(super) fn retention(kept: &RetentionView) -> String {
    let age = |ms| show_duration(std::time::Duration::from_millis(ms));
    let parts =
        [kept.runs.map(|runs| format!("{runs} runs")), kept.age_ms.map(age), kept.bytes.map(show_bytes)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What a project may have.
pub(super) fn quota(quota: &QuotaView) -> String {
    let age = |ms| show_duration(std::time::Duration::from_millis(ms));
    let parts = [
        ("runs", quota.runs.map(|count| count.to_string())),
        ("weight", quota.weight.map(|weight| weight.to_string())),
        ("queued", quota.queued.map(|count| count.to_string())),
        ("cpu", quota.cpu.map(show_cpu)),
        ("memory", quota.memory.map(show_bytes)),
        ("storage", quota.storage.map(show_bytes)),
        ("timeout of a run", quota.max_timeout_ms.map(age)),
        ("cpu of a run", quota.max_cpu.map(show_cpu)),
        ("memory of a run", quota.max_memory.map(show_bytes)),
        ("targets", quota.targets.as_ref().map(|names| names.join(", "))),
    ];
    let parts = parts.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", value?)));
    parts.collect::<Vec<_>>().join("\n")
}

/// What a project uses, and who.
pub(super) fn usage(usage: &ProjectUsage, output: OutputArgs) -> anyhow::Result<()> {
    if !output.is_for_people() {
        return print_value(usage, output, Vec::new);
    }
    let of = |used: String, most: Option<String>| match most {
        Some(most) => format!("{used} of {most}"),
        None => used,
    };
    let may = &usage.quota;
    let count = |most: Option<u64>| most.map(|most| most.to_string());
    let mut rows = vec![
        ("active", of(usage.active.to_string(), count(may.runs))),
        ("waiting", of(usage.queued.to_string(), count(may.queued))),
    ];
    rows.extend(usage.cpu.map(|cpu| ("cpu", of(show_cpu(cpu), may.cpu.map(show_cpu)))));
    rows.extend(usage.memory.map(|bytes| ("memory", of(show_bytes(bytes), may.memory.map(show_bytes)))));
    rows.push(("storage", of(show_bytes(usage.storage), may.storage.map(show_bytes))));
    let people =
        usage.people.iter().map(|by| format!("{}: {} wait, {} active", by.name, by.queued, by.active));
    rows.push(("by", people.collect::<Vec<_>>().join("\n")));
    let pipelines = usage.pipelines.iter().map(|used| {
        let runs = if used.runs == 1 { "1 run".to_owned() } else { format!("{} runs", used.runs) };
        format!("{}: {} of {runs}", used.pipeline, show_bytes(used.storage))
    });
    rows.push(("stored by", pipelines.collect::<Vec<_>>().join("\n")));
    rows.retain(|(_, value)| !value.is_empty());
    Ok(say(&facts(&rows))?)
}
