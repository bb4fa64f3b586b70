//! Where a key leads: to a file of the project's area, or to one of a dataset.

use std::ops::Range;

use rigi_model::ProjectName;
use rigi_model::area::FileKey;
use rigi_model::data::Entry;
use rigi_store::area::{Area, Body, FileFacts, ListFrom, ListPage, Said};
use rigi_store::{Error, Result};

use super::datasets;
use crate::http::state::AppState;

/// The files of all projects.
pub(super) struct Files {
    pub state: AppState,
}

/// A file that was found.
pub(super) enum Found {
    /// In the area.
    Own(FileFacts),
    /// Of a dataset: stored by content.
    OfDataset(Entry, FileFacts),
}

impl Found {
    pub fn facts(&self) -> &FileFacts {
        match self {
            Self::Own(facts) | Self::OfDataset(_, facts) => facts,
        }
    }
}

impl Files {
    pub fn area(&self, project: &ProjectName) -> Area {
        self.state.store().blobs(project).area()
    }

    /// Looks for a file.
    pub async fn find(&self, project: &ProjectName, key: &FileKey) -> Result<Found> {
        let Some(path) = key.as_str().strip_prefix(datasets::AREA) else {
            return self.area(project).facts(key).await.map(Found::Own);
        };
        let (entry, made_at) = datasets::find(&self.state, project, path).await?;
        let facts = FileFacts {
            size: entry.size,
            modified: made_at,
            etag: entry.sha256.to_string(),
            said: Said::default(),
        };
        Ok(Found::OfDataset(entry, facts))
    }

    /// Reads of one that was found.
    pub async fn read(
        &self,
        project: &ProjectName,
        key: &FileKey,
        found: &Found,
        range: Range<u64>,
    ) -> Result<Body> {
        match found {
            Found::Own(facts) => self.area(project).read(key, facts, range).await,
            Found::OfDataset(entry, _) => datasets::read(&self.state, project, entry, range).await,
        }
    }

    /// Part of a list, all of one area.
    pub async fn list(&self, project: &ProjectName, from: ListFrom<'_>) -> Result<ListPage> {
        if from.prefix.starts_with(datasets::AREA) {
            return datasets::list(&self.state, project, from).await;
        }
        self.area(project).list(from).await
    }
}

/// What is not there.
pub(super) fn nothing(key: &str) -> Error {
    Error::NotFound { what: "file", id: key.to_owned() }
}
