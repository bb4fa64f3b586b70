//! Names of what people make: projects and pipelines. Cheap to clone: a queue of many runs keeps each name once.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::pipeline::name::{NameMistake, check_pipeline_name};
use crate::text::excerpt;

/// Defines a name: checked where it is given to something.
macro_rules! name {
    ($name:ident, $error:ty, $check:path, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as it stands: stored before, asked for, or of a folder that nothing can be called after.
            #[must_use]
            pub fn unchecked(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The name.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $check(text)?;
                Ok(Self(text.into()))
            }
        }

        // Maps by name are asked by the text of a request.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                *self.0 == *other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                *self.0 == **other
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    };
}

name!(ProjectName, InvalidProject, check_project_name, "The name of a project.");
name!(PipelineName, NameMistake, check_pipeline_name, "The name of a pipeline.");

/// Characters of a project's name at most: those of a label of DNS, which clusters and buckets know as well.
const LONGEST_PROJECT: usize = 63;

/// A text that cannot be the name of a project.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` cannot be the name of a project: it has lower-case letters, digits and `-`, a letter first, no `-` at its \
     end, and at most 63 characters"
)]
pub struct InvalidProject(String);

fn check_project_name(text: &str) -> Result<(), InvalidProject> {
    let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let edges = text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.ends_with('-');
    if plain && edges && text.len() <= LONGEST_PROJECT {
        return Ok(());
    }
    Err(InvalidProject(excerpt(text)))
}

/// The project of whoever has no other.
const ONLY_PROJECT: &str = "default";

impl Default for ProjectName {
    /// The project of whoever has no other; with it alone, nobody meets the word.
    fn default() -> Self {
        Self(ONLY_PROJECT.into())
    }
}

impl ProjectName {
    /// Whether it is the project of whoever has no other.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self.0 == *ONLY_PROJECT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_projects_name_fits_into_every_address() {
        for good in ["default", "lab-2", "x", &"a".repeat(63)] {
            assert_eq!(good.parse::<ProjectName>().unwrap(), *good);
        }
        for bad in ["", "Lab", "2a", "-a", "a-", "a_b", "a.b", "a b", "../a", "ä", &"a".repeat(64)] {
            assert!(bad.parse::<ProjectName>().is_err(), "{bad:?}");
        }
        let said = "Lab".parse::<ProjectName>().unwrap_err().to_string();
        assert!(
            said.starts_with("`Lab` cannot be the name of a project: it has lower-case letters"),
            "{said}"
        );
        assert!(ProjectName::default().is_default() && "default".parse::<ProjectName>().is_ok());
    }

    #[test]
    fn a_stored_name_stays_what_it_is() {
        assert_eq!(PipelineName::unchecked("a\nb").as_str(), "a\nb");
        assert!("a\nb".parse::<PipelineName>().is_err());
        let text = serde_json::to_string(&PipelineName::unchecked("Zürich")).unwrap();
        assert_eq!(text, "\"Zürich\"");
        assert_eq!(serde_json::from_str::<PipelineName>(&text).unwrap(), "Zürich");
    }
}
