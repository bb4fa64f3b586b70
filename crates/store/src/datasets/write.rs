//! Making and changing datasets.

use rigi_model::event::{Subject, SubjectEvent};
use rigi_model::{ProjectName, Timestamp};
use serde_json::{Value, json};

use super::{Dataset, DatasetVersion};
use crate::people::{Deed, Entry, audit};
use crate::rows::BindKind::{Int, Text};
use crate::rows::Statement;
use crate::tables::runs::signed;
use crate::write::Write;
use crate::{Result, Store};

static DATASET: Statement = Statement::insert(
    "datasets",
    &[
        ("project", Text),
        ("name", Text),
        ("description", Text),
        ("labels", Text),
        ("protected", Int),
        ("newest", Int),
        ("made_at", Int),
        ("made_by", Text),
        ("changed_at", Int),
    ],
    "ON CONFLICT (project, name) DO UPDATE SET newest = excluded.newest, changed_at = excluded.changed_at",
);
static CHANGE: Statement = Statement::insert(
    "datasets",
    &[
        ("project", Text),
        ("name", Text),
        ("description", Text),
        ("labels", Text),
        ("protected", Int),
        ("newest", Int),
        ("made_at", Int),
        ("made_by", Text),
        ("changed_at", Int),
    ],
    "ON CONFLICT (project, name) DO UPDATE SET description = excluded.description, labels = excluded.labels, \
     protected = excluded.protected, changed_at = excluded.changed_at",
);
static VERSION: Statement = Statement::insert(
    "dataset_versions",
    &[
        ("project", Text),
        ("name", Text),
        ("version", Int),
        ("sha256", Text),
        ("file_count", Int),
        ("bytes", Int),
        ("own_bytes", Int),
        ("made_from", Text),
        ("made_at", Int),
        ("made_by", Text),
        ("note", Text),
        ("from_run", Text),
        ("from_output", Text),
    ],
    "",
);
static TAG: Statement = Statement::insert(
    "dataset_tags",
    &[("project", Text), ("name", Text), ("tag", Text), ("version", Int)],
    "ON CONFLICT (project, name, tag) DO UPDATE SET version = excluded.version",
);
static NO_TAG: Statement = Statement::delete(
    "dataset_tags",
    &[("project", Text), ("name", Text), ("tag", Text)],
    "dataset_tags.project = v.project AND dataset_tags.name = v.name AND dataset_tags.tag = v.tag",
);
static NO_VERSION: Statement = Statement::delete(
    "dataset_versions",
    &[("project", Text), ("name", Text), ("version", Int)],
    "dataset_versions.project = v.project AND dataset_versions.name = v.name AND dataset_versions.version = v.version",
);
static NO_TAGS_OF: Statement = Statement::delete(
    "dataset_tags",
    &[("project", Text), ("name", Text), ("version", Int)],
    "dataset_tags.project = v.project AND dataset_tags.name = v.name AND dataset_tags.version = v.version",
);
static NO_VERSIONS: Statement = Statement::delete(
    "dataset_versions",
    &[("project", Text), ("name", Text)],
    "dataset_versions.project = v.project AND dataset_versions.name = v.name",
);
static NO_TAGS: Statement = Statement::delete(
    "dataset_tags",
    &[("project", Text), ("name", Text)],
    "dataset_tags.project = v.project AND dataset_tags.name = v.name",
);
static NO_DATASET: Statement = Statement::delete(
    "datasets",
    &[("project", Text), ("name", Text)],
    "datasets.project = v.project AND datasets.name = v.name",
);

fn telling(project: &ProjectName, name: &str, kind: &'static str, at: Timestamp) -> Write {
    let mut write = Write::removal();
    write.tell(project, Subject::Dataset, name, kind, at);
    write
}

fn audited(
    write: &mut Write,
    deed: &Deed,
    action: &'static str,
    (project, id): (&ProjectName, &str),
    after: Option<Value>,
) {
    audit::add(
        write,
        deed,
        Entry { action, project: Some(project), subject: "dataset", id, after, before: None },
    );
}

fn dataset_row(project: &ProjectName, one: &Dataset) -> [crate::rows::Value<'static>; 9] {
    let labels = serde_json::to_string(&one.labels).unwrap_or_default();
    [
        project.to_string().into(),
        one.name.clone().into(),
        one.description.clone().into(),
        labels.into(),
        i64::from(one.protected).into(),
        i64::from(one.newest).into(),
        one.made_at.0.into(),
        one.made_by.clone().into(),
        one.changed_at.0.into(),
    ]
}

impl Store {
    /// Adds a version; the dataset is made with its first one.
    ///
    /// # Errors
    /// [`crate::Error::Conflict`] if another has the number: then nothing is written.
    pub async fn add_dataset_version(
        &self,
        project: &ProjectName,
        dataset: &Dataset,
        version: &DatasetVersion,
        deed: &Deed,
    ) -> Result<()> {
        let kind = if version.version == 1 { SubjectEvent::CREATED } else { SubjectEvent::CHANGED };
        let mut write = telling(project, &dataset.name, kind, deed.at);
        let newest = Dataset { newest: version.version, changed_at: deed.at, ..dataset.clone() };
        write.rows.add(&DATASET, dataset_row(project, &newest));
        let (run, output) = version.run.clone().map(|(run, output)| (run.to_string(), output)).unzip();
        write.rows.add(
            &VERSION,
            [
                project.to_string().into(),
                version.name.clone().into(),
                i64::from(version.version).into(),
                version.root.to_string().into(),
                signed(version.totals.files).into(),
                signed(version.totals.bytes).into(),
                signed(version.own_bytes).into(),
                version.made_from.as_str().to_owned().into(),
                version.made_at.0.into(),
                version.made_by.clone().into(),
                version.note.clone().into(),
                run.into(),
                output.into(),
            ],
        );
        let after = json!({"version": version.version, "root": version.root.to_string(), "files": version.totals.files});
        audited(&mut write, deed, "datasets.add", (project, &dataset.name), Some(after));
        self.write(write).await
    }

    /// Changes what is said of a dataset, and whether it is protected.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn change_dataset(&self, project: &ProjectName, one: &Dataset, deed: &Deed) -> Result<()> {
        let mut write = telling(project, &one.name, SubjectEvent::CHANGED, deed.at);
        let changed = Dataset { changed_at: deed.at, ..one.clone() };
        write.rows.add(&CHANGE, dataset_row(project, &changed));
        let after = json!({"description": one.description, "labels": one.labels, "protected": one.protected});
        audited(&mut write, deed, "datasets.change", (project, &one.name), Some(after));
        self.write(write).await
    }

    /// Has a tag lead to a version; `None`: to none.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn tag_dataset(
        &self,
        project: &ProjectName,
        name: &str,
        tag: &str,
        version: Option<u32>,
        deed: &Deed,
    ) -> Result<()> {
        let mut write = telling(project, name, SubjectEvent::CHANGED, deed.at);
        let own = [project.to_string().into(), name.to_owned().into(), tag.to_owned().into()];
        match version {
            Some(version) => {
                let [project, name, tag] = own;
                write.rows.add(&TAG, [project, name, tag, i64::from(version).into()]);
            }
            None => write.rows.add(&NO_TAG, own),
        }
        audited(
            &mut write,
            deed,
            "datasets.tag",
            (project, name),
            Some(json!({"tag": tag, "version": version})),
        );
        self.write(write).await
    }

    /// Removes a version, with the tags that lead to it. Its files go when nothing else refers to them.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn remove_dataset_version(
        &self,
        project: &ProjectName,
        name: &str,
        version: u32,
        deed: &Deed,
    ) -> Result<()> {
        let mut write = telling(project, name, SubjectEvent::CHANGED, deed.at);
        for statement in [&NO_TAGS_OF, &NO_VERSION] {
            let own = [project.to_string().into(), name.to_owned().into(), i64::from(version).into()];
            write.rows.add(statement, own);
        }
        audited(&mut write, deed, "datasets.remove", (project, name), Some(json!({"version": version})));
        self.write(write).await
    }

    /// Removes a dataset with all its versions.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn remove_dataset(&self, project: &ProjectName, name: &str, deed: &Deed) -> Result<()> {
        let mut write = telling(project, name, SubjectEvent::REMOVED, deed.at);
        for statement in [&NO_TAGS, &NO_VERSIONS, &NO_DATASET] {
            write.rows.add(statement, [project.to_string().into(), name.to_owned().into()]);
        }
        audited(&mut write, deed, "datasets.remove", (project, name), None);
        self.write(write).await
    }
}
