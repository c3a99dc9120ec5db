#!/usr/bin/env bash
# The executor on a real cluster: e2e.sh [PART…]. Brings the cluster up and runs the parts of e2e/ in order, or only those
# whose name begins with an argument (`e2e.sh 40 60`). A line for each check; ends with 1 at the first that does not hold. What
# that part made stays for looking at; `down.sh` takes all of it away. docs/cluster.md says what the parts show.
#   ENACT_BINARY=FILE     the program to test, where one is built already
#   ENACT_E2E_CLUSTER=1   run on the cluster that KUBECONFIG names. It is changed, drained and stopped: never a cluster in use.
#                         Without it KUBECONFIG is not looked at, and the cluster is the project's own
set -eu
here=$(cd "$(dirname "$0")" && pwd)

# A control plane alone runs no Job.
[ -z "${KUBEBUILDER_ASSETS:-}" ] || echo "KUBEBUILDER_ASSETS is not used: these checks need a cluster with nodes" >&2
unset KUBEBUILDER_ASSETS
if [ -n "${KUBECONFIG:-}" ] && [ "${ENACT_E2E_CLUSTER:-}" != 1 ]; then
  echo "the cluster of KUBECONFIG is left alone (ENACT_E2E_CLUSTER=1 runs the suite on it)" >&2
  unset KUBECONFIG
fi
eval "$("$here/up.sh")"

# selected FILE NAME…: one of the names is how the file's name begins.
selected() {
  local part=$1 name
  shift
  [ $# -gt 0 ] || return 0
  for name in "$@"; do
    [[ $part != "$name"* ]] || return 0
  done
  return 1
}

began=$SECONDS
for file in "$here"/e2e/[0-9][0-9]-*.sh; do
  part=$(basename "$file" .sh)
  selected "$part" "$@" || continue
  since=$SECONDS
  echo "== $part"
  "$file"
  echo "   $((SECONDS - since)) s"
done
echo "all of it holds, after $((SECONDS - began)) s"
