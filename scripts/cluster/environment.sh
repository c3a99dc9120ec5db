# Sourced by the other scripts of the cluster: versions, places, and how a process is started and stopped. Settings come
# from the environment; docs/cluster.md lists them.
# shellcheck shell=bash disable=SC2034
set -eu
umask 022
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

version=$(sed -n 's/^require k8s.io\/kubernetes //p' "$here/module/go.mod")
base=${ENACT_CLUSTER_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/enact/cluster}
bin=${KUBEBUILDER_ASSETS:-$base/$version/bin}
programs="kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl etcd"
state=$base/state
run=$state/run
logs=$state/logs
pki=$state/pki

name=enact-cluster            # the network namespace, the cgroup, the context of the kubeconfig
node="node-1"
simulated="node-2"
node_ip=10.120.255.1          # these addresses exist in the network namespace only
api_ip=10.96.0.1
pod_net=10.120.0.0/24
service_net=10.96.0.0/16
port=${ENACT_CLUSTER_PORT:-6443}
etcd_port=${ENACT_CLUSTER_ETCD_PORT:-$((port + 1))}
pause=registry.k8s.io/pause:3.10
socket=$run/containerd.sock
kubeconfig=$pki/admin.kubeconfig
PATH=$PATH:/usr/sbin:/sbin

say() { echo "[$(date +%T)] $*" >&2; }
die() { echo "cluster: $*" >&2; exit 1; }

kubectl() { "$bin/kubectl" --kubeconfig "$kubeconfig" "$@"; }
containers() { ctr --address "$socket" --namespace k8s.io "$@"; }

# What was started has its process id in a file; the name of the program guards against an id that was used again.
alive() {
  local id
  id=$(cat "$run/$1.pid" 2>/dev/null) && [ -n "$id" ] && grep -qsF "$2" "/proc/$id/cmdline"
}

# A kubelet runs on this machine; one that was killed and not yet waited for is none.
kubelet_runs() {
  local id
  for id in $(pgrep -x kubelet); do
    ! grep -qs . "/proc/$id/cmdline" || return 0
  done
  return 1
}

# start NAME PROGRAM [ARGUMENTS…]: in the background; in the network namespace where there is one, but for what leads
# there. Outlives the caller.
start() {
  local process=$1 inside=()
  shift
  alive "$process" "${1##*/}" && return
  # Not `ip netns exec`: that one mounts a /sys of its own, which hides the cgroups.
  [ -e "$run/whole" ] && [ "$process" != forward ] && inside=(nsenter "--net=/run/netns/$name")
  setsid nice -n "${ENACT_CLUSTER_NICE:-10}" "${inside[@]}" "$@" >>"$logs/$process.log" 2>&1 </dev/null 9>&- &
  echo $! >"$run/$process.pid"
}

# stop NAME PROGRAM: at once, as nothing that it holds is kept.
stop() {
  local id
  if alive "$1" "$2"; then
    id=$(cat "$run/$1.pid")
    kill -9 "$id" 2>/dev/null || true
    for _ in $(seq 100); do alive "$1" "$2" || break; sleep 0.1; done
  fi
  rm -f "$run/$1.pid"
}

# wait_for WHAT SECONDS COMMAND…
wait_for() {
  local what=$1 end=$((SECONDS + $2))
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || die "$what did not come up in time; its log is in $logs"
    sleep 0.2
  done
}
