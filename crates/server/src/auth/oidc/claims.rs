//! What a provider says of a person.

use serde_json::Value;

/// Groups that are read at most.
const MOST_GROUPS: usize = 20_000;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// What the provider calls the person, for ever.
    pub subject: String,
    /// How they are called.
    pub name: Option<String>,
    /// Their mail address.
    pub mail: Option<String>,
    /// Whether the provider has made sure that it is theirs.
    pub mail_verified: bool,
    /// Their groups; `None`: it does not say, which is not the same as none.
    pub groups: Option<Vec<String>>,
    /// The groups were too many for the token, and would have to be asked for elsewhere.
    pub groups_left_out: bool,
    /// What the provider calls its session.
    pub session: Option<String>,
    /// Names of everything that it said.
    pub names: Vec<String>,
}

/// What a provider says when a session of its own has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedOut {
    /// Whose.
    pub subject: Option<String>,
    /// Which.
    pub session: Option<String>,
}

/// The value at names between dots; a name that holds dots itself is found first.
fn at<'a>(claims: &'a Value, path: &str) -> Option<&'a Value> {
    if let Some(whole) = claims.get(path) {
        return Some(whole);
    }
    path.match_indices('.').find_map(|(dot, _)| at(claims.get(&path[..dot])?, &path[dot + 1..]))
}

fn groups(value: &Value) -> Option<Vec<String>> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(fields) => fields.get("name").and_then(Value::as_str).map(str::to_owned),
        _ => None,
    };
    match value {
        Value::Array(all) => Some(all.iter().take(MOST_GROUPS).filter_map(one).collect()),
        Value::String(text) => {
            Some(text.split([',', ' ']).filter(|part| !part.is_empty()).map(str::to_owned).collect())
        }
        _ => None,
    }
}

impl Claims {
    /// Of a token, and of what was asked for beside it, which counts less.
    #[must_use]
    pub fn of(token: &Value, beside: Option<&Value>, groups_claim: &str) -> Self {
        let sources = [Some(token), beside];
        let sources = || sources.iter().flatten();
        let text = |name: &str| {
            let mut found = sources().filter_map(|claims| claims.get(name)?.as_str());
            found.find(|text| !text.is_empty()).map(str::to_owned)
        };
        let mail = text("email");
        // Said beside the address that it is about, and nowhere else. Some say it as a text.
        let verified =
            sources().find(|claims| claims.get("email").and_then(Value::as_str) == mail.as_deref());
        let verified = verified.and_then(|claims| claims.get("email_verified"));
        let mail_verified = verified.is_some_and(|v| *v == Value::Bool(true) || v.as_str() == Some("true"));
        let left_out = sources().any(|claims| claims.pointer("/_claim_names/groups").is_some());
        let names =
            sources().filter_map(|claims| claims.as_object()).flat_map(|fields| fields.keys().cloned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names.dedup();
        Self {
            subject: token.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned(),
            name: text("name").or_else(|| text("preferred_username")),
            mail_verified: mail.is_some() && mail_verified,
            mail,
            groups: sources().find_map(|claims| groups(at(claims, groups_claim)?)),
            groups_left_out: left_out,
            session: text("sid"),
            names,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn groups_are_found_where_they_are_said_to_be() {
        let token = json!({"sub": "1", "groups": ["a", "b"], "realm_access": {"roles": ["r"]}, "https://x.org/g": "c d", "teams": [{"name": "t"}]});
        let of = |path: &str| Claims::of(&token, None, path).groups;
        let list = |items: &[&str]| Some(items.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>());
        assert_eq!(of("groups"), list(&["a", "b"]));
        assert_eq!(of("realm_access.roles"), list(&["r"]));
        assert_eq!(of("https://x.org/g"), list(&["c", "d"]));
        assert_eq!(of("teams"), list(&["t"]));
        // A missing claim is not an empty list.
        assert_eq!((of("memberof"), of("sub.x")), (None, None));
        assert_eq!(Claims::of(&json!({"groups": []}), None, "groups").groups, list(&[]));
        let beside = Claims::of(&json!({"sub": "1"}), Some(&json!({"groups": ["u"]})), "groups");
        assert_eq!(beside.groups, list(&["u"]));
        let azure = Claims::of(&json!({"_claim_names": {"groups": "src1"}}), None, "groups");
        assert!(azure.groups_left_out && azure.groups.is_none());
        let many: Vec<String> = (0..30_000).map(|n| format!("g{n}")).collect();
        assert_eq!(
            Claims::of(&json!({"groups": many}), None, "groups").groups.map(|all| all.len()),
            Some(MOST_GROUPS)
        );
    }

    #[test]
    fn a_mail_address_is_verified_where_it_is_said_of_it() {
        let of =
            |token: Value, beside: Option<Value>| Claims::of(&token, beside.as_ref(), "groups").mail_verified;
        assert!(of(json!({"email": "a@x.org", "email_verified": true}), None));
        assert!(of(json!({"email": "a@x.org", "email_verified": "true"}), None));
        assert!(!of(json!({"email": "a@x.org"}), None) && !of(json!({"email_verified": true}), None));
        let other = json!({"email": "b@x.org", "email_verified": true});
        assert!(!of(json!({"email": "a@x.org"}), Some(other)));
    }
}
