//! From a plan to a container that runs, or to why there is none.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::Docker;
use bollard::models::Mount;
use bollard::query_parameters::CreateContainerOptionsBuilder;
use rigi_model::attempt::FailureClass;
use rigi_model::{AttemptKey, Exit, Reason, Timestamp};
use rigi_work::plan::{AttemptPlan, Observation};

use super::body::{self, at, mount};
use super::engine::{is_away, status, words};
use super::keeper::remove_files;
use super::volumes::Volumes;
use super::{ContainerConfig, Reach, image};
use crate::remote::Remote;

/// An engine that is away is waited for so long.
const AWAY: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(1);

/// Why there is no container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub class: FailureClass,
    pub reason: Reason,
    pub message: String,
}

impl Failure {
    /// The engine refused something, or was not there.
    pub fn of_engine(doing: &str, error: &bollard::errors::Error) -> Self {
        let said = words(error);
        if is_away(error) {
            let message = format!("The container engine does not answer ({said}); it was asked to {doing}.");
            return Self { class: FailureClass::Transient, reason: Reason::TargetUnavailable, message };
        }
        let message = format!("The container engine did not {doing}: {said}");
        Self { class: FailureClass::Infrastructure, reason: Reason::StartFailed, message }
    }

    pub(super) fn of_disk(path: &Path, error: &io::Error) -> Self {
        let message = format!("{} cannot be made: {error}", path.display());
        Self { class: FailureClass::Infrastructure, reason: Reason::StagingFailed, message }
    }

    /// As the end of the attempt.
    pub fn exit(&self) -> Exit {
        let Self { class, reason, message } = self.clone();
        Exit::NotStarted { class, reason, message }
    }
}

/// Makes and starts the container of an attempt.
pub async fn start(
    config: &ContainerConfig,
    docker: &Docker,
    remote: &Remote,
    plan: &AttemptPlan,
    volumes: &Volumes,
) -> Result<(), Failure> {
    let since = tokio::time::Instant::now();
    loop {
        match try_start(config, docker, remote, plan, volumes).await {
            Err(failure) if failure.reason == Reason::TargetUnavailable && since.elapsed() < AWAY => {
                say(remote, &plan.key, "The container engine does not answer; it is tried again".into());
                tokio::time::sleep(PAUSE).await;
            }
            other => return other,
        }
    }
}

fn say(remote: &Remote, key: &AttemptKey, message: String) {
    let what = Observation::Preparing { reason: Reason::PreparingContainer, message };
    remote.tell(key.clone(), Timestamp::now(), what);
}

async fn try_start(
    config: &ContainerConfig,
    docker: &Docker,
    remote: &Remote,
    plan: &AttemptPlan,
    volumes: &Volumes,
) -> Result<(), Failure> {
    let Some(image) = plan.own_image().or(config.image.as_deref()) else {
        let message = "There is no image to run it in.".to_owned();
        let (class, reason) = (FailureClass::User, Reason::ImageUnavailable);
        return Err(Failure { class, reason, message });
    };
    let own = plan.secrets.registry.as_deref().filter(|_| plan.own_image().is_some());
    let logins = image::Logins { own, file: config.credentials.as_deref() };
    let say = |message| say(remote, &plan.key, message);
    let inspected = image::ensure(docker, image, plan.container.pull, logins, say).await?;
    let token = remote.token(&plan.key);
    let mounts = match &config.reach {
        Reach::Mounts { socket } => mounts(config, plan, remote, socket, token.clone()).await?,
        Reach::Calls { .. } => volumes.mounts(config, docker, image, plan, &token).await?,
    };
    let body = body::body(config, plan, image, &inspected, mounts);
    let name = plan.key.object_name();
    let options = CreateContainerOptionsBuilder::new().name(&name).build();
    match docker.create_container(Some(options), body).await {
        // Made before the engine or the server went away.
        Err(error) if status(&error) == Some(409) => {}
        Err(error) => return Err(Failure::of_engine("make the container", &error)),
        Ok(_) => {}
    }
    docker.start_container(&name, None).await.map_err(|error| start_failed(image, &error))
}

/// What is mounted of this machine.
async fn mounts(
    config: &ContainerConfig,
    plan: &AttemptPlan,
    remote: &Remote,
    socket: &Path,
    token: String,
) -> Result<Vec<Mount>, Failure> {
    let (files, settled) = (Files::of(config, plan), config.clone());
    let (remote, key) = (remote.clone(), plan.key.clone());
    let made = tokio::task::spawn_blocking(move || {
        let made = files.make(&settled, &token);
        // Given up meanwhile: what removes its files may have come too early for these.
        if !remote.is_known(&key) {
            let _ = remove_files(&files.root);
        }
        made.map(|()| files)
    });
    let made = made.await;
    let files = made.map_err(|error| Failure::of_disk(&config.folder, &io::Error::other(error)))??;
    Ok(vec![
        mount(&config.program, at::PROGRAM, true),
        mount(socket, at::SOCKET, true),
        mount(&files.cache, at::CACHE, false),
        mount(&files.data, at::DATA, false),
        mount(&files.work, at::CODE, false),
    ])
}

/// The engine's runtime says in many words that a file is not there.
fn start_failed(image: &str, error: &bollard::errors::Error) -> Failure {
    let mut failure = Failure::of_engine("start the container", error);
    let said = words(error);
    if said.contains("exec format error") {
        failure.message = format!("The image {image} is made for another kind of processor: {said}");
        failure.class = FailureClass::User;
    } else if said.contains(body::at::PROGRAM) && said.contains("no such file") {
        failure.message = format!(
            "Rigi's program does not start in the image {image}: it was built for another C library. Use the released \
             binary on the server, which needs none."
        );
    } else if said.contains("could not select device driver") {
        failure.message = format!("The engine has no GPUs to give: {said}");
        failure.class = FailureClass::User;
    }
    failure
}

/// The folders that are mounted into a container.
struct Files {
    root: PathBuf,
    data: PathBuf,
    work: PathBuf,
    cache: PathBuf,
}

/// The folder of an attempt's files.
pub fn folder(config: &ContainerConfig, key: &AttemptKey) -> PathBuf {
    config.folder.join(key.to_string())
}

impl Files {
    fn of(config: &ContainerConfig, plan: &AttemptPlan) -> Self {
        let root = folder(config, &plan.key);
        let cache = config.folder.join("cache").join(plan.project.as_str());
        Self { data: root.join("data"), work: root.join("work"), root, cache }
    }

    /// They must be open to whoever the attempt is in its container; the folder above them is closed to everybody else.
    fn make(&self, config: &ContainerConfig, token: &str) -> Result<(), Failure> {
        let closed = |path: &Path| {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
            made.map_err(|error| Failure::of_disk(path, &error))
        };
        closed(&config.folder)?;
        closed(&self.root)?;
        for path in [&self.data, &self.work, &self.cache] {
            closed(path)?;
            let opened = fs::set_permissions(path, fs::Permissions::from_mode(0o777));
            opened.map_err(|error| Failure::of_disk(path, &error))?;
        }
        let path = self.data.join("token");
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o644).open(&path);
        let written = file.and_then(|mut file| io::Write::write_all(&mut file, token.as_bytes()));
        written.map_err(|error| Failure::of_disk(&path, &error))
    }
}
