//! Why Kueue keeps a Workload waiting, the short of it first.
//!
//! Kueue says it in sentences of its conditions, whose reasons differ between its versions: what is read here is the
//! sentence, and what is not understood is passed on as it is.

use serde_json::Value;

use super::queues::{LocalQueuePlace, condition};

/// How a Workload stands that is not admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// `400m of cpu short`; empty where Kueue has not looked at it yet.
    short: String,
    /// In Kueue's words, with its reason behind.
    said: Option<String>,
    /// It moves up when others end. Of one that waits for something else, its place says nothing.
    pub moves_up: bool,
}

impl Standing {
    /// For people: short first, so that a list may cut the rest.
    pub fn words(&self, queue: &str, place: Option<&LocalQueuePlace>) -> String {
        let place = place.filter(|_| self.moves_up).map(LocalQueuePlace::words);
        let mut short: Vec<&str> =
            [self.short.as_str()].into_iter().filter(|word| !word.is_empty()).collect();
        short.extend(place.as_deref());
        let short = match short.is_empty() {
            true => format!("in `{queue}`, Kueue has not looked at it yet"),
            false => short.join(", "),
        };
        match &self.said {
            Some(said) => format!("{short}. Kueue: {said}"),
            None => short,
        }
    }
}

/// Reads it from a Workload; `None` when it is admitted, or has ended.
pub fn standing(workload: &Value) -> Option<Standing> {
    let has = |kind: &str| condition(workload, kind, "True").is_some();
    if has("Admitted") || has("Finished") {
        return None;
    }
    let stuck = |short: String, said| Some(Standing { short, said, moves_up: false });
    if workload.pointer("/spec/active") == Some(&Value::Bool(false)) {
        let said = condition(workload, "Evicted", "True").map(|(reason, said)| sentence(&said, &reason));
        return stuck("somebody has set its Workload inactive".to_owned(), said);
    }
    if has("QuotaReserved") {
        return match pending_check(workload) {
            Some((check, said)) => {
                stuck(format!("its quota is reserved, waits for the check `{check}`"), said)
            }
            None => stuck("its quota is reserved".to_owned(), None),
        };
    }
    let found = ["QuotaReserved", "Evicted"]
        .map(|kind| condition(workload, kind, if kind == "Evicted" { "True" } else { "False" }));
    let queue = workload.pointer("/spec/queueName").and_then(Value::as_str).unwrap_or_default();
    let understood = found.iter().flatten().find_map(|(reason, said)| {
        let (short, moves_up) = short(queue, said)?;
        Some(Standing { short, said: Some(sentence(said, reason)), moves_up })
    });
    if understood.is_some() {
        return understood;
    }
    let Some((reason, said)) = found.into_iter().flatten().next() else {
        return Some(Standing { short: String::new(), said: None, moves_up: true });
    };
    let moves_up = !matches!(reason.as_str(), "Inadmissible" | "Misconfigured" | "ExceedsMaxQuota");
    Some(Standing { short: without_uids(&said), said: None, moves_up })
}

fn sentence(said: &str, reason: &str) -> String {
    format!("{} ({reason})", without_uids(said))
}

/// A check of its admission that has not passed, and what it says.
fn pending_check(workload: &Value) -> Option<(String, Option<String>)> {
    let checks = workload.pointer("/status/admissionChecks")?.as_array()?;
    let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let pending = checks.iter().find(|check| text(check, "state") != "Ready")?;
    let said = Some(text(pending, "message")).filter(|said| !said.is_empty());
    Some((text(pending, "name"), said))
}

/// The short of a sentence of Kueue's, and whether it is a matter of its turn.
fn short(queue: &str, said: &str) -> Option<(String, bool)> {
    if let Some(too_much) = too_much(queue, said) {
        return Some((too_much, false));
    }
    let shortages = shortages(said);
    if !shortages.is_empty() {
        return Some((format!("{} short", shortages.join(" and ")), true));
    }
    if said.starts_with("Preempted") {
        return Some(("moved out of the way for another".to_owned(), true));
    }
    let (kind, rest) = said.strip_prefix("The ").unwrap_or(said).split_once(' ')?;
    let is_local = match kind {
        "LocalQueue" => true,
        "ClusterQueue" => false,
        _ => return None,
    };
    let name = rest.split(' ').next().unwrap_or_default();
    let ends = |words: &[&str]| words.iter().any(|word| rest.ends_with(word));
    let short = if ends(&["doesn't exist", "is terminating or missing"]) {
        match is_local {
            true => format!("there is no queue `{name}`"),
            false => format!("`{queue}` leads to the ClusterQueue `{name}`, which is not there"),
        }
    } else if ends(&["is stopped"]) {
        format!("`{queue}` is on hold")
    } else if ends(&["is inactive"]) {
        format!("`{queue}` is not active: on hold, or not whole")
    } else {
        return None;
    };
    Some((short, false))
}

/// `200m of cpu`, for each resource that others use.
fn shortages(said: &str) -> Vec<String> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    for part in said.split("insufficient unused quota for ").skip(1) {
        let Some((resource, rest)) = part.split_once(" in flavor ") else { continue };
        let amount = rest.split_once(", ").and_then(|(_, rest)| rest.split_once(" more needed"));
        let Some((amount, _)) = amount else { continue };
        // One flavor is enough of those that would do.
        if found.iter().all(|(known, _)| *known != resource) {
            found.push((resource, amount));
        }
    }
    found.into_iter().map(|(resource, amount)| format!("{amount} of {resource}")).collect()
}

/// A request that the queue can never grant.
fn too_much(queue: &str, said: &str) -> Option<String> {
    let (_, part) = said.split_once("insufficient quota for ")?;
    let (resource, rest) = part.split_once(" in flavor ")?;
    // Another flavor may have enough of it once others have ended.
    if said.contains(&format!("insufficient unused quota for {resource} ")) {
        return None;
    }
    let inner = |after: &str| rest.split_once(after)?.1.split_once(')').map(|(inner, _)| inner);
    let (asked, most) = match (inner("podset request ("), inner("maximum capacity (")) {
        (Some(asked), Some(most)) => (asked, most),
        (None, Some(both)) => both.split_once(" > ")?,
        _ => return None,
    };
    Some(format!("asks for {asked} of {resource}, and `{queue}` never has more than {most}"))
}

/// Without what tells nobody anything.
pub fn without_uids(said: &str) -> String {
    let said = said.split_once("; preemptor path").map_or(said, |(said, _)| said);
    match said.split_once(" (UID:") {
        Some((before, rest)) => {
            let after = rest.split_once(')').map_or("", |(_, after)| after);
            format!("{before}{after}")
        }
        None => said.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn waits(conditions: &Value) -> (String, bool) {
        let workload = json!({"spec": {"queueName": "a"}, "status": {"conditions": conditions}});
        let found = standing(&workload).unwrap();
        (found.words("a", Some(&LocalQueuePlace { queue: "a".into(), before: 1 })), found.moves_up)
    }

    fn no_quota(reason: &str, said: &str) -> (String, bool) {
        waits(&json!([{"type": "QuotaReserved", "status": "False", "reason": reason, "message": said}]))
    }

    #[test]
    fn what_is_short_comes_first_and_then_the_place() {
        let said = "couldn't assign flavors to pod set main: insufficient unused quota for cpu in flavor default, 400m more \
                    needed";
        let (words, moves_up) = no_quota("WaitingForQuota", said);
        assert_eq!(words, format!("400m of cpu short, 2nd in `a`. Kueue: {said} (WaitingForQuota)"));
        assert!(moves_up);
        let both = "couldn't assign flavors to pod set main: insufficient unused quota for cpu in flavor x, 1 more needed, \
                    insufficient unused quota for memory in flavor x, 2Gi more needed, insufficient unused quota for cpu in \
                    flavor y, 3 more needed";
        assert!(
            no_quota("Pending", both).0.starts_with("1 of cpu and 2Gi of memory short, 2nd in `a`. Kueue: ")
        );
    }

    #[test]
    fn what_no_turn_will_change_has_no_place() {
        let later = "couldn't assign flavors to pod set main: insufficient quota for cpu in flavor default, previously \
                     considered podsets requests (0) + current podset request (4) > maximum capacity (1)";
        let older = "couldn't assign flavors to pod set main: insufficient quota for cpu in flavor default, request > \
                     maximum capacity (4 > 1)";
        for (reason, said, words) in [
            ("ExceedsMaxQuota", later, "asks for 4 of cpu, and `a` never has more than 1. Kueue: "),
            ("Pending", older, "asks for 4 of cpu, and `a` never has more than 1. Kueue: "),
            ("Misconfigured", "LocalQueue nothere doesn't exist", "there is no queue `nothere`. Kueue: "),
            ("Inadmissible", "LocalQueue nothere doesn't exist", "there is no queue `nothere`. Kueue: "),
            ("Inadmissible", "ClusterQueue c is stopped", "`a` is on hold. Kueue: "),
            (
                "Inadmissible",
                "ClusterQueue c is inactive",
                "`a` is not active: on hold, or not whole. Kueue: ",
            ),
            ("Inadmissible", "LocalQueue a is inactive", "`a` is not active: on hold, or not whole. Kueue: "),
            (
                "Inadmissible",
                "ClusterQueue c doesn't exist",
                "`a` leads to the ClusterQueue `c`, which is not there. ",
            ),
            ("Inadmissible", "resource claims are not supported", "resource claims are not supported"),
        ] {
            let (found, moves_up) = no_quota(reason, said);
            assert!(found.starts_with(words), "{found}");
            assert!(!moves_up && !found.contains("2nd"), "{found}");
        }
        let held = json!([
            {"type": "Evicted", "status": "True", "reason": "ClusterQueueStopped", "message": "The ClusterQueue is stopped"},
            {"type": "QuotaReserved", "status": "False", "reason": "Pending", "message": "The ClusterQueue is stopped"},
        ]);
        assert!(waits(&held).0.starts_with("`a` is on hold. "), "{held}");
    }

    #[test]
    fn two_flavors_of_which_one_is_large_enough_are_a_matter_of_turns() {
        let said = "couldn't assign flavors to pod set main: insufficient quota for cpu in flavor small, request > maximum \
                    capacity (4 > 1), insufficient unused quota for cpu in flavor large, 2 more needed";
        let (words, moves_up) = no_quota("WaitingForQuota", said);
        assert!(moves_up && words.starts_with("2 of cpu short, 2nd in `a`"), "{words}");
    }

    #[test]
    fn who_was_not_looked_at_has_a_place() {
        assert_eq!(waits(&json!([])), ("2nd in `a`".to_owned(), true));
        let found = standing(&json!({"spec": {"queueName": "a"}})).unwrap();
        assert_eq!(found.words("a", None), "in `a`, Kueue has not looked at it yet");
    }

    #[test]
    fn uids_are_left_out() {
        let said = "Preempted to accommodate a workload (UID: 1-2, JobUID: 3-4) due to prioritization in the ClusterQueue; \
                    preemptor path: /c; preemptee path: /c";
        let moved = json!([
            {"type": "Evicted", "status": "True", "reason": "Preempted", "message": said},
            {"type": "QuotaReserved", "status": "False", "reason": "Pending", "message": said},
        ]);
        assert_eq!(
            waits(&moved).0,
            "moved out of the way for another, 2nd in `a`. Kueue: Preempted to accommodate a workload due to \
             prioritization in the ClusterQueue (Pending)"
        );
    }

    #[test]
    fn checks_and_people_are_named() {
        let checked = json!({"spec": {"queueName": "a"}, "status": {
            "conditions": [{"type": "QuotaReserved", "status": "True", "reason": "QuotaReserved", "message": ""}],
            "admissionChecks": [{"name": "ready", "state": "Ready"}, {"name": "money", "state": "Pending", "message": "asked"}],
        }});
        let words = |workload: &Value| standing(workload).map(|found| found.words("a", None));
        let said = "its quota is reserved, waits for the check `money`. Kueue: asked";
        assert_eq!(words(&checked).as_deref(), Some(said));
        let off = json!({"spec": {"queueName": "a", "active": false}});
        assert_eq!(words(&off).as_deref(), Some("somebody has set its Workload inactive"));
        let admitted = json!([{"type": "Admitted", "status": "True", "reason": "Admitted", "message": ""}]);
        assert_eq!(words(&json!({"status": {"conditions": admitted}})), None);
    }
}
