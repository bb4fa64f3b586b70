//! Notices: who is told of what, trouble that goes on, and what became of each word.

mod channels;
mod incidents;
mod keys;
mod outbox;
mod rules;

pub use crate::occurrences::Occurrence;
pub use channels::Channel;
pub use incidents::{IncidentPage, IncidentRow};
pub use keys::NoticeKey;
pub use outbox::{NewNotice, Notice, NoticePage};
pub use rules::NamedRule;

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::{ProjectName, Timestamp};
use serde_json::Value;

use crate::occurrences;
use crate::people::{Deed, Entry, audit};
use crate::triggers::FollowUp;
use crate::triggers::follow_ups;
use crate::write::Write;
use crate::{Result, Store};

/// What is written because of something that happened.
#[derive(Debug, Clone, Default)]
pub struct Words {
    /// Incidents as they are from now on.
    pub incidents: Vec<IncidentRow>,
    /// What is to be told.
    pub notices: Vec<NewNotice>,
}

impl Store {
    /// What happened was looked at: this is told of it, and it is looked at no more.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn tell_of(&self, of: &Happened, words: Words, now: Timestamp) -> Result<()> {
        let mut write = Write::removal();
        let project = match of {
            Happened::End(follow) => {
                follow_ups::done(&mut write, follow);
                &follow.project
            }
            Happened::Occurrence(occurrence) => {
                occurrences::done(&mut write, occurrence);
                &occurrence.project
            }
            Happened::Seen(project) => project,
        };
        let tells = !words.notices.is_empty() || !words.incidents.is_empty();
        for incident in &words.incidents {
            incidents::put(&mut write, incident);
        }
        for notice in &words.notices {
            outbox::add(&mut write, notice, now);
        }
        if tells {
            write.tell(project, Subject::Notice, "", SubjectEvent::CREATED, now);
        }
        self.write(write).await
    }
}

/// What was looked at.
#[derive(Debug, Clone)]
pub enum Happened {
    /// A run ended.
    End(FollowUp),
    /// Something beside runs.
    Occurrence(Box<Occurrence>),
    /// Something in a project that left no row.
    Seen(ProjectName),
}

/// A change of what people made, with its line of the audit log.
fn change(
    project: &ProjectName,
    what: &'static str,
    action: &'static str,
    name: &str,
    after: Option<Value>,
    deed: &Deed,
) -> Write {
    let mut write = Write::removal();
    write.tell(project, Subject::Notice, name, SubjectEvent::CHANGED, deed.at);
    let entry = Entry { action, project: Some(project), subject: what, id: name, after, before: None };
    audit::add(&mut write, deed, entry);
    write
}
