#!/usr/bin/env bash
# Shows that the cluster does what end-to-end tests rely on: one line for each check; fails if one of them does.
# Works in a namespace of its own, which it removes.
# shellcheck source=scripts/cluster/environment.sh
. "$(dirname "$0")/environment.sh"
[ -e "$run/whole" ] || die "no whole cluster is up; scripts/cluster/up.sh starts it"

space=verify-$$
failed=0
output=$(mktemp)
# shellcheck disable=SC2317
cleanup() {
  rm -f "$output"*
  kubectl delete --ignore-not-found --wait=false namespace "$space" >/dev/null 2>&1 || true
  kubectl delete --ignore-not-found crd/probes.verify.test validatingadmissionpolicy/verify.test \
    validatingadmissionpolicybinding/verify.test >/dev/null 2>&1 || true
}
trap cleanup EXIT
kubectl create namespace "$space" >/dev/null

# check WHAT COMMAND…: succeeds as the command does.
check() {
  local what=$1 began=$SECONDS
  shift
  if "$@" >"$output" 2>&1; then
    printf 'ok      %-72s %3s s\n' "$what" $((SECONDS - began))
  else
    failed=1
    printf 'FAILED  %s\n' "$what"
    sed 's/^/        /' "$output"
  fi
}

# shellcheck source=scripts/cluster/verify-checks.sh
. "$here/verify-checks.sh"

check "a Job runs to Complete, on the real node" job_completes
check "its termination message is readable" termination_message
check "its log is readable" job_log
check "a Job with a TTL is gone after it" soon job_is_gone
check "a failing Job is Failed, with its exit code" job_fails
check "a memory limit is kept: OOMKilled" out_of_memory
check "a Deployment becomes Available (kubectl wait)" deployment_available
check "a pod reaches the API server with its own token" pod_reaches_api
check "exec works" k exec deployment/web -- true
check "a pod of the simulated node is Ready, and gone when deleted" simulated_pod
check "a simulated pod ends with the exit code that it is told" simulated_exit
check "a simulated node is NotReady when it is told, and Ready again" simulated_node
check "an image of image.sh runs, by its digest, with its files" image_runs
check "an eviction (policy/v1) against a budget is refused with 429" soon eviction_refused
check "an eviction within the budget is carried out" soon eviction_done
check "a ValidatingAdmissionPolicy denies" soon policy_denies
check "a CRD's CEL rule refuses a change" cel_refuses
check "strict validation refuses an unknown field" unknown_field_refused
check "Pod Security (restricted) refuses a privileged pod" privileged_refused
check "a ServiceAccount may what its Role says, and no more (can-i)" can_i
check "server-side apply names a conflict" apply_conflict
check "the audit log has Jobs with their body, and reads of secrets" audited
exit $failed
