//! The repositories of a project, with what opens them.

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::repositories::RepositorySpec;
use rigi_model::{ProjectName, Timestamp};
use serde_json::json;
use sqlx::FromRow;

use crate::db::{Db, from_json, on_db};
use crate::people::{Deed, Entry, audit};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::write::Write;
use crate::{Error, Hidden, Result, Store};

/// A repository as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Repository {
    /// Its name in the project.
    pub name: String,
    /// Where it lies, and what is taken of it.
    pub spec: RepositorySpec,
    /// The half of its key that its host is given.
    pub public_key: Option<String>,
    /// The keys by which its host is known, as `ssh` writes them down; `None` before the first sync.
    pub host_key: Option<String>,
    /// When it was added.
    pub made_at: Timestamp,
    /// When it was changed last.
    pub changed_at: Timestamp,
    /// Who did that.
    pub changed_by: String,
    /// What opens it.
    sealed: Sealed,
}

#[derive(Clone, Default, PartialEq)]
struct Sealed {
    token: Option<String>,
    private_key: Option<String>,
    hook_secret: Option<String>,
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealed")
    }
}

/// What opens a repository, for as long as it takes.
#[derive(Debug, Default)]
pub struct Opened {
    /// A token of its host.
    pub token: Option<Hidden>,
    /// The half of its key that stays here.
    pub private_key: Option<Hidden>,
    /// What its host signs calls with.
    pub hook_secret: Option<Hidden>,
}

/// What becomes of something that is sealed.
#[derive(Debug, Default)]
pub enum Part {
    /// It stays.
    #[default]
    Keep,
    /// It is this from now on.
    Set(Hidden),
    /// It is there no more.
    Remove,
}

/// What becomes of all that is sealed of a repository.
#[derive(Debug, Default)]
pub struct NewParts {
    /// Its token.
    pub token: Part,
    /// Its key.
    pub private_key: Part,
    /// What its host signs calls with.
    pub hook_secret: Part,
}

impl Repository {
    /// One that is new.
    #[must_use]
    pub fn new(name: &str, spec: RepositorySpec, deed: &Deed) -> Self {
        Self {
            name: name.to_owned(),
            spec,
            public_key: None,
            host_key: None,
            made_at: deed.at,
            changed_at: deed.at,
            changed_by: deed.actor.clone(),
            sealed: Sealed::default(),
        }
    }

    /// Whether it has a token.
    #[must_use]
    pub const fn has_token(&self) -> bool {
        self.sealed.token.is_some()
    }

    /// Whether it has a key.
    #[must_use]
    pub const fn has_key(&self) -> bool {
        self.sealed.private_key.is_some()
    }

    /// Whether its host may call.
    #[must_use]
    pub const fn has_hook(&self) -> bool {
        self.sealed.hook_secret.is_some()
    }
}

static PUT: Statement = Statement::insert(
    "repositories",
    &[
        ("project", Text),
        ("name", Text),
        ("spec", Text),
        ("token", Text),
        ("private_key", Text),
        ("hook_secret", Text),
        ("public_key", Text),
        ("host_key", Text),
        ("made_at", Int),
        ("changed_at", Int),
        ("changed_by", Text),
    ],
    "ON CONFLICT (project, name) DO UPDATE SET spec = excluded.spec, token = excluded.token, \
     private_key = excluded.private_key, hook_secret = excluded.hook_secret, public_key = excluded.public_key, \
     host_key = excluded.host_key, changed_at = excluded.changed_at, changed_by = excluded.changed_by",
);
static REMOVE: [Statement; 3] = [
    Statement::delete(
        "syncs",
        &[("project", Text), ("name", Text)],
        "syncs.project = v.project AND syncs.repository = v.name",
    ),
    Statement::delete(
        "repository_trees",
        &[("project", Text), ("name", Text)],
        "repository_trees.project = v.project AND repository_trees.repository = v.name",
    ),
    Statement::delete(
        "repositories",
        &[("project", Text), ("name", Text)],
        "repositories.project = v.project AND repositories.name = v.name",
    ),
];

#[derive(FromRow)]
struct Row {
    name: String,
    spec: String,
    token: Option<String>,
    private_key: Option<String>,
    hook_secret: Option<String>,
    public_key: Option<String>,
    host_key: Option<String>,
    made_at: i64,
    changed_at: i64,
    changed_by: String,
}

impl Row {
    fn read(self) -> Result<Repository> {
        Ok(Repository {
            spec: from_json("a repository's spec", &self.spec)?,
            name: self.name,
            public_key: self.public_key,
            host_key: self.host_key,
            made_at: Timestamp(self.made_at),
            changed_at: Timestamp(self.changed_at),
            changed_by: self.changed_by,
            sealed: Sealed {
                token: self.token,
                private_key: self.private_key,
                hook_secret: self.hook_secret,
            },
        })
    }
}

impl Db {
    /// The repositories of a project, by name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn repositories(&self, project: &ProjectName) -> Result<Vec<Repository>> {
        let sql = "SELECT name, spec, token, private_key, hook_secret, public_key, host_key, made_at, changed_at, changed_by \
                   FROM repositories WHERE project = $1 ORDER BY name";
        let rows: Vec<Row> =
            on_db!(self, pool => sqlx::query_as(sql).bind(project.as_str()).fetch_all(pool).await?);
        rows.into_iter().map(Row::read).collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none of this name.
    pub async fn repository(&self, project: &ProjectName, name: &str) -> Result<Repository> {
        let found = self.repositories(project).await?.into_iter().find(|one| one.name == name);
        found.ok_or_else(|| Error::NotFound { what: "repository", id: name.to_owned() })
    }
}

impl Store {
    /// Adds a repository, or makes it another than before; `action` is what the audit log calls it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn put_repository(
        &self,
        project: &ProjectName,
        mut repository: Repository,
        parts: NewParts,
        action: &'static str,
        deed: &Deed,
    ) -> Result<Repository> {
        let sealed = &mut repository.sealed;
        for (part, at) in [
            (parts.token, &mut sealed.token),
            (parts.private_key, &mut sealed.private_key),
            (parts.hook_secret, &mut sealed.hook_secret),
        ] {
            match part {
                Part::Keep => {}
                Part::Remove => *at = None,
                Part::Set(value) => {
                    *at = Some(self.make_project_sealer(project, deed.at).await?.seal(&value.0)?);
                }
            }
        }
        (repository.changed_at, repository.changed_by) = (deed.at, deed.actor.clone());
        let mut write = Write::removal();
        write.tell(project, Subject::Repository, &repository.name, SubjectEvent::CHANGED, deed.at);
        put(&mut write, project, &repository);
        let after = json!({"url": repository.spec.url, "reference": repository.spec.reference, "folder": repository.spec.folder,
            "token": repository.has_token(), "key": repository.has_key(), "host_key": repository.host_key.is_some()});
        note(&mut write, project, action, &repository.name, Some(after), deed);
        self.write(write).await?;
        Ok(repository)
    }

    /// Removes a repository; runs of its pipelines stay, with their code.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none of this name.
    pub async fn remove_repository(&self, project: &ProjectName, name: &str, deed: &Deed) -> Result<()> {
        self.db().repository(project, name).await?;
        let mut write = Write::removal();
        write.tell(project, Subject::Repository, name, SubjectEvent::REMOVED, deed.at);
        for statement in &REMOVE {
            write.rows.add(statement, [project.to_string().into(), name.to_owned().into()]);
        }
        note(&mut write, project, "repositories.remove", name, None, deed);
        self.write(write).await
    }

    /// Opens what a repository is opened with.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub async fn open_repository(&self, project: &ProjectName, repository: &Repository) -> Result<Opened> {
        let Sealed { token, private_key, hook_secret } = &repository.sealed;
        if token.is_none() && private_key.is_none() && hook_secret.is_none() {
            return Ok(Opened::default());
        }
        let damaged = || Error::Damaged {
            what: format!("what the repository {} is opened with", repository.name),
            why: "the key that sealed it is not there".into(),
        };
        let sealer = self.project_sealer(project).await?.ok_or_else(damaged)?;
        let open = |sealed: &Option<String>| match sealed {
            None => Ok(None),
            Some(sealed) => Ok::<_, Error>(Some(Hidden(sealer.unseal(sealed)?.ok_or_else(damaged)?))),
        };
        Ok(Opened { token: open(token)?, private_key: open(private_key)?, hook_secret: open(hook_secret)? })
    }
}

pub(super) fn put(write: &mut Write, project: &ProjectName, repository: &Repository) {
    let sealed = repository.sealed.clone();
    write.rows.add(
        &PUT,
        [
            project.to_string().into(),
            repository.name.clone().into(),
            serde_json::to_string(&repository.spec).unwrap_or_default().into(),
            sealed.token.into(),
            sealed.private_key.into(),
            sealed.hook_secret.into(),
            repository.public_key.clone().into(),
            repository.host_key.clone().into(),
            repository.made_at.0.into(),
            repository.changed_at.0.into(),
            repository.changed_by.clone().into(),
        ],
    );
}

pub(super) fn note(
    write: &mut Write,
    project: &ProjectName,
    action: &'static str,
    name: &str,
    after: Option<serde_json::Value>,
    deed: &Deed,
) {
    let entry =
        Entry { action, project: Some(project), subject: "repository", id: name, after, ..Entry::default() };
    audit::add(write, deed, entry);
}
