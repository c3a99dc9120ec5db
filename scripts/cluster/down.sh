#!/usr/bin/env bash
# Ends the cluster and forgets what was in it: processes, mounts, cgroups, the network namespace, changed settings of
# the kernel, state. The built programs stay for the next up.sh. Says what it could not remove; may be repeated.
# shellcheck source=scripts/cluster/environment.sh
. "$(dirname "$0")/environment.sh"
[ -d "$state" ] || { say "no cluster of the project's own is there"; exit; }
exec 9>"$base/lock"
flock -n 9 || die "another up.sh or down.sh is under way"
began=$SECONDS

# The processes of every cgroup below the pods' one.
in_pods() { find /sys/fs/cgroup -path "*/$name*" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u; }

end_pods() {
  local id
  for _ in $(seq 50); do
    # shellcheck disable=SC2046
    [ -z "$(in_pods)" ] || kill -9 $(in_pods) 2>/dev/null || true
    # Shims are known by the socket in their command line; they end when their containers are gone.
    grep -lsF -- "$socket" /proc/[0-9]*/cmdline | cut -d/ -f3 | while read -r id; do
      ! grep -qsF containerd-shim "/proc/$id/cmdline" || kill -9 "$id" 2>/dev/null || true
    done
    [ -n "$(in_pods)" ] || return 0
    sleep 0.1
  done
}

mounts() { awk -v place="$state/" 'index($5, place) == 1 {print $5}' /proc/self/mountinfo | sort -r; }

unmount() {
  local place
  for place in $(mounts); do
    umount "$place" 2>/dev/null || umount -l "$place" 2>/dev/null || true
  done
}

# What containerd, its shims and the kubelet keep in places that cannot be set: what points into this cluster, and then
# directories that are empty.
fixed_places() {
  local file
  for file in /var/log/containers/*; do
    case "$(readlink "$file" 2>/dev/null)" in "$state"/*) rm -f "$file" ;; esac
  done
  grep -lsF "$run/" /var/lib/cni/results/* | while read -r file; do rm -f "$file"; done
  find "$run/containerd" -path '*/k8s.io/*' -name address 2>/dev/null | while read -r file; do
    file=$(sed 's,^unix://,,' "$file")
    case "$file" in /run/containerd/s/*) rm -f "$file" ;; esac
  done
  kubelet_runs || rm -f /var/lib/kubelet/device-plugins/kubelet.sock
  for file in /run/containerd/{s,fifo,} /var/lib/cni/{results,} /var/log/containers /var/lib/kubelet/{device-plugins,}; do
    rmdir "$file" 2>/dev/null || true
  done
}

end_nodes() {
  stop kubelet kubelet
  stop simulated-node simulated-node.py
  stop containerd containerd
  end_pods
}

# What only a whole cluster has; another directory's whole cluster has it too, and is left alone.
clear_machine() {
  unmount
  unmount
  [ ! -e "/run/netns/$name" ] || ip netns del "$name"
  # `ip netns` mounts this directory on itself for the first namespace, and leaves it after the last.
  [ -n "$(ls -A /run/netns 2>/dev/null)" ] || ! umount /run/netns 2>/dev/null || rmdir /run/netns
  find /sys/fs/cgroup -depth -type d -path "*/$name*" -exec rmdir {} + 2>/dev/null || true
  # shellcheck disable=SC2046
  [ ! -s "$run/tunables" ] || sysctl -qw $(cat "$run/tunables")
  fixed_places
}

[ ! -e "$run/whole" ] || end_nodes
for each in kube-scheduler kube-controller-manager kube-apiserver; do stop "$each" "$each"; done
stop forward forward.py
stop etcd etcd
[ ! -e "$run/whole" ] || clear_machine
[ -z "$(mounts)" ] || die "still mounted, so nothing is removed: $(mounts)"
rm -rf --one-file-system "$state"
say "down in $((SECONDS - began)) s"
