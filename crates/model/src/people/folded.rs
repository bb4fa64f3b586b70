//! Names and mail addresses: what they may hold, and when two of them are the same to people.

use unicode_normalization::UnicodeNormalization as _;

use crate::text::{excerpt, is_unseen};

/// Characters of a person's name at most.
const LONGEST_NAME: usize = 100;
/// Bytes of a mail address at most (RFC 5321, 4.5.3.1).
const LONGEST_MAIL: usize = 254;

/// A text that cannot be a person's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` cannot be a name: it has 1 to 100 characters, no line breaks or other control characters, and no space at its ends"
)]
pub struct InvalidPerson(String);

/// A text that is no mail address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no mail address")]
pub struct InvalidMail(String);

/// What a text is to people: the same for texts that differ by case, by Unicode form or by what is not seen.
#[must_use]
pub fn folded(text: &str) -> String {
    let plain: String = text.nfkc().filter(|c| !is_unseen(*c)).collect();
    let lower: String = plain.to_lowercase().nfkc().collect();
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A name as people give it, in one Unicode form.
///
/// # Errors
/// If it cannot be one.
pub fn person_name(text: &str) -> Result<String, InvalidPerson> {
    // Spaces of other widths are spaces.
    let name: String = text.nfc().map(|c| if matches!(c, '\u{a0}' | '\u{3000}') { ' ' } else { c }).collect();
    let length = name.chars().count();
    let plain = !name.chars().any(|c| c.is_control() || is_unseen(c));
    if plain && (1..=LONGEST_NAME).contains(&length) && name.trim() == name && !folded(&name).is_empty() {
        return Ok(name);
    }
    Err(InvalidPerson(excerpt(text)))
}

/// A mail address: something, `@`, and a domain. What is behind it is found out by mail, not by looking at it.
///
/// # Errors
/// If it is none.
pub fn mail_address(text: &str) -> Result<String, InvalidMail> {
    let invalid = || InvalidMail(excerpt(text));
    let mail: String = text.trim().nfc().collect();
    let (local, domain) = mail.rsplit_once('@').ok_or_else(invalid)?;
    let odd = |c: char| c.is_control() || c.is_whitespace() || is_unseen(c) || "<>()[],;:\\\"".contains(c);
    let labels = domain.split('.').all(|label| {
        !label.is_empty() && label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-')
    });
    let fits = !local.is_empty() && !local.contains('@') && local.len() <= 64 && mail.len() <= LONGEST_MAIL;
    if fits && labels && !mail.chars().any(odd) { Ok(mail) } else { Err(invalid()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_take_for_the_same_is_the_same() {
        for (one, other) in [
            ("Ada", "ADA"),
            ("Zoë", "Zoe\u{308}"),
            ("ａｄａ", "ada"),
            ("Straße", "STRAßE"),
            ("a\u{200b}da", "ada"),
            ("Ada  Lovelace", "ada lovelace"),
            ("ﬁt", "FIT"),
        ] {
            assert_eq!(folded(one), folded(other), "{one} {other}");
        }
        assert_ne!(folded("ada"), folded("adb"));
    }

    #[test]
    fn names_are_lines_of_text() {
        assert_eq!(person_name("Zoe\u{308} B."), Ok("Zoë B.".to_owned()));
        for wrong in ["", " ", " a", "a\nb", "a\u{0}", "a\u{202e}b", "\u{2060}", &"x".repeat(101)] {
            assert!(person_name(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn mail_addresses_have_a_domain() {
        assert_eq!(mail_address(" ada@example.org "), Ok("ada@example.org".to_owned()));
        assert!(mail_address("o'brien+x@mail.example.org").is_ok() && mail_address("ada@localhost").is_ok());
        for wrong in [
            "",
            "ada",
            "@x.org",
            "a@",
            "a@b@c.org",
            "a b@c.org",
            "a@-x.org",
            "a@x..org",
            "a@x.org\r\nBcc: b@c.org",
            "<a@x.org>",
            &format!("{}@x.org", "a".repeat(65)),
        ] {
            assert!(mail_address(wrong).is_err(), "{wrong:?}");
        }
    }
}
