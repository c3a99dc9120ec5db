#!/usr/bin/env bash
# The checks of the plan that the executor was first described in: its manifests and commands, word for word, in origin/. What had to
# be added or read otherwise is said here in comments, and in docs/deviations.md.
# shellcheck source=scripts/cluster/e2e/common.sh
. "$(dirname "$0")/common.sh"
space=default
cd "$e2e/origin" || exit
mkdir "$work/bin"
ln -s "$client" "$work/bin/kubectl"

# said FILE: runs its commands, and keeps what they print.
said() { KUBECONFIG=$config PATH=$work/bin:$PATH bash -eu "$1.commands" >"$work/said" 2>&1 || fail "$1: $(cat "$work/said")"; }
expect() { grep -qE -- "$1" "$work/said" || fail "'$1' is not in: $(cat "$work/said")"; }
count() { is "the number of lines with $1" "$2" grep -cE -- "$1" "$work/said"; }

kubectl delete kex smoke-test test-scale scale-test scale-kube-system dry-run-test back-to-one --ignore-not-found >/dev/null
kubectl delete deployment test-app --ignore-not-found --wait=true >/dev/null

# The parts that kill things may have gone before.
restarts() { controllers -o 'jsonpath={.items[*].status.containerStatuses[0].restartCount}'; }
if [ "$(restarts)" != "0 0" ]; then
  kubectl -n "$system" rollout restart deployment kubernetes-executor >/dev/null
  two_ready
fi
said health
expect '^kubernetes-executor +2/2 +2 +2'
count '^kubernetes-executor-[a-z0-9]+-[a-z0-9]+ +1/1 +Running +0' 2
ok "origin: all resources are there, READY 2/2, UP-TO-DATE 2, AVAILABLE 2, 2 pods Running with 0 restarts"

said verification
expect '^kubernetesexecutions.kubernetesexecution.kubernaut.io '
# Ten actions and the controller, each as an account, a role and a binding, but two accounts that are bound nowhere; then the
# policies.
count '^kubernetes-executor(-[a-z-]+)? ' 32
expect '^kubernetes-executor-policies '
ok "origin: definition, accounts, roles, bindings and policies are there"

# To kubectl, deployments/scale is a Deployment named scale; that account must not change one. Asked as it was meant: yes.
refused no env "KUBECONFIG=$config" "PATH=$work/bin:$PATH" bash -eu rbac.commands
sed 's,deployments/scale,deployments --subresource=scale,' rbac.commands >"$work/rbac.commands"
said "$work/rbac"
expect '^yes$'
ok "origin: can-i update deployments, subresource scale, in all namespaces says yes for the account that scales"

# curl is told to wait for the port, which the line before has only begun to forward; it is let go of afterwards.
printf 'silent\nretry = 20\nretry-delay = 1\nretry-connrefused\n' >"$work/.curlrc"
CURL_HOME=$work KUBECONFIG=$config PATH=$work/bin:$PATH setsid bash -eu metrics.commands >"$work/said" 2>&1 &
forward=$!
wait "$forward" || fail "metrics: $(cat "$work/said")"
kill -- "-$forward" 2>/dev/null || true
expect '^kubernetes_execution_reconciliation_duration_seconds'
expect '^kubernetes_execution_phase_transitions_total'
ok "origin: the metrics endpoint of the Service has kubernetes_execution metrics"

program=${ENACT_BINARY:-${CARGO_TARGET_DIR:-$root/target}/debug/enact}
ln -s "$program" "$work/manager"
held=$(leader)
# It goes on until it is ended: 124 is timeout's word for that.
ended=0
(cd "$work" && KUBECONFIG=$config timeout 5 bash -eu "$e2e/origin/controller.commands" >"$work/said" 2>&1) || ended=$?
[ "$ended" = 124 ] || fail "a controller that only looks ended by itself ($ended): $(cat "$work/said")"
is "who leads" "$held" leader
ok "origin: the controller starts outside of the cluster with --dry-run, and goes on; it does not take the lead"

said e2e-1-given
# There is no registry to pull nginx from: the simulated node pretends to run it.
kubectl patch deployment test-app -p '{"spec":{"template":{"spec":{"nodeSelector":{"simulated":"true"},
  "tolerations":[{"key":"simulated","operator":"Exists"}]}}}}' >/dev/null
rolled_out test-app

said smoke-test
expect '^kind: KubernetesExecution'
completed smoke-test 120
is "the transitions of smoke-test" "Pending>Validating Validating>Completed " \
  kubectl get kex smoke-test -o 'jsonpath={range .status.auditTrail[*]}{.from}>{.to} {end}'
ok "origin: smoke-test goes from Pending to Validating, and to Completed as a dry run"

said e2e-3
# The phase is asked for at once; the controller may still be at it.
completed dry-run-test 120
is "the phase of dry-run-test" Completed kubectl get kubernetesexecution dry-run-test -o 'jsonpath={.status.phase}'
expect 'No resources found'
refused "No resources found" bash -c "! KUBECONFIG=$config $client get jobs -A -l execution=dry-run-test 2>&1 | grep ."
ok "origin: E2E 3, a dry run is Completed and has no Job, in no namespace"

said test-scale
completed test-scale 120
is "the transitions of test-scale" "Pending>Validating Validating>Running Running>Completed " \
  kubectl get kex test-scale -o 'jsonpath={range .status.auditTrail[*]}{.from}>{.to} {end}'
ok "origin: test-scale goes to Validating, Running, Completed"

scale back-to-one test-app 1
completed back-to-one
said e2e-1
is "what the last command says" 3 tail -n 1 "$work/said"
ok "origin: E2E 1, kubectl wait --for=condition=Completed sees the end, and there are 3 replicas"

said e2e-2
failed scale-kube-system PolicyDenied
says kube-system "$(status scale-kube-system policyViolations)"
ok "origin: E2E 2, kube-system is Failed with policyViolations"
kubectl delete deployment test-app --wait=false >/dev/null
