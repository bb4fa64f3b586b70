//! Files for containers of an engine that does not see this machine's: volumes that it is sent.

use bollard::Docker;
use bollard::models::{ContainerCreateBody, HostConfig, Mount};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::ContainerConfig;
use super::body::{SERVER, at, volume};
use super::start::Failure;

/// The volumes that outlive attempts.
#[derive(Debug, Default)]
pub struct Volumes {
    /// The one with Rigi's program, once it has been sent.
    program: OnceCell<String>,
}

impl Volumes {
    /// What is mounted; the program is sent first, once.
    pub async fn mounts(
        &self,
        config: &ContainerConfig,
        docker: &Docker,
        image: &str,
        project: &str,
    ) -> Result<Vec<Mount>, Failure> {
        let program = self.program.get_or_try_init(|| send_program(config, docker, image)).await?;
        Ok(vec![
            volume(Some(program.clone()), at::PROGRAMS, true),
            volume(Some(format!("rigi-cache-{project}")), at::CACHE, false),
            volume(None, at::DATA, false),
            volume(None, at::CODE, false),
        ])
    }

    /// Gives a container that was made, and has not started, its token and folders that it may write to.
    pub async fn fill(
        config: &ContainerConfig,
        docker: &Docker,
        container: &str,
        token: &str,
    ) -> Result<(), Failure> {
        let owner = owner(&config.user);
        for (folder, file) in
            [(at::DATA, Some(("token", token.as_bytes()))), (at::CODE, None), (at::CACHE, None)]
        {
            let archive =
                archive(owner, file, 0o600).map_err(|error| Failure::of_disk(&config.program, &error))?;
            upload(docker, container, folder, archive).await?;
        }
        Ok(())
    }
}

/// The name tells versions apart: attempts of an older server keep theirs.
async fn send_program(config: &ContainerConfig, docker: &Docker, image: &str) -> Result<String, Failure> {
    let path = config.program.clone();
    let packed = tokio::task::spawn_blocking(move || {
        let content = std::fs::read(&path)?;
        let hash = Sha256::digest(&content);
        let version = hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect::<String>();
        std::io::Result::Ok((version, archive((0, 0), Some(("rigi", &content)), 0o755)?))
    });
    let packed = packed.await.map_err(std::io::Error::other).and_then(|packed| packed);
    let (version, archive) = packed.map_err(|error| Failure::of_disk(&config.program, &error))?;
    let name = format!("rigi-program-{version}");
    // Files get into a volume by a container that has it; this one never starts.
    let carrier = format!("rigi-carrier-{}-{version}", config.server.to_ascii_lowercase());
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        cmd: Some(vec!["rigi".into()]),
        labels: Some([(SERVER.to_owned(), config.server.clone())].into()),
        host_config: Some(HostConfig {
            mounts: Some(vec![volume(Some(name.clone()), at::PROGRAMS, false)]),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let remove = || RemoveContainerOptionsBuilder::new().force(true).build();
    // Of a server that was killed meanwhile.
    let _ = docker.remove_container(&carrier, Some(remove())).await;
    let options = CreateContainerOptionsBuilder::new().name(&carrier).build();
    let made = docker.create_container(Some(options), body).await;
    made.map_err(|error| Failure::of_engine("make a container for Rigi's program", &error))?;
    let sent = upload(docker, &carrier, at::PROGRAMS, archive).await;
    let _ = docker.remove_container(&carrier, Some(remove())).await;
    sent.map(|()| name)
}

async fn upload(docker: &Docker, container: &str, folder: &str, archive: Vec<u8>) -> Result<(), Failure> {
    let options = UploadToContainerOptionsBuilder::new().path(folder).build();
    let sent = docker.upload_to_container(container, Some(options), bollard::body_full(archive.into())).await;
    sent.map_err(|error| Failure::of_engine("take files for the container", &error))
}

fn owner(user: &str) -> (u64, u64) {
    let (user, group) = user.split_once(':').unwrap_or((user, user));
    (user.parse().unwrap_or(0), group.parse().unwrap_or(0))
}

/// A folder of this owner's, with a file in it.
fn archive((user, group): (u64, u64), file: Option<(&str, &[u8])>, mode: u32) -> std::io::Result<Vec<u8>> {
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
    builder.append_data(&mut header(tar::EntryType::Directory, 0, 0o755), "./", std::io::empty())?;
    if let Some((name, content)) = file {
        builder.append_data(&mut header(tar::EntryType::Regular, content.len(), mode), name, content)?;
    }
    builder.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_and_its_file_are_the_users() {
        let packed = archive(owner("1001:1002"), Some(("token", b"secret")), 0o600).unwrap();
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
        assert_eq!(entries, [("./".to_owned(), 0o755, 1001, 1002), ("token".to_owned(), 0o600, 1001, 1002)]);
    }
}
