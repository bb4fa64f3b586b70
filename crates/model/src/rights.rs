//! Who may do what: fixed roles, a list of actions, and the one rule between them.

use std::collections::BTreeMap;

use crate::ProjectName;
use crate::state::text_enum;

text_enum! {
    /// What somebody is in a project; each may do what those before it may.
    Role {
        /// Sees pipelines, runs, logs and files.
        Viewer = "viewer",
        /// Starts runs, and stops them.
        Runner = "runner",
        /// Changes pipelines, and sets secrets.
        Editor = "editor",
        /// Decides who is what.
        Owner = "owner",
    }
}

text_enum! {
    /// What an operation of the API does. Each operation has one, and says it as `x-rigi-action`.
    Action {
        /// To see which projects there are, of those that one may see.
        ProjectsList = "projects.list",
        /// To see a project and what goes on in it.
        ProjectRead = "project.read",
        /// To see pipelines and their forms.
        PipelinesRead = "pipelines.read",
        /// To read the files of pipelines and of what runs ran.
        CodeRead = "code.read",
        /// To see runs, with their attempts, events and usage.
        RunsRead = "runs.read",
        /// To read the logs of runs.
        LogsRead = "logs.read",
        /// To read the files that runs leave.
        ArtifactsRead = "artifacts.read",
        /// To hear of what changes.
        EventsRead = "events.read",
        /// To start runs, anew or again.
        RunsStart = "runs.start",
        /// To ask runs to stop.
        RunsCancel = "runs.cancel",
        /// To bring files for runs.
        UploadsCreate = "uploads.create",
        /// To see which secrets there are, by name; no value is shown to anybody.
        SecretsRead = "secrets.read",
        /// To set secrets, and to remove them.
        SecretsWrite = "secrets.write",
        /// To replace the key that seals secrets.
        SecretsRotateKey = "secrets.rotate-key",
        /// To see the server's facts and targets.
        ServerRead = "server.read",
        /// To look at targets and storage, to collect, and to read what environments were built of.
        ServerOperate = "server.operate",
        /// To make links that sign in.
        LinksCreate = "links.create",
    }
}

/// What it takes to do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// To have signed in.
    SignIn,
    /// This role at least, in the project that it is done in.
    Role(Role),
    /// To be an administrator.
    Administrator,
}

impl Action {
    /// What it takes.
    #[must_use]
    pub const fn needs(self) -> Needs {
        match self {
            Self::ProjectsList | Self::ServerRead => Needs::SignIn,
            Self::ProjectRead
            | Self::PipelinesRead
            | Self::CodeRead
            | Self::RunsRead
            | Self::LogsRead
            | Self::ArtifactsRead
            | Self::EventsRead => Needs::Role(Role::Viewer),
            Self::RunsStart | Self::RunsCancel | Self::UploadsCreate => Needs::Role(Role::Runner),
            Self::SecretsRead | Self::SecretsWrite => Needs::Role(Role::Editor),
            Self::ServerOperate | Self::LinksCreate | Self::SecretsRotateKey => Needs::Administrator,
        }
    }
}

/// What somebody is, everywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// May do everything, in every project.
    pub administrator: bool,
    /// The role in each project that there is one in.
    pub roles: BTreeMap<ProjectName, Role>,
}

/// Whether something may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Allowed,
    /// The project is none of theirs: it is not there for them.
    Unseen,
    /// It takes more.
    Refused(Needs),
}

impl Standing {
    /// Of somebody who may do everything.
    #[must_use]
    pub fn administrator() -> Self {
        Self { administrator: true, roles: BTreeMap::new() }
    }

    /// The role in a project; an administrator owns all.
    #[must_use]
    pub fn role_in(&self, project: &ProjectName) -> Option<Role> {
        if self.administrator { Some(Role::Owner) } else { self.roles.get(project).copied() }
    }

    /// Whether this may be done, in a project where it is done in one.
    #[must_use]
    pub fn may(&self, action: Action, project: &ProjectName) -> Verdict {
        let needs = action.needs();
        let enough = match needs {
            Needs::SignIn => true,
            Needs::Administrator => self.administrator,
            Needs::Role(least) => match self.role_in(project) {
                None => return Verdict::Unseen,
                Some(role) => role >= least,
            },
        };
        if enough { Verdict::Allowed } else { Verdict::Refused(needs) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_those_before_it_may_and_more() {
        let lab = ProjectName::unchecked("lab");
        let of = |role| Standing { administrator: false, roles: [(lab.clone(), role)].into() };
        let allowed = |standing: &Standing| {
            Action::ALL.iter().filter(|action| standing.may(**action, &lab) == Verdict::Allowed).count()
        };
        let counts: Vec<_> = Role::ALL.iter().map(|role| allowed(&of(*role))).collect();
        assert!(counts.is_sorted(), "{counts:?}");
        assert_eq!(allowed(&Standing::administrator()), Action::ALL.len());
        assert_eq!(
            of(Role::Viewer).may(Action::RunsStart, &lab),
            Verdict::Refused(Needs::Role(Role::Runner))
        );
        assert_eq!(of(Role::Owner).may(Action::ServerOperate, &lab), Verdict::Refused(Needs::Administrator));
    }

    #[test]
    fn a_project_without_a_role_is_not_there() {
        let (lab, other) = (ProjectName::unchecked("lab"), ProjectName::unchecked("other"));
        let owner = Standing { administrator: false, roles: [(lab, Role::Owner)].into() };
        for action in Action::ALL.iter().filter(|action| matches!(action.needs(), Needs::Role(_))) {
            assert_eq!(owner.may(*action, &other), Verdict::Unseen, "{action}");
        }
        assert_eq!(owner.may(Action::ProjectsList, &other), Verdict::Allowed);
    }
}
