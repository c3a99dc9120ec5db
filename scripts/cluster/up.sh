#!/usr/bin/env bash
# Brings a Kubernetes cluster for end-to-end tests: eval "$(scripts/cluster/up.sh)". The first of these that applies:
#   KUBECONFIG          names a cluster that is already there: it is used as it is
#   KUBEBUILDER_ASSETS  holds etcd, kube-apiserver and kubectl: a control plane of these, no controllers, no nodes
#   otherwise           a whole cluster of the project's own; needs root on Linux, no registry. See docs/cluster.md
# Repeating it starts what is missing. After a failure scripts/cluster/down.sh cleans up.
# shellcheck source=scripts/cluster/environment.sh
. "$(dirname "$0")/environment.sh"

if [ -n "${KUBECONFIG:-}" ] && [ "$KUBECONFIG" != "$kubeconfig" ]; then
  client=$(type -P kubectl || true)
  [ -x "$bin/kubectl" ] && client=$bin/kubectl
  [ -n "$client" ] || die "KUBECONFIG is set to $KUBECONFIG, but there is no kubectl to try it with"
  "$client" get --raw /version >/dev/null ||
    die "the cluster of KUBECONFIG ($KUBECONFIG) does not answer; unset KUBECONFIG for one of the project's own"
  say "using the cluster of KUBECONFIG; nothing was started"
  echo "export KUBECONFIG=$KUBECONFIG"
  exit
fi

control_only=${KUBEBUILDER_ASSETS:-}
[ -n "$control_only" ] || "$here/needs.sh" >&2
mkdir -p "$base"
exec 9>"$base/lock"
flock -n 9 || die "another up.sh or down.sh is under way"
mkdir -p "$run" "$logs"
began=$SECONDS
if [ -n "$control_only" ]; then
  for program in etcd kube-apiserver kubectl; do
    [ -x "$bin/$program" ] || die "KUBEBUILDER_ASSETS: no program $program in $bin; unset it or correct it"
  done
  say "using the control plane in KUBEBUILDER_ASSETS ($KUBEBUILDER_ASSETS): no controllers, no nodes"
  [ -e "$run/whole" ] && die "a whole cluster is running; scripts/cluster/down.sh ends it"
else
  alive etcd etcd && [ ! -e "$run/whole" ] && die "a control plane alone is running; scripts/cluster/down.sh ends it"
  [ -e "$run/whole" ] || [ ! -e "/run/netns/$name" ] ||
    die "the network namespace $name belongs to a cluster in another ENACT_CLUSTER_DIR; one at a time"
  "$here/build.sh" >&2
  touch "$run/whole"
  "$here/network.sh" >&2
fi
"$here/pki.sh" >&2
"$here/control-plane.sh" >&2
[ -n "$control_only" ] || "$here/node.sh" >&2
say "up in $((SECONDS - began)) s: $(kubectl version -o json | sed -n 's/.*"gitVersion": "\(.*\)".*/\1/p' | tail -1)"
echo "export KUBECONFIG=$kubeconfig PATH=$bin:\$PATH"
