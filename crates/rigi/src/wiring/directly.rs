//! What is remembered, without a server on it: for what brings much at once.

use rigi_engine::projects::Projects;
use rigi_model::ErrorCode;
use rigi_store::{Migrate, Renew, Store};

use super::data_folder::DataFolder;
use super::error::of_store;
use super::parts::database;
use crate::config::{Loaded, Seat};
use crate::trouble::Trouble;

/// A data folder and its database, which nobody else writes to meanwhile.
pub(crate) struct Directly {
    pub store: Store,
    pub projects: Projects,
    /// Held as long as this is.
    _folder: DataFolder,
}

impl Directly {
    /// Takes the data folder, and leads on the database.
    ///
    /// # Errors
    /// If a server has either.
    pub(crate) async fn open(loaded: &Loaded) -> Result<Self, Trouble> {
        let follows = || {
            let cure = "do it where the server that leads has its data folder";
            Trouble::new(ErrorCode::ConfigInvalid, "this server follows another (`server.seat`)", cure)
        };
        if loaded.config.server.seat == Seat::Follower {
            return Err(follows());
        }
        let folder = DataFolder::take(&loaded.data_folder())?;
        let store = super::keys::open_store(&loaded.config, &folder.path, Renew::default()).await?;
        if store.follows() {
            return Err(follows());
        }
        let projects =
            Projects::read(&store, loaded.project_sources()).await.map_err(|error| of_store(&error))?;
        Ok(Self { store, projects, _folder: folder })
    }

    /// The same where there is something to look at; what there is not yet is not made, nor brought up to date.
    ///
    /// # Errors
    /// As [`Self::open`], and if the schema is not the newest.
    pub(crate) async fn open_if_there(loaded: &Loaded) -> Result<Option<Self>, Trouble> {
        let data = loaded.data_folder();
        let config = database(&loaded.config, &data);
        // The folder holds the key that opens what is in the database: without it there is nothing of this server's yet.
        let file = |name: &str| data.join(name).is_file();
        let there = match &config {
            rigi_store::DbConfig::Sqlite(file) => file.is_file(),
            rigi_store::DbConfig::Postgres(_) => file("secret.key") || loaded.config.given_key().is_some(),
        };
        if !there {
            return Ok(None);
        }
        let status = Store::migrate(&config, None::<Migrate>).await.map_err(|error| of_store(&error))?;
        if !status.iter().any(|step| step.applied) {
            return Ok(None);
        }
        if status.iter().any(|step| !step.applied) {
            let cure = "bring it up to date first: `rigi migrate up`";
            return Err(Trouble::new(
                ErrorCode::ConfigInvalid,
                "the schema of the database is not the newest",
                cure,
            ));
        }
        Self::open(loaded).await.map(Some)
    }
}
