#!/usr/bin/env bash
# The end-to-end suite as a part of every check, test.sh [PART…]: brings a cluster up, runs it, takes the cluster away. Where this
# machine cannot have one, that is said, and is no failure unless ENACT_REQUIRE_CLUSTER=1. A check that does not hold is one in any
# case.
#   ENACT_E2E_CLUSTER=1     run it on the cluster that KUBECONFIG names, which it changes, drains and stops; without it such a
#                           cluster, and KUBEBUILDER_ASSETS, are left alone
#   ENACT_CLUSTER_MINUTES   how long bringing it up may take; 40, as the first time Kubernetes is built
set -eu
here=$(cd "$(dirname "$0")" && pwd)
log=$(mktemp)
trap 'rm -f "$log"' EXIT

skipped() {
  echo "skipped: $1"
  tail -n 5 "$log" | sed 's/^/  /'
  [ "${ENACT_REQUIRE_CLUSTER:-}" != 1 ] || exit 1
  exit 0
}

if [ -n "${KUBECONFIG:-}" ] && [ "${ENACT_E2E_CLUSTER:-}" = 1 ]; then
  exec "$here/e2e.sh" "$@"
fi
[ -z "${KUBECONFIG:-}${KUBEBUILDER_ASSETS:-}" ] ||
  echo "KUBECONFIG and KUBEBUILDER_ASSETS are left alone: a cluster of the project's own is used"
unset KUBECONFIG KUBEBUILDER_ASSETS

"$here/needs.sh" >"$log" 2>&1 || skipped "this machine cannot have a cluster"
# One that runs already belongs to somebody who will want to go on with it.
"$here/status.sh" >/dev/null 2>&1 || trap '"$here/down.sh" 2>/dev/null || true; rm -f "$log"' EXIT
timeout "$((${ENACT_CLUSTER_MINUTES:-40} * 60))" "$here/up.sh" >"$log" 2>&1 || skipped "no cluster came up"
"$here/e2e.sh" "$@"
