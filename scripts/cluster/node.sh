#!/usr/bin/env bash
# Starts the two nodes: a real one (containerd, kubelet) and a simulated one. What runs is left alone.
# shellcheck source=scripts/cluster/environment.sh
. "$(dirname "$0")/environment.sh"

# A cgroup below which the kubelet keeps the pods', in every hierarchy of version 1 or in the one of version 2.
cgroups() {
  local hierarchy controllers
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    controllers=$(sed 's/[^ ]*/+&/g' /sys/fs/cgroup/cgroup.controllers)
    echo "$controllers" >/sys/fs/cgroup/cgroup.subtree_control || true
    mkdir -p "/sys/fs/cgroup/$name"
    return
  fi
  for hierarchy in cpu cpuacct cpuset memory devices freezer blkio pids systemd hugetlb perf_event net_cls; do
    [ -d "/sys/fs/cgroup/$hierarchy" ] && mkdir -p "/sys/fs/cgroup/$hierarchy/$name"
  done
  for hierarchy in cpus mems; do
    cat "/sys/fs/cgroup/cpuset/cpuset.$hierarchy" >"/sys/fs/cgroup/cpuset/$name/cpuset.$hierarchy"
  done
}

# Without the capability for it nobody may lower a process's oom_score_adj, and runc would fail ("can't get final
# child's PID from pipe: EOF").
may_lower_oom_score() { (echo -999 >/proc/self/oom_score_adj) 2>/dev/null; }

containerd_config() {
  local restrict=true
  may_lower_oom_score && restrict=false
  cat <<T
version = 2
root = "$state/containerd"
state = "$run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.opt"]
[grpc]
  address = "$socket"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$pause"
  restrict_oom_score_adj = $restrict
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$plugins"
    conf_dir = "$run/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
      Root = "$run/runc"
T
}

network_config() {
  cat <<J
{"cniVersion": "0.4.0", "name": "$name", "plugins": [
  {"type": "bridge", "bridge": "pods0", "isGateway": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$run/addresses",
            "ranges": [[{"subnet": "$pod_net"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
J
}

kubelet_config() {
  cat <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix://$socket
cgroupDriver: cgroupfs
cgroupRoot: /$name
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $pki/kubelet-server.crt
tlsPrivateKeyFile: $pki/kubelet-server.key
healthzBindAddress: 127.0.0.1
failSwapOn: false
makeIPTablesUtilChains: false
resolvConf: $run/resolv.conf
podLogsDir: $state/pods
volumePluginDir: $state/kubelet/volume-plugins
nodeStatusUpdateFrequency: 5s
# Images are imported, not pulled: none may be collected, and no pod evicted for a disk that others fill.
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {memory.available: 200Mi, nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 1%}
Y
}

# ready_since NODE TIME: says so itself; what was said before is still to be read after a crash.
ready_since() {
  local ready='.status.conditions[?(@.type=="Ready")]'
  [[ ! $(kubectl get node "$1" -o "jsonpath={$ready.status} {$ready.lastHeartbeatTime}") < "True $2" ]]
}

plugins=
for directory in /usr/lib/cni /opt/cni/bin; do
  [ -x "$directory/bridge" ] && plugins=$directory && break
done
mkdir -p "$run/cni" "$state/pods"
cgroups
containerd_config >"$run/containerd.toml"
network_config >"$run/cni/10-$name.conflist"
kubelet_config >"$run/kubelet.yaml"
# For pods that take the node's resolver. An empty file would mean the machine's own.
echo "nameserver $node_ip" >"$run/resolv.conf"

start containerd "$(command -v containerd)" --config "$run/containerd.toml"
wait_for containerd 30 containers version
"$here/base-images.sh"

# The kubelet sets these for the whole machine when it starts.
tunables="vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys
  kernel.keys.root_maxbytes"
# shellcheck disable=SC2086
[ -s "$run/tunables" ] || sysctl $tunables 2>/dev/null | sed 's/ = /=/' >"$run/tunables"
began=$(date -u +%FT%TZ)
alive kubelet kubelet && alive simulated-node simulated-node.py && began=
start kubelet "$bin/kubelet" --config "$run/kubelet.yaml" --kubeconfig "$pki/$node.kubeconfig" \
  --root-dir "$state/kubelet" --hostname-override "$node" --node-ip "$node_ip" --pod-infra-container-image "$pause"
start simulated-node python3 "$here/simulated-node.py" "https://$api_ip" "$pki" "$simulated"
for each in "$node" "$simulated"; do
  wait_for "$each" 90 ready_since "$each" "$began"
done
# shellcheck disable=SC2046
sysctl -qw $(cat "$run/tunables")
