//! Who may make an account by signing in, and what groups make of people.

use rigi_model::ProjectName;
use rigi_model::rights::{Grant, Role};

use super::Claims;

/// Who may make an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allow {
    /// Whoever was invited.
    Invited,
    /// Whoever the provider lets in.
    Everybody,
    /// Whoever is in this group.
    Group(String),
    /// Whoever has a verified mail address of this domain.
    Domain(String),
}

impl Allow {
    /// Reads one: `invited`, `everybody`, `group:NAME`, `domain:example.org`.
    ///
    /// # Errors
    /// If it is none of them.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "invited" => Ok(Self::Invited),
            None if text == "everybody" => Ok(Self::Everybody),
            Some(("group", name)) if !name.is_empty() => Ok(Self::Group(name.to_owned())),
            Some(("domain", name)) if name.contains('.') && !name.contains('@') => {
                Ok(Self::Domain(name.to_ascii_lowercase()))
            }
            _ => {
                Err(format!("`{text}` is none of `invited`, `everybody`, `group:NAME`, `domain:example.org`"))
            }
        }
    }

    /// Whether it lets somebody make an account who was not invited.
    #[must_use]
    pub fn lets_in(&self, claims: &Claims) -> bool {
        match self {
            Self::Invited => false,
            Self::Everybody => true,
            Self::Group(name) => claims.groups.as_ref().is_some_and(|groups| groups.contains(name)),
            Self::Domain(domain) => {
                let mail = claims.mail.as_deref().filter(|_| claims.mail_verified);
                let own = mail.and_then(|mail| mail.rsplit_once('@'));
                own.is_some_and(|(_, own)| own.eq_ignore_ascii_case(domain))
            }
        }
    }
}

/// What a group makes of whoever is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// As the provider calls it.
    pub group: String,
    /// What it gives.
    pub grant: Grant,
}

impl Rule {
    /// Reads one: `GROUP = administrator` or `GROUP = PROJECT:ROLE`.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is no rule: write `GROUP = administrator` or `GROUP = PROJECT:ROLE`");
        let (group, gives) = text.rsplit_once('=').ok_or_else(wrong)?;
        let (group, gives) = (group.trim(), gives.trim());
        if group.is_empty() {
            return Err(wrong());
        }
        let grant = match gives.split_once(':') {
            None if gives == "administrator" => Grant::Administrator,
            Some((project, role)) => {
                let project = project.trim().parse::<ProjectName>().map_err(|error| error.to_string())?;
                Grant::Role(project, Role::parse(role.trim()).ok_or_else(wrong)?)
            }
            None => return Err(wrong()),
        };
        Ok(Self { group: group.to_owned(), grant })
    }

    /// What these groups give by the rules, the strongest in each place; `None`: the provider does not say the groups, so that nothing
    /// follows from them, not even that there are none.
    #[must_use]
    pub fn apply(rules: &[Self], groups: Option<&[String]>) -> Option<Vec<Grant>> {
        let groups: std::collections::HashSet<&str> = groups?.iter().map(String::as_str).collect();
        let mut given: Vec<Grant> = Vec::new();
        for rule in rules.iter().filter(|rule| groups.contains(rule.group.as_str())) {
            match given.iter_mut().find(|grant| grant.project() == rule.grant.project()) {
                None => given.push(rule.grant.clone()),
                Some(Grant::Role(_, held)) => {
                    if let Grant::Role(_, role) = &rule.grant {
                        *held = (*held).max(*role);
                    }
                }
                Some(Grant::Administrator) => {}
            }
        }
        Some(given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_and_the_strongest_counts() {
        let rules: Vec<Rule> = [
            "admins = administrator",
            "air = lab:viewer",
            "air-leads = lab:owner",
            "cn=x,dc=y = other:runner",
        ]
        .map(|text| Rule::parse(text).unwrap())
        .into();
        let lab = |role| Grant::Role(ProjectName::unchecked("lab"), role);
        let given = |groups: &[&str]| {
            let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
            Rule::apply(&rules, Some(&groups)).unwrap()
        };
        assert_eq!(given(&["air"]), [lab(Role::Viewer)]);
        assert_eq!(given(&["air-leads", "air", "nothing"]), [lab(Role::Owner)]);
        assert_eq!(given(&["cn=x,dc=y"]).len(), 1);
        assert_eq!(given(&[]), []);
        assert_eq!(given(&["admins", "air"]), [Grant::Administrator, lab(Role::Viewer)]);
        assert_eq!(Rule::apply(&rules, None), None);
        for wrong in
            ["", "x", "x = y", "= administrator", "x = Lab:viewer", "x = lab:king", "x = administrators"]
        {
            assert!(Rule::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_who_is_allowed_makes_an_account() {
        let claims = Claims {
            mail: Some("ada@Example.org".into()),
            mail_verified: true,
            groups: Some(vec!["air".into()]),
            ..Claims::default()
        };
        let allow = |text: &str, claims: &Claims| Allow::parse(text).unwrap().lets_in(claims);
        assert!(
            allow("everybody", &claims)
                && allow("group:air", &claims)
                && allow("domain:example.org", &claims)
        );
        assert!(
            !allow("invited", &claims) && !allow("group:Air", &claims) && !allow("domain:ample.org", &claims)
        );
        let unverified = Claims { mail_verified: false, ..claims.clone() };
        assert!(!allow("domain:example.org", &unverified));
        let silent = Claims { groups: None, ..claims };
        assert!(!allow("group:air", &silent));
        for wrong in ["", "all", "group:", "domain:x", "domain:a@x.org", "Everybody"] {
            assert!(Allow::parse(wrong).is_err(), "{wrong}");
        }
    }
}
