//! Signing in, and what is one's own: name, password, second factor, sessions, tokens.

use rigi_model::people::{LinkKind, SignInWay};
use rigi_model::rights::Role;
use rigi_model::{PersonId, ProjectName, SessionId, Timestamp, TokenId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How one may sign in.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WaysIn {
    /// Projects that one may look at without signing in.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub public: Vec<ProjectName>,
    /// Whether this server has accounts. Without them, a link signs the one person in.
    pub people: bool,
    /// By mail address and password.
    pub passwords: bool,
    /// Whether it sends mail: who has forgotten a password gets a link by it.
    pub mail: bool,
    /// Nobody is an administrator yet: the link that the server printed makes the first one.
    pub first_administrator: bool,
    /// By a provider.
    pub providers: Vec<ProviderView>,
}

/// A provider that people sign in with.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ProviderView {
    /// Its name in the configuration.
    pub name: String,
    /// As people know it.
    pub label: String,
}

/// Begins to sign in by a provider, or to add it to the account that asks.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartSignIn {
    /// Its name.
    pub provider: String,
    /// Where to go on this server afterwards; the first page unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_to: Option<String>,
    /// The key of an invitation that is taken by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A sign-in that has begun.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct StartedSignIn {
    /// Where the browser goes.
    pub location: String,
}

/// Signs in.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// Mail address.
    pub mail: String,
    /// Password.
    pub password: String,
    /// Code of the second factor, or a recovery code, where the account has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// Asks for a link that sets a new password, by mail.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskReset {
    /// Mail address of the account.
    pub mail: String,
}

/// A mail that is on its way.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Mailed {
    /// To which address.
    pub mailed_to: String,
}

/// A link to be looked at.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LookAtLink {
    /// The key in the link.
    pub key: String,
}

/// What a link is for.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LinkLook {
    /// What it lets one do.
    #[schema(value_type = String, example = "invitation")]
    pub kind: LinkKind,
    /// Of whose account, where it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For whoever has this address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// To which project.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub project: Option<ProjectName>,
    /// As what: a role, or `administrator`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Who made it.
    pub made_by: String,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
}

/// Takes a link: makes an account, joins a project, signs in, or sets a password.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeLink {
    /// The key in the link.
    pub key: String,
    /// Name of the account to be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its mail address, unless the link is for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// Its password, or the new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// Who one is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AccountView {
    /// The account; absent: one has the server for oneself, or is its machine's terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub id: Option<PersonId>,
    /// As others see one.
    pub name: String,
    /// Where mail goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// Whether mail to it is known to arrive.
    pub mail_verified: bool,
    /// Whether one may do what is of the whole server.
    pub administrator: bool,
    /// The role in every project, whichever there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub everywhere: Option<Role>,
    /// Projects with a role.
    pub roles: Vec<RoleView>,
    /// Whether there is a password.
    pub has_password: bool,
    /// Whether there is a second factor.
    pub has_second_factor: bool,
    /// Recovery codes that are left.
    pub recovery_codes_left: u64,
    /// Providers that one signs in with.
    pub identities: Vec<IdentityView>,
    /// The session that this was asked with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub session: Option<SessionId>,
}

/// A role in a project.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RoleView {
    /// In which project.
    #[schema(value_type = String)]
    pub project: ProjectName,
    /// What.
    #[schema(value_type = String, example = "runner")]
    pub role: Role,
}

/// Who one is at a provider.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct IdentityView {
    /// Who vouches for it.
    pub issuer: String,
    /// The mail address that it said first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
}

/// Changes an account of one's own.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeAccount {
    /// As others see one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Sets a new password.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The one until now, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub present: Option<String>,
    /// The new one.
    pub new: String,
}

/// The secret of a second factor; it counts when its first code has come.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct FactorBegun {
    /// In base 32, to be typed into a telephone.
    pub secret: String,
    /// The same as an `otpauth` address, which telephones read from a picture.
    pub address: String,
}

/// A code of the second factor.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FactorCode {
    /// Six digits of the moment, or a recovery code.
    pub code: String,
}

/// Codes for when the telephone is lost. They are shown once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct RecoveryCodes {
    /// Each serves once.
    pub recovery_codes: Vec<String>,
}

/// A session.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SessionView {
    /// Its id.
    #[schema(value_type = String)]
    pub id: SessionId,
    /// Whether it is the one that asks.
    pub present: bool,
    /// How it began.
    #[schema(value_type = String, example = "password")]
    pub way: SignInWay,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was used last, to some minutes.
    #[schema(value_type = String, format = DateTime)]
    pub seen_at: Timestamp,
    /// When it ends by itself.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// From which address it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What the browser says that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

/// A token without its key.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TokenView {
    /// Its id.
    #[schema(value_type = String)]
    pub id: TokenId,
    /// What it is for.
    pub name: String,
    /// How its key begins.
    pub hint: String,
    /// In this project alone; absent: in all of the owner's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub project: Option<ProjectName>,
    /// At most this role; absent: as far as the owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub role: Option<Role>,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ends; absent: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// When it was used last, to some minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub used_at: Option<Timestamp>,
}

/// Makes a token.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// What it is for.
    pub name: String,
    /// In this project alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// At most this role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub role: Option<Role>,
    /// When it ends, as a time from now such as `30d`; 90 days unless told, `none` is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "90d")]
    pub expires_in: Option<String>,
}

/// A token with its key, which is shown this once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct NewTokenView {
    /// The key.
    #[schema(example = "rigi_p_…")]
    pub key: String,
    /// What is kept of it.
    pub token: TokenView,
}

/// A terminal asks to be let in.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskForDevice {
    /// What it calls itself, such as the machine's name.
    pub name: String,
}

/// What a terminal shows, and what it keeps.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct DeviceAsked {
    /// What the terminal keeps, and takes its token with.
    pub device_code: String,
    /// What somebody types who has signed in.
    #[schema(example = "BCDF-GHJK")]
    pub user_code: String,
    /// Path of the page where it is typed.
    pub path: String,
    /// When both end.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
}

/// A terminal that waits, as who is to let it in sees it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeviceView {
    /// What the terminal shows.
    pub user_code: String,
    /// What it calls itself.
    pub name: String,
    /// Where it asks from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// When it asked.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// Whether a terminal is let in.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerDevice {
    /// It is, as whoever says so.
    pub allow: bool,
}

/// What a terminal took its device code for.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeDeviceToken {
    /// What it was given when it asked.
    pub device_code: String,
}

/// What became of a terminal's question.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct DeviceTaken {
    /// `waiting`: ask again; `denied`; `allowed`.
    #[schema(example = "allowed")]
    pub state: String,
    /// Its token, shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// As whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What is left to do where one is signed out here.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SignedOut {
    /// Where the browser goes for the provider to end its own session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Why there is none, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
