//! Projects with a bucket of their own: where each had its files when a server last began. Nothing is moved by Rigi, so that one who has
//! files stays where they are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use rigi_model::ProjectName;

use crate::bucket::Bucket;
use crate::storage::{BucketConfig, OwnPlace};
use crate::{Error, Result, Storage, StorageUrl, seal};

/// In the data folder. Absent: nobody has a place of their own.
const FILE: &str = "storage/places.json";

type Places = BTreeMap<ProjectName, String>;

fn address(config: &BucketConfig, place: &OwnPlace) -> String {
    format!("{}://{}/{}", config.kind.scheme(), place.bucket, place.prefix)
}

/// Lets projects have other places than before if nothing lies in those of before.
///
/// # Errors
/// If something does, or that cannot be seen now.
pub(crate) fn settle(data: &Path, storage: &Storage) -> Result<()> {
    let file = data.join(FILE);
    let before: Places = match fs::read(&file) {
        Ok(text) => serde_json::from_slice(&text)
            .map_err(|error| Error::Damaged { what: file.display().to_string(), why: error.to_string() })?,
        Err(error) if error.kind() == ErrorKind::NotFound => Places::new(),
        Err(error) => return Err(Error::io(format!("read {}", file.display()))(error)),
    };
    let config = match storage {
        Storage::Bucket(config) => Some(config),
        Storage::Data | Storage::Folder(_) => None,
    };
    let place = |(project, place): (&ProjectName, &OwnPlace)| {
        config.map(|config| (project.clone(), address(config, place)))
    };
    let now: Places = config.iter().flat_map(|config| &config.own).filter_map(place).collect();
    if now == before {
        return Ok(());
    }
    let Some(config) = config else {
        let what =
            "projects have their files in buckets of their own, and `storage.url` is no bucket".to_owned();
        return Err(Error::Storage { what, cure: "set `storage.url` as it was" });
    };
    let names: BTreeSet<&ProjectName> = now.keys().chain(before.keys()).collect();
    for project in names.into_iter().filter(|project| now.get(*project) != before.get(*project)) {
        let old = place_of(config, project, before.get(project), data)?;
        if old.any("")?.is_some() {
            let what = format!(
                "the project `{project}` has its files in {}, and `projects.{project}.bucket` says otherwise",
                old.name("")
            );
            let cure = "set it as it was; or copy all that lies there to the new place, below the project's name, and remove it there";
            return Err(Error::Storage { what, cure });
        }
    }
    fs::create_dir_all(data.join("storage"))
        .map_err(Error::io(format!("make the folder of {}", file.display())))?;
    seal::write_new(&file, &serde_json::to_vec_pretty(&now).unwrap_or_default())
}

/// Where a project had its files.
fn place_of(
    config: &BucketConfig,
    project: &ProjectName,
    before: Option<&String>,
    data: &Path,
) -> Result<Bucket> {
    let Some(address) = before else {
        return Ok(Bucket::open(config, &ProjectName::default(), data)?.with_others(project));
    };
    match StorageUrl::parse(address) {
        Ok(StorageUrl::Bucket { bucket, prefix, .. }) => {
            Bucket::open(&config.at(&OwnPlace { bucket, prefix }), project, data)
        }
        _ => Err(Error::Damaged { what: FILE.into(), why: format!("`{address}` is no bucket") }),
    }
}
