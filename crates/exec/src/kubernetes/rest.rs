//! What a runner wrote and could not ship, by the log of its pod.

use futures_util::AsyncReadExt;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;

use super::cluster::Cluster;
use super::job::CONTAINER;

/// Bytes of a pod's log that are read at most.
const REST: u64 = 16 << 20;

/// The last lines that the runner wrote and could not ship.
pub async fn rest_of(cluster: &Cluster, pod: &str, shipped: u64) -> Vec<u8> {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), &cluster.namespace);
    let params = LogParams { container: Some(CONTAINER.into()), ..LogParams::default() };
    let Ok(stream) = pods.log_stream(pod, &params).await else { return Vec::new() };
    let mut text = Vec::new();
    let _ = std::pin::pin!(stream).take(REST).read_to_end(&mut text).await;
    let shipped = usize::try_from(shipped).unwrap_or(usize::MAX);
    text.split_inclusive(|byte| *byte == b'\n').skip(shipped).flatten().copied().collect()
}
