//! Fields that are read, checked and shown, and on which this version does not act yet. What begins to act loses its
//! line here, and with it the warnings.

use super::document::NodeValue;
use super::mistake::Mistake;
use super::section::{Found, Notes, Section};
use super::spec::PipelineSpec;

/// Something that a spec may ask for in vain.
struct Idle {
    /// Its fields, as they may stand at the top of a spec.
    fields: &'static [&'static str],
    /// What does not happen.
    effect: &'static str,
    /// Whether a spec asks for it.
    is_asked: fn(&PipelineSpec) -> bool,
}

const IDLE: &[Idle] = &[Idle {
    fields: &["soft_limits", "cpu_soft_limit", "mem_soft_limit"],
    effect: "nobody is notified",
    is_asked: |spec| spec.soft_limits.cpu.is_some() || spec.soft_limits.memory.is_some(),
}];

/// Warns of each that a spec asks for, where it stands.
pub(super) fn warn_of_idle(section: &Section<'_>, spec: &PipelineSpec, notes: &mut Notes) {
    for idle in IDLE.iter().filter(|idle| (idle.is_asked)(spec)) {
        let says =
            |found: &&Found<'_>| !matches!(&found.node.value, NodeValue::List(items) if items.is_empty());
        let found = idle.fields.iter().filter_map(|field| section.get(field)).find(says);
        if let Some(found) = found {
            let message = format!("{} has no effect yet: {}", found.name(), idle.effect);
            notes.warnings.push(Mistake::new(found.key_at, message));
        }
    }
}

/// What a run's log says of the fields in vain; `None` where there are none.
#[must_use]
pub fn idle_note(spec: &PipelineSpec) -> Option<String> {
    let asked = IDLE.iter().filter(|idle| (idle.is_asked)(spec));
    let named: Vec<String> = asked.map(|idle| format!("`{}` ({})", idle.fields[0], idle.effect)).collect();
    (!named.is_empty()).then(|| format!("This version does not act yet on {}.", named.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::super::fields::{Field, SPEC};
    use super::super::spec::Entry;
    use super::super::{FolderFacts, SpecFormat, read_spec};
    use super::*;

    #[test]
    fn each_is_told_where_it_stands_and_in_the_run() {
        let text = "schedule: 0 6 * * *\ndownstream_triggers: [{pipeline: x}]\n\
                    webhook_key: k\nsoft_limits: {cpu: 1}\nrestart: {on_crash: true}";
        let folder = FolderFacts::new("demo", ["main.py"]);
        let reading = read_spec(SpecFormat::Yaml, text.as_bytes(), &folder).unwrap();
        let lines: Vec<u32> = reading.warnings.iter().map(|warning| warning.line).collect();
        assert_eq!(lines, [4]);
        assert_eq!(reading.warnings[0].message, "`soft_limits` has no effect yet: nobody is notified");
        let note = idle_note(&reading.spec).unwrap();
        assert!(IDLE.iter().all(|idle| note.contains(idle.effect)), "{note}");
        assert_eq!(note, "This version does not act yet on `soft_limits` (nobody is notified).");
    }

    #[test]
    fn a_spec_without_them_says_nothing() {
        assert_eq!(idle_note(&PipelineSpec::of(Entry::Script { file: "main.py".into() })), None);
        let folder = FolderFacts::new("demo", ["main.py"]);
        let text = "schedules: [{id: a, cron: 0 6 * * *, enabled: false}]\nrestart: {on_crash: false, cooldown: 5s}\nsoft_limits: {}";
        assert_eq!(read_spec(SpecFormat::Yaml, text.as_bytes(), &folder).unwrap().warnings, []);
    }

    #[test]
    fn their_fields_are_fields() {
        let known: Vec<_> = SPEC.iter().flat_map(Field::names).collect();
        for field in IDLE.iter().flat_map(|idle| idle.fields) {
            assert!(known.contains(field), "{field}");
        }
    }
}
