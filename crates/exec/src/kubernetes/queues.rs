//! Kueue's queues as a watch of its Workloads shows them: who waits, and how many are before whom.
//!
//! Counted from what is watched anyway: an installation may lack the API that tells positions, and it would be asked again
//! and again.

use std::collections::{HashMap, HashSet};

use rigi_model::quantity::ordinal;
use serde_json::Value;

use super::standing::standing;

/// Workloads that wait, by name.
#[derive(Debug, Default)]
pub struct Queues {
    waiting: HashMap<String, Waiting>,
}

#[derive(Debug, PartialEq, Eq)]
struct Waiting {
    queue: String,
    /// By priority, then by age, then by uid: as Kueue has it, unless somebody set it up otherwise.
    order: (i64, String, String),
    /// The name of the Job it is for.
    job: Option<String>,
}

/// Where one waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalQueuePlace {
    pub queue: String,
    /// How many are before it.
    pub before: usize,
}

impl LocalQueuePlace {
    /// For people: `2nd in `a``. Far behind, a round number will do: each change of it is told.
    pub fn words(&self) -> String {
        let (before, queue) = (round(self.before), &self.queue);
        match before {
            0 => format!("next in `{queue}`"),
            before if before == self.before => format!("{} in `{queue}`", ordinal(before as u64 + 1)),
            before => format!("more than {before} before it in `{queue}`"),
        }
    }
}

const fn round(number: usize) -> usize {
    let step = match number {
        0..=20 => 1,
        21..=100 => 10,
        101..=1000 => 100,
        _ => 1000,
    };
    number - number % step
}

impl Queues {
    /// A Workload as it is now; `None` when it is gone. Returns whether anybody's place may have changed.
    pub fn hear(&mut self, name: &str, workload: Option<&Value>) -> bool {
        let now = workload.and_then(waiting);
        if self.waiting.get(name) == now.as_ref() {
            return false;
        }
        match now {
            Some(now) => _ = self.waiting.insert(name.to_owned(), now),
            None => _ = self.waiting.remove(name),
        }
        true
    }

    /// After a list: who is not in it waits no more.
    pub fn retain(&mut self, there: &HashSet<String>) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|name, _| there.contains(name));
        self.waiting.len() != before
    }

    /// The place of each Job that waits.
    pub fn places(&self) -> Vec<(&str, LocalQueuePlace)> {
        let mut lines: HashMap<&str, Vec<&Waiting>> = HashMap::new();
        for waiting in self.waiting.values() {
            lines.entry(&waiting.queue).or_default().push(waiting);
        }
        let mut places = Vec::new();
        for (queue, mut line) in lines {
            line.sort_unstable_by(|a, b| a.order.cmp(&b.order));
            for (before, waiting) in line.into_iter().enumerate() {
                let Some(job) = &waiting.job else { continue };
                places.push((job.as_str(), LocalQueuePlace { queue: queue.to_owned(), before }));
            }
        }
        places
    }
}

/// The Job that a Workload is for.
pub fn job_of(workload: &Value) -> Option<&str> {
    let owners = workload.pointer("/metadata/ownerReferences")?.as_array()?;
    let job = owners.iter().find(|owner| owner.get("kind").and_then(Value::as_str) == Some("Job"))?;
    job.get("name")?.as_str()
}

/// A condition of a Workload that is true: its reason and message.
pub fn condition(workload: &Value, kind: &str, status: &str) -> Option<(String, String)> {
    let conditions = workload.pointer("/status/conditions")?.as_array()?;
    let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let found = conditions.iter().find(|c| text(c, "type") == kind && text(c, "status") == status)?;
    Some((text(found, "reason"), text(found, "message")))
}

/// One that is not admitted, and whose turn comes: those that wait for something else stand in nobody's way.
fn waiting(workload: &Value) -> Option<Waiting> {
    standing(workload).filter(|standing| standing.moves_up)?;
    let priority = workload.pointer("/spec/priority").and_then(Value::as_i64).unwrap_or(0);
    let text = |path: &str| workload.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    Some(Waiting {
        queue: workload.pointer("/spec/queueName")?.as_str()?.to_owned(),
        order: (priority.saturating_neg(), text("/metadata/creationTimestamp"), text("/metadata/uid")),
        job: job_of(workload).map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workload(job: &str, priority: i64, since: &str, conditions: Value) -> Value {
        json!({
            "metadata": {
                "creationTimestamp": since,
                // The other way round than the names.
                "uid": format!("{:03}", 200 - job.as_bytes()[0]),
                "ownerReferences": [{"kind": "Job", "name": job}],
            },
            "spec": {"queueName": "team", "priority": priority},
            "status": {"conditions": conditions},
        })
    }

    #[test]
    fn priority_comes_before_age() {
        let mut queues = Queues::default();
        let no = json!([{"type": "QuotaReserved", "status": "False"}]);
        for (name, priority, since) in [("a", 0, "2026-01-01T00:00:02Z"), ("b", 0, "2026-01-01T00:00:01Z")] {
            assert!(queues.hear(name, Some(&workload(name, priority, since, no.clone()))));
        }
        let urgent = workload("c", 10, "2026-01-01T00:00:03Z", no);
        assert!(queues.hear("c", Some(&urgent)));
        assert!(!queues.hear("c", Some(&urgent)));
        let places = |queues: &Queues| {
            let mut found: Vec<_> =
                queues.places().iter().map(|(job, place)| (place.before, (*job).to_owned())).collect();
            found.sort();
            found.into_iter().map(|(_, job)| job).collect::<Vec<_>>()
        };
        assert_eq!(places(&queues), ["c", "b", "a"]);

        let yes = json!([{"type": "QuotaReserved", "status": "True"}]);
        assert!(queues.hear("c", Some(&workload("c", 10, "2026-01-01T00:00:03Z", yes))));
        assert_eq!(places(&queues), ["b", "a"]);
        assert!(queues.retain(&HashSet::from(["a".to_owned()])));
        assert_eq!(places(&queues), ["a"]);

        // Of one second, the lower uid is the first; nobody has looked at them yet.
        for name in ["b", "c"] {
            assert!(queues.hear(name, Some(&workload(name, 0, "2026-01-01T00:00:02Z", json!([])))));
        }
        assert_eq!(places(&queues), ["c", "b", "a"]);
        // What can never be admitted stands in nobody's way.
        let never = json!([{"type": "QuotaReserved", "status": "False", "reason": "ExceedsMaxQuota", "message": "x"}]);
        assert!(queues.hear("c", Some(&workload("c", 0, "2026-01-01T00:00:02Z", never))));
        assert_eq!(places(&queues), ["b", "a"]);
    }

    #[test]
    fn far_behind_a_round_number_will_do() {
        let words = |before| LocalQueuePlace { queue: "q".into(), before }.words();
        assert_eq!(words(0), "next in `q`");
        assert_eq!(words(1), "2nd in `q`");
        assert_eq!(words(7), "8th in `q`");
        assert_eq!(words(4321), "more than 4000 before it in `q`");
    }
}
