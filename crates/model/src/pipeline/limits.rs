//! Reads limits, retention and restarts, in Rigi's words and in Fast-Flow's.

use super::fields;
use super::section::{Found, Notes, Section, refuse_both};
use super::spec::{CellRetry, Limits, Restart, Retention, SoftLimits};

/// `limits`, `cpu_hard_limit`, `mem_hard_limit`.
pub(super) fn read_limits(section: &Section<'_>, notes: &mut Notes) -> Limits {
    let object = section.read("limits", notes, |found, notes| Section::open(found, fields::LIMITS, notes));
    let limits = Limits {
        cpu: section.read("cpu_hard_limit", notes, Found::cores),
        memory: section.read("mem_hard_limit", notes, Found::bytes),
        ..Limits::default()
    };
    let Some(object) = object else { return limits };
    for (ours, theirs) in [("cpu", "cpu_hard_limit"), ("memory", "mem_hard_limit")] {
        refuse_synonyms(&object, ours, section, theirs, notes);
    }
    read_limit_fields(&object, notes).over(&limits)
}

/// What stands in `limits`.
pub(super) fn read_limit_fields(object: &Section<'_>, notes: &mut Notes) -> Limits {
    let mut limits = Limits {
        cpu: object.read("cpu", notes, Found::cores),
        memory: object.read("memory", notes, Found::bytes),
        ..Limits::default()
    };
    let counts = |name, least, most, notes: &mut Notes| {
        object
            .read(name, notes, |found, notes| found.integer(least, most, notes))
            .and_then(|n| u64::try_from(n).ok())
    };
    limits.processes = counts("processes", 1, 4_194_304, notes);
    limits.open_files = counts("open_files", 16, 1_048_576, notes);
    limits.gpus = object.read("gpus", notes, |found, notes| found.count(1, 1024, notes));
    limits.output_size = object.read("output_size", notes, Found::bytes);
    limits.log_size = object.read("log_size", notes, Found::bytes);
    limits
}

/// `soft_limits`, `cpu_soft_limit`, `mem_soft_limit`.
pub(super) fn read_soft_limits(section: &Section<'_>, notes: &mut Notes) -> SoftLimits {
    let object =
        section.read("soft_limits", notes, |found, notes| Section::open(found, fields::SOFT_LIMITS, notes));
    let limits = SoftLimits {
        cpu: section.read("cpu_soft_limit", notes, Found::cores),
        memory: section.read("mem_soft_limit", notes, Found::bytes),
    };
    let Some(object) = object else { return limits };
    for (ours, theirs) in [("cpu", "cpu_soft_limit"), ("memory", "mem_soft_limit")] {
        refuse_synonyms(&object, ours, section, theirs, notes);
    }
    SoftLimits {
        cpu: object.read("cpu", notes, Found::cores).or(limits.cpu),
        memory: object.read("memory", notes, Found::bytes).or(limits.memory),
    }
}

fn refuse_synonyms(object: &Section<'_>, ours: &str, section: &Section<'_>, theirs: &str, notes: &mut Notes) {
    if let (Some(first), Some(second)) = (object.get(ours), section.get(theirs)) {
        refuse_both(first, second, notes);
    }
}

/// `retention`.
pub(super) fn read_retention(section: &Section<'_>, notes: &mut Notes) -> Retention {
    let object =
        section.read("retention", notes, |found, notes| Section::open(found, fields::RETENTION, notes));
    let Some(object) = object else { return Retention::default() };
    let runs = object.read("runs", notes, |found, notes| found.integer(0, i64::MAX, notes));
    Retention {
        runs: runs.and_then(|runs| u64::try_from(runs).ok()),
        age: object.read("age", notes, Found::duration),
        bytes: object.read("bytes", notes, Found::bytes),
    }
}

/// `restart` and Fast-Flow's `restart_…`.
pub(super) fn read_restart(section: &Section<'_>, notes: &mut Notes) -> Restart {
    let mut restart = Restart {
        on_crash: section.read("restart_on_crash", notes, Found::bool).unwrap_or_default(),
        cooldown: section.read("restart_cooldown", notes, Found::duration),
        interval: section.read("restart_interval", notes, read_restart_interval),
        at_start: false,
    };
    let object = section.read("restart", notes, |found, notes| Section::open(found, fields::RESTART, notes));
    let Some(object) = object else { return restart };
    let pairs = [
        ("on_crash", "restart_on_crash"),
        ("cooldown", "restart_cooldown"),
        ("interval", "restart_interval"),
    ];
    for (ours, theirs) in pairs {
        refuse_synonyms(&object, ours, section, theirs, notes);
    }
    restart.on_crash |= object.read("on_crash", notes, Found::bool).unwrap_or_default();
    restart.at_start = object.read("at_start", notes, Found::bool).unwrap_or_default();
    restart.cooldown = object.read("cooldown", notes, Found::duration).or(restart.cooldown);
    restart.interval = object.read("interval", notes, read_restart_interval).or(restart.interval);
    restart
}

/// A cron text, a time, or seconds (which Fast-Flow writes as a text).
fn read_restart_interval(found: &Found<'_>, notes: &mut Notes) -> Option<String> {
    let text = found.scalar_text("a cron text, a time such as `6h`, or a number of seconds", notes)?;
    let is_number = text.parse::<f64>().is_ok_and(|seconds| seconds > 0.0 && seconds.is_finite());
    if is_number || crate::quantity::parse_duration(&text).is_ok_and(|time| !time.is_zero()) {
        return Some(text);
    }
    super::cron::check_cron(found, &text, notes)
}

/// `cells`.
pub(super) fn read_cells(found: &Found<'_>, notes: &mut Notes) -> Option<Vec<CellRetry>> {
    let items = found.items(notes)?;
    let cells = items.iter().filter_map(|item| {
        // A cell without anything of its own keeps its place in the list.
        if item.node.is_null() {
            return Some(CellRetry { retries: 0, delay_seconds: 1.0 });
        }
        let Some(cell) = Section::open(item, fields::CELL, notes) else {
            // Nor does one that is left out.
            return notes.lenient.then_some(CellRetry { retries: 0, delay_seconds: 1.0 });
        };
        let retries = cell.read("retries", notes, |found, notes| found.count(0, 1000, notes)).unwrap_or(0);
        let delay = cell.read("delay_seconds", notes, Found::duration);
        let delay_seconds = delay.map_or(1.0, |delay| delay.as_secs_f64());
        Some(CellRetry { retries, delay_seconds })
    });
    Some(cells.collect())
}
