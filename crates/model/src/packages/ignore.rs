//! Advisories that an operator does not want to hear of: each with a reason, perhaps until a date.

use jiff::civil::Date;

/// An advisory that does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// Its id, or one of its ids elsewhere.
    pub id: String,
    /// The last day on which it does not count; `None`: it never does.
    pub until: Option<Date>,
    /// Why.
    pub reason: String,
}

/// A text that says nothing of the kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IgnoredError {
    /// There is no reason.
    #[error("`{0}` has no reason: it reads `ID: reason` or `ID until 2027-03-31: reason`")]
    NoReason(String),
    /// The id is none.
    #[error("`{0}` is no id of an advisory, such as `CVE-2023-32681`")]
    Id(String),
    /// The date is none.
    #[error("`{0}` is no date, such as `2027-03-31`")]
    Date(String),
}

impl Ignored {
    /// Reads `CVE-2023-32681 until 2027-03-31: no proxy here`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, IgnoredError> {
        let no_reason = || IgnoredError::NoReason(text.trim().to_owned());
        let (head, reason) = text.split_once(':').ok_or_else(no_reason)?;
        let reason = super::clean_text(reason, 300);
        if reason.is_empty() {
            return Err(no_reason());
        }
        let (id, until) = match head.split_once(" until ") {
            Some((id, date)) => {
                let date = date.trim();
                (id.trim(), Some(date.parse().map_err(|_| IgnoredError::Date(date.to_owned()))?))
            }
            None => (head.trim(), None),
        };
        if !super::is_advisory_id(id) {
            return Err(IgnoredError::Id(id.to_owned()));
        }
        Ok(Self { id: id.to_owned(), until, reason })
    }

    /// Whether it speaks of an advisory on a day.
    #[must_use]
    pub fn covers(&self, advisory: &super::Advisory, today: Date) -> bool {
        let ids = advisory.aliases.iter().chain([&advisory.id]);
        self.until.is_none_or(|until| today <= until)
            && ids.into_iter().any(|id| id.eq_ignore_ascii_case(&self.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_reason_and_perhaps_a_last_day() {
        let read = Ignored::parse("CVE-2023-32681 until 2027-03-31: no proxy here: never").unwrap();
        assert_eq!(
            (&*read.id, &*read.reason, read.until.map(|date| date.to_string()).as_deref()),
            ("CVE-2023-32681", "no proxy here: never", Some("2027-03-31"))
        );
        assert_eq!(Ignored::parse("GHSA-j8r2-6x86-q33q: not reached").unwrap().until, None);
        for (bad, why) in [
            ("CVE-1", "has no reason"),
            ("CVE-1:  ", "has no reason"),
            ("CVE-1 until soon: x", "`soon` is no date"),
            ("a b: x", "`a b` is no id"),
            (": x", "`` is no id"),
        ] {
            assert!(Ignored::parse(bad).unwrap_err().to_string().contains(why), "{bad}");
        }
    }
}
