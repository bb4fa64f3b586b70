//! People and what acts for itself: who they are, what they sign in with, and where a role of theirs comes from.

mod folded;
mod key;

pub use folded::{InvalidMail, InvalidPerson, folded, mail_address, person_name};
pub use key::{KEY_PATTERN, Key, KeyKind, SEED};

use crate::state::text_enum;

text_enum! {
    /// What an account is of.
    PersonKind {
        /// A human being, who signs in.
        Person = "person",
        /// A program: it has tokens, and signs in nowhere.
        Service = "service",
    }
}

text_enum! {
    /// Whether an account may be used.
    PersonState {
        /// It may.
        Active = "active",
        /// It may not, until somebody lets it.
        Blocked = "blocked",
        /// It is gone; its name stays with what it did.
        Deleted = "deleted",
    }
}

text_enum! {
    /// Where a role comes from: each source changes and takes away its own roles alone.
    GrantSource {
        /// Somebody gave it.
        Hand = "hand",
        /// It came with an invitation.
        Invitation = "invitation",
        /// It came with the first administrator's link.
        First = "first",
        /// It follows from groups that a provider named at the last sign-in.
        Rule = "rule",
    }
}

text_enum! {
    /// How a session began.
    SignInWay {
        /// By mail address and password.
        Password = "password",
        /// By a link that serves once.
        Link = "link",
        /// By a provider.
        Provider = "provider",
        /// A terminal, allowed by somebody who had signed in.
        Device = "device",
    }
}

text_enum! {
    /// What a link lets one do.
    LinkKind {
        /// Become the first administrator.
        FirstAdministrator = "first-administrator",
        /// Sign in as somebody.
        SignIn = "sign-in",
        /// Set a new password.
        Reset = "reset",
        /// Make an account, or join a project with one.
        Invitation = "invitation",
        /// Show that mail to an address reaches the account that has it.
        Confirm = "confirm",
    }
}
