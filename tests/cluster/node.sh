# One node of a cluster: sourced by ./up, which has `start`, `wait_for`, `certificate` and `kubeconfig`.

# link N: a network namespace, as a machine of its own
link() {
    local n=$1 ns=$name-node$1
    if ip netns list | grep -qw "$ns"; then return; fi
    ip netns add "$ns"
    ip link add "${name}v$n" type veth peer name eth0 netns "$ns"
    ip link set "${name}v$n" master "$name" up
    ip -n "$ns" addr add "$network.0.1$n/24" dev eth0
    ip -n "$ns" link set lo up
    ip -n "$ns" link set eth0 up
    ip -n "$ns" route add default via "$gateway"
    nsenter --net="/run/netns/$ns" sysctl -qw net.ipv4.ip_forward=1
    ip route replace "$network.$n.0/24" via "$network.0.1$n"
}

# groups N: control groups below which all of the node's are
groups() {
    local group=$name-node$1 controller
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        for controller in cpu cpuset memory pids io; do echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null || true; done
        mkdir -p "/sys/fs/cgroup/$group"
        return
    fi
    for controller in cpu cpuacct cpuset memory devices freezer blkio pids hugetlb systemd; do
        [ ! -d "/sys/fs/cgroup/$controller" ] || mkdir -p "/sys/fs/cgroup/$controller/$group"
    done
    for file in cpus mems; do cat "/sys/fs/cgroup/cpuset/cpuset.$file" >"/sys/fs/cgroup/cpuset/$group/cpuset.$file"; done
}

engine_settings() {
    local n=$1 dir=$2
    cat >"$dir/cni/10-pods.conflist" <<END
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "ptp", "ipMasq": false, "ipam": {"type": "host-local", "dataDir": "$dir/cni-data", "ranges": [[{"subnet": "$network.$n.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
END
    # A registry that a test may have on this machine, at port 5000, is called without TLS.
    cat >"$dir/containerd.toml" <<END
version = 2
root = "$dir/containerd"
state = "$run/node$n/containerd"
[grpc]
  address = "$run/node$n/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "rigi-test/pause:1"
  restrict_oom_score_adj = true   # works without the capability to lower it
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$dir/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".registry.mirrors."$gateway:5000"]
    endpoint = ["http://$gateway:5000"]
END
}

kubelet_settings() {
    local n=$1 dir=$2
    cat >"$dir/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {x509: {clientCAFile: "$home/pki/ca.crt"}, webhook: {enabled: true}, anonymous: {enabled: false}}
authorization: {mode: Webhook}
tlsCertFile: "$home/pki/node$n.crt"
tlsPrivateKeyFile: "$home/pki/node$n.key"
containerRuntimeEndpoint: "unix://$run/node$n/containerd.sock"
podLogsDir: "$dir/log"
cgroupDriver: cgroupfs
cgroupRoot: /$name-node$n
failCgroupV1: false
failSwapOn: false
enforceNodeAllocatable: []
clusterDNS: ["$dns"]
resolvConf: ""
evictionHard: {memory.available: 200Mi, nodefs.available: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
nodeStatusUpdateFrequency: 4s
registryPullQPS: 0
kubeAPIQPS: 100
kubeAPIBurst: 200
eventRecordQPS: 0
END
    cat >"$dir/proxy.yaml" <<END
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
hostnameOverride: node$n
clusterCIDR: $network.0.0/16
conntrack: {maxPerCore: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
clientConnection: {kubeconfig: "$home/proxy.kubeconfig"}
END
}

node() {
    local n=$1 address=$network.0.1$1 dir=$home/node$1 inside
    mkdir -p "$dir"/{cni,kubelet,log,containerd} "$run/node$n"
    link "$n"
    groups "$n"
    engine_settings "$n" "$dir"
    kubelet_settings "$n" "$dir"
    certificate "node$n" "/O=system:nodes/CN=system:node:node$n" "DNS:node$n,IP:$address"
    kubeconfig "node$n" "$dir/kubeconfig"
    inside="nsenter --net=/run/netns/$name-node$n"
    start "containerd-$n" $inside containerd --config "$dir/containerd.toml"
}

# node_images N: when its engine is ready; then the kubelet may start
node_images() {
    local n=$1 dir=$home/node$1 socket=$run/node$1/containerd.sock inside="nsenter --net=/run/netns/$name-node$1"
    wait_for 30 "containerd of node$n" ctr -a "$socket" version
    ctr -a "$socket" -n k8s.io images ls -q | grep -q rigi-test/pause:1 || ctr -a "$socket" -n k8s.io images import "$cache/plain.tar" >/dev/null
    start "kubelet-$n" $inside "$bin/kube" kubelet --config "$dir/kubelet.yaml" --kubeconfig "$dir/kubeconfig" \
        --hostname-override "node$n" --node-ip "$network.0.1$n" --root-dir "$dir/kubelet" --cert-dir "$dir/kubelet/pki"
    start "proxy-$n" $inside "$bin/kube" proxy --config "$dir/proxy.yaml"
}
