//! Who holds a key, and what that lets them do: the one rule of the gateway, and of the policies that other storages are given.

use crate::RunId;
use crate::state::text_enum;

/// What may be seen of a project's area, in the order of lists. Stored files and logs lie beside it, and are shown by the API alone.
pub const AREAS: [&str; 3] = ["datasets/", "processes/", "uploads/"];

text_enum! {
    /// What a key is for that somebody has made.
    KeyRights {
        /// To read.
        Read = "read",
        /// To read, and to write what is uploaded.
        Write = "write",
    }
}

/// What is done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Its content, or its facts.
    Read,
    /// To put it there.
    Write,
    /// To remove it.
    Remove,
}

/// Who holds a key to a project's area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A run, while it runs.
    Run(RunId),
    /// Somebody who may read.
    Reader,
    /// Somebody who may also write what is uploaded.
    Writer,
}

impl Holder {
    /// Whether it may do this with the file of this key below the project's area.
    #[must_use]
    pub fn may(&self, deed: Deed, key: &str) -> bool {
        let own = |run: &RunId| {
            let rest = key.strip_prefix("processes/").and_then(|rest| rest.strip_prefix(run.as_str()));
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        match (self, deed) {
            (Self::Run(run), Deed::Write | Deed::Remove) => own(run),
            (Self::Run(run), Deed::Read) => own(run) || is_shared(key),
            (Self::Reader | Self::Writer, Deed::Read) => AREAS.iter().any(|area| key.starts_with(area)),
            (Self::Writer, Deed::Write | Deed::Remove) => key.starts_with("uploads/"),
            (Self::Reader, Deed::Write | Deed::Remove) => false,
        }
    }

    /// In words, for those who are refused.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Run(run) => format!(
                "a run reads `uploads/`, `datasets/` and `processes/*/datasets/`, and writes `processes/{run}/`"
            ),
            Self::Reader => {
                "this key reads `uploads/`, `datasets/` and `processes/`, and writes nothing".into()
            }
            Self::Writer => {
                "this key reads `uploads/`, `datasets/` and `processes/`, and writes `uploads/`".into()
            }
        }
    }
}

/// What all runs of a project read.
fn is_shared(key: &str) -> bool {
    if key.starts_with("uploads/") || key.starts_with("datasets/") {
        return true;
    }
    let of_run = key.strip_prefix("processes/").and_then(|rest| rest.split_once('/'));
    of_run.is_some_and(|(_, rest)| rest.starts_with("datasets/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_reads_what_is_shared_and_writes_its_own() {
        let (own, other) = (RunId::from_bits(1), RunId::from_bits(2));
        let run = Holder::Run(own.clone());
        let at = |run: &RunId, rest: &str| format!("processes/{run}/{rest}");
        let shared = ["uploads/a".to_owned(), "datasets/sea@1/a".into(), at(&other, "datasets/out/a")];
        for key in &shared {
            assert!(run.may(Deed::Read, key), "{key}");
            assert!(!run.may(Deed::Write, key) && !run.may(Deed::Remove, key), "{key}");
        }
        for key in [at(&own, "a"), at(&own, "datasets/out/a")] {
            for deed in [Deed::Read, Deed::Write, Deed::Remove] {
                assert!(run.may(deed, &key), "{deed:?} {key}");
            }
        }
        let hidden = [
            "blobs/ab/abcd".to_owned(),
            "logs/x".into(),
            "uploads".into(),
            "processes/datasets/a".into(),
            at(&other, "a"),
            at(&other, "datasetsx/a"),
            format!("processes/{own}x/a"),
            format!("processes/{own}"),
        ];
        for key in &hidden {
            for deed in [Deed::Read, Deed::Write, Deed::Remove] {
                assert!(!run.may(deed, key), "{deed:?} {key}");
            }
        }
    }

    #[test]
    fn people_read_all_areas_and_write_what_is_uploaded_if_they_may() {
        let cases = [
            ("uploads/a", true, true),
            ("processes/run_1/a", true, false),
            ("datasets/sea@1/a", true, false),
            ("blobs/ab/abcd", false, false),
            ("logs/a", false, false),
        ];
        for (key, read, write) in cases {
            for (holder, writes) in [(Holder::Reader, false), (Holder::Writer, write)] {
                assert_eq!(holder.may(Deed::Read, key), read, "{key}");
                assert_eq!(holder.may(Deed::Write, key), writes, "{key}");
                assert_eq!(holder.may(Deed::Remove, key), writes, "{key}");
            }
        }
    }
}
