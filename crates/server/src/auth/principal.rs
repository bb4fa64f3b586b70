//! Who asks: found out before the gate, and held against what they ask for.

use std::sync::Arc;

use rigi_model::rights::{Role, Standing};
use rigi_model::{Actor, ProjectName, Timestamp};
use rigi_store::people::{Carrier, Person};
use tokio_util::sync::CancellationToken;

/// See the module. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Principal {
    /// By which name what they do is remembered.
    pub actor: Actor,
    /// What they are.
    pub standing: Arc<Standing>,
    /// Their account, where they have one.
    pub account: Option<Account>,
    /// Done when they are not let in any more, or as somebody else: streams end then.
    pub ended: CancellationToken,
}

/// An account, and by what somebody is known to have it.
#[derive(Debug, Clone)]
pub struct Account {
    /// Whose.
    pub person: Arc<Person>,
    /// By what.
    pub carrier: Carrier,
    /// It is for less than the account may.
    pub narrowed: bool,
    /// It ends by itself then.
    pub until: Option<Timestamp>,
}

impl Principal {
    /// The one who has the server for themselves.
    #[must_use]
    pub fn you() -> Self {
        Self::of_server(Actor::you())
    }

    /// A terminal on the server's own machine, which has the server's own token.
    #[must_use]
    pub fn terminal() -> Self {
        Self::of_server(Actor::named("terminal"))
    }

    fn of_server(actor: Actor) -> Self {
        let standing = Arc::new(Standing::administrator());
        Self { actor, standing, account: None, ended: CancellationToken::new() }
    }

    /// Somebody who looks at a public project. What they hear of ends now and then, and is asked for again: it may not be public any more.
    #[must_use]
    pub fn visitor(projects: impl IntoIterator<Item = ProjectName>) -> Self {
        let roles = projects.into_iter().map(|project| (project, Role::Viewer)).collect();
        let standing = Arc::new(Standing { roles, ..Standing::default() });
        Self { actor: Actor::named("visitor"), standing, ..Self::nobody() }
    }

    /// Somebody who has not signed in.
    #[must_use]
    pub fn nobody() -> Self {
        let standing = Arc::default();
        Self { actor: Actor::named("nobody"), standing, account: None, ended: CancellationToken::new() }
    }
}
