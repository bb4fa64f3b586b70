//! Files for containers of an engine that does not see this machine's: volumes that it is sent.

use std::collections::HashMap;

use bollard::Docker;
use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountVolumeOptions};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveVolumeOptions, UploadToContainerOptionsBuilder,
};
use rigi_model::AttemptKey;
use rigi_work::plan::AttemptPlan;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::ContainerConfig;
use super::body::{ATTEMPT, SERVER, at, volume};
use super::start::Failure;
use crate::remote::Remote;

/// The volumes that outlive attempts.
#[derive(Debug, Default)]
pub struct Volumes {
    /// The one with Rigi's program, once it has been sent.
    program: OnceCell<String>,
}

impl Volumes {
    /// What is mounted; the program is sent first, once, and so are the attempt's token and folders that it may write to.
    pub async fn mounts(
        &self,
        config: &ContainerConfig,
        docker: &Docker,
        image: &str,
        plan: &AttemptPlan,
        token: &str,
    ) -> Result<Vec<Mount>, Failure> {
        let program = self.program.get_or_try_init(|| send_program(config, docker, image)).await?;
        let [data, code] = names(&plan.key);
        let own = |name, target| Mount {
            volume_options: Some(MountVolumeOptions {
                labels: Some(labels(config, &plan.key)),
                ..MountVolumeOptions::default()
            }),
            ..volume(name, target, false)
        };
        let mounts = vec![
            own(data, at::DATA),
            own(code, at::CODE),
            volume(format!("rigi-cache-{}", plan.project), at::CACHE, false),
        ];
        let owner = owner(&config.user);
        let folders: Vec<_> = mounts.iter().filter_map(|mount| mount.target.as_deref()).collect();
        let archive = archive(owner, &folders, Some((at::TOKEN, token.as_bytes(), 0o600)))
            .map_err(|error| Failure::of_disk(&config.program, &error))?;
        let carrier = format!("rigi-carrier-{}", plan.key.object_name());
        carry(docker, image, &carrier, labels(config, &plan.key), mounts.clone(), archive).await?;
        Ok(mounts.into_iter().chain([volume(program.clone(), at::PROGRAMS, true)]).collect())
    }

    /// Removes those of an attempt.
    pub async fn remove(docker: &Docker, key: &AttemptKey) {
        for name in names(key) {
            // Not there, or away with the engine: they have labels, and are found again.
            let _ = docker.remove_volume(&name, None::<RemoveVolumeOptions>).await;
        }
    }

    /// Removes those of attempts that nobody knows.
    pub async fn remove_strange(config: &ContainerConfig, docker: &Docker, remote: &Remote) {
        let filters = HashMap::from([("label", vec![format!("{SERVER}={}", config.server)])]);
        let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let Ok(found) = docker.list_volumes(Some(options)).await else { return };
        for found in found.volumes.unwrap_or_default() {
            let key = found.labels.get(ATTEMPT).and_then(|key| AttemptKey::parse(key));
            if let Some(key) = key.filter(|key| !remote.is_known(key)) {
                Self::remove(docker, &key).await;
            }
        }
    }
}

fn names(key: &AttemptKey) -> [String; 2] {
    let name = key.object_name();
    [format!("{name}-work"), format!("{name}-app")]
}

fn labels(config: &ContainerConfig, key: &AttemptKey) -> HashMap<String, String> {
    [(SERVER.to_owned(), config.server.clone()), (ATTEMPT.to_owned(), key.to_string())].into()
}

/// The name tells versions apart: attempts of an older server keep theirs.
async fn send_program(config: &ContainerConfig, docker: &Docker, image: &str) -> Result<String, Failure> {
    let path = config.program.clone();
    let packed = tokio::task::spawn_blocking(move || {
        let content = std::fs::read(&path)?;
        let hash = Sha256::digest(&content);
        let version = hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect::<String>();
        std::io::Result::Ok((version, archive((0, 0), &[], Some((at::PROGRAM, &content, 0o755)))?))
    });
    let packed = packed.await.map_err(std::io::Error::other).and_then(|packed| packed);
    let (version, archive) = packed.map_err(|error| Failure::of_disk(&config.program, &error))?;
    let server = config.server.to_ascii_lowercase();
    let (name, carrier) =
        (format!("rigi-program-{server}-{version}"), format!("rigi-carrier-{server}-{version}"));
    let labels = [(SERVER.to_owned(), config.server.clone())].into();
    carry(docker, image, &carrier, labels, vec![volume(name.clone(), at::PROGRAMS, false)], archive).await?;
    Ok(name)
}

/// Files get into a volume by a container that has it; this one never starts.
async fn carry(
    docker: &Docker,
    image: &str,
    carrier: &str,
    labels: HashMap<String, String>,
    mounts: Vec<Mount>,
    archive: Vec<u8>,
) -> Result<(), Failure> {
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        cmd: Some(vec!["rigi".into()]),
        labels: Some(labels),
        host_config: Some(HostConfig { mounts: Some(mounts), ..HostConfig::default() }),
        ..ContainerCreateBody::default()
    };
    let remove = || RemoveContainerOptionsBuilder::new().force(true).build();
    // Of a server that was killed meanwhile.
    let _ = docker.remove_container(carrier, Some(remove())).await;
    let options = CreateContainerOptionsBuilder::new().name(carrier).build();
    let made = docker.create_container(Some(options), body).await;
    made.map_err(|error| Failure::of_engine("make a container that brings files", &error))?;
    let options = UploadToContainerOptionsBuilder::new().path("/").build();
    let sent = docker.upload_to_container(carrier, Some(options), bollard::body_full(archive.into())).await;
    let _ = docker.remove_container(carrier, Some(remove())).await;
    sent.map_err(|error| Failure::of_engine("take files for the container", &error))
}

fn owner(user: &str) -> (u64, u64) {
    let (user, group) = user.split_once(':').unwrap_or((user, user));
    (user.parse().unwrap_or(0), group.parse().unwrap_or(0))
}

/// Folders and a file of this owner's, by their full paths.
fn archive(
    (user, group): (u64, u64),
    folders: &[&str],
    file: Option<(&str, &[u8], u32)>,
) -> std::io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    let header = |kind: tar::EntryType, size: usize, mode: u32| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(size as u64);
        header.set_mode(mode);
        header.set_uid(user);
        header.set_gid(group);
        header
    };
    for folder in folders {
        let path = folder.trim_start_matches('/');
        builder.append_data(&mut header(tar::EntryType::Directory, 0, 0o755), path, std::io::empty())?;
    }
    if let Some((path, content, mode)) = file {
        let path = path.trim_start_matches('/');
        builder.append_data(&mut header(tar::EntryType::Regular, content.len(), mode), path, content)?;
    }
    builder.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_and_its_file_are_the_users() {
        let packed = archive(owner("1001:1002"), &["/app"], Some((at::TOKEN, b"secret", 0o600))).unwrap();
        let mut archive = tar::Archive::new(packed.as_slice());
        let entries: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let header = entry.header();
                let path = entry.path().unwrap().display().to_string();
                (path, header.mode().unwrap(), header.uid().unwrap(), header.gid().unwrap())
            })
            .collect();
        assert_eq!(
            entries,
            [("app".to_owned(), 0o755, 1001, 1002), ("rigi/work/token".to_owned(), 0o600, 1001, 1002)]
        );
    }
}
