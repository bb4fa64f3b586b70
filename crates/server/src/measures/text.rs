//! The text format of Prometheus, version 0.0.4: families in the order of their names, series in that of their labels.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use metrics::Key;

use super::named::{self, Kind};

/// A value that was asked for: sizes, answers of others.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    name: &'static str,
    label: Option<(&'static str, &'static str)>,
    value: f64,
}

impl Sample {
    /// Of a metric without labels.
    #[must_use]
    pub const fn new(name: &'static str, value: f64) -> Self {
        Self { name, label: None, value }
    }

    /// With a label.
    #[must_use]
    pub const fn of(name: &'static str, label: (&'static str, &'static str), value: f64) -> Self {
        Self { name, label: Some(label), value }
    }
}

/// A text that is being written.
#[derive(Default)]
pub(super) struct Text {
    families: BTreeMap<String, (Kind, BTreeMap<String, String>)>,
}

impl Text {
    fn add(&mut self, kind: Kind, name: &str, labels: String, lines: String) {
        let kind = named::of_name(name).map_or(kind, |measure| measure.kind);
        let family = self.families.entry(name.to_owned()).or_insert_with(|| (kind, BTreeMap::new()));
        family.1.insert(labels, lines);
    }

    pub(super) fn number(&mut self, kind: Kind, key: &Key, value: f64) {
        let (name, labels) = (key.name(), labels_of(key));
        let line = format!("{name}{} {value}\n", within(&labels, ""));
        self.add(kind, name, labels, line);
    }

    pub(super) fn sample(&mut self, sample: &Sample) {
        let mut labels = String::new();
        if let Some((label, value)) = sample.label {
            write_label(&mut labels, label, value);
        }
        let line = format!("{}{} {}\n", sample.name, within(&labels, ""), sample.value);
        self.add(Kind::Gauge, sample.name, labels, line);
    }

    /// `counts` has one more than `bounds`: what lies beyond the last.
    pub(super) fn histogram(&mut self, key: &Key, bounds: &'static [f64], counts: &[u64], sum: f64) {
        let (name, labels) = (key.name(), labels_of(key));
        let mut lines = String::new();
        let mut total = 0;
        // Writing to a String cannot fail.
        for (at, count) in counts.iter().enumerate() {
            total += count;
            let le = bounds.get(at).map_or_else(|| "+Inf".to_owned(), f64::to_string);
            let _ = writeln!(lines, "{name}_bucket{} {total}", within(&labels, &format!("le=\"{le}\"")));
        }
        let labels_alone = within(&labels, "");
        let _ = writeln!(lines, "{name}_sum{labels_alone} {sum}");
        let _ = writeln!(lines, "{name}_count{labels_alone} {total}");
        self.add(Kind::Histogram(bounds), name, labels, lines);
    }

    pub(super) fn finish(self) -> String {
        let mut text = String::new();
        for (name, (kind, series)) in self.families {
            if let Some(measure) = named::of_name(&name) {
                let _ = writeln!(text, "# HELP {name} {}", measure.help);
            }
            let _ = writeln!(text, "# TYPE {name} {}", kind.as_str());
            text.extend(series.into_values());
        }
        text
    }
}

/// Labels in their braces, or nothing.
fn within(labels: &str, more: &str) -> String {
    match (labels.is_empty(), more.is_empty()) {
        (true, true) => String::new(),
        (false, false) => format!("{{{labels},{more}}}"),
        _ => format!("{{{labels}{more}}}"),
    }
}

fn labels_of(key: &Key) -> String {
    let mut text = String::new();
    for label in key.labels() {
        write_label(&mut text, label.key(), label.value());
    }
    text
}

fn write_label(text: &mut String, label: &str, value: &str) {
    let value = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
    let comma = if text.is_empty() { "" } else { "," };
    // Writing to a String cannot fail.
    let _ = write!(text, "{comma}{label}=\"{value}\"");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_neither_its_quotes_nor_its_line() {
        let mut text = Text::default();
        text.sample(&Sample::of("rigi_build_info", ("version", "a\"b\\c\nd"), 1.0));
        assert_eq!(
            text.finish(),
            "# HELP rigi_build_info Which version serves.\n# TYPE rigi_build_info gauge\n\
             rigi_build_info{version=\"a\\\"b\\\\c\\nd\"} 1\n"
        );
    }
}
