//! What Fast-Flow makes of odd values in its own fields of a `pipeline.json`, so that its folders run here as there.
//!
//! The tree is put right before it is read, each time with a warning. What cannot be put right is read as strictly as
//! anything, and left out with a warning where Fast-Flow would pass or drop it (`Notes::forgive`).

use super::document::{Member, Node, NodeValue, read_number};
use super::mistake::Mistake;
use crate::place::Position;
use crate::text::excerpt;

/// The fields of one of Fast-Flow's objects.
type Place = &'static [(&'static str, Shape)];

/// What Fast-Flow takes a field for.
#[derive(Debug, Clone, Copy)]
enum Shape {
    /// A text for people: as it is, or whatever it is written as.
    Text,
    /// A text without the space around it; an empty one is none.
    Word,
    /// As a word, and nothing else is taken for one.
    Name,
    /// As a word, and an empty one is how it is switched off.
    Key,
    /// Python's truth of whatever it is.
    Truth,
    /// A whole number, by itself or as a text.
    Whole,
    /// A number, by itself or as a text.
    Number,
    /// Cores or memory.
    Amount,
    /// A list of texts.
    Texts,
    /// A list of names.
    Names,
    /// A list of numbers.
    Numbers,
    /// Names with texts.
    Variables,
    /// Names with texts, without the space around the names.
    Sealed,
    /// An object.
    Object(Place),
    /// A list of objects.
    Objects(Place),
}

const TOP: Place = &[
    ("type", Shape::Word),
    ("enabled", Shape::Truth),
    ("description", Shape::Text),
    ("tags", Shape::Texts),
    ("python_version", Shape::Word),
    ("timeout", Shape::Number),
    ("retry_attempts", Shape::Whole),
    ("retry_strategy", Shape::Object(STRATEGY)),
    ("cpu_hard_limit", Shape::Amount),
    ("mem_hard_limit", Shape::Amount),
    ("cpu_soft_limit", Shape::Amount),
    ("mem_soft_limit", Shape::Amount),
    ("default_env", Shape::Variables),
    ("encrypted_env", Shape::Sealed),
    ("secrets", Shape::Names),
    ("webhook_key", Shape::Key),
    ("schedule_cron", Shape::Word),
    ("schedule_interval_seconds", Shape::Whole),
    ("schedule_start", Shape::Word),
    ("schedule_end", Shape::Word),
    ("run_once_at", Shape::Word),
    ("schedules", Shape::Objects(SCHEDULE)),
    ("restart_on_crash", Shape::Truth),
    ("restart_cooldown", Shape::Number),
    ("restart_interval", Shape::Word),
    ("max_instances", Shape::Whole),
    ("downstream_triggers", Shape::Objects(TRIGGER)),
    ("cells", Shape::Objects(CELL)),
];

const SCHEDULE: Place = &[
    ("id", Shape::Word),
    ("enabled", Shape::Truth),
    ("schedule_cron", Shape::Word),
    ("schedule_interval_seconds", Shape::Whole),
    ("run_once_at", Shape::Word),
    ("schedule_start", Shape::Word),
    ("schedule_end", Shape::Word),
    ("default_env", Shape::Variables),
    ("encrypted_env", Shape::Sealed),
    ("cpu_hard_limit", Shape::Amount),
    ("mem_hard_limit", Shape::Amount),
    ("cpu_soft_limit", Shape::Amount),
    ("mem_soft_limit", Shape::Amount),
    ("timeout", Shape::Number),
    ("retry_attempts", Shape::Whole),
    ("retry_strategy", Shape::Object(STRATEGY)),
    ("webhook_key", Shape::Key),
];

const STRATEGY: Place = &[
    ("type", Shape::Word),
    ("delay", Shape::Number),
    ("initial_delay", Shape::Number),
    ("max_delay", Shape::Number),
    ("multiplier", Shape::Number),
    ("delays", Shape::Numbers),
];

const TRIGGER: Place = &[
    ("pipeline", Shape::Word),
    ("on_success", Shape::Truth),
    ("on_failure", Shape::Truth),
    ("on_route", Shape::Word),
    ("run_config_id", Shape::Word),
];

const CELL: Place = &[("retries", Shape::Whole), ("delay_seconds", Shape::Number)];

/// The fields of the object at a path, if it is one of Fast-Flow's.
fn place(path: &str) -> Option<Place> {
    let mut place = TOP;
    for step in path.split('.').filter(|step| !step.is_empty()) {
        let name = step.split('[').next().unwrap_or(step);
        match shape(place, name)? {
            Shape::Object(inner) | Shape::Objects(inner) => place = inner,
            _ => return None,
        }
    }
    Some(place)
}

fn shape(place: Place, name: &str) -> Option<Shape> {
    place.iter().find(|(known, _)| *known == name).map(|(_, shape)| *shape)
}

/// Whether the object at this path is one of Fast-Flow's.
pub(super) fn is_object(path: &str) -> bool {
    place(path).is_some()
}

/// Whether Fast-Flow has this field in the object at this path.
pub(super) fn knows(path: &str, name: &str) -> bool {
    place(path).is_some_and(|place| shape(place, name).is_some())
}

/// Whether a spec has nothing of Rigi's own at its top: then a name that nobody knows is one that Fast-Flow passes over,
/// and not a slip of somebody who writes for Rigi.
pub(super) fn is_theirs(root: &Node) -> bool {
    let NodeValue::Map(members) = &root.value else { return true };
    !members.iter().any(is_own)
}

fn is_own(member: &Member) -> bool {
    let mut names = super::fields::SPEC.iter().flat_map(super::fields::Field::names);
    names.any(|name| name == member.key) && shape(TOP, &member.key).is_none()
}

/// Which of the names that stand twice are in what Fast-Flow reads, where the last one counts; the others are Rigi's
/// own, where it is a mistake.
pub(super) fn sort_repeated(root: &Node, repeated: Vec<Mistake>) -> (Vec<Mistake>, Vec<Mistake>) {
    let NodeValue::Map(members) = &root.value else { return (repeated, Vec::new()) };
    let own = |at: Position| {
        let around = members.iter().filter(|member| member.key_at <= at).max_by_key(|member| member.key_at);
        around.is_some_and(is_own)
    };
    let (mistakes, warnings): (Vec<_>, Vec<_>) =
        repeated.into_iter().partition(|mistake| own(mistake.position()));
    let last =
        |mistake: Mistake| Mistake { message: format!("{}; the last is used", mistake.message), ..mistake };
    (mistakes, warnings.into_iter().map(last).collect())
}

/// Puts a whole spec right.
pub(super) fn put_right(root: &mut Node, warnings: &mut Vec<Mistake>) {
    match &mut root.value {
        NodeValue::Map(members) => put_members_right(members, TOP, "", warnings),
        NodeValue::Null => {}
        _ => {
            let message = format!("the spec is {} and must be a map of names and values", root.describe());
            warnings.push(Mistake::new(root.at, format!("{message}; nothing of it is used")));
            root.value = NodeValue::Map(Vec::new());
        }
    }
}

fn put_members_right(members: &mut [Member], place: Place, path: &str, warnings: &mut Vec<Mistake>) {
    for member in members {
        let Some(shape) = shape(place, &member.key) else { continue };
        let path = if path.is_empty() { member.key.clone() } else { format!("{path}.{}", member.key) };
        Righting { path, warnings }.node(&mut member.node, shape);
    }
}

/// One value that is put right.
struct Righting<'a> {
    path: String,
    warnings: &'a mut Vec<Mistake>,
}

impl Righting<'_> {
    fn warn(&mut self, at: Position, is: &str) {
        self.warnings.push(Mistake::new(at, format!("`{}` {is}", self.path)));
    }

    /// Another value, and why.
    fn take(&mut self, node: &mut Node, value: NodeValue, shown: &str) {
        let is = format!("is {} and is taken for {shown}", node.describe());
        self.warn(node.at, &is);
        node.value = value;
    }

    fn node(&mut self, node: &mut Node, shape: Shape) {
        match shape {
            Shape::Text => self.text(node),
            Shape::Word => self.word(node),
            Shape::Key => match &node.value {
                NodeValue::Text(text) if text.trim().is_empty() => node.value = NodeValue::Null,
                _ => self.word(node),
            },
            Shape::Name if matches!(node.value, NodeValue::Text(_)) => self.word(node),
            Shape::Name => {}
            Shape::Truth => self.truth(node),
            Shape::Whole => self.number(node, f64::trunc),
            Shape::Number => self.number(node, |number| number),
            Shape::Amount => _ = self.blank(node),
            Shape::Texts => self.items(node, Shape::Text, Blank::Dropped),
            Shape::Names => self.items(node, Shape::Name, Blank::Dropped),
            Shape::Numbers => self.items(node, Shape::Number, Blank::Kept),
            Shape::Variables => {}
            Shape::Sealed => self.sealed(node),
            Shape::Object(place) => self.object(node, place),
            Shape::Objects(place) => {
                let NodeValue::List(items) = &mut node.value else { return };
                for (index, item) in items.iter_mut().enumerate() {
                    let path = format!("{}[{index}]", self.path);
                    Righting { path, warnings: self.warnings }.object(item, place);
                }
            }
        }
    }

    fn object(&mut self, node: &mut Node, place: Place) {
        if let NodeValue::Map(members) = &mut node.value {
            put_members_right(members, place, &self.path, self.warnings);
        }
    }

    /// What Python's `str` makes of it.
    fn text(&mut self, node: &mut Node) {
        let text = match &node.value {
            NodeValue::Number(_, text) => text.clone(),
            NodeValue::Bool(true) => "True".to_owned(),
            NodeValue::Bool(false) => "False".to_owned(),
            _ => return,
        };
        let shown = format!("the text `{}`", excerpt(&text));
        self.take(node, NodeValue::Text(text), &shown);
    }

    fn word(&mut self, node: &mut Node) {
        self.text(node);
        if self.blank(node) {
            return;
        }
        if let NodeValue::Text(text) = &mut node.value
            && text.trim().len() < text.len()
        {
            *text = text.trim().to_owned();
            self.warn(node.at, "has space around it, which is left out");
        }
    }

    /// An empty text says nothing.
    fn blank(&mut self, node: &mut Node) -> bool {
        let blank = matches!(&node.value, NodeValue::Text(text) if text.trim().is_empty());
        if blank {
            self.warn(node.at, "is empty and has no effect");
            node.value = NodeValue::Null;
        }
        blank
    }

    fn truth(&mut self, node: &mut Node) {
        let truth = match &node.value {
            NodeValue::Bool(_) | NodeValue::Null => return,
            NodeValue::Number(number, _) => number.as_f64() != Some(0.0),
            NodeValue::Text(text) => !text.is_empty(),
            NodeValue::List(items) => !items.is_empty(),
            NodeValue::Map(members) => !members.is_empty(),
        };
        self.take(node, NodeValue::Bool(truth), &format!("`{truth}`, as Fast-Flow does"));
    }

    fn number(&mut self, node: &mut Node, round: impl Fn(f64) -> f64) {
        if self.blank(node) {
            return;
        }
        let (text, is_number) = match &node.value {
            NodeValue::Number(_, text) => (text.clone(), true),
            NodeValue::Text(text) => (text.trim().to_owned(), false),
            _ => return,
        };
        let Some(float) = text.parse::<f64>().ok().filter(|float| float.is_finite()) else { return };
        let rounded = round(float);
        if is_number && rounded.to_bits() == float.to_bits() {
            return;
        }
        let written = if rounded.to_bits() == float.to_bits() { text } else { format!("{rounded}") };
        // What `f64` reads and JSON does not, such as `.5` or `+3`.
        let Some(number) = read_number(&written).or_else(|| read_number(&format!("{rounded}"))) else {
            return;
        };
        self.take(
            node,
            NodeValue::Number(number, written.clone()),
            &format!("the number {}", excerpt(&written)),
        );
    }

    fn items(&mut self, node: &mut Node, shape: Shape, blank: Blank) {
        if let NodeValue::Text(text) = &node.value
            && text.trim().is_empty()
        {
            self.blank(node);
        }
        let NodeValue::List(items) = &mut node.value else { return };
        for (index, item) in items.iter_mut().enumerate() {
            let path = format!("{}[{index}]", self.path);
            Righting { path, warnings: self.warnings }.node(item, shape);
            if let NodeValue::Text(text) = &item.value
                && blank == Blank::Dropped
                && text.trim().is_empty()
            {
                item.value = NodeValue::Null;
            }
        }
        if blank == Blank::Dropped {
            items.retain(|item| !item.is_null());
        }
    }

    fn sealed(&mut self, node: &mut Node) {
        let NodeValue::Map(members) = &mut node.value else { return };
        for member in members.iter_mut().filter(|member| member.key.trim().len() < member.key.len()) {
            member.key = member.key.trim().to_owned();
            let is = format!("has space around the name `{}`, which is left out", excerpt(&member.key));
            self.warnings.push(Mistake::new(member.key_at, format!("`{}` {is}", self.path)));
        }
    }
}

/// What becomes of an empty item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blank {
    Kept,
    Dropped,
}
