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
        /// To see datasets, and to read their files.
        DatasetsRead = "datasets.read",
        /// To add versions of datasets, and to tag them.
        DatasetsWrite = "datasets.write",
        /// To describe, protect and remove datasets.
        DatasetsManage = "datasets.manage",
        /// To make schedules beside those of specs, and to pause any.
        SchedulesManage = "schedules.manage",
        /// To see webhooks, and what came to them.
        WebhooksRead = "webhooks.read",
        /// To make webhooks, to change and to remove them, and to have a delivery done again.
        WebhooksManage = "webhooks.manage",
        /// To see who is told of what, and what became of it.
        NoticesRead = "notices.read",
        /// To say who is told of what, and to have it tried again.
        NoticesManage = "notices.manage",
        /// To see which repositories pipelines come from, and what became of syncs.
        RepositoriesRead = "repositories.read",
        /// To add, change and remove repositories, with their keys and tokens.
        RepositoriesWrite = "repositories.write",
        /// To bring pipelines to what their repository has now.
        RepositoriesSync = "repositories.sync",
        /// To forget by which key a repository's host was known.
        RepositoriesTrust = "repositories.trust",
        /// To make keys to the files of a project for S3's tools, and to take them back: one's own.
        StorageKeysMake = "storage-keys.make",
        /// To see which packages pipelines have, and what is publicly known against them.
        PackagesRead = "packages.read",
        /// To have packages audited now.
        PackagesAudit = "packages.audit",
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
        /// To find out how one may sign in, and to do it.
        SignIn = "sign-in",
        /// To see who one is and what is one's own, and to sign out.
        AccountRead = "account.read",
        /// To change what is one's own: name, password, second factor, sessions, tokens.
        AccountChange = "account.change",
        /// To see who is in a project, and why.
        MembersRead = "members.read",
        /// To say who is what in a project.
        MembersManage = "members.manage",
        /// To see and change what a project is.
        ProjectManage = "project.manage",
        /// To make and to delete projects.
        ProjectsManage = "projects.manage",
        /// To see everybody who has an account, and their groups.
        PeopleRead = "people.read",
        /// To invite, block and remove people, and to make administrators.
        PeopleManage = "people.manage",
        /// To read who did what.
        AuditRead = "audit.read",
        /// To see what became of mails.
        MailsRead = "mails.read",
        /// To try mails again, and to send one as a test.
        MailsSend = "mails.send",
        /// To read who did what in a project.
        ProjectAudit = "project.audit",
    }
}

/// What it takes to do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: it is for those who have not signed in.
    Nothing,
    /// To have signed in.
    SignIn,
    /// To have signed in with what goes as far as the account does.
    WholeAccount,
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
            Self::SignIn => Needs::Nothing,
            Self::ProjectsList | Self::ServerRead | Self::AccountRead => Needs::SignIn,
            Self::AccountChange => Needs::WholeAccount,
            Self::ProjectRead
            | Self::PipelinesRead
            | Self::CodeRead
            | Self::RunsRead
            | Self::LogsRead
            | Self::ArtifactsRead
            | Self::DatasetsRead
            | Self::EventsRead
            | Self::MembersRead
            | Self::RepositoriesRead
            | Self::StorageKeysMake
            | Self::PackagesRead => Needs::Role(Role::Viewer),
            Self::RunsStart
            | Self::RunsCancel
            | Self::UploadsCreate
            | Self::DatasetsWrite
            | Self::PackagesAudit => Needs::Role(Role::Runner),
            Self::SchedulesManage
            | Self::DatasetsManage
            | Self::WebhooksRead
            | Self::WebhooksManage
            | Self::NoticesRead
            | Self::NoticesManage
            | Self::SecretsRead
            | Self::SecretsWrite
            | Self::RepositoriesWrite
            | Self::RepositoriesSync => Needs::Role(Role::Editor),
            Self::MembersManage | Self::ProjectManage | Self::ProjectAudit => Needs::Role(Role::Owner),
            Self::ServerOperate
            | Self::RepositoriesTrust
            | Self::LinksCreate
            | Self::SecretsRotateKey
            | Self::ProjectsManage
            | Self::PeopleRead
            | Self::PeopleManage
            | Self::MailsRead
            | Self::MailsSend
            | Self::AuditRead => Needs::Administrator,
        }
    }
}

impl Action {
    /// Whether those may do it in a public project who have not signed in: to see what runs and what comes of it, and nothing of people.
    #[must_use]
    pub const fn is_for_visitors(self) -> bool {
        matches!(
            self,
            Self::ProjectsList
                | Self::ProjectRead
                | Self::PipelinesRead
                | Self::CodeRead
                | Self::RunsRead
                | Self::LogsRead
                | Self::ArtifactsRead
                | Self::DatasetsRead
                | Self::EventsRead
        )
    }

    /// Whether it adds to a project: what is archived takes no more.
    #[must_use]
    pub const fn adds(self) -> bool {
        matches!(
            self,
            Self::RunsStart
                | Self::UploadsCreate
                | Self::DatasetsWrite
                | Self::SecretsWrite
                | Self::SchedulesManage
                | Self::WebhooksManage
                | Self::NoticesManage
                | Self::RepositoriesWrite
                | Self::RepositoriesSync
                | Self::PackagesAudit
        )
    }
}

/// What somebody is, everywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// May do what is of the whole server.
    pub administrator: bool,
    /// The role in every project, whichever there are: an administrator owns all.
    pub everywhere: Option<Role>,
    /// The role in each project that there is one in.
    pub roles: BTreeMap<ProjectName, Role>,
}

/// Something that somebody is given to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// Of the whole server.
    Administrator,
    /// In a project.
    Role(ProjectName, Role),
}

impl Grant {
    /// In which project it is.
    #[must_use]
    pub const fn project(&self) -> Option<&ProjectName> {
        match self {
            Self::Administrator => None,
            Self::Role(project, _) => Some(project),
        }
    }
}

/// How far a token goes, of what its owner may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// In this project alone; `None`: in all of the owner's.
    pub project: Option<ProjectName>,
    /// At most this role; `None`: as far as the owner.
    pub most: Option<Role>,
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
        Self { administrator: true, everywhere: Some(Role::Owner), roles: BTreeMap::new() }
    }

    /// The role in a project.
    #[must_use]
    pub fn role_in(&self, project: &ProjectName) -> Option<Role> {
        self.everywhere.max(self.roles.get(project).copied())
    }

    /// The same, no further than a token goes: its rights are those that its owner has now, and never more.
    #[must_use]
    pub fn within(&self, reach: &Reach) -> Self {
        let most = |role: Role| reach.most.map_or(role, |most| most.min(role));
        match &reach.project {
            Some(project) => {
                let role = self.role_in(project).map(|role| (project.clone(), most(role)));
                Self { administrator: false, everywhere: None, roles: role.into_iter().collect() }
            }
            None => Self {
                administrator: self.administrator && reach.most.is_none(),
                everywhere: self.everywhere.map(most),
                roles: self.roles.iter().map(|(project, role)| (project.clone(), most(*role))).collect(),
            },
        }
    }

    /// Whether this may be done, in a project where it is done in one.
    #[must_use]
    pub fn may(&self, action: Action, project: &ProjectName) -> Verdict {
        let needs = action.needs();
        let enough = match needs {
            Needs::Nothing | Needs::SignIn | Needs::WholeAccount => true,
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
        let of = |role| Standing { roles: [(lab.clone(), role)].into(), ..Standing::default() };
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
        let owner = Standing { roles: [(lab, Role::Owner)].into(), ..Standing::default() };
        for action in Action::ALL.iter().filter(|action| matches!(action.needs(), Needs::Role(_))) {
            assert_eq!(owner.may(*action, &other), Verdict::Unseen, "{action}");
        }
        assert_eq!(owner.may(Action::ProjectsList, &other), Verdict::Allowed);
    }

    #[test]
    fn a_token_goes_as_far_as_its_owner_and_its_reach_and_no_further() {
        let (lab, other) = (ProjectName::unchecked("lab"), ProjectName::unchecked("other"));
        let reach = |project: Option<&ProjectName>, most| Reach { project: project.cloned(), most };
        let owners = [
            Standing::administrator(),
            Standing { roles: [(lab.clone(), Role::Runner)].into(), ..Standing::default() },
            Standing::default(),
        ];
        for owner in &owners {
            for most in Role::ALL.iter().copied().map(Some).chain([None]) {
                for at in [None, Some(&lab)] {
                    let token = owner.within(&reach(at, most));
                    for project in [&lab, &other] {
                        let least =
                            owner.role_in(project).map(|role| most.map_or(role, |most| most.min(role)));
                        let expected = if at.is_none_or(|at| at == project) { least } else { None };
                        assert_eq!(token.role_in(project), expected, "{owner:?} {most:?} {at:?}");
                    }
                    assert_eq!(token.administrator, owner.administrator && most.is_none() && at.is_none());
                }
            }
        }
    }
}
