//! What can be looked at and mended without a server: specs, the data folder, the schema, what is no longer kept.

use std::path::Path;

use rigi_api::view::{CheckView, GcReport, MistakeView};
use rigi_engine::catalog::{Catalog, Pipeline, read_pipeline};
use rigi_engine::folder::CodeLimits;
use rigi_engine::retention::Collect;
use rigi_model::pipeline::Mistake;
use rigi_model::{ErrorCode, ProjectName, Timestamp};
use rigi_server::http::health::free_bytes;
use rigi_server::http::mistake_view;
use rigi_store::seat::Reached;
use rigi_store::{Migrate, MigrationStatus, Renew, Store};

use super::data_folder::DataFolder;
use super::error::of_store;
use super::parts::{Parts, database};
use crate::config::Loaded;
use crate::trouble::Trouble;

/// Refuses a pipelines folder that is none.
pub(crate) fn pipelines_folder(folder: &Path) -> Result<(), Trouble> {
    if folder.is_dir() {
        return Ok(());
    }
    let cure = "name a folder whose subfolders are pipelines; `rigi init` writes a first one";
    Err(Trouble::new(ErrorCode::NotFound, format!("{} is not a folder", folder.display()), cure))
}

pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// A pipeline's name with its warnings, or with every mistake of its spec.
pub type Validated = (String, Result<Vec<MistakeView>, Vec<MistakeView>>);

/// Reads the pipelines of a folder, or the one that the folder is.
#[must_use]
pub fn validate(folder: &Path, limits: CodeLimits) -> Vec<Validated> {
    let name = folder.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_str()?.to_owned()));
    let own = name.and_then(|name| read_pipeline(&name, folder, limits).ok().flatten());
    let all =
        own.map_or_else(|| Catalog::read(ProjectName::default(), folder, limits).all(), |own| vec![own]);
    all.iter().map(|pipeline| validated(pipeline)).collect()
}

fn validated(pipeline: &Pipeline) -> Validated {
    let view = |mistake: &Mistake| mistake_view(pipeline, mistake);
    let outcome = match &pipeline.outcome {
        Ok(ready) => Ok(ready.warnings.iter().map(view).collect()),
        Err(mistakes) => Err(mistakes.iter().map(view).collect()),
    };
    (pipeline.name.to_string(), outcome)
}

/// What an operator could set up and has not, with what holds instead.
#[must_use]
pub fn not_configured(loaded: &Loaded) -> Vec<CheckView> {
    let config = &loaded.config;
    let all = [
        ("targets", config.named_targets.is_empty(), "runs are processes of this machine (`[targets.NAME]`)"),
        ("run_as", config.process.run_as.is_none(), "runs have the account of Rigi (`process.run_as`)"),
        (
            "public_url",
            config.server.public_url.is_none(),
            "only this machine reaches the server (`server.public_url`)",
        ),
        (
            "metrics",
            config.metrics.listen.is_none(),
            "they are at `/metrics`, for who shows the token (`metrics.listen`)",
        ),
    ];
    let mail = (
        "mail",
        config.people.enabled && config.mail.host.is_none(),
        "links are handed on by hand (`mail.host`)",
    );
    let missing = all.into_iter().chain([mail]).filter(|(_, missing, _)| *missing);
    missing.map(|(name, _, instead)| CheckView::not_configured(name, instead)).collect()
}

/// Looks at everything that a server stands on.
///
/// # Errors
/// If the looking itself fails.
pub fn doctor(loaded: &Loaded) -> anyhow::Result<Vec<CheckView>> {
    let data = loaded.data_folder();
    let mut checks = vec![CheckView::of("pipelines", folder_check(&loaded.pipelines))];
    let wrong = validate(&loaded.pipelines, loaded.config.code_limits())
        .into_iter()
        .filter(|(_, outcome)| outcome.is_err())
        .count();
    let specs =
        if wrong == 0 { Ok(()) } else { Err(format!("{wrong} with mistakes: `rigi pipelines validate`")) };
    checks.push(CheckView::of("specs", specs));
    if !data.is_dir() {
        checks.push(CheckView::of(
            "data",
            Err(format!("{} is not there yet: `rigi up` makes it", data.display())),
        ));
        return Ok(checks);
    }
    checks.push(CheckView::of("data", writable(&data)));
    let free = free_bytes(&data).map_err(|e| e.to_string());
    checks.push(CheckView::of(
        "disk",
        free.and_then(
            |free| if free > 1 << 30 { Ok(()) } else { Err(format!("{} MiB are free", free >> 20)) },
        ),
    ));
    let opened = runtime()?.block_on(check_database(loaded, &data));
    checks.extend(opened);
    checks.push(CheckView::of("python", python(loaded.config.python.uv.as_deref())));
    checks.push(CheckView::of("packages", packages()));
    if loaded.config.storage.url.0.is_empty() {
        checks.push(CheckView::not_configured("bucket", "files lie in the data folder (`storage.url`)"));
    }
    Ok(checks)
}

fn folder_check(folder: &Path) -> Result<(), String> {
    std::fs::read_dir(folder).map(drop).map_err(|e| format!("{}: {e}", folder.display()))
}

fn writable(data: &Path) -> Result<(), String> {
    let probe = data.join(".probe");
    let wrote = std::fs::write(&probe, b"probe").and_then(|()| std::fs::remove_file(&probe));
    wrote.map_err(|e| format!("{} cannot be written: {e}", data.display()))
}

fn python(named: Option<&Path>) -> Result<(), String> {
    let found = |program: &Path| {
        std::process::Command::new(program).arg("--version").output().is_ok_and(|o| o.status.success())
    };
    if let Some(named) = named.filter(|named| !found(named)) {
        return Err(format!("`python.uv` is {}, which cannot be started", named.display()));
    }
    if named.is_some() || found(Path::new("uv")) || found(Path::new("python3")) {
        return Ok(());
    }
    Err("neither `uv` nor `python3` is on PATH: pipelines of Python code cannot run".into())
}

/// Packages that were fetched lie in the data folder, unless a variable says otherwise.
fn packages() -> Result<(), String> {
    let Some(folder) = std::env::var_os("UV_CACHE_DIR").filter(|folder| !folder.is_empty()) else {
        return Ok(());
    };
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display())).and_then(|()| writable(folder)).map_err(|why| {
        format!("`UV_CACHE_DIR`: {why}: no environment can be built. Unset it, and packages are kept in the data folder")
    })
}

async fn check_database(loaded: &Loaded, data: &Path) -> Vec<CheckView> {
    let status = Store::migrate(&database(&loaded.config, data), None).await;
    let schema = match &status {
        Ok(all) if all.iter().all(|m| m.applied) => Ok(()),
        Ok(_) => Err("the schema is not up to date: `rigi migrate up`".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    vec![CheckView::of("database", schema)]
}

/// Collects what is no longer kept, without a server.
///
/// # Errors
/// If a server has the data folder, or the database does not answer.
pub fn gc(loaded: &Loaded, dry_run: bool) -> anyhow::Result<GcReport> {
    let folder = DataFolder::take(&loaded.data_folder())?;
    let report = runtime()?.block_on(async {
        let parts = Parts::open(loaded.clone(), folder, Renew::default(), None, Reached::default()).await?;
        let how = if dry_run { Collect::Count } else { Collect::Remove };
        let collected = parts.collector.collect(Timestamp::now(), how).await.map_err(|e| of_store(&e))?;
        parts.process.quit().await;
        Ok::<_, Trouble>(GcReport {
            dry_run,
            runs: collected.runs,
            objects: collected.objects,
            environments: collected.environments,
            bytes: collected.bytes,
        })
    })?;
    Ok(report)
}

/// Shows or changes the schema of the database, without a server.
///
/// # Errors
/// If a server has the data folder, or the database does not answer.
pub fn migrate(loaded: &Loaded, change: Option<Migrate>) -> anyhow::Result<Vec<MigrationStatus>> {
    let data = loaded.data_folder();
    let _folder = if change.is_some() { Some(DataFolder::take(&data)?) } else { None };
    let status = runtime()?.block_on(Store::migrate(&database(&loaded.config, &data), change));
    Ok(status.map_err(|e| of_store(&e))?)
}
