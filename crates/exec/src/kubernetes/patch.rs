//! A spec's `pod_template` on top of the pod that Rigi makes.
//!
//! Objects are merged field by field; lists of things with names (containers, volumes, variables) thing by thing; every
//! other list and value takes the place of Rigi's. `null` takes a field away.

use serde_json::{Map, Value};

/// The lists whose items are merged by a field.
const KEYED: &[(&str, &str)] = &[
    ("containers", "name"),
    ("volumes", "name"),
    ("env", "name"),
    ("volumeMounts", "mountPath"),
    ("imagePullSecrets", "name"),
];

/// Lists of which both sides count.
const ADDED: &[&str] = &["tolerations", "hostAliases", "envFrom"];

/// Merges a patch into an object.
pub fn merge(into: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, new) in patch {
        if new.is_null() {
            into.remove(name);
            continue;
        }
        match (into.get_mut(name), new) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            (Some(Value::Array(old)), Value::Array(new)) => merge_lists(name, old, new),
            _ => _ = into.insert(name.clone(), new.clone()),
        }
    }
}

fn merge_lists(name: &str, old: &mut Vec<Value>, new: &[Value]) {
    if ADDED.contains(&name) {
        old.extend(new.iter().cloned());
        return;
    }
    let Some((_, key)) = KEYED.iter().find(|(list, _)| *list == name) else {
        *old = new.to_vec();
        return;
    };
    for item in new {
        let known = old.iter_mut().find(|known| known.get(key).is_some() && known.get(key) == item.get(key));
        match (known, item) {
            (Some(Value::Object(known)), Value::Object(item)) => merge(known, item),
            _ => old.push(item.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn things_with_names_are_merged_and_others_replaced() {
        let mut pod = json!({"spec": {
            "containers": [{"name": "attempt", "image": "a", "env": [{"name": "A", "value": "1"}], "args": ["x"]}],
            "volumes": [{"name": "work", "emptyDir": {}}],
            "tolerations": [{"key": "a"}],
            "hostNetwork": true,
        }});
        let patch = json!({"spec": {
            "containers": [
                {"name": "attempt", "env": [{"name": "B", "value": "2"}], "args": ["y"]},
                {"name": "proxy", "image": "p"},
            ],
            "volumes": [{"name": "work", "emptyDir": {"sizeLimit": "1Gi"}}],
            "tolerations": [{"key": "b"}],
            "hostNetwork": null,
        }});
        merge(pod.as_object_mut().unwrap(), patch.as_object().unwrap());
        assert_eq!(
            pod,
            json!({"spec": {
                "containers": [
                    {"name": "attempt", "image": "a", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                     "args": ["y"]},
                    {"name": "proxy", "image": "p"},
                ],
                "volumes": [{"name": "work", "emptyDir": {"sizeLimit": "1Gi"}}],
                "tolerations": [{"key": "a"}, {"key": "b"}],
            }})
        );
    }
}
