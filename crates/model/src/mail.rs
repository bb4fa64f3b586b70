//! Mail: what one is about, and what became of it.

use crate::state::text_enum;

text_enum! {
    /// What a mail is about.
    MailKind {
        /// It invites somebody.
        Invitation = "invitation",
        /// It brings a link that sets a new password.
        Reset = "reset",
        /// It brings a link that signs in.
        SignIn = "sign-in",
        /// It brings a link that confirms its own address.
        Confirm = "confirm",
        /// It tells somebody that their password, second factor or mail address is another.
        Changed = "changed",
        /// It tells what happened to somebody who wants to know.
        Notice = "notice",
        /// It shows that mail arrives.
        Test = "test",
    }
}

text_enum! {
    /// What became of a mail.
    MailState {
        /// It has not been taken yet, and will be tried.
        Waiting = "waiting",
        /// The mail server has taken it.
        Sent = "sent",
        /// It was given up.
        Failed = "failed",
    }
}
