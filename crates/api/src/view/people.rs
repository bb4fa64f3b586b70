//! People, groups, members of projects with why they are, invitations, and who did what.

use rigi_model::people::{GrantSource, LinkKind, PersonKind, PersonState};
use rigi_model::rights::Role;
use rigi_model::{GroupId, LinkId, PersonId, ProjectName, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// An account, as administrators see it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PersonView {
    /// Its id.
    #[schema(value_type = String)]
    pub id: PersonId,
    /// `person` or `service`.
    #[schema(value_type = String, example = "person")]
    pub kind: PersonKind,
    /// As others see it.
    pub name: String,
    /// Where mail goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// Whether mail to it is known to arrive.
    pub mail_verified: bool,
    /// `active`, `blocked` or `deleted`.
    #[schema(value_type = String, example = "active")]
    pub state: PersonState,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it was used last, to some minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub seen_at: Option<Timestamp>,
    /// Everything that it has, and why; in lists it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grants: Option<Vec<GrantView>>,
}

/// A role, and where it comes from.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GrantView {
    /// In which project; absent: on the whole server.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub project: Option<ProjectName>,
    /// A role, or `administrator`.
    #[schema(example = "runner")]
    pub role: String,
    /// Where it comes from.
    #[schema(value_type = String, example = "hand")]
    pub source: GrantSource,
    /// By which group; absent: it is their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Who gave it.
    pub by: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// Makes an account.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePerson {
    /// As others see it.
    pub name: String,
    /// `person` unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "service")]
    pub kind: Option<PersonKind>,
    /// Where mail goes; a person needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
}

/// Changes an account.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePerson {
    /// As others see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where mail goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// `active` or `blocked`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "blocked")]
    pub state: Option<PersonState>,
    /// Whether it is an administrator by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub administrator: Option<bool>,
}

/// A link to be handed to somebody.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct MadeLink {
    /// Its id.
    #[schema(value_type = String)]
    pub id: LinkId,
    /// Path and fragment, to be put behind the server's address. It is shown this once.
    #[schema(example = "/join#rigi_l_…")]
    pub path: String,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// The address that it is on its way to by mail; absent: it is for you to hand on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mailed_to: Option<String>,
}

/// Makes a link for an account.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateLink {
    /// `reset` sets a new password, `sign-in` signs in.
    #[schema(value_type = String, example = "reset")]
    pub kind: LinkKind,
    /// `true`: it goes to the account's address by mail as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<bool>,
}

/// A group.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GroupView {
    /// Its id.
    #[schema(value_type = String)]
    pub id: GroupId,
    /// As people see it.
    pub name: String,
    /// How many are in it.
    pub people: u64,
    /// Who is in it; in lists it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<GroupMember>>,
}

/// Somebody in a group.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GroupMember {
    /// Who.
    #[schema(value_type = String)]
    pub id: PersonId,
    /// Their name.
    pub name: String,
    /// How they came into it.
    #[schema(value_type = String)]
    pub source: GrantSource,
}

/// Names a group.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NameGroup {
    /// As people see it.
    pub name: String,
}

/// Somebody who has a role in a project, and every reason why.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MemberView {
    /// Id of a person or of a group.
    pub id: String,
    /// `person` or `group`.
    #[schema(example = "person")]
    pub kind: String,
    /// Their name.
    pub name: String,
    /// The strongest of their roles.
    #[schema(value_type = String, example = "editor")]
    pub role: Role,
    /// Where each comes from.
    pub grants: Vec<GrantView>,
}

/// What somebody is to be in a project.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetMember {
    /// The role.
    #[schema(value_type = String, example = "runner")]
    pub role: Role,
}

/// Invites to a project, or to the server.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateInvitation {
    /// For whoever has this address; absent: for whoever has the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// As what; `viewer` unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub role: Option<Role>,
    /// How many may take it; one unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
    /// When it ends, as a time from now: from an hour to a year, a week unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "7d")]
    pub expires_in: Option<String>,
}

/// An invitation that can still be taken.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct InvitationView {
    /// Its id.
    #[schema(value_type = String)]
    pub id: LinkId,
    /// For whoever has this address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// As what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// How many may take it.
    pub uses: u64,
    /// How many have.
    pub used: u64,
    /// Who made it.
    pub made_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub made_at: Timestamp,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
}

/// A line of the audit log.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditView {
    /// Sorts by time.
    pub id: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who, by name.
    pub actor: String,
    /// Their account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<String>,
    /// By what: a session, a token, a link, the server's terminal.
    pub via: String,
    /// What was done.
    #[schema(example = "members.set")]
    pub action: String,
    /// In which project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// To what.
    pub subject: String,
    /// Which of them.
    pub subject_id: String,
    /// How it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub before: Option<Value>,
    /// How it became.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub after: Option<Value>,
    /// From which address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// In which request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// `done` or `refused`.
    pub result: String,
}

/// The last seal of the audit log, as it was kept outside the database.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditHead {
    /// Counts from 1.
    pub number: i64,
    /// Of everything up to it, in hex.
    pub hash: String,
    /// Of number and hash, in hex (Ed25519).
    pub signature: String,
    /// What the signature is checked with, in hex.
    pub public_key: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// What the log is held against.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyAudit {
    /// A head that was kept elsewhere; the one in the data folder unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<AuditHead>,
}

/// What a look at the whole audit log found.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditVerdict {
    /// Lines that are covered by seals.
    pub sealed: u64,
    /// Lines that wait for the next seal, some seconds at most.
    pub waiting: u64,
    /// Seals.
    pub seals: i64,
    /// What is wrong; empty: nobody has changed anything.
    pub wrong: Vec<String>,
    /// What it was held against; absent: there was no head, so that a cut end would not show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<AuditHead>,
    /// The head in the bucket, which it was held against too; absent: files lie in none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<AuditOutside>,
}

/// A head of the audit log outside the database and the data folder.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditOutside {
    /// Where.
    #[schema(example = "s3://rigi/.audit/head.json")]
    pub place: String,
    /// What lies there; absent: nothing does, or it cannot be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<AuditHead>,
    /// Why it cannot be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}
