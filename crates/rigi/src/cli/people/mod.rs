//! People: signing in, accounts, groups, members, tokens, and who did what.

mod admin;
mod audit;
mod groups;
mod invitations;
mod login;
mod mail;
mod members;
mod persons;
pub mod requests;
mod servers;
mod tokens;

pub use admin::Admin;
pub use audit::Audit;
pub use groups::Groups;
pub use invitations::Invitations;
pub use login::{Login, Logout, Whoami};
pub use mail::Mail;
pub use members::Members;
pub use persons::People;
pub use servers::Servers;
pub use tokens::Tokens;

use rigi_api::view::MadeLink;
use rigi_model::rights::Role;
use serde_json::json;

use super::output::{OutputArgs, print_value};
use crate::client::Client;
use crate::terminal::{remark, say};

/// A role, as it is written.
fn role(text: &str) -> Result<Role, String> {
    let known = || Role::ALL.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
    Role::parse(text).ok_or_else(|| format!("there is no role `{text}`; there is {}", known()))
}

/// Prints a link that is shown once.
fn print_link(client: &Client, link: &MadeLink, how: OutputArgs) -> anyhow::Result<()> {
    let url = format!("{}{}", client.public(), link.path);
    if how.is_for_people() {
        if let Some(to) = &link.mailed_to {
            remark(&format!("It is on its way to {to} by mail; here it is as well."));
        }
        return Ok(say(&url)?);
    }
    let shown = json!({"id": link.id, "url": url, "until": link.until, "mailed_to": link.mailed_to});
    print_value(&shown, how, || vec![url.clone()])
}
